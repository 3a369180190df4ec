"""Our own listener for the results of storage commitment, which archives report on associations of theirs.

Written on bare sockets: it is open to whoever reaches the port, so everything that comes has its limit.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import threading
import time

from migrator.core.errors import DestinationError, UsageError
from migrator.core.model import Node, Tls
from migrator.dicom import commands, pdus
from migrator.dicom.commitment.acceptance import TOO_MANY, accept
from migrator.dicom.commitment.link import MAX_PDU, Link, Take
from migrator.dicom.commitment.messages import N_EVENT_REPORT, Message, echo_response
from migrator.dicom.secure import accept_securely
from migrator.dicom.structure import Coding
from migrator.dicom.tls import listening_context_of
from migrator.dicom.transport import Transport, can_proceed

_log = logging.getLogger("migrator.commitment")

_MOST_CONNECTIONS = 16
_REQUEST_SECONDS = 10.0  # for TLS and the association request
_MESSAGE_SECONDS = 30.0  # for a message that has begun
_IDLE_SECONDS = 120.0
_END_SECONDS = 1.0
_TICK = 0.1


class CommitmentListener:
    """Serves in threads of its own between `start` and `stop`."""

    def __init__(self, host: str, port: int, tls: Tls | None, take: Take) -> None:
        """An empty host means all interfaces; with `tls` only TLS is spoken. Threads of ours call `take`."""
        self._host = host
        self._port = port
        self._tls = tls
        self._take = take
        self._closing = threading.Event()  # nobody else is taken in
        self._stopping = threading.Event()  # everything ends
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, Transport | None] = {}  # guarded by _lock
        self._server: socket.socket | None = None
        self._acceptor = threading.Thread(target=self._accept_all, name="commitment-listener", daemon=True)

    def start(self) -> None:
        """Listen. Raises UsageError where that cannot be."""
        if self._tls is not None:
            listening_context_of(self._tls)
        try:
            self._server = _server_at(self._host, self._port)
        except (OSError, ValueError) as error:
            where = f"{self._host or 'all interfaces'}, port {self._port}"
            raise UsageError(f"cannot listen at {where}: {_bind_words(error)}") from error
        self._server.setblocking(False)
        self._acceptor.start()

    def stop(self) -> None:
        """Stop listening; associations that are open have a moment to end in order, or are aborted."""
        self._closing.set()
        if self._server is None:
            return
        self._acceptor.join()
        self._server.close()
        # A report that was taken is still to be answered, or the archive would take it for lost.
        self._join()
        self._stopping.set()
        for transport in self._open_ones().values():
            if transport is not None:
                transport.wake()
        self._join()

    def _join(self) -> None:
        deadline = time.monotonic() + _END_SECONDS
        for thread in self._open_ones():
            thread.join(max(0.0, deadline - time.monotonic()))

    def _open_ones(self) -> dict[threading.Thread, Transport | None]:
        with self._lock:
            return dict(self._connections)

    def _accept_all(self) -> None:
        server = self._server
        assert server is not None
        has_come = can_proceed(server, writing=False)
        while not self._closing.is_set():
            if not has_come(_TICK):
                continue
            try:
                sock, address = server.accept()
            except OSError:
                # It left before it was taken, or we have no descriptor left: the next may fare better.
                self._closing.wait(_TICK)
                continue
            try:
                self._take_in(sock, Node(str(address[0]), int(address[1]), tls=self._tls))
            except RuntimeError:
                sock.close()  # the system gives us no further thread

    def _take_in(self, sock: socket.socket, peer: Node) -> None:
        with self._lock:
            has_room = len(self._connections) < _MOST_CONNECTIONS
            if has_room:
                thread = threading.Thread(
                    target=self._serve, args=(sock, peer), name="commitment-report", daemon=True
                )
                thread.start()
                self._connections[thread] = None
        if not has_room:
            _log.warning("%s:%s: turned away, too many connections", peer.host, peer.port)
            with contextlib.suppress(OSError):
                sock.setblocking(False)
                sock.send(TOO_MANY)
            sock.close()

    def _serve(self, sock: socket.socket, peer: Node) -> None:
        """One connection from its beginning to its end; the thread's outermost function."""
        try:
            transport = self._transport(sock, peer)
            with self._lock:
                self._connections[threading.current_thread()] = transport
            self._talk(Link(transport, _MESSAGE_SECONDS, self._stopping.is_set))
        except (DestinationError, OSError) as error:
            _log.info("%s:%s: %s", peer.host, peer.port, error)
        except Exception as error:  # noqa: BLE001 - nobody else would hear of it
            _log.error("%s:%s: the connection ended with %s", peer.host, peer.port, type(error).__name__)
        finally:
            with self._lock:
                ended = self._connections.pop(threading.current_thread(), None)
            if ended is not None:
                ended.close()

    def _transport(self, sock: socket.socket, peer: Node) -> Transport:
        if peer.tls is None:
            try:
                return Transport(sock)
            except OSError:
                sock.close()  # the peer has left
                raise
        return accept_securely(sock, peer, _REQUEST_SECONDS, self._stopping.is_set)

    def _talk(self, link: Link) -> None:
        request = link.pdu(_REQUEST_SECONDS)
        if request is None or request[0] != pdus.ASSOCIATE_RQ:
            raise link.lost("something other than an association request came, or nothing")
        try:
            acceptance = accept(request[1], MAX_PDU)
        except ValueError as error:
            raise link.lost(f"a malformed association request: {error}") from error
        link.set_peer_max_pdu(acceptance.max_pdu)
        link.send(acceptance.answer)
        while (message := link.message(_IDLE_SECONDS)) is not None:
            coding = acceptance.codings.get(message.context_id)
            if coding is None:
                raise link.lost("a message on a presentation context that was not accepted")
            self._answer(link, message, coding)
        raise link.lost("the association was not used any more")

    def _answer(self, link: Link, message: Message, coding: Coding) -> None:
        if message.field == N_EVENT_REPORT:
            link.answer_report(message, coding, self._take)
        elif message.field == commands.C_ECHO:
            link.say(message.context_id, echo_response(message))
        else:
            raise link.lost("an operation that is not offered")


_BIND_WORDS = {
    errno.EADDRINUSE: "something else listens there already",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EACCES: "the system allows that to privileged users only",
}


def _bind_words(error: OSError | ValueError) -> str:
    if not isinstance(error, OSError):
        return str(error)
    # Windows numbers its socket errors from 10000 on; Python names them alike.
    name = errno.errorcode.get(error.errno or 0, "").removeprefix("WSA")
    known = _BIND_WORDS.get(getattr(errno, name, 0))
    # create_server appends the address.
    return known or (error.strerror or "").partition(" (while")[0].lower()


def _server_at(host: str, port: int) -> socket.socket:
    if not host and socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)
