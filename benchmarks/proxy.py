"""A TCP proxy on the loopback interface that treats connections badly, by seeded chance.

It never alters a byte: TCP does not either. It loses connections, and what was under way on them.
"""

from __future__ import annotations

import random
import select
import socket
import struct
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

_POLL_SECONDS = 0.1
_PIECE = 1 << 16


class Fault(Enum):
    """What befalls a connection."""

    NONE = "passed"
    REFUSE = "refused"
    DELAY = "delayed"
    RESET = "reset"
    TRUNCATE = "truncated"
    DROP = "dropped"
    MUTE = "answers dropped"


@dataclass(frozen=True)
class Chances:
    """The weights of the faults, after how many bytes to the server they strike on average, the longest
    delay of a piece and the longest silence after a drop in seconds."""

    weights: tuple[tuple[Fault, float], ...] = (
        (Fault.NONE, 30),
        (Fault.REFUSE, 8),
        (Fault.DELAY, 12),
        (Fault.RESET, 20),
        (Fault.TRUNCATE, 15),
        (Fault.DROP, 5),
        (Fault.MUTE, 10),
    )
    bytes_until: float = 20_000
    delay: float = 0.01
    silence: float = 3.0


class Proxy:
    """Forwards to `target_port`. With `chances` None it is an honest proxy; they may be exchanged."""

    def __init__(self, target_port: int, seed: int) -> None:
        self.chances: Chances | None = None
        self.faults: Counter[Fault] = Counter()  # those that struck
        self._target_port = target_port
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._open = 0  # guarded by _lock
        self._is_ending = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._listener.settimeout(_POLL_SECONDS)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, name="proxy", daemon=True)
        self._thread.start()

    @property
    def open(self) -> int:
        """How many connections are being forwarded."""
        with self._lock:
            return self._open

    @property
    def cuts(self) -> int:
        """How many connections were lost through it."""
        with self._lock:
            return sum(self.faults.values()) - self.faults[Fault.DELAY]

    def close(self) -> None:
        self._is_ending.set()
        self._thread.join()
        self._listener.close()

    def _listen(self) -> None:
        while not self._is_ending.is_set():
            with suppress(TimeoutError):
                client, _ = self._listener.accept()
                with self._lock:
                    self._open += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            _Connection(self, client, *self._fate()).run()
        finally:
            client.close()
            with self._lock:
                self._open -= 1

    def _fate(self) -> tuple[Fault, int, float]:
        """What befalls the next connection, after how many bytes, and the delay of each piece."""
        with self._lock:
            chances = self.chances
            if chances is None:
                return Fault.NONE, 0, 0.0
            faults, weights = zip(*chances.weights, strict=True)
            fault = self._chance.choices(faults, weights)[0]
            after = int(self._chance.expovariate(1 / chances.bytes_until))
            return fault, after, self._chance.uniform(0, chances.delay)

    def struck(self, fault: Fault) -> None:
        with self._lock:
            self.faults[fault] += 1

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._target_port), timeout=5)

    def silence(self, seconds: float) -> None:
        self._is_ending.wait(seconds)

    @property
    def is_ending(self) -> bool:
        return self._is_ending.is_set()


class _Connection:
    """One connection and its fate; owned by one thread."""

    def __init__(self, proxy: Proxy, client: socket.socket, fault: Fault, after: int, delay: float) -> None:
        self._proxy = proxy
        self._client = client
        self._fault = fault
        self._after = after
        self._delay = delay

    def run(self) -> None:
        if self._fault is Fault.REFUSE:
            self._strike(self._client)
            return
        try:
            server = self._proxy.connect()
        except OSError:
            _reset(self._client)
            return
        try:
            for connection in (self._client, server):
                connection.settimeout(None)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._forward(server)
        except OSError:
            _reset(self._client)
            _reset(server)
        finally:
            server.close()

    def _forward(self, server: socket.socket) -> None:
        """Pass pieces on until a side ends or the fault strikes."""
        is_delayed = self._fault is Fault.DELAY
        if is_delayed:
            self._proxy.struck(Fault.DELAY)
        left = self._after
        while not self._proxy.is_ending:
            for ready in select.select([self._client, server], [], [], _POLL_SECONDS)[0]:
                piece = ready.recv(_PIECE)
                if not piece:
                    return
                if is_delayed:
                    self._proxy.silence(self._delay)
                if ready is server:
                    if self._fault is Fault.MUTE and left <= 0:
                        self._strike(self._client, server)
                        return
                    self._client.sendall(piece)
                    continue
                left -= len(piece)
                if left > 0 or self._fault in (Fault.NONE, Fault.DELAY, Fault.MUTE):
                    server.sendall(piece)
                    continue
                # What is left of the bytes still arrives, but for the last one, so that nothing is whole.
                server.sendall(piece[: min(len(piece) + left, len(piece) - 1)])
                self._strike(self._client, server)
                return

    def _strike(self, *connections: socket.socket) -> None:
        self._proxy.struck(self._fault)
        if self._fault is Fault.DROP:
            chances = self._proxy.chances or Chances()
            self._proxy.silence(chances.silence)
        if self._fault is not Fault.TRUNCATE:
            for connection in connections:
                _reset(connection)


def _reset(connection: socket.socket) -> None:
    """Have the connection end by a TCP reset when it is closed."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
