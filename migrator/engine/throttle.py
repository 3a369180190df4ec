"""The bandwidth cap: one rate for all associations of a destination together."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

_PIECE = 0.02  # seconds' worth of bytes that one association may send before it is another's turn
_CREDIT = 0.2  # seconds' worth of unused rate that may be made up for: the largest burst
_SLACK = (
    0.01  # seconds' worth by which the sending may be ahead, so that short waits are joined to longer ones
)
_LONGEST_WAIT = 60.0  # seconds; what the system takes as a time-out has a limit


class Budget:
    """How many bytes may go, and when. Pure: `now` is passed in, in seconds that never go back."""

    def __init__(self, rate: float, now: float) -> None:
        """`rate` is in bytes per second; 0 is no limit."""
        self.rate = rate
        self._due = now  # the moment at which all bytes granted so far are paid for

    def change(self, rate: float, now: float) -> None:
        """From now on another rate. What was granted and not yet paid for is paid at whichever is higher."""
        ahead = max(0.0, self._due - now)
        self._due = now + min(ahead, ahead * self.rate / rate if rate else 0.0)
        self.rate = rate

    def wait(self, now: float) -> float:
        """Seconds until bytes may go; 0 when they may now."""
        ahead = self._due - now
        return ahead if ahead > _SLACK and self.rate else 0.0

    def take(self, size: int, now: float) -> int:
        """How many of `size` bytes go now, at least one; they count as sent."""
        if not self.rate:
            return size
        piece = min(size, max(1, int(self.rate * _PIECE)))
        self._due = max(self._due, now - _CREDIT) + piece / self.rate
        return piece


class Throttle:
    """Lets bytes pass at a rate, whoever asks first before the others. All methods are for any thread."""

    def __init__(self, rate: float = 0.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`rate` is in bytes per second; 0 is no limit."""
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._budget = Budget(rate, monotonic())  # guarded by _lock, as all below
        self._queue: deque[threading.Condition] = deque()
        self._is_open = False
        self._is_limited = rate > 0  # read without the lock: each worker asks some thousand times a second

    def set_rate(self, rate: float) -> None:
        """Change the rate, also for those who wait at this moment."""
        with self._lock:
            self._change(0.0 if self._is_open else rate)

    def open(self) -> None:
        """Hold back nothing any more, whatever the rate is set to."""
        with self._lock:
            self._is_open = True
            self._change(0.0)

    def _change(self, rate: float) -> None:
        self._budget.change(rate, self._monotonic())
        self._is_limited = rate > 0
        self._wake_first()

    def pace(self, size: int) -> int:
        """Wait until some of `size` bytes may go; how many of them, at least one. Never raises."""
        if not self._is_limited:
            return size
        with self._lock:
            now = self._monotonic()
            if not self._queue and not self._budget.wait(now):
                return self._budget.take(size, now)
            return self._wait_for_turn(size)

    def _wait_for_turn(self, size: int) -> int:
        """With the lock held: only who is first waits for the clock, the others for their turn."""
        turn = threading.Condition(self._lock)
        self._queue.append(turn)
        try:
            while True:
                now = self._monotonic()
                if self._queue[0] is not turn:
                    turn.wait()
                elif seconds := self._budget.wait(now):
                    turn.wait(min(seconds, _LONGEST_WAIT))
                else:
                    return self._budget.take(size, now)
        finally:
            self._queue.remove(turn)
            self._wake_first()

    def _wake_first(self) -> None:
        if self._queue:
            self._queue[0].notify()
