"""Backing off from a destination that takes long to answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from migrator.engine.adaptive import Adaptive


class Served:
    """Workers that send to a destination which takes `latency(number of them)` seconds to answer."""

    def __init__(self, workers: int = 8) -> None:
        self.adaptive = Adaptive()
        self._workers = workers
        self._now = 0.0

    def run(self, latency: Callable[[int], float], seconds: float) -> float:
        """The mean number of workers over the time."""
        began, worker_seconds, adaptive = self._now, 0.0, self.adaptive
        while self._now < began + seconds:
            present = self._workers if adaptive.most is None else min(self._workers, adaptive.most)
            took = latency(present)
            step = (took + adaptive.delay + 0.05) / present
            self._now += step
            worker_seconds += present * step
            adaptive.observed(took, self._now, self._workers)
        return worker_seconds / (self._now - began)


def test_a_quick_destination_is_left_as_it_is() -> None:
    served = Served()
    adaptive = served.adaptive
    assert served.run(lambda present: 0.3, 60) == 8
    assert not adaptive.holds
    assert adaptive.latency == pytest.approx(0.3)


def test_a_slow_one_gets_fewer_workers_and_then_pauses_between_files() -> None:
    served = Served()
    adaptive = served.adaptive
    served.run(lambda present: 2.3, 300)
    assert adaptive.most == 1
    assert 0.25 <= adaptive.delay <= 8
    assert adaptive.holds
    assert adaptive.latency == pytest.approx(2.3)


def test_one_that_bears_a_few_settles_near_what_it_bears() -> None:
    served = Served()
    adaptive = served.adaptive
    mean = served.run(lambda present: 0.3 * present, 600)  # 1 s at 3.3 workers
    assert 1.5 <= mean <= 4
    assert adaptive.delay == 0


def test_it_comes_back_step_by_step_when_the_destination_has_recovered() -> None:
    served = Served()
    adaptive = served.adaptive
    served.run(lambda present: 3.0, 120)
    assert adaptive.most == 1
    before = adaptive.delay
    served.run(lambda present: 0.1, 40)
    assert 0 < adaptive.delay < before
    assert adaptive.most == 1
    served.run(lambda present: 0.1, 300)
    assert not adaptive.holds


def test_one_slow_answer_among_many_quick_ones_changes_nothing() -> None:
    adaptive = Adaptive()
    for number in range(10_000):
        adaptive.observed(20.0 if number == 5000 else 0.002, number * 0.002, 8)
    assert not adaptive.holds


def test_it_backs_off_within_seconds() -> None:
    served = Served()
    adaptive = served.adaptive
    served.run(lambda present: 1.5, 4)
    assert adaptive.most is not None
    assert adaptive.most <= 4
