"""Backing off from a destination that takes long to answer, and coming back to it."""

from __future__ import annotations

_SLOW = 1.0  # seconds from the last byte to the response above which it is backed off
_QUICK = 0.8  # seconds below which it is come back; between the two nothing changes
_LOOK_SLOW = 1.0  # seconds between two steps back
_LOOK_QUICK = 5.0  # seconds between two steps forth: quick to yield, slow to press
_LEAST_ANSWERS = 3
_FIRST_DELAY = 0.25  # seconds between two files of the last worker; doubled with each further step
_MOST_DELAY = 8.0


class Adaptive:
    """Half as many workers at each step back, then pauses between files; the same way forth, one at a time.

    Each step is judged by the mean of what was answered since the one before. Pure: `now` is passed in, in
    seconds that never go back. One lock of its owner guards it.
    """

    def __init__(self) -> None:
        self.most: int | None = None
        """How many workers may send; None is no limit."""
        self.delay = 0.0
        """Seconds between two files of a worker."""
        self.latency = 0.0
        """Seconds that the destination took to answer, lately."""
        self._began: float | None = None
        self._answers = 0
        self._sum = 0.0

    @property
    def holds(self) -> bool:
        return self.most is not None or self.delay > 0

    def observed(self, latency: float, now: float, workers: int) -> None:
        """An answer came after `latency` seconds; `workers` could send if it were not for this throttle."""
        if self._began is None:
            self._began = now
        self._answers += 1
        self._sum += latency
        mean, passed = self._sum / self._answers, now - self._began
        present = workers if self.most is None else min(workers, self.most)
        if self._answers < max(_LEAST_ANSWERS, present) or passed < _LOOK_SLOW:
            return
        self.latency = mean
        if mean > _SLOW:
            self._step_back(present)
        elif passed < _LOOK_QUICK and self.holds:
            return
        elif mean < _QUICK:
            self._step_forth(workers)
        self._began, self._answers, self._sum = now, 0, 0.0

    def _step_back(self, present: int) -> None:
        if present > 1:
            self.most = present // 2
        else:
            self.most = 1
            self.delay = min(_MOST_DELAY, max(_FIRST_DELAY, self.delay * 2))

    def _step_forth(self, workers: int) -> None:
        if self.delay:
            self.delay = self.delay / 2 if self.delay > _FIRST_DELAY else 0.0
        elif self.most is not None:
            self.most = self.most + 1 if self.most + 1 < workers else None
