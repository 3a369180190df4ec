"""Messages on their way to an audit record repository: each is a file until it was taken there.

So none is lost by a repository that is away, or by a run that is killed; some may arrive twice.
"""

from __future__ import annotations

import itertools
import os
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from migrator.records.atna_syslog import Address, transmit

MOST_WAITING = 100_000  # messages
_BATCH = 500  # messages over one connection: so many at most arrive twice
_GATHER = 1.0  # seconds in which messages come together for one connection
_PAUSES = (2.0, 5.0, 15.0, 60.0)  # seconds after the first failures in a row, and all further ones
_ENDING = ".msg"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of messages that the repository has not taken: still here, or lost for want of room."""

    waiting: int
    lost: int


class Spool:
    """The messages to one repository, and the thread that takes them there. `put` is for any thread."""

    def __init__(
        self, folder: Path, address: Address, context: ssl.SSLContext, told: Callable[[str, str], None]
    ) -> None:
        """`told` hears, with a level, when the repository goes away, and when it is back. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._address = address
        self._context = context
        self._told = told
        self._hold = FileLock(str(folder / "sending.lock"), mode=0o600)
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._waiting = len(self._names())  # guarded by _lock, as all below
        self._lost = 0
        self._failures = 0
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="atna", daemon=True)
        self._thread.start()

    def put(self, message: bytes) -> None:
        """Have a message sent, now or later. Never raises, and never waits for the network."""
        why = self._keep(message)
        if why:
            # Not with the lock held: who hears it may go on to whoever waits for it.
            self._told(f"messages to the audit repository {self._address} are lost: {why}", "error")

    def _keep(self, message: bytes) -> str:
        """Keep a message here; empty, or why it is lost, for the first that is."""
        with self._lock:
            why = ""
            if self._waiting >= MOST_WAITING:
                why = "too many messages wait for it"
            else:
                name = f"{time.time_ns():020}-{os.getpid()}-{next(self._numbers):09}"
                try:
                    self._write(name, message)
                    self._waiting += 1
                except OSError as error:
                    why = f"they cannot be kept here: {error.strerror}"
            self._lost += bool(why)
            return why if self._lost == 1 else ""

    def _write(self, name: str, message: bytes) -> None:
        """Whole or not at all: nobody shall send half a message."""
        temporary = self._folder / f"{name}.tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            with os.fdopen(os.open(temporary, flags, 0o600), "wb") as stream:
                stream.write(message)
            temporary.rename(self._folder / (name + _ENDING))
        except OSError:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise

    def close(self, seconds: float) -> Delivery:
        """Send what waits, for so long at most; the rest stays for the next run."""
        self._closing.set()
        self._wake.set()
        self._thread.join(seconds)
        with self._lock:
            return Delivery(len(self._names()), self._lost)

    def _names(self) -> list[str]:
        """The messages that wait, oldest first. What cannot be read waits too."""
        try:
            return sorted(file.name for file in self._folder.iterdir() if file.name.endswith(_ENDING))
        except OSError:
            return []

    def _run(self) -> None:
        while True:
            is_last = self._closing.is_set()
            if self._names() and not self._deliver() and is_last:
                return
            if is_last and not self._names():
                return
            pause = _PAUSES[min(self._failures, len(_PAUSES)) - 1] if self._failures else _GATHER
            self._wake.wait(0.0 if is_last else pause)

    def _deliver(self) -> bool:
        """Take what waits to the repository, over one connection. False where that cannot be now."""
        try:
            with self._hold.acquire(timeout=0):
                names = self._names()[:_BATCH]
                transmit(self._address, self._context, (self._read(name) for name in names))
                for name in names:
                    (self._folder / name).unlink(missing_ok=True)
        except Timeout:
            return False  # another run does it
        except OSError as error:
            self._failed(error)
            return False
        if self._failures:
            self._failures = 0
            self._told(f"the audit repository {self._address} is there again", "info")
        with self._lock:
            self._waiting = max(0, self._waiting - len(names))
        return True

    def _read(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def _failed(self, error: OSError) -> None:
        self._failures += 1
        if self._failures == 1:
            why = _words(error)
            self._told(
                f"the audit repository {self._address} cannot be reached ({why}); its messages are kept",
                "warning",
            )


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "TLS failed").lower().replace("_", " ")
    return error.strerror or str(error) or "no answer"
