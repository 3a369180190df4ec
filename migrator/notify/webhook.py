"""POSTing a message to a web address, which is a secret: whoever knows it may post there too."""

from __future__ import annotations

import contextlib
import logging
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx2

from migrator import __version__
from migrator.core.errors import NotDelivered
from migrator.notify.message import Message
from migrator.notify.places import is_loopback
from migrator.notify.shapes import shaped
from migrator.notify.trust import distrust_words

SECONDS = 10.0  # for connecting, and for each part of the answer
_MOST_RETRY_AFTER = 3600.0
_FOR_NOW = (408, 425, 429)

# At `info` it logs each request with its address.
for _name in ("httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class WebhookCarrier:
    """Carries messages to a web address. `shape` is json, slack or teams."""

    url: str = field(repr=False)
    shape: str
    context: ssl.SSLContext
    timeout: float = SECONDS

    words = "webhook"

    @property
    def place(self) -> str:
        """The host alone."""
        return f"the webhook at {urlsplit(self.url).hostname}"

    def attempt_for(self, message: Message) -> Callable[[], None]:
        """What tries to deliver it, once a call. It raises NotDelivered."""
        body = shaped(message, self.shape)

        def attempt() -> None:
            with _translated(self), self._client() as client:
                headers = {"User-Agent": f"dicom-migrator/{__version__}"}
                # What the body of the answer says is not read: it may be without end.
                with client.stream("POST", self.url, json=body, headers=headers) as answer:
                    _check(self.place, answer)

        return attempt

    def _client(self) -> httpx2.Client:
        # What stays on this machine goes through no proxy of the environment: it may be unencrypted.
        is_remote = not is_loopback(urlsplit(self.url).hostname or "")
        try:
            return httpx2.Client(
                verify=self.context, timeout=self.timeout, follow_redirects=False, trust_env=is_remote
            )
        except (ImportError, ValueError, httpx2.InvalidURL):  # it imports what a SOCKS proxy needs
            # Its words quote the proxy's address, which may hold a password.
            raise NotDelivered(
                "the proxy that the environment names (ALL_PROXY, HTTPS_PROXY) cannot be used: it must be "
                "like http://proxy.example:3128, and SOCKS is not known here",
                may_retry=False,
            ) from None


def _check(place: str, answer: httpx2.Response) -> None:
    """Raise NotDelivered unless it was taken."""
    status = answer.status_code
    if 200 <= status < 300:
        return
    words = f"{place} answered {status} {answer.reason_phrase}".rstrip()
    if 300 <= status < 400:
        words += ": it leads elsewhere, which is not followed; is the address whole?"
    elif status in (401, 403, 404, 410):
        words += ": the address is not, or no longer, one that takes messages"
    retry_after = _retry_after(answer.headers.get("Retry-After", ""))
    raise NotDelivered(words, may_retry=status >= 500 or status in _FOR_NOW, retry_after=retry_after)


def _retry_after(text: str) -> float:
    """Seconds, from a number of them or a date (RFC 9110 10.2.3); 0 where there is neither."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return min(float(text), _MOST_RETRY_AFTER)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    zoned = until if until.tzinfo is not None else until.replace(tzinfo=timezone.utc)
    seconds = (zoned - datetime.now(timezone.utc)).total_seconds()
    return max(0.0, min(seconds, _MOST_RETRY_AFTER))


@contextlib.contextmanager
def _translated(carrier: WebhookCarrier) -> Iterator[None]:
    """Turn what goes wrong into NotDelivered. Its causes may name the address, so they are left out."""
    place = carrier.place
    try:
        yield
    except httpx2.TimeoutException:
        raise NotDelivered(f"no answer from {place} within {carrier.timeout:g} s", may_retry=True) from None
    except httpx2.TransportError as error:
        distrust = _distrust(error)
        if distrust is not None:
            words = distrust_words(distrust, "--webhook-ca")
            raise NotDelivered(f"{place}: {words}", may_retry=False) from None
        raise NotDelivered(f"{place} cannot be reached ({type(error).__name__})", may_retry=True) from None
    except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
        raise NotDelivered(f"{place}: {type(error).__name__}", may_retry=False) from None


def _distrust(error: BaseException | None) -> ssl.SSLError | None:
    """The trouble with TLS that is behind an error, if that is what it is."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return error
        error = error.__cause__ or error.__context__
    return None
