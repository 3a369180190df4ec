"""Connections that are bounded in number, in what they may send, and in the time that they may take.

uvicorn limits neither how long a request may take to arrive, nor how long an answer may take to leave, nor
how many TLS handshakes are begun; a page on a hospital's network has to.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from contextlib import suppress
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from migrator.monitor.pace import Pace

_log = logging.getLogger("migrator.monitor")

TICK = 1.0  # seconds between two looks at the connections
MOST_CONNECTIONS = 128
MOST_HEAD = 16 * 1024  # bytes of a request's line and headers
_ARRIVE = 10.0  # seconds in which a request has to be here
_LEAVE = 15.0  # seconds in which a client has to take what was written
_HANDSHAKE = 5.0  # seconds for that of TLS
_MOST_HANDSHAKES = 32
# Connections a second, after those that come at once; more wait in the system's queue.
_RATE, _BURST = 200.0, 600
_BUFFER = 64 * 1024  # bytes that wait for a slow reader: here, and as many in the system
_FAREWELL = 0.05  # seconds in which what was written can leave at the end
_AFTER_REFUSAL = 0.5  # seconds, where the system could not accept


class Connection(H11Protocol):
    """One client's connection, which is cut when it takes too long."""

    _since = 0.0  # since when it owes a request, or has not read
    _owes_request = True
    _has_stalled = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=_BUFFER)
        self._since = self.loop.time()
        _make_room(self.connections)

    def handle_events(self) -> None:
        super().handle_events()
        if self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body:
            self._owes_request = False

    def on_response_complete(self) -> None:
        self._owes_request = True
        self._since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        self._has_stalled = True
        self._since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._has_stalled = False
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        body = b'{"error": "this is no request that the monitor understands"}'
        head = (
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncache-control: no-store\r\n"
            b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        )
        if not self.is_answering:
            self.transport.write(head + body)
        self.transport.close()

    @property
    def is_answering(self) -> bool:
        return not self._owes_request

    def look(self, now: float) -> None:
        """Cut it where it takes too long."""
        is_closing = self.transport.is_closing()
        limit = _LEAVE if self._has_stalled else _ARRIVE
        if (is_closing or self._has_stalled or self._owes_request) and now - self._since > limit:
            self.transport.abort()
        elif not is_closing and not self._has_stalled and self.is_answering:
            self._since = now


def _make_room(connections: set[Any]) -> None:
    """Where there are too many, the one goes that owes a request longest, or else is answered longest."""
    if len(connections) <= MOST_CONNECTIONS:
        return
    ours = [one for one in connections if isinstance(one, Connection)]
    oldest = min(ours, key=lambda one: (one.is_answering, one._since))
    oldest.transport.abort()
    # Told to the protocol only in the loop's next turn.
    connections.discard(oldest)


class Server(uvicorn.Server):
    """Accepts by itself, so that handshakes too are bounded in number and time."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        super().__init__(config)
        self._listener = listener
        self._tls = tls
        self._pace = Pace(_RATE, _BURST, most=float("inf"))
        # Handshakes that are under way, the oldest first.
        self._greeted: dict[asyncio.Task[None], socket.socket] = {}
        self._accepting: asyncio.Task[None] | None = None
        self.ticks: list[Any] = []
        """Called about once a second, on the loop."""
        self._finishing = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(_unhandled)
        self.servers = []
        self._accepting = asyncio.ensure_future(self._accept())
        self.started = True

    async def main_loop(self) -> None:
        """Every second, see to the connections and call the ticks, until `finish`."""
        while not self.should_exit:
            now = asyncio.get_running_loop().time()
            for one in list(self.server_state.connections):
                if isinstance(one, Connection):
                    one.look(now)
            if self._accepting is not None and self._accepting.done():
                self._accepting.result()  # raises what ended it
            for tick in self.ticks:
                tick()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._finishing.wait(), TICK)

    def finish(self) -> None:
        """Serve no more; on the loop."""
        self.should_exit = True
        self._finishing.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nobody any more, and cut whoever is left."""
        if self._accepting is not None:
            self._accepting.cancel()
        for one in list(self.server_state.connections):
            one.transport.close()
        if self.server_state.connections:
            await asyncio.sleep(_FAREWELL)
        for one in list(self.server_state.connections):
            one.transport.abort()
        left = [*self._greeted, *self.server_state.tasks]
        for task in left:
            task.cancel()
        ending = [*left, *([self._accepting] if self._accepting is not None else [])]
        await asyncio.gather(*ending, return_exceptions=True)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listener)
            except OSError as error:  # the system has no file left for another client
                _log.debug("the monitor could not accept: %s", error.strerror)
                await asyncio.sleep(_AFTER_REFUSAL)
                continue
            try:
                await asyncio.sleep(self._pace.wait(loop.time()) or 0)
                if self._tls is None:
                    await self._greet(connection)
                    continue
            except BaseException:  # cancelled at the end: nobody else knows this connection yet
                connection.close()
                raise
            if len(self._greeted) >= _MOST_HANDSHAKES:
                next(iter(self._greeted)).cancel()
            greeting = asyncio.ensure_future(self._greet(connection))
            self._greeted[greeting] = connection
            greeting.add_done_callback(self._greeting_is_over)

    def _greeting_is_over(self, greeting: asyncio.Task[None]) -> None:
        connection = self._greeted.pop(greeting)
        if greeting.cancelled():  # perhaps before its first step
            connection.close()

    async def _greet(self, connection: socket.socket) -> None:
        config, state = self.config, self.server_state
        connection.setblocking(False)
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: Connection(config=config, server_state=state, app_state={}),
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=_HANDSHAKE if self._tls is not None else None,
            )
        except (OSError, asyncio.TimeoutError):  # a stranger to TLS, or gone: its own affair
            connection.close()


def _unhandled(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What asyncio would print of clients that break off; never what they sent."""
    error = context.get("exception")
    _log.debug("the monitor's loop: %s", type(error).__name__ if error else "a message")


def quiet() -> None:
    """uvicorn logs what clients ask for, and for tracing asks a logger for its level."""
    for name in ("uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        log = logging.getLogger(name)
        log.setLevel(logging.CRITICAL + 1)
        log.propagate = False
