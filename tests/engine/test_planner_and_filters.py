"""What is left out, and how the rest is cut into batches."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.core.errors import UsageError
from migrator.core.model import Instance, Reason
from migrator.core.settings import FilterSettings, SendSettings
from migrator.engine.filters import filters_of, reason_to_leave
from migrator.engine.planner import Planner
from tests.engine.making import make_instance, make_series, make_study


def plan(instances: list[Instance], **settings: object) -> list[tuple[str, int]]:
    batches = Planner(SendSettings(**settings)).plan(instances)  # type: ignore[arg-type]
    return [(batch.study_uid, len(batch.instances)) for batch in batches]


def test_a_study_scattered_over_folders_is_one_batch() -> None:
    one, two = make_study(1, 3), make_study(2, 3)
    mixed = [one[0], two[0], one[1], two[1], one[2], two[2]]
    assert plan(mixed) == [("1.2.1", 3), ("1.2.2", 3)]


def test_a_study_beyond_the_limit_is_split() -> None:
    assert plan(make_study(1, 10), split_limit=4) == [("1.2.1", 4), ("1.2.1", 4), ("1.2.1", 2)]


@pytest.mark.parametrize(
    ("order", "expected"), [("found", [2, 1, 3]), ("newest", [3, 2, 1]), ("oldest", [1, 2, 3])]
)
def test_studies_come_in_the_order_asked_for(order: str, expected: list[int]) -> None:
    series = {number: make_series(number, date=f"202{number}0101") for number in (1, 2, 3)}
    instances = [make_instance(1, series[number]) for number in (2, 1, 3)]
    assert [uid for uid, *_ in plan(instances, order=order)] == [f"1.2.{number}" for number in expected]


def test_no_batch_needs_more_than_128_contexts() -> None:
    study = [make_instance(number, sop_class=f"1.9.{number % 300}") for number in range(900)]
    batches = list(Planner(SendSettings()).plan(study))
    assert max(len(batch.pairs) for batch in batches) <= 128
    assert sum(len(batch.instances) for batch in batches) == 900


def test_without_study_batches_nothing_is_lost() -> None:
    instances = [one for study in range(1, 40) for one in make_study(study, 7)]
    batches = list(Planner(SendSettings(study_batches=False)).plan(instances))
    assert [one for batch in batches for one in batch.instances] == instances


def leaves(instance: Instance, **settings: object) -> Reason | None:
    return reason_to_leave(filters_of(FilterSettings(**settings)), instance)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "stays"),
    [
        ({"modality": ("MR", "ct")}, True),
        ({"modality": ("MR,CT",)}, True),
        ({"modality": ("MR",)}, False),
        ({"study_date": "20200101"}, True),
        ({"study_date": "20200102"}, False),
        ({"study_date": "20191231..20200101"}, True),
        ({"study_date": "2020-01-01.."}, True),
        ({"study_date": "..20191231"}, False),
        ({"patient": ("P1",)}, True),
        ({"patient": ("doe*",)}, True),
        ({"patient": ("P?",)}, True),
        ({"patient": ("Doe",)}, False),
    ],
)
def test_a_filter_keeps_what_it_names(settings: dict[str, object], stays: bool) -> None:
    assert (leaves(make_instance(), **settings) is None) is stays


def test_lists_of_studies_and_files_are_read_from_files(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_bytes(b"\xef\xbb\xbf1.2.1\r\n# no study\r\n\r\n./1.2.2/IM1\r\n")
    mine, other = make_instance(1, make_series(1)), make_instance(1, make_series(2))
    assert leaves(mine, studies_from=str(names)) is None
    assert leaves(other, studies_from=str(names)) is Reason.FILTERED
    assert leaves(mine, files_from=str(names)) is Reason.FILTERED
    assert leaves(other, files_from=str(names)) is None


def test_shards_share_the_studies_without_gap_or_overlap() -> None:
    instances = [make_instance(1, make_series(study)) for study in range(200)]
    kept = [
        {one.study.uid for one in instances if leaves(one, shard=f"{part}/3") is None} for part in (1, 2, 3)
    ]
    assert sum(map(len, kept)) == 200
    assert len(set().union(*kept)) == 200
    assert min(map(len, kept)) > 40


@pytest.mark.parametrize(
    "settings",
    [
        {"study_date": "yesterday"},
        {"study_date": ".."},
        {"study_date": "20200102..20200101"},
        {"shard": "4/3"},
        {"studies_from": "/nowhere/at/all"},
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        leaves(make_instance(), **settings)
