"""A clock for tests that measure: a busy machine makes nothing slower."""

from __future__ import annotations

import threading
from collections.abc import Callable


class PatientClock:
    """Seconds of another clock, that all but stand still while nobody here gets a turn.

    `longest` are the seconds that may pass between two looks at it.
    """

    def __init__(self, clock: Callable[[], float], longest: float) -> None:
        self._clock = clock
        self._longest = longest
        self._lock = threading.Lock()
        self._last = clock()  # guarded by _lock, as below
        self._now = 0.0

    def __call__(self) -> float:
        with self._lock:
            now = self._clock()
            self._now += min(now - self._last, self._longest)
            self._last = now
            return self._now
