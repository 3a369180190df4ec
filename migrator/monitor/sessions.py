"""Who may look: a pairing code that is used once, and the sessions that it opened. In memory only."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

DIGITS = 6
_MOST_SESSIONS = 32
_FREE_TRIES = 5
_FIRST_LOCK = 10.0  # seconds; every further wrong try doubles it
_LONGEST_LOCK = 300.0
_FORGIVEN_AFTER = 3600.0  # seconds without a wrong try


@dataclass(frozen=True, slots=True)
class Session:
    """`token` stands in the cookie alone; `csrf` is what a page that steers has to send besides."""

    token: str
    csrf: str


class TriedTooOften(Exception):
    """Wrong codes were tried; no code counts for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class Pairing:
    """The code, and who was paired by one. `pair` and `find` are for one thread, `code` for any.

    Wrong tries count wherever they come from: whoever guesses has many addresses. So a guesser who goes on
    keeps everybody else from being paired, but for moments, and not those who are; while the lock is at its
    longest, a night is enough for some 150 guesses in a million.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()  # by the token's digest; oldest use first
        self._wrong = 0
        self._last_wrong = 0.0
        self._locked_until = 0.0
        self.code = _new_code()
        """The code that pairs now."""

    def pair(self, code: str) -> Session | None:
        """A new session where the code is right, and then there is another code; else None.

        Raises TriedTooOften.
        """
        now = self._clock()
        if now < self._locked_until:
            raise TriedTooOften(self._locked_until - now)
        if not hmac.compare_digest(code.encode("utf-8", "surrogatepass"), self.code.encode()):
            self._tried(now)
            return None
        self._wrong = 0
        self.code = _new_code()
        session = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        self._sessions[_digest(session.token)] = session
        if len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def find(self, token: str) -> Session | None:
        """The session with this token."""
        digest = _digest(token)
        session = self._sessions.get(digest)
        if session is not None:
            self._sessions.move_to_end(digest)
        return session

    def _tried(self, now: float) -> None:
        if now - self._last_wrong > _FORGIVEN_AFTER:
            self._wrong = 0
        self._wrong += 1
        self._last_wrong = now
        beyond = self._wrong - _FREE_TRIES
        if beyond >= 0:
            self._locked_until = now + min(_FIRST_LOCK * 2 ** min(beyond, 16), _LONGEST_LOCK)


def is_same(given: str, wanted: str) -> bool:
    """Compare two secrets in a time that tells nothing of them."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


def _new_code() -> str:
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


def _digest(token: str) -> bytes:
    # Found by its digest, a token is not compared letter by letter.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
