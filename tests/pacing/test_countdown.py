"""How long it is until something may be sent."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from migrator.core.settings import PaceSettings
from migrator.engine.pacing import Clock
from migrator.jobs.countdown import countdown, waiting_of, waiting_run

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 20, 12, tzinfo=BERLIN).timestamp()
CLOCK = Clock(lambda: NOON, lambda: 1000.0, BERLIN)


def test_a_start_that_is_set_is_waited_for() -> None:
    waiting = waiting_of(PaceSettings(start_at="22:00"), CLOCK)
    assert waiting is not None
    assert waiting.words == "starts at 22:00"
    assert waiting.left(NOON) == 10 * 3600
    assert waiting.left(NOON + 11 * 3600) == 0


def test_without_a_schedule_nothing_is_waited_for() -> None:
    assert waiting_of(PaceSettings(), CLOCK) is None
    assert waiting_of(PaceSettings(window="08:00-18:00"), CLOCK) is None
    assert waiting_of(PaceSettings(start_at="2020-01-01T10:00"), CLOCK) is None


def test_a_run_waits_until_the_first_of_its_destinations_may_send() -> None:
    first, second = {"opens_at": 200.0, "hold": "later"}, {"opens_at": 100.0, "hold": "sooner"}
    waiting = waiting_run([first, second])
    assert waiting is not None
    assert (waiting.until, waiting.words) == (100.0, "sooner")
    assert waiting_run([first, {"opens_at": None, "hold": ""}]) is None
    assert waiting_run([first, {}]) is None
    assert waiting_run([]) is None


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0:00:00"),
        (8.2, "0:00:09"),
        (43_449, "12:04:09"),
        (86_400, "1 day 0:00:00"),
        (183_600, "2 days 3:00:00"),
    ],
)
def test_what_is_left_reads_as_on_a_clock(seconds: float, shown: str) -> None:
    assert countdown(seconds) == shown
