"""How many of a destination's workers may have an association at the moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

_REST = 10.0  # seconds between two reductions
_GROW_AFTER = 30.0  # seconds without trouble after which one more is tried


class Pace(Protocol):
    """What holds one destination's flow back; `engine.pacing` fits this."""

    def workers(self) -> int:
        """How many associations may send now; 0 while nothing may."""
        ...

    def delay(self) -> float:
        """Seconds to wait before a worker's next file."""
        ...

    def observed(self, latency: float) -> None:
        """A file's answer took so many seconds."""
        ...

    def hold(self) -> str:
        """Why less is sent than could be, in words; empty where nothing holds."""
        ...

    def limit_reached(self) -> bool:
        """Whether the run has taken as long as the user allows."""
        ...


class Crew:
    """Lets workers in as long as there is room. All methods are for any thread.

    Room is what the pace allows and what the destination bears: halved when it says that it is out of
    resources, set to what it accepts when it refuses one association more, and growing back one at a time.
    """

    def __init__(self, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._clock = clock
        self._lock = threading.Lock()
        self._active: set[int] = set()  # guarded by _lock, as all below
        self._borne: int | None = None  # None: as many as the pace allows
        self._settled: int | None = None  # what the destination accepted when it refused one more
        self._changed = float("-inf")
        self._grow_after = _GROW_AFTER

    @property
    def room(self) -> int:
        """How many workers may have an association now."""
        allowed = self._pace.workers()
        borne = self._borne
        return allowed if borne is None else min(allowed, borne)

    @property
    def borne(self) -> int | None:
        """How many associations the destination bears; None where that was never in question."""
        return self._borne

    def enter(self, number: int) -> bool:
        """Whether worker `number` may send; it then counts until `leave`."""
        room = self.room
        with self._lock:
            if len(self._active) > room:
                self._active.discard(number)
            elif len(self._active) < room:
                self._active.add(number)
            return number in self._active

    def stays(self, number: int) -> bool:
        """Whether worker `number`, which was let in, may go on; where not, it has left."""
        room = self.room
        if len(self._active) <= room:
            return True
        with self._lock:
            if len(self._active) <= room:
                return True
            self._active.discard(number)
            return False

    def leave(self, number: int) -> None:
        with self._lock:
            self._active.discard(number)

    def crowded(self) -> int | None:
        """The destination is out of resources: half as many. The new number, None where it is the old one."""
        now = self._clock()
        with self._lock:
            present = max(1, len(self._active))
            if now - self._changed < _REST or present == 1:
                return None
            self._borne, self._changed = max(1, present // 2), now
            return self._borne

    def refused(self, accepted: int) -> int | None:
        """The destination has room for `accepted` associations and no more; returns that where it is news."""
        accepted = max(1, accepted)
        now = self._clock()
        with self._lock:
            is_news = accepted != self._settled
            # Refused again after growing: the limit is firm, so it is tried less and less often.
            self._grow_after = min(self._grow_after * 2, 20 * _GROW_AFTER) if not is_news else _GROW_AFTER
            self._borne = self._settled = accepted
            self._changed = now
            return accepted if is_news else None

    def went_well(self) -> None:
        """A file was stored: after a while without trouble there is room for one more."""
        if self._borne is None:
            return
        now = self._clock()
        with self._lock:
            if self._borne is None or now - self._changed < self._grow_after:
                return
            self._borne += 1
            self._changed = now
            if self._borne >= 16:
                self._borne = None
