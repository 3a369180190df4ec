"""Numbers, dates and durations as documents and faces write them."""

from __future__ import annotations

import math
from datetime import datetime

_PLURALS = {"series": "series", "study": "studies", "entry": "entries"}


def count(number: int) -> str:
    """A number with its thousands apart: 12,345."""
    return f"{number:,}"


def counted(count: int, unit: str) -> str:
    """So many of these: 1 file, 12,345 files, 3 studies."""
    return f"{count:,} {noun(count, unit)}"


def noun(count: int, unit: str) -> str:
    """The unit as it follows such a number: study, studies."""
    return unit if count == 1 else _PLURALS.get(unit, f"{unit}s")


def size(number: float) -> str:
    """Bytes for people: 999 B, 1.2 MB (10^6), 3.4 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:,.0f} {unit}" if unit == "B" else f"{number:,.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} TB"


def percent(share: float) -> int:
    """Of a share from 0 to 1: 100 only when all is."""
    return math.floor(share * 100 + 1e-9)


def day(date: str) -> str:
    """DICOM's YYYYMMDD as YYYY-MM-DD; what is no such date stays as it is."""
    if len(date) == 8 and date.isascii() and date.isdigit():
        return f"{date[:4]}-{date[4:6]}-{date[6:]}"
    return date


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


def clock(seconds: float) -> str:
    """A duration as a clock shows it, in hours: 0:00:08, 2:14:30."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def person(name: str) -> str:
    """A name in DICOM's caret form (PS3.5 6.2.1.1) as people write it: Family, Given Middle.

    Of its groups the first that says anything counts; titles and suffixes are left out.
    """
    group = next((one for one in name.split("=") if one.strip("^ ")), "")
    family, given, middle = (part.strip() for part in [*group.split("^"), "", ""][:3])
    return ", ".join(filter(None, (family, " ".join(filter(None, (given, middle))))))
