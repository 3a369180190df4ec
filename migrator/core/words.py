"""Sizes, moments and durations as people read them everywhere."""

from __future__ import annotations

import math
from datetime import datetime


def size(number: float) -> str:
    """Bytes for people: 999 B, 1.2 MB (10^6), 3.4 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:,.0f} {unit}" if unit == "B" else f"{number:,.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} TB"


def moment(at: float | datetime) -> str:
    """Seconds since the epoch, or a time of its own zone, as local date and time with the zone's offset."""
    when = at if isinstance(at, datetime) else datetime.fromtimestamp(at).astimezone()
    return when.strftime("%Y-%m-%d %H:%M:%S %z")


def span(seconds: float | None) -> str:
    """A duration for people: 8 s, 3:05 min, 12:04:09 h; a dash where there is none."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h"
