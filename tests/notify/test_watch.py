"""What is seen during a run: outages that are told of once, and disks that fill."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.engine.accounting import Accounting, Snapshot
from migrator.jobs.notifying_watch import Outages, Room, Seen


def at(outages: Outages, now: float, **circuits: str) -> list[tuple[str, float, bool]]:
    """What is seen of these destinations at a moment."""
    snapshots = [snapshot(name, circuit) for name, circuit in circuits.items()]
    return [(one.snapshot.destination, one.seconds, one.is_back) for one in outages.look(snapshots, now)]


def snapshot(name: str, circuit: str, phase: str = "sending", workers: int = 1) -> Snapshot:
    return replace(Accounting(name).snapshot(), circuit=circuit, phase=phase, workers=workers)


def held(outages: Outages, now: float, circuit: str) -> list[Seen]:
    """What is seen of `a` while nobody may send to it: paused, or outside its window."""
    return [*outages.look([snapshot("a", circuit, workers=0)], now)]


@pytest.mark.parametrize("phase", ["done", "verifying", "checking the source"])
def test_one_that_was_given_up_is_not_told_of_as_one_that_is_tried_again(phase: str) -> None:
    outages = Outages(600)
    assert at(outages, 0, a="open") == []
    assert [*outages.look([snapshot("a", "open", phase)], 5000)] == []
    assert [*outages.look([snapshot("a", "closed", phase)], 6000)] == []


def test_a_destination_that_is_left_alone_for_long_is_told_of_once() -> None:
    outages = Outages(600)
    assert at(outages, 0, a="open") == []
    assert at(outages, 599, a="probing") == []
    assert at(outages, 600, a="open") == [("a", 600, False)]
    assert at(outages, 5000, a="open") == []


def test_one_that_is_back_in_time_is_not_told_of() -> None:
    outages = Outages(600)
    assert at(outages, 0, a="open") == []
    assert at(outages, 300, a="closed") == []
    assert at(outages, 400, a="open") == []
    assert at(outages, 950, a="open") == []
    assert at(outages, 1000, a="open") == [("a", 600, False)]


def test_one_that_is_back_is_told_of_when_it_has_been_for_a_while_and_reopening_is_no_news() -> None:
    outages = Outages(600)
    at(outages, 0, a="open")
    assert at(outages, 600, a="open") == [("a", 600, False)]
    assert at(outages, 700, a="closed") == []
    assert at(outages, 730, a="open") == []
    assert at(outages, 1400, a="open") == []
    assert at(outages, 1500, a="closed") == []
    assert at(outages, 1560, a="closed") == [("a", 1500, True)]
    assert at(outages, 1600, a="closed") == []


def test_while_nobody_may_send_an_outage_does_not_grow_older() -> None:
    outages = Outages(600)
    assert at(outages, 0, a="open") == []
    assert at(outages, 100, a="open") == []
    for now in (101, 5000, 9000):
        assert held(outages, now, "open") == []
    assert at(outages, 9001, a="open") == []
    assert at(outages, 9499, a="open") == []
    assert at(outages, 9500, a="open") == [("a", 600, False)]


def test_an_outage_begins_only_when_somebody_may_send() -> None:
    outages = Outages(600)
    for now in (0, 600, 6000):
        assert held(outages, now, "open") == []
    assert at(outages, 6001, a="open") == []
    assert at(outages, 6601, a="open") == [("a", 600, False)]


def test_one_that_was_told_of_is_not_back_while_nobody_may_send() -> None:
    outages = Outages(600)
    at(outages, 0, a="open")
    assert at(outages, 600, a="open") == [("a", 600, False)]
    assert at(outages, 700, a="closed") == []
    for now in (701, 8000):
        assert held(outages, now, "closed") == []
    assert at(outages, 8001, a="closed") == []
    assert at(outages, 8060, a="closed") == [("a", 700, True)]


def test_each_destination_has_its_own_outage() -> None:
    outages = Outages(10)
    at(outages, 0, a="open", b="closed")
    at(outages, 5, a="open", b="open")
    assert at(outages, 10, a="open", b="open") == [("a", 10, False)]
    assert at(outages, 15, a="open", b="open") == [("b", 10, False)]


def test_without_patience_an_outage_is_told_of_at_once() -> None:
    outages = Outages(0)
    assert at(outages, 7, a="open") == [("a", 0, False)]
    assert at(outages, 8, a="closed") == [("a", 1, True)]


def test_a_full_disk_is_told_of_once_and_again_only_after_there_was_room() -> None:
    room = Room(2e9)
    sizes = [3e9, 1.9e9, 1.8e9, 2.05e9, 1.9e9, 2.3e9, 1.9e9]
    assert [room.look(int(size)) for size in sizes] == [False, True, False, False, False, False, True]


def test_without_a_limit_no_disk_is_told_of() -> None:
    assert not Room(0.0).look(0)
