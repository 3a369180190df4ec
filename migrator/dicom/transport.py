"""A TCP connection that never blocks its owner for longer than a tick, and wakes when another thread asks."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable

from migrator.core.errors import Unreachable

if sys.platform == "win32":
    import ctypes
    import select

    def can_proceed(sock: socket.socket, writing: bool) -> Callable[[float], bool]:
        def wait(seconds: float) -> bool:
            return any(select.select([sock], [sock] if writing else [], [sock], seconds))

        return wait

else:
    import select

    def can_proceed(sock: socket.socket, writing: bool) -> Callable[[float], bool]:
        # select() refuses descriptors from 1024 on.
        poll = select.poll()
        poll.register(sock, select.POLLIN | (select.POLLOUT if writing else 0))

        def wait(seconds: float) -> bool:
            return bool(poll.poll(seconds * 1000))

        return wait


# The longest wait before the owner looks again whether it was interrupted.
TICK = 0.25

RECEIVE_SIZE = 64 * 1024
_MOST_UNREAD = 16
_QUICK_ACK = getattr(socket, "TCP_QUICKACK", None)
_SIO_TCP_SET_ACK_FREQUENCY = 0x98000017
# Where a single call can be made not to block, the socket itself may: that saves a system call per answer.
_DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0) if sys.platform == "linux" else 0
_TIMEVAL = struct.Struct("@ll")
_IN_PROGRESS = frozenset({0, errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", 0)})


class Transport:
    """One connected socket. Only `wake` may be called by threads other than the owner."""

    def __init__(self, sock: socket.socket, *, may_block: bool = True) -> None:
        """With `may_block` the socket itself waits for a tick, where the system has that."""
        self._flags = _DONT_WAIT if may_block and _blocks_for_a_tick(sock) else 0
        sock.setblocking(bool(self._flags))
        self._socket = sock
        self._lock = threading.Lock()
        self._is_closed = False  # guarded by _lock
        self._can_read = can_proceed(sock, writing=False)
        self._can_go_on = can_proceed(sock, writing=True)
        _tune(sock)

    def send(self, data: memoryview) -> int:
        """Hand over what the system takes within a tick; returns how many bytes. Raises OSError.

        Where sockets block for a tick, all of a buffer goes over in one call.
        """
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    def receive(self) -> bytes | None:
        """What has arrived; None where nothing has, empty at the peer's end. Raises OSError."""
        try:
            return self._socket.recv(RECEIVE_SIZE, self._flags)
        except BlockingIOError:
            return None

    def wait_for_data(self, seconds: float) -> bytes | None:
        """Wait for what arrives, a tick at the most; None when the time is over. Raises OSError.

        DCMTK-based peers write an answer in two segments and hold the second until the first is
        acknowledged: up to 44 ms on Linux and 200 ms on Windows, unless we acknowledge at once. Linux
        forgets TCP_QUICKACK by itself, so it is set before every wait.
        """
        self._acknowledge_at_once()
        if not self._flags or seconds < TICK:  # a socket that blocks does so for a whole tick
            return self.receive() if self._can_read(seconds) else None
        try:
            return self._socket.recv(RECEIVE_SIZE)
        except BlockingIOError:
            return None

    def _acknowledge_at_once(self) -> None:
        if _QUICK_ACK is not None:
            # A socket that has ended refuses options; receiving tells what happened to it.
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)

    def wait_to_send(self, seconds: float) -> bool:
        """Wait until more can be sent, or something arrived; False when the time is over."""
        return self._can_go_on(seconds)

    def wake(self) -> None:
        """End the receiving half, so that every wait returns. Sending an A-ABORT stays possible."""
        with self._lock, contextlib.suppress(OSError):
            if not self._is_closed:
                # The plain socket's own: an SSL socket would forget its keys first.
                socket.socket.shutdown(self._socket, socket.SHUT_RD)

    def close(self) -> None:
        """Close; what was sent still arrives."""
        with self._lock:
            self._is_closed = True
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_WR)
                # Unread data would turn the end into a reset, which discards what we sent last.
                for _ in range(_MOST_UNREAD):
                    if not socket.socket.recv(self._socket, RECEIVE_SIZE, self._flags):
                        break
            self._socket.close()


def _blocks_for_a_tick(sock: socket.socket) -> bool:
    """Have calls that block give up after a tick. False where that cannot be had.

    Python leaves the timeval's layout to us, and 32-bit systems have more than one: so it is read back.
    """
    if not _DONT_WAIT:
        return False
    try:
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            sock.setsockopt(socket.SOL_SOCKET, option, _TIMEVAL.pack(0, round(TICK * 1e6)))
            seconds, microseconds = _TIMEVAL.unpack(sock.getsockopt(socket.SOL_SOCKET, option, _TIMEVAL.size))
            if seconds or not microseconds:
                return False
    except (OSError, struct.error):
        return False
    return True


def _tune(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "win32":
        _acknowledge_every_segment(sock)


if sys.platform == "win32":

    def _acknowledge_every_segment(sock: socket.socket) -> None:
        """Windows' counterpart of TCP_QUICKACK, which lasts. Where it is refused, sending is only slower."""
        frequency = struct.pack("<I", 1)
        returned = ctypes.c_ulong()
        ctypes.WinDLL("ws2_32").WSAIoctl(
            ctypes.c_void_p(sock.fileno()),
            ctypes.c_ulong(_SIO_TCP_SET_ACK_FREQUENCY),
            frequency,
            len(frequency),
            None,
            0,
            ctypes.byref(returned),
            None,
            None,
        )


def connect(host: str, port: int, seconds: float, is_interrupted: Callable[[], bool]) -> Transport:
    """`connected` as a transport. Raises Unreachable."""
    return Transport(connected(host, port, seconds, is_interrupted))


def connected(host: str, port: int, seconds: float, is_interrupted: Callable[[], bool]) -> socket.socket:
    """Connect to the first address of `host` that answers, within `seconds` for all of them.

    Raises Unreachable, also when `is_interrupted` became true meanwhile.
    """
    deadline = time.monotonic() + seconds
    where = f"{host}:{port}"
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise Unreachable(f"{where}: the name is not known") from error
    failure = Unreachable(f"{where}: the name has no address")
    for family, kind, protocol, _, address in addresses:
        if is_interrupted():
            raise Unreachable(f"{where}: {_CONNECT_WORDS[errno.EINTR]}")
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:
            failure = Unreachable(f"{where}: {system_words(error)}")
            continue
        try:
            _connect(sock, address, deadline, is_interrupted)
            return sock
        except OSError as error:
            sock.close()
            failure = Unreachable(f"{where}: {system_words(error)}")
            failure.__cause__ = error
    raise failure


def _connect(
    sock: socket.socket, address: object, deadline: float, is_interrupted: Callable[[], bool]
) -> None:
    sock.setblocking(False)
    code = sock.connect_ex(address)  # type: ignore[arg-type]
    if code not in _IN_PROGRESS:
        raise OSError(code, "")
    can_write = can_proceed(sock, writing=True)
    while not can_write(TICK):
        if is_interrupted():
            raise InterruptedError(errno.EINTR, "interrupted")
        if time.monotonic() >= deadline:
            raise TimeoutError(errno.ETIMEDOUT, "")
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, "")


_CONNECT_WORDS = {
    errno.ECONNREFUSED: "the connection was refused; nothing listens there",
    errno.ETIMEDOUT: "no answer; the host is down, or a firewall drops the connection",
    errno.EHOSTUNREACH: "there is no route to this host",
    errno.ENETUNREACH: "there is no route to this network",
    errno.ECONNRESET: "the connection was reset",
    errno.EINTR: "interrupted while connecting",
}


def system_words(error: OSError) -> str:
    """What the system says about a connection, in words for people."""
    code = errno.EINTR if error.errno is None else error.errno
    # Windows numbers its socket errors from 10000 on; Python names them alike.
    name = errno.errorcode.get(code, "").removeprefix("WSA")
    return _CONNECT_WORDS.get(getattr(errno, name, code), error.strerror or f"system error {code}")
