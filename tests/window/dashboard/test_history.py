"""What the throughput chart keeps of a run."""

from __future__ import annotations

import math

import pytest

from migrator.ui.widgets.chart_donut import lengths
from migrator.ui.widgets.chart_history import MOST, RateHistory


def test_a_night_of_looks_stays_bounded_and_keeps_its_mean() -> None:
    history = RateHistory()
    for look in range(12 * 3600 * 5):
        history.add(1e9 + look / 5, 100.0 + look % 2, 1e6)
    whole, recent = history.points(is_whole=True), history.points(is_whole=False)
    assert MOST / 2 <= len(whole) <= MOST + 2
    assert 590 <= len(recent) <= 602
    assert [one.at for one in whole] == sorted(one.at for one in whole)
    assert sum(one.files for one in whole) / len(whole) == pytest.approx(100.5, abs=0.01)


def test_a_pause_is_a_gap_and_stays_one_when_the_night_is_thinned() -> None:
    history = RateHistory()
    for second in range(100):
        history.add(1e9 + second, 10.0, 1e6)
    for second in range(100, 200):
        history.pause(1e9 + second)
    for second in range(200, 6000):
        history.add(1e9 + second, 10.0, 1e6)
    whole = history.points(is_whole=True)
    assert sum(math.isnan(one.files) for one in whole) == 1
    assert all(one.files == 10.0 for one in whole if not one.is_gap)


def test_silence_is_a_gap() -> None:
    history = RateHistory()
    for second in (0, 1, 60, 61):
        history.add(1e9 + second, 10.0, 1e6)
    assert [one.is_gap for one in history.points(is_whole=False)] == [False, False, True, False, False]


def test_any_number_of_short_gaps_in_a_night_leaves_the_line_bounded_and_alive() -> None:
    history = RateHistory()
    for look in range(12 * 360):
        history.add(1e9 + look * 10, 10.0, 1e6)
        history.pause(1e9 + look * 10 + 5)
    whole = history.points(is_whole=True)
    assert MOST / 3 <= len(whole) <= 2 * MOST
    assert whole[-1].at > 1e9 + 12 * 3600 - 120


def test_a_clock_that_is_set_back_does_not_stop_the_line() -> None:
    history = RateHistory()
    for second in [*range(3600, 3700), *range(60)]:
        history.add(1e9 + second, 10.0, 1e6)
    for is_whole in (True, False):
        at = [one.at for one in history.points(is_whole=is_whole)]
        assert at == sorted(at)
        assert len(at) == 60


def test_the_smallest_part_of_a_donut_is_seen_and_the_ring_is_whole() -> None:
    assert sum(lengths([500_000, 1, 3])) == 360 * 16
    assert min(lengths([500_000, 1, 3])) >= 32
    assert lengths([]) == []
