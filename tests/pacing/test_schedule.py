"""When hours begin and end, against a model that walks through the days minute by minute."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.core.times import Hours, hours
from migrator.engine.schedule import NEVER, is_within, moment_of, next_change, wall

BERLIN = "Europe/Berlin"  # 29 March 2026 02:00 -> 03:00, 25 October 2026 03:00 -> 02:00
CLOCK_CHANGES = {
    BERLIN: (date(2026, 3, 29), date(2026, 10, 25)),
    "America/New_York": (date(2026, 3, 8), date(2026, 11, 1)),
    "Australia/Lord_Howe": (date(2026, 10, 4), date(2026, 4, 5)),  # by half an hour
    "America/Santiago": (date(2026, 9, 6), date(2026, 4, 5)),  # at midnight
    "UTC": (date(2026, 6, 1), date(2026, 12, 31)),
}
BEFORE, AFTER = 4, 12  # days that the model walks through


@lru_cache
def minutes_around(zone: str, day: date) -> tuple[int, list[datetime]]:
    """The first minute walked through, and the latest that the clock has shown by each of them."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=timezone.utc)
    first = int((noon - timedelta(days=BEFORE)).timestamp())
    latest, shown = datetime.min, []
    for minute in range((BEFORE + AFTER) * 1440):
        here = datetime.fromtimestamp(first + 60 * minute, ZoneInfo(zone)).replace(tzinfo=None)
        latest = max(latest, here)
        shown.append(latest)
    return first, shown


def open_minutes(given_hours: Hours, zone: str, day: date) -> list[bool]:
    """For each minute whether it lies in the hours: from the first showing of their begin on."""
    _, shown = minutes_around(zone, day)
    is_open = [False] * len(shown)
    for offset in range(-BEFORE, AFTER + 1):
        begin_day = day + timedelta(days=offset)
        if begin_day.weekday() not in given_hours.days:
            continue
        end_day = begin_day + timedelta(days=given_hours.end <= given_hours.begin)
        begin, end = (
            datetime.combine(begin_day, given_hours.begin),
            datetime.combine(end_day, given_hours.end),
        )
        first = next((index for index, at in enumerate(shown) if at >= begin), None)
        if first is None:
            continue
        last = next((index for index, at in enumerate(shown) if at >= end), len(shown))
        if last == first:
            last = first + int((end - begin).total_seconds()) // 60
        for index in range(first, min(last, len(shown))):
            is_open[index] = True
    return is_open


clock_times = st.times().map(lambda one: one.replace(second=0, microsecond=0))
some_hours = st.builds(Hours, clock_times, clock_times, st.frozensets(st.integers(0, 6), min_size=1))
changes = st.sampled_from([(zone, day) for zone, days in CLOCK_CHANGES.items() for day in days])


@settings(max_examples=60)
@given(some_hours, changes, st.integers(0, 3 * 1440))
def test_hours_are_those_of_a_walk_through_all_minutes(
    given_hours: Hours, change: tuple[str, date], minute: int
) -> None:
    zone, day = change
    first, shown = minutes_around(zone, day)
    is_open = open_minutes(given_hours, zone, day)
    position = (BEFORE - 1) * 1440 + minute
    now = first + 60 * position
    assert is_within(given_hours, now, ZoneInfo(zone)) is is_open[position]
    found = next_change(given_hours, now, ZoneInfo(zone))
    following = next(
        (index for index in range(position, len(shown)) if is_open[index] is not is_open[position]), None
    )
    if following is None:
        assert found == NEVER
    else:
        assert found == first + 60 * following


@settings(max_examples=40)
@given(clock_times, clock_times, changes)
def test_each_night_begins_once_and_ends_once_whatever_the_clock_does(
    begin: object, end: object, change: tuple[str, date]
) -> None:
    zone, day = change
    nightly = Hours(begin, end)  # type: ignore[arg-type]
    first, _ = minutes_around(zone, day)
    now, moments = float(first), []
    while (now := next_change(nightly, now, ZoneInfo(zone))) < first + 6 * 86400:
        moments.append(now)
    begins = [one for one in moments if is_within(nightly, one, ZoneInfo(zone))]
    if moments:
        assert 5 <= len(begins) <= 7
        assert {wall(one, ZoneInfo(zone)).date() for one in begins} >= {
            day + timedelta(days=one) for one in (-1, 0, 1)
        }
    else:
        assert begin == end


def at(text: str, zone: str = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-20T21:59", False),  # a Friday
        ("2026-11-20T22:00", True),
        ("2026-11-21T05:59", True),  # Saturday morning still belongs to Friday
        ("2026-11-21T06:00", False),
        ("2026-11-21T22:00", False),
        ("2026-11-20T05:00", False),  # Friday morning would belong to Thursday
    ],
)
def test_a_window_across_midnight_belongs_to_the_day_on_which_it_opens(moment: str, is_open: bool) -> None:
    friday_night = hours("22:00-06:00", "fri")
    assert friday_night is not None
    assert is_within(friday_night, at(moment), ZoneInfo(BERLIN)) is is_open


def test_a_window_in_the_hour_that_the_clock_skips_opens_when_it_jumps() -> None:
    skipped = hours("02:15-02:45")
    assert skipped is not None
    jump = at("2026-03-29T03:00")
    assert next_change(skipped, jump - 3600, ZoneInfo(BERLIN)) == jump
    assert next_change(skipped, jump, ZoneInfo(BERLIN)) == jump + 30 * 60


def test_a_window_that_ends_in_the_hour_that_comes_twice_ends_once() -> None:
    night = hours("19:00-02:30")
    assert night is not None
    first_end = datetime(2026, 10, 25, 0, 30, tzinfo=timezone.utc).timestamp()
    opened = at("2026-10-24T19:00")
    assert next_change(night, opened, ZoneInfo(BERLIN)) == first_end
    assert next_change(night, first_end, ZoneInfo(BERLIN)) == at("2026-10-25T19:00")


def test_hours_of_every_day_that_touch_never_end() -> None:
    always = hours("08:00-08:00")
    assert always is not None
    assert next_change(always, at("2026-11-20T21:59"), ZoneInfo(BERLIN)) == NEVER


def test_the_local_time_of_the_machine_counts_where_no_zone_is_named() -> None:
    now = 1_790_000_000.0
    assert moment_of(wall(now)) == now
    assert wall(now) == datetime.fromtimestamp(now)
