"""The sample is spread over kinds of objects and over studies, and a seed tells which it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from migrator.checks.deep import DeepCheck
from migrator.checks.deep_sample import choose, place_of
from migrator.checks.verify_sent import SentRow
from migrator.core.comparison import Examined, Fate
from migrator.core.control import Control
from migrator.core.errors import AssociationLost
from migrator.core.model import Instance, Series, Study
from migrator.jobs.verify_deep import as_if_sent

Rows = Callable[[], Iterable[SentRow]]


def row(path: str, modality: str = "CT", study: str = "1", syntax: str = "1.2.840.10008.1.2.1") -> SentRow:
    series = Series(f"{study}.{modality}", modality, study=Study(study))
    return as_if_sent(Instance(path, 1, 1, 0, syntax, "1.2.840.10008.5.1.4.1.1.2", path, series))


def chosen(rows: list[SentRow], percent: float, seed: int = 1) -> list[SentRow]:
    places = choose(lambda: rows, percent, seed)
    return [one for one in rows if place_of(seed, one.row.path) in places]


MANY = [row(f"a{number}", study=str(number % 20)) for number in range(1000)]


@pytest.mark.parametrize(("percent", "count"), [(0.01, 1), (1, 10), (2.5, 25), (33.33, 334), (100, 1000)])
def test_it_is_as_large_as_asked_for_and_never_empty(percent: float, count: int) -> None:
    assert len(chosen(MANY, percent)) == count


def test_of_nothing_nothing_is_chosen() -> None:
    assert choose(list, 50, 1) == frozenset()


def test_rare_kinds_get_their_turn() -> None:
    rare = [row("sr", "SR"), row("rle", syntax="1.2.840.10008.1.2.5")]
    assert {"sr", "rle"} < {one.row.path for one in chosen([*MANY, *rare], 1)}


def test_every_study_gets_its_turn_before_any_gets_another() -> None:
    huge = [row(f"b{number}", study="huge") for number in range(5000)]
    studies = [one.row.series.study.uid for one in chosen([*huge, *MANY], 0.3) if one.row.series]
    assert len(studies) == 18
    assert len(set(studies)) == 18


def test_another_seed_is_another_sample_and_the_same_one_the_same() -> None:
    first, again, other = (chosen(MANY, 2, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_destination_that_stopped_answering_is_not_asked_any_more() -> None:
    asked: list[str] = []

    def examine(sent: SentRow) -> Examined:
        asked.append(sent.row.path)
        raise AssociationLost("gone")

    report = DeepCheck(lambda: MANY, 1, 1).run(examine, Control(), lambda done, total: None)
    assert (report.asked, report.unretrieved, report.is_clean, len(asked)) == (10, 10, False, 3)


def test_what_could_not_be_compared_proves_nothing() -> None:
    fates = iter([Fate.IDENTICAL, Fate.UNCOMPARED])
    check = DeepCheck(lambda: MANY[:2], 100, 1)
    report = check.run(lambda sent: Examined(next(fates)), Control(), lambda done, total: None)
    assert (report.compared, report.uncompared, report.is_clean) == (1, 1, False)
