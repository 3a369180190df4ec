"""The plateau, the cost of a file and of a byte, the choice of samples: without any network."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from migrator.checks.speed_test import Rate, cost_of, forecast, levels, percentile, plateau, rate_of
from migrator.checks.speed_test_samples import Sampler
from migrator.checks.speed_test_steps import Sent, Shipment, Step, StepPlan, StepRun
from migrator.core.control import Control
from migrator.core.edits import Edit
from migrator.core.model import ContextPair, Instance, Series, Study
from migrator.core.outcome import Outcome
from migrator.jobs.speed_test_estimate import estimate


def instance(number: int, size: int = 1000, kind: str = "CT", study: int = 0) -> Instance:
    series = Series(f"s{study}", study=Study(f"study{study}"))
    return Instance(f"path{number}", size, 1, 0, "syntax", kind, f"uid{number}", series)


def rates(*values: tuple[int, float], noise: float = 0.0) -> list[Rate]:
    return [Rate(workers, speedup, noise) for workers, speedup in values]


@pytest.mark.parametrize(
    ("measured", "noise", "best"),
    [
        (((1, 100.0), (2, 190.0), (4, 350.0), (8, 360.0)), 0.0, 4),
        (((1, 100.0), (2, 200.0), (4, 400.0), (8, 800.0)), 0.0, 8),
        (((1, 100.0), (2, 99.0), (4, 60.0), (8, 30.0)), 0.0, 1),
        (((1, 100.0), (2, 85.0), (4, 115.0)), 0.15, 1),
        (((1, 100.0), (2, 200.0), (4, 230.0)), 0.02, 4),
        (((1, 100.0), (2, 200.0), (4, 1000.0)), 0.9, 4),
    ],
)
def test_the_fewest_workers_that_are_as_good_as_the_best(
    measured: tuple[tuple[int, float], ...], noise: float, best: int
) -> None:
    assert plateau(rates(*measured, noise=noise)).workers == best


def test_the_cost_of_a_file_and_of_a_byte_is_found_again() -> None:
    cost = cost_of([(size, 0.004 + size / 50e6) for size in (1000, 20_000, 20_000, 500_000, 50_000_000)])
    assert cost.per_file == pytest.approx(0.004)
    assert 1 / cost.per_byte == pytest.approx(50e6)


@pytest.mark.parametrize(
    "times",
    [
        [(1000, 0.01), (1000, 0.012)],
        [(1000, 0.02), (1_000_000, 0.01)],
        [(1000, 0.00001), (1_000_000, 0.1)],
        [(0, 0.01)],
        [(1000, 0.0)],
        [],
    ],
)
def test_no_cost_is_negative_whatever_was_measured(times: list[tuple[int, float]]) -> None:
    cost = cost_of(times)
    assert cost.per_file >= 0
    assert cost.per_byte >= 0


def step(workers: int, count: int, seconds: float, each: float) -> Step:
    return Step(workers, [Sent(instance(n % 8), 1000, each, each / 2) for n in range(count)], seconds)


def test_a_forecast_is_what_the_recommended_workers_took() -> None:
    first = step(1, 8, 0.8, 0.1)
    rounds = {1: [step(1, 80, 8.0, 0.1)] * 2, 4: [step(4, 80, 2.0, 0.1)] * 2}
    result = forecast(first, rounds)
    assert (result.workers, result.first_factor) == (4, pytest.approx(1.0))
    assert result.cost.of(80, 80_000) == pytest.approx(2.0)
    assert (result.low, result.high) == (pytest.approx(0.9), pytest.approx(1.1))


def test_a_number_of_workers_that_failed_once_is_no_candidate() -> None:
    failed = step(8, 80, 0.1, 0.1)
    failed.lost = 1
    assert rate_of([step(8, 80, 1.0, 0.1), failed], {}) is None
    rounds = {1: [step(1, 80, 8.0, 0.1)], 8: [step(8, 80, 1.0, 0.1), failed]}
    assert forecast(step(1, 8, 0.8, 0.1), rounds).workers == 1


def test_a_step_that_was_cut_off_after_its_large_objects_is_compared_by_the_work_it_did() -> None:
    large = [Sent(instance(1, 50_000_000), 50_000_000, 4.0, 0.1)] * 4
    small = [Sent(instance(2, 1000), 1000, 0.01, 0.01)] * 400
    alone = {"uid1": 4.0, "uid2": 0.01}
    whole = rate_of([Step(1, [*large, *small], 20.0)], alone)
    cut = rate_of([Step(4, large, 4.0)], alone)
    assert whole is not None
    assert cut is not None
    assert (whole.speedup, cut.speedup) == (pytest.approx(1.0), pytest.approx(4.0))
    assert plateau([whole, cut]).workers == 4


def test_an_estimate_adds_files_and_bytes_and_knows_nothing_of_nothing() -> None:
    kept = {"per_file_seconds": 0.01, "bytes_per_second_limit": 1e6, "range": [0.5, 2.0]}
    assert estimate(kept, 100, 10_000_000) == (5.5, 22.0)
    assert estimate(kept | {"bytes_per_second_limit": None}, 100, 10_000_000) == (0.5, 2.0)
    assert estimate({}, 100, 100) is None
    assert estimate({"per_file_seconds": "?"}, 100, 100) is None


def test_samples_span_the_sizes_and_the_studies() -> None:
    sampler = Sampler()
    for number in range(10_000):
        sampler.add(instance(number, size=1000 + number, study=number // 10))
    chosen = sampler.chosen(8)
    sizes = [one.size for one in chosen]
    assert len({one.study.uid for one in chosen}) == 8
    assert (min(sizes) < 3500, max(sizes) > 8500) == (True, True)
    assert (sampler.files, sampler.bytes) == (10_000, sum(1000 + n for n in range(10_000)))


def test_rare_kinds_are_sampled_too_and_there_are_never_more_samples_than_files() -> None:
    sampler = Sampler()
    for number in range(1000):
        sampler.add(instance(number))
    sampler.add(instance(1000, kind="US", size=50_000_000))
    sampler.add(instance(1001, kind="SR", size=10))
    chosen = sampler.chosen(8)
    assert {one.sop_class for one in chosen} == {"CT", "US", "SR"}
    assert len(set(chosen)) == len(chosen) == 8
    assert len({one.path for one in Sampler().chosen(8)}) == 0
    few = Sampler()
    few.add(instance(1))
    assert few.chosen(8) == (instance(1),)


class Broken:
    """A sender that fails as no sender should, when it opens or when it stores."""

    is_open = True

    def __init__(self, at: str) -> None:
        self._at = at

    def open(self, pairs: Collection[ContextPair], *, is_uncompressed: bool = False) -> None:
        if self._at == "open":
            raise ValueError("NAME^OF PATIENT")

    def covers(self, pairs: Collection[ContextPair]) -> bool:
        return True

    def store(
        self, instance: Instance, edits: tuple[Edit, ...] = (), then: Instance | None = None
    ) -> Outcome:
        raise ValueError("NAME^OF PATIENT")

    def release(self) -> None:
        self.is_open = False

    def abort(self) -> None:
        self.is_open = False


@pytest.mark.parametrize(("at", "unopened", "lost"), [("open", 2, 0), ("store", 0, 2)])
def test_a_sender_that_fails_unexpectedly_ends_its_step(at: str, unopened: int, lost: int) -> None:
    senders = [Broken(at), Broken(at)]
    ended = StepRun(StepPlan([Shipment(instance(1))], 4, 1.0), senders, Control()).run()
    assert (ended.counts, ended.unopened, ended.lost, ended.reason) == (False, unopened, lost, "ValueError")
    assert not any(sender.is_open for sender in senders)


def test_levels_and_percentiles() -> None:
    assert [levels(most) for most in (1, 2, 6, 8, 16)] == [
        [1],
        [1, 2],
        [1, 2, 4, 6],
        [1, 2, 4, 8],
        [1, 2, 4, 8, 16],
    ]
    assert (percentile([], 0.5), percentile([3.0, 1.0, 2.0], 0.5), percentile([1.0, 9.0], 0.95)) == (0, 2, 9)
