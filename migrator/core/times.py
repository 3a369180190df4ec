"""Durations and times of day as people write them."""

from __future__ import annotations

import re

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)", re.IGNORECASE)

# HH:MM-HH:MM, or nothing.
CLOCK_RANGE = r"^$|^([01]?\d|2[0-3]):[0-5]\d-([01]?\d|2[0-3]):[0-5]\d$"
# HH:MM, or a date with it (ISO 8601), or nothing.
MOMENT = r"^$|^(\d{4}-\d\d-\d\d[T ])?([01]?\d|2[0-3]):[0-5]\d$"
# Days of the week, or ranges of them: mon-fri, sat.
_DAY = "(mon|tue|wed|thu|fri|sat|sun)"
_DAYS = f"{_DAY}(-{_DAY})?"
WEEKDAYS = f"^$|^{_DAYS}(,{_DAYS})*$"


def duration(text: object) -> float:
    """Seconds of `90`, `90s`, `30m`, `8h` or `2d`. Raises ValueError with what is wrong."""
    if isinstance(text, int | float):
        return float(text)
    match = _DURATION.fullmatch(str(text).strip())
    if match is None:
        raise ValueError("write seconds, or a number with s, m, h or d: 90s, 30m, 8h")
    return float(match[1]) * _UNITS[match[2].lower()]
