"""How long the rest of a migration takes, by what the last speed test of the job kept."""

from __future__ import annotations

from typing import Any


def estimate(kept: dict[str, Any], files: int, size: int) -> tuple[float, float] | None:
    """Seconds (low, high) that so many files of so many bytes in all take, at the recommended workers.

    Each file costs a part of its own, and its bytes at the limit that was measured; the range is what the
    measurements scattered by, and how much longer storing took than storing again. None where nothing was
    measured.
    """
    try:
        per_file = float(kept["per_file_seconds"])
        limit = kept["bytes_per_second_limit"]
        low, high = map(float, kept["range"])
        seconds = files * per_file + (size / float(limit) if limit else 0.0)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return seconds * low, seconds * high
