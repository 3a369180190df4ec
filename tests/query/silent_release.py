"""A peer that answers everything but the request to release an association."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType

from migrator.core.model import Node

_RELEASE_REQUEST = 0x05


class SilentRelease:
    """Stands before another peer, and passes on all that comes, up to the request to release."""

    def __init__(self, behind: Node) -> None:
        self.was_asked = threading.Event()
        self._behind = behind
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.node = Node("127.0.0.1", self._listener.getsockname()[1], behind.ae_title)

    def __enter__(self) -> SilentRelease:
        self._run(self._serve)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in (*self._sockets, self._listener):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(20)
        for one in (*self._sockets, self._listener):
            one.close()

    def _run(self, what: object, *arguments: object) -> None:
        thread = threading.Thread(target=what, args=arguments, daemon=True)  # type: ignore[arg-type]
        thread.start()
        self._threads.append(thread)

    def _serve(self) -> None:
        with suppress(OSError):
            ours, _ = self._listener.accept()
            theirs = socket.create_connection((self._behind.host, self._behind.port))
            self._sockets += [ours, theirs]
            self._run(self._pass_on, theirs, ours)
            self._pass_on(ours, theirs)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        """What a request to release begins is small, and comes in a piece of its own."""
        with suppress(OSError):
            while data := source.recv(65536):
                if data[0] == _RELEASE_REQUEST and len(data) == 10:
                    self.was_asked.set()
                    return
                target.sendall(data)
