"""The rates of a whole run in a bounded number of points, for sparklines."""

from __future__ import annotations

from typing import Any

MOST_POINTS = 120


class History:
    """Points at equal distances; when there are too many, each two become one and the distance doubles."""

    def __init__(self) -> None:
        self.every = 1.0
        """Seconds between two points."""
        self._files: list[float] = []
        self._bytes: list[float] = []

    def add(self, files_per_second: float, bytes_per_second: float) -> None:
        self._files.append(round(files_per_second, 1))
        self._bytes.append(round(bytes_per_second, 1))
        if len(self._files) > MOST_POINTS:
            self._files, self._bytes = _halved(self._files), _halved(self._bytes)
            self.every *= 2

    def as_dict(self) -> dict[str, Any]:
        return {
            "every": self.every,
            "files_per_second": list(self._files),
            "bytes_per_second": list(self._bytes),
        }


def _halved(points: list[float]) -> list[float]:
    """The means of each two, the newest kept as it is where they are odd."""
    pairs = [round((one + two) / 2, 1) for one, two in zip(points[::2], points[1::2], strict=False)]
    return pairs + points[len(pairs) * 2 :]
