"""Handing an e-mail to a mail server (RFC 5321), and what it says to that in words."""

from __future__ import annotations

import binascii
import contextlib
import smtplib
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage

from migrator.core.errors import NotDelivered
from migrator.notify.mail import compose
from migrator.notify.message import Message, one_line
from migrator.notify.places import Server
from migrator.notify.trust import distrust_words

SECONDS = 10.0  # for which each answer of a server is waited for
_LONGEST = 200  # letters of what a server says


@dataclass(frozen=True, slots=True)
class MailCarrier:
    """Carries messages to a mail server. `context` is None where the way there is not encrypted."""

    server: Server
    security: str
    sender: str
    recipients: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)
    context: ssl.SSLContext | None = None
    timeout: float = SECONDS

    words = "e-mail"

    @property
    def place(self) -> str:
        return str(self.server)

    def attempt_for(self, message: Message) -> Callable[[], None]:
        """What tries to deliver it, once a call; those who have it are left out of the next.

        It raises NotDelivered.
        """
        mail = compose(message, self.sender, self.recipients)
        left = list(self.recipients)

        def attempt() -> None:
            refused = self._send(mail, left)
            left[:] = [one for one in left if one in refused]
            if refused:
                raise _refusal(self.server, refused)

        return attempt

    def _send(self, mail: EmailMessage, recipients: list[str]) -> Mapping[str, tuple[int, bytes]]:
        """Send; gives who was refused, and how. Raises NotDelivered."""
        with _translated(self):
            talk = self._connected()
            try:
                self._secure(talk)
                self._log_in(talk)
                try:
                    refused = talk.send_message(mail, self.sender, recipients)
                except smtplib.SMTPRecipientsRefused as error:
                    refused = error.recipients
                with contextlib.suppress(smtplib.SMTPException, OSError):
                    talk.quit()  # it has been taken: what follows is courtesy
                return refused
            finally:
                talk.close()

    def _connected(self) -> smtplib.SMTP:
        host, port = self.server.host, self.server.port
        if self.security == "tls":
            return smtplib.SMTP_SSL(host, port, timeout=self.timeout, context=self.context)
        return smtplib.SMTP(host, port, timeout=self.timeout)

    def _log_in(self, talk: smtplib.SMTP) -> None:
        if not self.user:
            return
        try:
            if (self.user + self.password).isascii():
                talk.login(self.user, self.password)
            else:
                self._log_in_beyond_ascii(talk)
        except (smtplib.SMTPResponseException, smtplib.SMTPServerDisconnected):
            raise
        except binascii.Error:
            raise NotDelivered(
                f"{self.server} does not ask for the login in base64, as RFC 4954 has it",
                may_retry=False,
            ) from None
        except smtplib.SMTPException:
            # smtplib knows of no more than that no way to log in is one that both know.
            raise NotDelivered(
                f"{self.server} lets nobody log in with a password; some services want OAuth 2.0 instead: "
                "use a mail server of your own there, or the webhook",
                may_retry=False,
            ) from None

    def _log_in_beyond_ascii(self, talk: smtplib.SMTP) -> None:
        """Log in by UTF-8 (PLAIN: RFC 4616; LOGIN is described nowhere), where smtplib knows ASCII alone."""
        talk.ehlo_or_helo_if_needed()
        ways = talk.esmtp_features.get("auth", "").split()
        if "PLAIN" in ways:
            code, words = talk.docmd("AUTH PLAIN", _encoded(f"\0{self.user}\0{self.password}"))
        elif "LOGIN" in ways:
            code, words = talk.docmd("AUTH LOGIN", _encoded(self.user))
            if code == 334:
                code, words = talk.docmd(_encoded(self.password))
        else:
            raise smtplib.SMTPNotSupportedError
        if code not in (235, 503):
            raise smtplib.SMTPAuthenticationError(code, words)

    def _secure(self, talk: smtplib.SMTP) -> None:
        """Begin to encrypt where that is wanted; never go on without."""
        if self.security != "starttls":
            return
        talk.ehlo_or_helo_if_needed()
        if not talk.has_extn("starttls"):
            raise NotDelivered(
                f"{self.server} does not offer STARTTLS, and nothing is sent to it unencrypted; it may speak "
                "TLS at once (--email-security tls, often port 465)",
                may_retry=False,
            )
        code, words = talk.starttls(context=self.context)
        if code != 220:
            raise smtplib.SMTPResponseException(code, words)


@contextlib.contextmanager
def _translated(carrier: MailCarrier) -> Iterator[None]:
    """Turn what goes wrong on the way into NotDelivered."""
    place = carrier.server
    try:
        yield
    except smtplib.SMTPAuthenticationError as error:
        # Its words may quote what it was given.
        may_retry = error.smtp_code < 500
        raise NotDelivered(
            f"{place} refused the login as {carrier.user} ({error.smtp_code}): is the password right?",
            may_retry=may_retry,
        ) from None
    except smtplib.SMTPSenderRefused as error:
        raise _answered(place, f"the sender {carrier.sender}", error) from None
    except smtplib.SMTPResponseException as error:
        raise _answered(place, "the e-mail", error) from None
    except smtplib.SMTPServerDisconnected as error:
        if isinstance(error.__context__, TimeoutError):
            raise _silence(carrier) from None
        raise NotDelivered(f"{place} closed the connection", may_retry=True) from error
    except smtplib.SMTPException as error:
        raise NotDelivered(f"{place}: {type(error).__name__}", may_retry=False) from None
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
        raise NotDelivered(f"{place} closed the connection", may_retry=True) from error
    except ssl.SSLError as error:
        words = distrust_words(error, "--email-ca")
        raise NotDelivered(f"{place}: {words}", may_retry=False) from error
    except TimeoutError as error:
        raise _silence(carrier) from error
    except (OSError, UnicodeError) as error:
        words = getattr(error, "strerror", None) or "its name is not known"
        raise NotDelivered(f"{place} cannot be reached: {words}", may_retry=True) from error


def _encoded(secret: str) -> str:
    """What stands for bytes that are no UTF-8 becomes a question mark, and is refused: an error would quote
    the secret."""
    return b64encode(secret.encode("utf-8", "replace")).decode()


def _silence(carrier: MailCarrier) -> NotDelivered:
    return NotDelivered(f"no answer from {carrier.server} within {carrier.timeout:g} s", may_retry=True)


def _answered(place: Server, what: str, error: smtplib.SMTPResponseException) -> NotDelivered:
    text = _text(error.smtp_error)
    return NotDelivered(
        f"{place} did not take {what}: {error.smtp_code} {text}".rstrip(), may_retry=error.smtp_code < 500
    )


def _refusal(place: Server, refused: Mapping[str, tuple[int, bytes]]) -> NotDelivered:
    said = ", ".join(f"{who}: {code} {_text(words)}" for who, (code, words) in refused.items())
    return NotDelivered(
        f"{place} did not take it for {said}", may_retry=any(code < 500 for code, _ in refused.values())
    )


def _text(words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    return one_line(text)[:_LONGEST]
