"""The circuit breaker and the crew, with a clock of the test's own."""

from __future__ import annotations

import pytest

from migrator.core.control import Control
from migrator.core.errors import AssociationRejected, Cancelled, DestinationError, LimitReached, Unreachable
from migrator.core.settings import RecoverySettings
from migrator.engine.breaker import Breaker, Circuit
from migrator.engine.crew import Crew
from tests.engine.making import Steady

DOWN = Unreachable("nobody there")


class Clock:
    """Time passes when somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A breaker whose destination answers C-ECHO as told; a wait moves the clock."""

    def __init__(self, **settings: object) -> None:
        self.clock = Clock()
        self.control = Control()
        self.control.wait = self._wait  # type: ignore[method-assign]
        self.answers: list[bool] = []
        self.probes: list[float] = []
        self.breaker = Breaker(
            RecoverySettings.model_validate(settings), self._probe, self.control, self.clock
        )

    def _wait(self, seconds: float) -> None:
        self.control.check()
        self.clock.now += seconds

    def _probe(self) -> None:
        self.probes.append(self.clock.now)
        if not (self.answers.pop(0) if self.answers else True):
            raise DOWN

    def fail(self, times: int) -> None:
        for _ in range(times):
            self.breaker.failed(DOWN)

    def passes(self, number: int = 1) -> bool:
        return self.breaker.pass_through(number, lambda: True)


def test_it_opens_after_as_many_failures_in_a_row_as_are_set() -> None:
    bench = Bench()
    bench.fail(4)
    assert bench.breaker.circuit is Circuit.CLOSED
    bench.breaker.answered()
    bench.fail(4)
    assert bench.breaker.circuit is Circuit.CLOSED
    bench.fail(1)
    assert bench.breaker.circuit is Circuit.OPEN
    assert bench.breaker.seconds_left() == 60


def test_it_waits_asks_by_echo_and_lets_one_worker_through_whose_answer_closes_it() -> None:
    bench = Bench()
    bench.fail(5)
    assert bench.passes(1)
    assert bench.probes == [pytest.approx(160, abs=0.3)]
    assert bench.breaker.circuit is Circuit.PROBING
    assert not bench.breaker.pass_through(2, iter([True, True, False]).__next__)
    bench.breaker.answered()
    assert bench.breaker.circuit is Circuit.CLOSED
    assert bench.passes(2)


def test_each_failing_probe_doubles_the_wait_up_to_ten_times_the_first() -> None:
    bench = Bench(breaker_wait=10)
    bench.answers = [False] * 6 + [True]
    bench.fail(5)
    assert bench.passes()
    waits = [round(after - before) for before, after in zip(bench.probes, bench.probes[1:], strict=False)]
    assert waits == [20, 40, 80, 100, 100, 100]


def test_a_file_that_fails_while_probing_opens_it_again_for_longer() -> None:
    bench = Bench()
    bench.fail(5)
    assert bench.passes()
    bench.fail(1)
    assert bench.breaker.circuit is Circuit.OPEN
    assert bench.breaker.seconds_left() == 120
    bench.breaker.answered()
    bench.fail(5)
    assert bench.breaker.seconds_left() == 60


def test_when_the_probing_worker_leaves_another_takes_over() -> None:
    bench = Bench()
    bench.fail(5)
    assert bench.passes(1)
    bench.breaker.left(1)
    assert bench.passes(2)
    assert len(bench.probes) == 2


def test_a_destination_is_given_up_when_it_was_down_for_as_long_as_allowed() -> None:
    bench = Bench(give_up_after="5m")
    bench.answers = [False] * 99
    bench.fail(5)
    with pytest.raises(LimitReached, match="nobody there"):
        bench.passes()
    assert bench.clock.now == pytest.approx(400, abs=1)


def test_without_that_limit_it_waits_for_ever() -> None:
    bench = Bench()
    bench.answers = [False] * 500 + [True]
    bench.fail(5)
    assert bench.passes()
    assert bench.clock.now > 100_000


def test_time_in_which_nobody_may_send_does_not_count_as_down() -> None:
    bench = Bench(give_up_after="5m")
    bench.fail(5)
    for _ in range(60):
        bench.clock.now += 60
        bench.breaker.rest()
    assert bench.passes()


def test_a_pause_does_not_keep_a_worker_in_the_wait() -> None:
    bench = Bench()
    bench.fail(5)
    bench.control.pause()
    assert not bench.breaker.pass_through(1, iter([True, True, False]).__next__)


def test_a_probe_that_meets_what_waiting_cannot_mend_ends_the_wait_with_it() -> None:
    bench = Bench()
    bench.fail(5)

    def refuse() -> None:
        raise AssociationRejected("called AE title not recognised", 1, 1, 7)

    bench.breaker._probe = refuse
    with pytest.raises(AssociationRejected):
        bench.passes()


def test_a_cancel_ends_the_wait() -> None:
    bench = Bench()
    bench.fail(5)
    bench.control.cancel()
    with pytest.raises(Cancelled):
        bench.passes()


def test_any_destination_error_counts() -> None:
    bench = Bench(breaker_failures=1)
    bench.breaker.failed(DestinationError("out of resources"))
    assert bench.breaker.reason == "out of resources"


def crew_of(workers: int) -> tuple[Crew, Clock]:
    clock = Clock()
    crew = Crew(Steady(workers), clock)
    for number in range(workers):
        assert crew.enter(number)
    return crew, clock


def test_a_crew_has_as_many_workers_as_the_pace_allows() -> None:
    crew, _ = crew_of(4)
    assert not crew.enter(5)
    crew.leave(1)
    assert crew.enter(5)
    assert crew.room == 4


def test_a_crowded_destination_gets_half_as_many_and_slowly_more_again() -> None:
    crew, clock = crew_of(8)
    assert crew.crowded() == 4
    assert crew.crowded() is None, "all workers hear of the same crowd at once"
    assert sum(crew.stays(number) for number in range(8)) == 4
    clock.now += 11
    assert crew.crowded() == 2
    for room in (3, 4, 5):
        crew.went_well()
        clock.now += 30
        crew.went_well()
        assert crew.room == room


def test_a_destination_that_refuses_one_more_gets_what_it_accepts_and_is_asked_for_more_ever_less() -> None:
    crew, clock = crew_of(8)
    assert crew.refused(3) == 3
    assert crew.refused(3) is None
    waited = []
    for _ in range(3):
        start = clock.now
        while crew.room == 3:
            clock.now += 10
            crew.went_well()
        waited.append(clock.now - start)
        crew.refused(3)
    assert waited == [60, 120, 240]


def test_one_association_is_always_left() -> None:
    crew, _ = crew_of(1)
    assert crew.crowded() is None
    assert crew.refused(0) == 1
