"""Rates as a chart keeps them: bounded, however long a run takes. No Qt.

What comes several times a second is averaged per second for the last ten minutes. For the whole run it is
averaged over spans that double whenever there are too many of them. A span in which nothing was told, or
nothing could be (paused), is a gap: NaN.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

MOST = 1200
"""Points of the whole run."""
RECENT = 600.0
"""Seconds that are kept in full."""
_GAP = 3.0  # seconds without a word after which the line is broken


@dataclass(frozen=True, slots=True)
class Point:
    """The rates around a moment (seconds since the epoch); NaN where there were none."""

    at: float
    files: float
    bytes: float

    @property
    def is_gap(self) -> bool:
        return math.isnan(self.files)


def gap(at: float) -> Point:
    """Nothing is known of this moment."""
    return Point(at, math.nan, math.nan)


class _Series:
    """Points that are the means over spans of `width` seconds; the last one still grows."""

    def __init__(self, width: float) -> None:
        self.width = width
        self.points: deque[Point] = deque()
        self._open: list[Point] = []

    def add(self, point: Point) -> None:
        if self._open and (point.is_gap != self._open[0].is_gap or point.at - self._open[0].at >= self.width):
            self.points.append(mean(self._open))
            self._open = []
        if not (point.is_gap and (self._open or (self.points and self.points[-1].is_gap))):
            self._open.append(point)

    def all(self) -> list[Point]:
        return [*self.points, mean(self._open)] if self._open else list(self.points)

    def forget_from(self, at: float) -> None:
        """The clock was set back to this moment."""
        self._open = []
        while self.points and self.points[-1].at >= at:
            self.points.pop()

    def halve(self) -> None:
        """Make one span of two; gaps stay, for a pause must not look like slow sending.

        But those that are shorter than a span go: there may be any number of them.
        """
        self.width *= 2
        old, self.points = _without_short_gaps(list(self.points), self.width), deque()
        for number, point in enumerate(old):
            last = self.points[-1] if self.points else point
            if number % 2 and last.is_gap == point.is_gap:
                self.points[-1] = mean([last, point])
            else:
                self.points.append(point)


class RateHistory:
    """Of one run. `add` for each look; the lists hold at most some `MOST` points."""

    def __init__(self) -> None:
        self._recent = _Series(1.0)
        self._whole = _Series(1.0)
        self._last = 0.0

    def add(self, at: float, files: float, sent: float) -> None:
        """Files and bytes per second at a moment."""
        if self._last and at - self._last > _GAP:
            self.pause(self._last + _GAP / 2)
        self._keep(Point(at, files, sent))

    def pause(self, at: float) -> None:
        """From this moment on there is nothing to be told."""
        self._keep(gap(at))

    def _keep(self, point: Point) -> None:
        if point.at < self._last:
            for series in (self._recent, self._whole):
                series.forget_from(point.at)
        self._last = point.at
        for series in (self._recent, self._whole):
            series.add(point)
        recent = self._recent.points
        while recent and recent[0].at < point.at - RECENT:
            recent.popleft()
        if len(self._whole.points) > MOST:
            self._whole.halve()

    def points(self, *, is_whole: bool) -> Sequence[Point]:
        """Of the whole run, or of its last ten minutes; the oldest first."""
        return (self._whole if is_whole else self._recent).all()


def _without_short_gaps(points: Sequence[Point], width: float) -> list[Point]:
    """Without the gaps whose neighbours are nearer to each other than two spans."""
    return [
        point
        for number, point in enumerate(points)
        if not point.is_gap
        or number in (0, len(points) - 1)
        or points[number + 1].at - points[number - 1].at >= 2 * width
    ]


def mean(points: Sequence[Point]) -> Point:
    """One point for several, of which either all or none are gaps."""
    number = len(points)
    return Point(
        sum(one.at for one in points) / number,
        sum(one.files for one in points) / number,
        sum(one.bytes for one in points) / number,
    )
