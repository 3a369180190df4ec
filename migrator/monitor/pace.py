"""So many a second: whoever floods the monitor waits, and the engine keeps the processor."""

from __future__ import annotations


class Pace:
    """Lets `burst` pass at once and then `rate` a second. One thread asks."""

    def __init__(self, rate: float, burst: int, most: float) -> None:
        """Nobody is made to wait longer than `most` seconds; who would have to is turned away."""
        self._each = 1 / rate
        self._burst = burst / rate
        self._most = most
        self._free_at = float("-inf")

    def wait(self, now: float) -> float | None:
        """For how many seconds the next one has to wait; None where it is turned away."""
        free_at = max(self._free_at, now - self._burst) + self._each
        if free_at - now > self._most:
            return None
        self._free_at = free_at
        return max(0.0, free_at - now)
