"""One destination's dials as its workers and its operator see them."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from migrator.core.control import Control
from migrator.core.errors import UsageError
from migrator.core.settings import PaceSettings
from migrator.engine.pacing import SETTABLE, Clock, Pacing

BERLIN = ZoneInfo("Europe/Berlin")
LIMIT = 60.0


class Hand:
    """A clock that is moved by hand."""

    def __init__(self, shown: str) -> None:
        self.now = datetime.fromisoformat(shown).replace(tzinfo=BERLIN).timestamp()
        self.running = 1000.0
        self.clock = Clock(lambda: self.now, lambda: self.running, BERLIN)

    def to(self, shown: str) -> None:
        """Jump on the wall; a moment passes."""
        self.now = datetime.fromisoformat(shown).replace(tzinfo=BERLIN).timestamp()
        self.running += 1

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.running += seconds


def pacing(hand: Hand, control: Control | None = None, workers: int = 4, **settings: object) -> Pacing:
    return Pacing(PaceSettings.model_validate(settings), workers, control or Control(), hand.clock)


FRIDAY_NOON = "2026-11-20T12:00"


def test_nothing_holds_by_default() -> None:
    dials = pacing(Hand(FRIDAY_NOON))
    assert (dials.workers(), dials.delay(), dials.hold(), dials.limit_reached()) == (4, 0.0, "", False)


def test_outside_the_window_nobody_sends_and_it_says_when_it_opens() -> None:
    hand = Hand(FRIDAY_NOON)
    dials = pacing(hand, window="19:00-06:00")
    assert dials.workers() == 0
    assert dials.hold() == "waiting for the window: opens at 19:00"
    assert dials.view().opens_at == hand.now + 7 * 3600
    hand.to("2026-11-20T19:00")
    assert (dials.workers(), dials.hold()) == (4, "")
    assert dials.view().opens_at is None
    hand.to("2026-11-21T06:00")
    assert dials.workers() == 0


def test_a_window_that_opens_on_another_day_names_it() -> None:
    dials = pacing(Hand(FRIDAY_NOON), window="19:00-06:00", window_days="mon-thu")
    assert dials.hold() == "waiting for the window: opens on Monday at 19:00"


def test_at_peak_time_fewer_workers_send_with_a_delay() -> None:
    hand = Hand(FRIDAY_NOON)
    dials = pacing(hand, peak="07:00-18:00", peak_days="mon-fri", peak_workers=2, peak_delay=1.5)
    assert (dials.workers(), dials.delay()) == (2, 1.5)
    assert dials.hold() == "peak hours until 18:00: 2 associations"
    hand.to("2026-11-20T18:00")
    assert (dials.workers(), dials.delay(), dials.hold()) == (4, 0.0, "")
    hand.to("2026-11-21T12:00")
    assert dials.workers() == 4


def test_a_peak_of_more_workers_than_are_set_adds_none() -> None:
    assert pacing(Hand(FRIDAY_NOON), workers=1, peak="07:00-18:00", peak_workers=4).workers() == 1


def test_nobody_sends_before_the_start_and_a_start_is_not_taken_back() -> None:
    hand = Hand(FRIDAY_NOON)
    dials = pacing(hand, start_at="22:00")
    assert (dials.workers(), dials.hold()) == (0, "starts at 22:00")
    hand.to("2026-11-20T22:00")
    assert dials.workers() == 4
    hand.to("2026-11-20T21:30")  # somebody set the clock back
    assert dials.workers() == 4


@pytest.mark.parametrize(
    ("start_at", "words"),
    [("2026-11-20T11:00", ""), ("2027-01-31T22:00", "starts on 2027-01-31 at 22:00")],
)
def test_a_start_in_the_past_is_now_and_a_far_one_names_its_date(start_at: str, words: str) -> None:
    assert pacing(Hand(FRIDAY_NOON), start_at=start_at).hold() == words


def test_while_paused_nobody_sends_at_once_and_with_priority() -> None:
    control = Control()
    dials = pacing(Hand(FRIDAY_NOON), control, window="19:00-06:00")
    control.pause()
    assert (dials.workers(), dials.hold()) == (0, "paused")
    control.resume()
    assert dials.hold().startswith("waiting for the window")


def test_the_limit_counts_from_the_beginning_whatever_the_wall_clock_does() -> None:
    hand = Hand(FRIDAY_NOON)
    dials = pacing(hand, max_duration="8h")
    hand.to("2026-11-23T12:00")
    assert not dials.limit_reached()
    hand.running += 8 * 3600
    assert dials.limit_reached()
    dials.set("max-duration", "9h")
    assert not dials.limit_reached()


def test_an_adaptive_pace_backs_off_and_says_so() -> None:
    hand = Hand(FRIDAY_NOON)
    dials = pacing(hand, adaptive=True)
    for _ in range(20):
        hand.later(0.5)
        dials.observed(2.3)
    assert dials.workers() == 1
    assert dials.delay() > 0
    assert dials.hold() == "slowed down: the destination takes 2.3 s to answer"
    assert dials.view().latency == pytest.approx(2.3)
    dials.set("adaptive", "off")
    assert (dials.workers(), dials.delay(), dials.hold()) == (4, 0.0, "")


def test_without_adaptive_slow_answers_change_nothing() -> None:
    hand = Hand(FRIDAY_NOON)
    dials = pacing(hand)
    for _ in range(20):
        hand.later(1)
        dials.observed(9.0)
    assert (dials.workers(), dials.hold()) == (4, "")


def test_every_dial_can_be_turned_while_it_runs_and_counts_at_once() -> None:
    dials = pacing(Hand(FRIDAY_NOON))
    for name, value in {
        "workers": "7",
        "bandwidth": "2.5",
        "adaptive": "on",
        "peak": "07:00-18:00",
        "peak-days": "mon-fri",
        "--peak-workers": "3",
        "peak_delay": "2",
        "max-duration": "30m",
        "window": "19:00-06:00",
        "window-days": "fri",
        "start-at": "23:00",
    }.items():
        dials.set(name, value)
    view = dials.view()
    assert view.hold == "starts at 23:00"
    dials.set("start-at", "off")
    assert dials.hold() == "waiting for the window: opens at 19:00"
    dials.set("window", "off")
    assert (dials.workers(), dials.delay()) == (3, 2.0)
    dials.set("peak", "off")
    assert dials.workers() == 7
    assert (view.workers, view.bandwidth, view.adaptive, view.max_duration) == (7, 2.5, True, 1800)
    assert (view.peak, view.peak_days, view.window_days) == ("07:00-18:00", "mon-fri", "fri")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("workers", "17", "16"),
        ("workers", "many", "integer"),
        ("bandwidth", "-1", "0"),
        ("bandwidth", "fast", "number"),
        ("window", "19-6", "19:00-06:00"),
        ("peak-days", "weekdays", "mon-fri"),
        ("adaptive", "perhaps", "boolean"),
        ("keep-awake", "off", "cannot be set"),
        ("retries", "3", "what can: workers"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_in_words_and_changes_nothing(
    name: str, value: str, words: str
) -> None:
    dials = pacing(Hand(FRIDAY_NOON))
    before = dials.view()
    with pytest.raises(UsageError, match=words) as refused:
        dials.set(name, value)
    assert "\n" not in str(refused.value)
    assert dials.view() == before


def test_all_that_holds_the_flow_can_be_set_but_what_concerns_the_whole_machine() -> None:
    assert set(SETTABLE) == {"workers", *PaceSettings.model_fields} - {"keep_awake"}


def test_a_cancelled_job_is_not_held_back_in_the_middle_of_an_object() -> None:
    control = Control()
    dials = Pacing(PaceSettings(bandwidth=0.000001), 4, control)
    passed = threading.Event()

    def send() -> None:
        left = 10**9
        while left:
            left -= dials.pace(left)
        passed.set()

    thread = threading.Thread(target=send)
    thread.start()
    control.cancel()
    assert passed.wait(LIMIT)
    thread.join(LIMIT)
    dials.set("bandwidth", "1")
    assert dials.pace(10**9) == 10**9


def test_a_cap_that_is_set_while_running_counts_at_once() -> None:
    dials = Pacing(PaceSettings(), 4, Control())
    assert dials.pace(10**9) == 10**9
    dials.set("bandwidth", "10")
    assert dials.pace(10**9) <= 10**6
    dials.set("bandwidth", "off")
    assert dials.pace(10**9) == 10**9


def test_asking_before_every_file_costs_next_to_nothing() -> None:
    dials = Pacing(PaceSettings(window="00:00-00:00", peak="03:00-03:01"), 4, Control())
    began = time.thread_time()
    for _ in range(10_000):
        dials.workers()
        dials.delay()
        dials.observed(0.01)
    assert time.thread_time() - began < 0.5


def test_how_long_the_destination_takes_to_answer_is_known_without_any_throttle() -> None:
    dials = pacing(Hand(FRIDAY_NOON))
    assert dials.view().latency == 0
    for _ in range(200):
        dials.observed(0.25)
    assert dials.view().latency == pytest.approx(0.25)
