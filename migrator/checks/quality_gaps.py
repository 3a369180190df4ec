"""Which numbers are missing from a series that otherwise runs on."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from math import gcd

# Fewer images, or numbers that stand farther apart, do not run on.
_FEWEST_IMAGES = 4
_LEAST_DENSITY = 0.5
_MOST_RANGES = 10


def missing_ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """The first and last number of each gap; none where the numbers do not run on.

    They may run on in equal steps: where every second image went into another series. What is missing before
    the first or behind the last cannot be told.
    """
    present = sorted(set(numbers))
    if len(present) < _FEWEST_IMAGES:
        return []
    step = gcd(*(after - before for before, after in pairwise(present)))
    if len(present) < _LEAST_DENSITY * ((present[-1] - present[0]) // step + 1):
        return []
    return [(before + step, after - step) for before, after in pairwise(present) if after - before > step]


def range_words(ranges: list[tuple[int, int]]) -> str:
    """Gaps for people: 3-5, 9; at most ten of them."""
    words = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:_MOST_RANGES]]
    more = f" and {len(ranges) - _MOST_RANGES:,} more" if len(ranges) > _MOST_RANGES else ""
    return ", ".join(words) + more
