"""Durations, times of day and weekdays as people write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)", re.IGNORECASE)

_CLOCK = r"([01]?\d|2[0-3]):[0-5]\d"
_CLOCK_RANGE = re.compile(f"{_CLOCK}-{_CLOCK}")
_MOMENT = re.compile(rf"(\d{{4}}-\d\d-\d\d[T ])?{_CLOCK}")
_DAY = "(mon|tue|wed|thu|fri|sat|sun)"
_DAYS = f"{_DAY}(-{_DAY})?"
_WEEKDAYS = re.compile(f"{_DAYS}(,{_DAYS})*")

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")  # as date.weekday() counts
EVERY_DAY = frozenset(range(7))


def duration(text: object) -> float:
    """Seconds of `90`, `90s`, `30m`, `8h` or `2d`. Raises ValueError with what is wrong."""
    if isinstance(text, int | float):
        return float(text)
    match = _DURATION.fullmatch(str(text).strip())
    if match is None:
        raise ValueError("write seconds, or a number with s, m, h or d: 90s, 30m, 8h")
    return float(match[1]) * _UNITS[match[2].lower()]


def clock_range(text: str) -> str:
    """Check `19:00-06:00`, or nothing. Raises ValueError with what is wrong."""
    text = text.replace(" ", "")
    if text and not _CLOCK_RANGE.fullmatch(text):
        raise ValueError("write two times of day: 19:00-06:00")
    return text


def weekday_list(text: str) -> str:
    """Check `mon-fri,sun`, or nothing. Raises ValueError with what is wrong."""
    text = text.replace(" ", "").lower()
    if text and not _WEEKDAYS.fullmatch(text):
        raise ValueError("write days or ranges of them: mon-fri,sun")
    return text


def moment_text(text: str) -> str:
    """Check `22:00` or `2027-01-31T22:00`, or nothing. Raises ValueError with what is wrong."""
    if text and not _MOMENT.fullmatch(text):
        raise ValueError("write a time of day, or a date with it: 22:00, 2027-01-31T22:00")
    try:
        moment(text or "00:00", datetime.min)
    except ValueError as error:
        raise ValueError(f"there is no such day: {error}") from error
    return text


@dataclass(frozen=True, slots=True)
class Hours:
    """The same hours of several days. They belong to the day on which they begin, also across midnight.

    `days` are numbers as date.weekday() gives them. Where end and begin are the same they last a whole day.
    """

    begin: time
    end: time
    days: frozenset[int] = EVERY_DAY

    def on(self, day: date) -> tuple[datetime, datetime]:
        """Begin and end, by the clock on the wall, of those that begin on this day."""
        end_day = day if self.begin < self.end else day + timedelta(days=1)
        return datetime.combine(day, self.begin), datetime.combine(end_day, self.end)


def hours(text: str, days: str = "") -> Hours | None:
    """Read `19:00-06:00` and `mon-fri,sun`; None for no hours. Without days every day counts."""
    if not text:
        return None
    begin, _, end = text.partition("-")
    return Hours(_time(begin), _time(end), weekdays(days))


def weekdays(text: str) -> frozenset[int]:
    """The days of `mon-fri,sun`, each range with both its ends, also past Sunday; nothing means all."""
    if not text:
        return EVERY_DAY
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        begin = DAY_NAMES.index(first)
        length = (DAY_NAMES.index(last or first) - begin) % 7
        days.update((begin + step) % 7 for step in range(length + 1))
    return frozenset(days)


def moment(text: str, after: datetime) -> datetime:
    """Read `22:00`, the next such time from `after` on, or `2027-01-31T22:00`; by the clock on the wall.

    Raises ValueError for a date that does not exist.
    """
    written_day, _, clock = text.replace("T", " ").rpartition(" ")
    if written_day:
        return datetime.combine(date.fromisoformat(written_day), _time(clock))
    today = datetime.combine(after.date(), _time(clock))
    return today if today >= after.replace(second=0, microsecond=0) else today + timedelta(days=1)


def _time(text: str) -> time:
    hour, _, minute = text.partition(":")
    return time(int(hour), int(minute))
