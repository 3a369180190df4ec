"""Server-sent events: made once a second for all who look, and never waiting for the slow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from migrator.engine.accounting import Snapshot
from migrator.monitor.connections import TICK
from migrator.monitor.numbers import Numbers

_EARLY = TICK / 10  # seconds by which a tick may come early
HEARTBEAT = 12.0  # seconds of silence after which a comment says that the line is alive
_SLOW = 10.0  # seconds that a client may take for one message
_ABSENCE = 2.0  # seconds after which who listened is not awaited any more
_MOST_STREAMS = 48
_MOST_OF_ONE = 8  # of one client: an address, or a session


class Pulse:
    """The latest object, as JSON. All of it runs on the monitor's loop.

    The run's Snapshots are pulled at most once a tick, whoever asks, and when the run was steered. The object
    is made when somebody asks and there are newer ones than it was made of; with open streams, every tick.
    """

    def __init__(self, numbers: Numbers, clock: Callable[[], float]) -> None:
        self._numbers = numbers
        self._clock = clock
        self._snapshots: Sequence[Snapshot] = ()
        self._pulled_at = self._made_at = float("-inf")
        self._json = b"{}"
        self._shown: dict[str, Any] = {}
        self._compared: dict[str, Any] = {}
        self._sampled_at = float("-inf")
        self._changed = asyncio.Event()
        self.streams: list[EventStream] = []
        """Those that are open, the oldest first."""
        self._left: list[tuple[str, float]] = []  # clients that cease to listen, and when
        self.number = 0
        """Grows with every change."""
        self.is_over = False
        """Whether there is nothing more to come: streams end when they have sent the last."""

    @property
    def json(self) -> bytes:
        """The object of this moment, at most a tick old."""
        self._look(is_forced=False)
        return self._json

    @property
    def shown(self) -> dict[str, Any]:
        self._look(is_forced=False)
        return self._shown

    def tick(self) -> None:
        """What is to be done every second."""
        now = self._clock()
        is_due = now - self._sampled_at >= self._numbers.history.every - _EARLY
        if is_due or self.streams:
            snapshots = self._latest(_EARLY)
        if is_due:
            self._sampled_at = now
            self._numbers.sample(snapshots)
        if self.streams:
            self._look(is_forced=True)

    def refresh(self) -> None:
        """Look now, and not only at the next tick: the run was steered, or has ended."""
        self._pulled_at = float("-inf")
        self._look(is_forced=True)

    def end(self) -> None:
        """Have the last one made, and all streams end with it."""
        self.is_over = True
        self._compared = {}
        self.refresh()

    @property
    def changed(self) -> asyncio.Event:
        """What the next change sets. Taken at once, and waited for later: so no change is missed."""
        return self._changed

    def _latest(self, early: float = 0.0) -> Sequence[Snapshot]:
        now = self._clock()
        if now - self._pulled_at >= TICK - early:
            self._snapshots = self._numbers.pull()
            self._pulled_at = now
        return self._snapshots

    def _look(self, *, is_forced: bool) -> None:
        snapshots = self._latest()
        if not is_forced and self._made_at >= self._pulled_at:
            return
        shown = self._numbers.shown(snapshots)
        self._shown, self._json = shown, orjson.dumps(shown)
        self._made_at = self._clock()
        compared = {name: value for name, value in self._shown.items() if name != "at"}
        if compared != self._compared:
            self._compared = compared
            self.number += 1
            self._changed.set()
            self._changed = asyncio.Event()

    @property
    def is_awaited(self) -> bool:
        """Whether somebody has not heard the last yet: who listens, or did just now and may come again."""
        now = self._clock()
        return bool(self.streams) or any(now - at < _ABSENCE for _, at in self._left)

    def left(self, client: str) -> None:
        """One of a client's streams has ended. Who has heard the last is not awaited."""
        if not self.is_over:
            now = self._clock()
            self._left = [(one, at) for one, at in self._left if now - at < _ABSENCE]
            self._left.append((client, now))

    def admit(self, stream: EventStream) -> None:
        """Take one more stream; the oldest of the same client, or of all, makes room."""
        come = next((one for one in self._left if one[0] == stream.client), None)
        if come is not None:
            self._left.remove(come)
        own = [one for one in self.streams if one.client == stream.client]
        if len(own) >= _MOST_OF_ONE:
            own[0].close()
        elif len(self.streams) >= _MOST_STREAMS:
            self.streams[0].close()
        self.streams.append(stream)


class EventStream:
    """One client's stream, as an ASGI response. `client` is who has it."""

    def __init__(self, pulse: Pulse, client: str) -> None:
        self._pulse = pulse
        self.client = client
        self._task: asyncio.Task[None] | None = None
        self.number = -1
        """Which change it has been sent."""

    def close(self) -> None:
        if self in self._pulse.streams:
            self._pulse.streams.remove(self)
        if self._task is not None:
            self._task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._pulse.admit(self)
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [
                        (b"content-type", b"text/event-stream; charset=utf-8"),
                        (b"cache-control", b"no-store"),
                    ],
                }
            )
            if scope["method"] != "HEAD":
                await self._run(receive, send)
            with suppress(asyncio.TimeoutError):
                last = {"type": "http.response.body", "body": b"", "more_body": False}
                await asyncio.wait_for(send(last), _SLOW)
        finally:
            self.close()
            self._pulse.left(self.client)

    async def _run(self, receive: Receive, send: Send) -> None:
        """Send until the client leaves, is too slow, or others need its place."""
        self._task = asyncio.ensure_future(self._send_all(send))
        leaving = asyncio.ensure_future(_left(receive))
        tasks: list[asyncio.Future[None]] = [self._task, leaving]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_all(self, send: Send) -> None:
        pulse = self._pulse
        body = b"retry: 3000\n"
        while True:
            json, number = pulse.json, pulse.number
            if number != self.number:
                body += b"event: snapshot\ndata: " + json + b"\n\n"
            elif body:
                body += b"\n"
            message = {"type": "http.response.body", "body": body or b": still here\n\n", "more_body": True}
            await asyncio.wait_for(send(message), _SLOW)
            self.number = number
            body = b""
            if pulse.number == self.number:
                if pulse.is_over:
                    return
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(pulse.changed.wait(), HEARTBEAT)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
