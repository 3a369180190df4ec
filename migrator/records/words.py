"""Numbers, dates and durations as documents and faces write them."""

from __future__ import annotations

import math

from migrator.core.words import moment as moment  # messages write these too
from migrator.core.words import size as size
from migrator.core.words import span as span

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


def percent(share: float) -> int:
    """Of a share from 0 to 1: 100 only when all is."""
    return math.floor(share * 100 + 1e-9)


def day(date: str) -> str:
    """DICOM's YYYYMMDD as YYYY-MM-DD; what is no such date stays as it is."""
    if len(date) == 8 and date.isascii() and date.isdigit():
        return f"{date[:4]}-{date[4:6]}-{date[6:]}"
    return date


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
