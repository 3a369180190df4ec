"""A TLS connection with the manners of the plain one: no wait beyond a tick, and any thread may wake it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable

from migrator.core.errors import TlsRefused, Unreachable, UsageError
from migrator.core.model import Node
from migrator.dicom.tls import context_of, failed_handshake, listening_context_of, refusal
from migrator.dicom.transport import RECEIVE_SIZE, TICK, Transport, can_proceed, connected

_WOULD_BLOCK = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class SecureTransport(Transport):
    """One TLS connection whose handshake is done. Only `wake` may be called by threads other than the owner.

    OpenSSL encrypts straight from the caller's buffer, a record of 16 KiB at a time.
    """

    def __init__(self, sock: ssl.SSLSocket, node: Node) -> None:
        super().__init__(sock, may_block=False)
        self._tls = sock
        self._node = node
        self._is_woken = False  # only ever becomes True
        self._is_proven = False
        self._needs_data_to_send = False

    def send(self, data: memoryview) -> int:
        """Hand over what the system takes at once; returns how many bytes. Raises OSError.

        After a call that took less than all, the next must go on with the very bytes that are left.
        """
        done = 0
        self._needs_data_to_send = False
        try:
            while done < len(data):
                done += self._tls.send(data[done:])
        except ssl.SSLWantReadError:
            self._needs_data_to_send = True
        except ssl.SSLWantWriteError:
            pass
        return done

    def receive(self) -> bytes | None:
        """What has arrived; None where nothing has, empty at the peer's end.

        Raises OSError, and TlsRefused: under TLS 1.3 the peer judges our certificate after our handshake is
        over, so its refusal comes in the place of its first bytes.
        """
        if self._is_woken:
            return b""
        try:
            data = self._tls.recv(RECEIVE_SIZE)
        except _WOULD_BLOCK:
            return None
        except ssl.SSLZeroReturnError:
            return b""
        except ssl.SSLError as error:
            if self._is_proven or isinstance(error, ssl.SSLEOFError):
                raise
            raise refusal(self._node, error) from error
        self._is_proven = True
        return data

    def wait_for_data(self, seconds: float) -> bytes | None:
        """Wait for what arrives; None when the time is over, or what came is not yet a whole record.

        Raises OSError, TlsRefused.
        """
        if self._tls.pending():
            return self.receive()
        self._acknowledge_at_once()
        return self.receive() if self._can_read(seconds) else None

    def wait_to_send(self, seconds: float) -> bool:
        """Wait until more can be sent, or something arrived; False when the time is over."""
        if self._needs_data_to_send:
            return self._can_read(seconds)
        return super().wait_to_send(seconds)

    def wake(self) -> None:
        """End the receiving half, so that every wait returns. Sending an A-ABORT stays possible."""
        self._is_woken = True
        super().wake()

    def close(self) -> None:
        """Close, saying so to the peer (close_notify) without waiting for its answer."""
        with contextlib.suppress(OSError, ValueError):
            self._tls.unwrap()
        super().close()


def connect_securely(node: Node, seconds: float, is_interrupted: Callable[[], bool]) -> SecureTransport:
    """Connect and agree on TLS as `node.tls` says, within `seconds`.

    Raises Unreachable, TlsRefused; the first also when `is_interrupted` became true meanwhile.
    """
    assert node.tls is not None
    deadline = time.monotonic() + seconds
    try:
        context = context_of(node.tls)
    except UsageError as error:
        # The files were looked at before the run, and have changed since.
        raise TlsRefused(str(error)) from error
    sock = connected(node.host, node.port, seconds, is_interrupted)
    try:
        secure = context.wrap_socket(sock, server_hostname=node.host, do_handshake_on_connect=False)
    except (OSError, ValueError) as error:
        sock.close()
        if isinstance(error, OSError):
            raise failed_handshake(node, error) from error
        raise TlsRefused(f"{node.host}:{node.port}: this host name cannot stand in a certificate") from error
    return _agreed(secure, node, deadline, is_interrupted)


def accept_securely(
    sock: socket.socket, node: Node, seconds: float, is_interrupted: Callable[[], bool]
) -> SecureTransport:
    """Agree on TLS with a peer that connected to us, within `seconds`; `node` is the peer, with our `Tls`.

    Owns the socket. Raises Unreachable, TlsRefused, as `connect_securely` does.
    """
    assert node.tls is not None
    deadline = time.monotonic() + seconds
    try:
        context = listening_context_of(node.tls)
        secure = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
    except UsageError as error:
        sock.close()
        raise TlsRefused(str(error)) from error
    except OSError as error:
        sock.close()
        raise failed_handshake(node, error) from error
    return _agreed(secure, node, deadline, is_interrupted)


def _agreed(
    secure: ssl.SSLSocket, node: Node, deadline: float, is_interrupted: Callable[[], bool]
) -> SecureTransport:
    """The transport after the handshake; the socket is closed where that fails."""
    try:
        secure.setblocking(False)
        _shake_hands(secure, node, deadline, is_interrupted)
    except BaseException as error:
        socket.socket.close(secure)
        if isinstance(error, OSError):
            raise failed_handshake(node, error) from error
        raise
    return SecureTransport(secure, node)


def _shake_hands(
    secure: ssl.SSLSocket, node: Node, deadline: float, is_interrupted: Callable[[], bool]
) -> None:
    """Drive the handshake to its end. Raises OSError, and Unreachable for silence and interruption."""
    can_read, can_write = can_proceed(secure, writing=False), can_proceed(secure, writing=True)
    while True:
        try:
            secure.do_handshake()
            return
        except ssl.SSLWantReadError:
            can_proceed_now = can_read
        except ssl.SSLWantWriteError:
            can_proceed_now = can_write
        # Looked at every time: a peer that says a byte now and then is always ready.
        while True:
            if time.monotonic() >= deadline:
                raise Unreachable(
                    f"{node.host}:{node.port}: no answer to the TLS handshake within the time-out; it may "
                    "not speak TLS on this port"
                )
            if is_interrupted():
                raise Unreachable(f"{node.host}:{node.port}: interrupted while TLS was agreed on")
            if can_proceed_now(TICK):
                break
