"""A line between two processes of one user: bounded JSON messages over a local socket or named pipe.

Nothing is unpickled, nothing waits for ever, and both ends prove that they know the same key. That proof is
HMAC-SHA256 and not multiprocessing's own, which is HMAC-MD5 up to Python 3.11: FIPS mode refuses MD5.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import socket
import struct
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

MOST_BYTES = 64 * 1024  # of one message
KEY_BYTES = 32

_NONCE = 32
_SLICE = 0.25  # seconds between two looks whether to go on waiting
_LONGEST_PATH = 100  # bytes; the address of a socket has room for 104 (macOS) to 108
_ROOM = "dicom-migrator-"
_TIMEVAL = struct.Struct("@ll")

Message = dict[str, Any]


class Channel:
    """One connection, at either end. Raises ConnectionError wherever the other end is gone or talks nonsense,
    and TimeoutError where it stays silent for `patience` seconds."""

    def __init__(self, connection: Connection[Any, Any], patience: float) -> None:
        self._connection = connection
        self._patience = patience
        _limit_waits(connection, patience)

    def admit(self, key: bytes) -> None:
        """The listening end: let the other one in when it knows the key, and prove to know it too."""
        nonce = secrets.token_bytes(_NONCE)
        self._write(nonce)
        answer = self._read(2 * _NONCE)
        theirs, proof = answer[:_NONCE], answer[_NONCE:]
        if not hmac.compare_digest(proof, _proof(key, b"client", nonce, theirs)):
            raise ConnectionRefusedError("the other end does not know the key")
        self._write(_proof(key, b"server", theirs, nonce))

    def introduce(self, key: bytes) -> None:
        """The calling end: prove to know the key, and make sure that the other end does."""
        theirs, nonce = self._read(_NONCE), secrets.token_bytes(_NONCE)
        self._write(nonce + _proof(key, b"client", theirs, nonce))
        if not hmac.compare_digest(self._read(_NONCE), _proof(key, b"server", nonce, theirs)):
            raise ConnectionRefusedError("the other end does not know the key")

    def send(self, message: Message) -> None:
        self._write(json.dumps(message).encode())

    def receive(self, goes_on: Callable[[], bool] = lambda: True, patience: float | None = None) -> Message:
        """The next message, for which `goes_on` is asked now and then whether to wait on."""
        data = self._read(MOST_BYTES, goes_on, patience)
        try:
            message = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise ConnectionError("what came is no message") from error
        if not isinstance(message, dict):
            raise ConnectionError("what came is no message")
        return message

    def close(self) -> None:
        with suppress(OSError):
            self._connection.close()

    def _write(self, data: bytes) -> None:
        try:
            self._connection.send_bytes(data)
        except BlockingIOError as error:
            raise TimeoutError("the other end takes nothing") from error
        except (OSError, ValueError) as error:
            raise ConnectionError("the other end is gone") from error

    def _read(
        self, most: int, goes_on: Callable[[], bool] = lambda: True, patience: float | None = None
    ) -> bytes:
        left = self._patience if patience is None else patience
        try:
            while not self._connection.poll(min(_SLICE, max(0.0, left))):
                left -= _SLICE
                if left <= 0 or not goes_on():
                    raise TimeoutError("the other end says nothing")
            return self._connection.recv_bytes(most)
        except (TimeoutError, BlockingIOError) as error:
            raise TimeoutError("the other end says nothing") from error
        except (OSError, EOFError, ValueError) as error:
            raise ConnectionError("the other end is gone") from error


def _proof(key: bytes, role: bytes, first: bytes, second: bytes) -> bytes:
    return hmac.digest(key, role + first + second, "sha256")


def _limit_waits(connection: Connection[Any, Any], seconds: float) -> None:
    """Have reads and writes that block in the middle of a message give up. A pipe's messages come whole."""
    if sys.platform == "win32":
        return
    limit = _TIMEVAL.pack(int(seconds), round(seconds % 1 * 1e6))
    with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as twin:
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            twin.setsockopt(socket.SOL_SOCKET, option, limit)


@dataclass(frozen=True, slots=True)
class Place:
    """An address that nobody else can reach, and what is to be removed with it."""

    address: str
    room: Path | None

    def remove(self) -> None:
        """Remove what the address left in the file system; never raises."""
        if self.room is not None:
            with suppress(OSError):
                Path(self.address).unlink(missing_ok=True)
                self.room.rmdir()


def new_place() -> Place:
    """A fresh address for this user alone. Raises OSError where there is none."""
    if sys.platform == "win32":
        return Place(rf"\\.\pipe\{_ROOM}{secrets.token_hex(16)}", None)
    for folder in (tempfile.gettempdir(), "/tmp"):
        room = Path(tempfile.mkdtemp(prefix=_ROOM, dir=folder))  # mkdtemp lets nobody else in
        address = str(room / "s")
        if len(os.fsencode(address)) <= _LONGEST_PATH:
            return Place(address, room)
        room.rmdir()
    raise OSError("no folder for temporary files has a path that is short enough for a socket")


def left_place(address: str) -> Place:
    """The place of an address that a process which is no more has left behind."""
    room = Path(address).parent
    return Place(address, room if room.name.startswith(_ROOM) else None)


def listen(place: Place) -> Listener:
    """Raises OSError."""
    return Listener(place.address, "AF_PIPE" if sys.platform == "win32" else "AF_UNIX", backlog=16)


def connect(address: str, patience: float) -> Channel:
    """Call a listening process. Raises OSError where none listens."""
    if sys.platform == "win32":
        return Channel(Client(address, "AF_PIPE"), patience)
    # Client() itself would wait for ever for a process that is stopped.
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(patience)
        sock.connect(address)
        sock.setblocking(True)
        return Channel(Connection(sock.detach()), patience)
