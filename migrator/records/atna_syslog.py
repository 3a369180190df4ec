"""Audit messages over syslog and TLS (PS3.15 A.6, RFC 5424, RFC 5425)."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from migrator.core.errors import UsageError
from migrator.records.audit import utc

_T = TypeVar("_T")

PORT = 6514  # registered for syslog over TLS (RFC 5425 4.1)
_FACILITY = 10  # security and authorisation (PS3.15 A.6)
_NOTICE, _WARNING = 5, 4
_APPLICATION = "dicom_migrator"
_MESSAGE_ID = "DICOM+RFC3881"
_BOM = b"\xef\xbb\xbf"
_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]")
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where an audit record repository listens."""

    host: str
    port: int = PORT

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address_of(text: str) -> Address:
    """Read `host`, `host:6514` or `[::1]:6514`. Raises UsageError."""
    match = _ADDRESS.fullmatch(text.strip())
    if match is None or not 1 <= int(match["port"] or PORT) <= 65535:
        raise UsageError(f"{text!r} is no audit record repository: write host:{PORT}, or host")
    return Address(match["host"].strip("[]"), int(match["port"] or PORT))


def syslog_message(xml: bytes, at: int, host: str, process: str, *, is_failure: bool = False) -> bytes:
    """The XML as a SYSLOG-MSG (RFC 5424 6); `at` is in nanoseconds since the epoch."""
    priority = 8 * _FACILITY + (_WARNING if is_failure else _NOTICE)
    header = [
        f"<{priority}>1",
        utc(at),
        _name(host, 255),
        _APPLICATION,
        _name(process, 128),
        _MESSAGE_ID,
        "-",
    ]
    return " ".join(header).encode("ascii") + b" " + _BOM + xml


def _name(text: str, most: int) -> str:
    """A header field: printable US-ASCII without spaces, a dash where there is none."""
    return _UNPRINTABLE.sub("_", text)[:most] or "-"


def transmit(address: Address, context: ssl.SSLContext, messages: Iterable[bytes]) -> None:
    """Send these, and return when the repository has ended the connection after them.

    Syslog knows no acknowledgement, so the end of the connection is the only one there is: whoever closes it
    with data unread resets it. Raises OSError (and its kind ssl.SSLError) where anything is in doubt.
    """
    with socket.create_connection((address.host, address.port), _SECONDS) as plain:
        talk = _Talk(plain, context, address.host)
        for message in messages:
            talk.send(b"%d " % len(message) + message)
        talk.end()


class _Talk:
    """TLS over a socket, ended in order.

    Not an ssl.SSLSocket: where the other side ends with an alert, as it does in TLS 1.3 when it has looked at
    our certificate after all was sent, the `unwrap` of that takes it for an end in order.
    """

    def __init__(self, plain: socket.socket, context: ssl.SSLContext, host: str) -> None:
        """Agree on TLS. Raises OSError."""
        self._plain = plain
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)
        try:
            self._until_done(self._tls.do_handshake)
        except ssl.SSLError:
            with suppress(OSError):
                self._flush()  # the other side is told why
            raise

    def send(self, data: bytes) -> None:
        self._tls.write(data)
        self._flush()

    def end(self) -> None:
        """Say that this was all (RFC 5425 4.4), and hear the same, or the end of the connection."""
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._flush()
        try:
            self._hear()
        except TimeoutError:
            # Some wait for the connection itself to end; what they were sent has long been in their hands.
            self._plain.shutdown(socket.SHUT_WR)
            with suppress(TimeoutError):
                self._hear()

    def _hear(self) -> None:
        """Read to the end: what is said there is of no concern, an alert is."""
        with suppress(ssl.SSLZeroReturnError, ssl.SSLEOFError):
            while self._until_done(lambda: self._tls.read(4096)):
                pass

    def _until_done(self, step: Callable[[], _T]) -> _T:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self._flush()
                data = self._plain.recv(16384)
                if data:
                    self._in.write(data)
                else:
                    self._in.write_eof()

    def _flush(self) -> None:
        if self._out.pending:
            self._plain.sendall(self._out.read())
