"""The tree of what a scan found: how it grows, what is chosen in it, and what of it is shown."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from migrator.core.errors import UsageError
from migrator.core.model import Instance, Patient, Reason, Series, Study
from migrator.core.outcome import Problem, State
from migrator.jobs.inventory_chosen import chosen_files, whole_studies
from migrator.jobs.inventory_nodes import Line, PatientNode, SeriesNode, key_of
from migrator.jobs.inventory_tree import InventoryTree
from migrator.jobs.inventory_view import (
    Order,
    Sifting,
    arrange,
    check_shown,
    first_day,
    last_day,
    sift,
)
from migrator.jobs.scan_list import ScanList
from migrator.jobs.tail import Tail

Listed = Callable[[Iterable[Instance | Problem]], Tail]
_Value = TypeVar("_Value")

ANNA, BERT = Patient("1", "", "Anna"), Patient("2", "", "Bert")
EARLY, LATE = Study("1.1", "20200115", "Thorax", patient=ANNA), Study("1.2", "20240301", "Head", patient=ANNA)
OTHER = Study("2.1", "20220707", "Knee", patient=BERT)
SERIES = (
    Series("1.1.1", "CT", "axial", "1", EARLY),
    Series("1.1.2", "CT", "coronal", "2", EARLY),
    Series("1.2.1", "MR", "T1", "10", LATE),
    Series("1.2.2", "MR", "T2", "9", LATE),
    Series("2.1.1", "CR", "", "1", OTHER),
)


def instance(series: Series, number: int) -> Instance:
    uid = f"{series.uid}.{number}"
    return Instance(f"{uid}.dcm", 100, 0, 0, "1.2.840.10008.1.2", "1.2.840.10008.5.1.4.1.1.2", uid, series)


def found(series: Iterable[Series] = SERIES, each: int = 3) -> list[Instance | Problem]:
    return [instance(one, number) for one in series for number in range(each)]


@pytest.fixture
def listed(tmp_path: Path) -> Iterator[Listed]:
    """Writes the list of a scan that found these, and opens it."""
    tails: list[Tail] = []

    def make(items: Iterable[Instance | Problem]) -> Tail:
        file = tmp_path / f"list{len(tails)}.jsonl"
        with ScanList(file, str(tmp_path)) as written:
            for item in items:
                written.add(item)
        tails.append(Tail(file))
        return tails[-1]

    yield make
    for tail in tails:
        tail.close()


@pytest.fixture
def tail(listed: Listed) -> Tail:
    return listed(found())


def grown(tail: Tail, tree: InventoryTree | None = None) -> InventoryTree:
    tree = tree or InventoryTree(tail)
    is_all = False
    while not is_all:
        growth = tail.read(0.0)  # as little at a time as it can
        tree.take(growth)
        is_all = growth.is_all
    return tree


def done(work: Generator[None, None, _Value]) -> _Value:
    while True:
        try:
            next(work)
        except StopIteration as over:
            value: _Value = over.value
            return value


def check(tree: InventoryTree, lines: Iterable[Line], is_wanted: bool) -> None:
    for _ in tree.check(lines, is_wanted):
        pass


def line(tree: InventoryTree, name: str) -> Line:
    """A patient by name, a study by description, a series by description."""
    for patient in tree.root.children:
        for one in (patient, *patient.children, *(s for study in patient.children for s in study.children)):
            if name == (one.about.name if isinstance(one, PatientNode) else one.about.description):
                return one
    raise AssertionError(name)


def names(lines: Iterable[Line]) -> list[str]:
    return [one.about.name if isinstance(one, PatientNode) else one.about.description for one in lines]


def shown(tree: InventoryTree, **conditions: object) -> list[str]:
    passing = done(sift(tree, Sifting(**conditions)))  # type: ignore[arg-type]
    everything = {one for one in lines_of(tree) if not isinstance(one, SeriesNode)}
    return names(done(arrange(tree, passing, Order(), everything)))


def lines_of(tree: InventoryTree) -> list[Line]:
    every: list[Line] = []
    for patient in tree.root.children:
        every.append(patient)
        for study in patient.children:
            every += [study, *study.children]
    return every


def test_counts_and_sizes_add_up_at_every_level(tail: Tail) -> None:
    tree = grown(tail)
    assert (tree.root.instances, tree.root.size, tree.studies) == (15, 1500, 3)
    assert [patient.instances for patient in tree.root.children] == [12, 3]
    assert line(tree, "Thorax").instances == 6
    assert line(tree, "axial").instances == 3
    assert tree.words == "15 of 15 instances in 3 studies of 2 patients selected, 1.5 kB"


def test_rows_of_a_series_keep_the_order_in_which_they_were_found(listed: Listed) -> None:
    mixed = [instance(one, number) for number in range(4) for one in SERIES[:2]]
    tree = grown(listed(mixed))
    series = line(tree, "axial")
    assert isinstance(series, SeriesNode)
    assert list(series.rows) == [0, 2, 4, 6]


def test_what_cannot_be_sent_is_counted_apart(listed: Listed) -> None:
    problems = [
        Problem("notes.txt", 5, 0, State.SKIPPED, Reason.NOT_DICOM),
        Problem("x.dcm", 5, 0, State.HELD, Reason.CONFLICT, instance=instance(SERIES[0], 9)),
    ]
    tree = grown(listed([*found(), *problems]))
    assert (tree.root.instances, tree.root.problems, list(tree.problems)) == (15, 2, [15, 16])
    series = line(tree, "axial")
    assert isinstance(series, SeriesNode)
    assert (series.instances, series.problems, len(list(series.rows))) == (3, 1, 4)
    check(tree, [series], False)
    check(tree, [series], True)
    assert tree.is_everything


def test_one_patient_id_under_two_names_is_two_patients(listed: Listed) -> None:
    twin = Study("1.1", patient=Patient("1", "", "Anne"))
    tree = grown(listed(found([SERIES[0], Series("1.1.9", study=twin)])))
    assert [patient.about.name for patient in tree.root.children] == ["Anna", "Anne"]
    check(tree, [tree.root.children[1]], False)
    # The study is one at the destination: leaving out a part of it must not leave out, or take, all.
    assert done(whole_studies(tree)) is None
    assert done(chosen_files(tree)) == ("1.1.1.0.dcm", "1.1.1.1.dcm", "1.1.1.2.dcm")


def test_leaving_out_a_study_leaves_a_list_of_the_others(tail: Tail) -> None:
    tree = grown(tail)
    assert tree.is_everything
    check(tree, [line(tree, "Thorax")], False)
    assert not tree.is_everything
    assert line(tree, "Anna").is_part
    assert done(whole_studies(tree)) == ("1.2", "2.1")
    assert tree.words == "9 of 15 instances in 2 studies of 2 patients selected, 900 B"


def test_leaving_out_a_series_leaves_a_list_of_files(tail: Tail) -> None:
    tree = grown(tail)
    check(tree, [line(tree, "Anna")], False)
    check(tree, [line(tree, "T1")], True)
    assert done(whole_studies(tree)) is None
    assert done(chosen_files(tree)) == tuple(
        f"{uid}.{number}.dcm" for uid in ("1.2.1", "2.1.1") for number in range(3)
    )


def test_single_instances_are_left_out_and_taken_back(tail: Tail) -> None:
    tree = grown(tail)
    series = line(tree, "axial")
    assert isinstance(series, SeriesNode)
    tree.check_rows(series, [1], False)
    assert (series.chosen, series.is_part, series.takes(1)) == (2, True, False)
    assert "1.1.1.1.dcm" not in done(chosen_files(tree))
    for _ in tree.invert():
        pass
    assert done(chosen_files(tree)) == ("1.1.1.1.dcm",)
    for _ in tree.invert():
        pass
    tree.check_rows(series, [1], True)
    assert tree.is_everything
    tree.check_rows(series, [0, 1, 2], False)
    assert series.chosen == 0
    assert not series.is_wanted


def test_what_is_found_later_follows_what_it_is_part_of(tail: Tail) -> None:
    tree = InventoryTree(tail)
    tree.take(tail.read(0.0))
    check(tree, [tree.root], False)
    grown(tail, tree)
    assert tree.root.chosen == 0
    check(tree, [line(tree, "Anna"), line(tree, "Bert")], True)
    assert tree.is_everything


def test_choices_outlive_another_scan_of_the_same_source(tail: Tail, listed: Listed) -> None:
    tree = grown(tail)
    check(tree, [line(tree, "Thorax"), line(tree, "T2")], False)
    series = line(tree, "T1")
    assert isinstance(series, SeriesNode)
    tree.check_rows(series, [next(series.rows)], False)
    again = listed([*reversed(found()), instance(SERIES[1], 7)])
    later = grown(again, InventoryTree(again, tree.choices))
    assert set(done(chosen_files(later))) == set(done(chosen_files(tree)))
    check(later, [later.root], True)
    assert later.root.chosen == 16


def test_choices_outlive_a_scan_that_finds_less_or_nothing(tail: Tail, listed: Listed) -> None:
    tree = grown(tail)
    check(tree, [line(tree, "Bert"), line(tree, "T2")], False)
    series = line(tree, "T1")
    assert isinstance(series, SeriesNode)
    tree.check_rows(series, [next(series.rows)], False)
    nothing = listed([])
    failed = grown(nothing, InventoryTree(nothing, tree.choices))
    assert not failed.is_everything  # what is left out may be there again
    less = listed(found(SERIES[:3], each=2))
    stopped = grown(less, InventoryTree(less, failed.choices))
    again = listed(found())
    later = grown(again, InventoryTree(again, stopped.choices))
    assert set(done(chosen_files(later))) == set(done(chosen_files(tree)))


def test_what_is_decided_in_a_scan_counts_more_than_what_was_before(tail: Tail, listed: Listed) -> None:
    tree = grown(tail)
    check(tree, [tree.root], False)
    check(tree, [line(tree, "T1"), line(tree, "Bert")], True)
    again = listed(found())
    later = InventoryTree(again, tree.choices)
    check(later, [later.root], False)
    assert grown(again, later).root.chosen == 0
    third = listed([*found(SERIES[:2]), *found(SERIES[2:])])
    last = InventoryTree(third, tree.choices)
    for _ in last.invert():
        pass
    grown(third, last)
    assert set(done(chosen_files(last))) == {
        f"{uid}.{number}.dcm" for uid in ("1.1.1", "1.1.2", "1.2.2") for number in range(3)
    }


def test_what_is_found_while_the_choice_is_inverted_is_inverted_once(listed: Listed) -> None:
    patients = [Patient(str(number), "", f"P{number}") for number in range(40)]
    series = [Series(f"{one.id}.1.1", "CT", "", "1", Study(f"{one.id}.1", patient=one)) for one in patients]
    tail = listed(found(series, each=20))
    tree = InventoryTree(tail)
    tree.take(tail.read(0.0))
    assert 0 < len(tree.root.children) < 40
    work = tree.invert()
    next(work)
    grown(tail, tree)
    for _ in work:
        pass
    assert (len(tree.root.children), tree.root.chosen) == (40, 0)
    assert not any(one.is_wanted for one in tree.root.children)


def test_a_series_tells_its_rows_after_any_of_them(listed: Listed) -> None:
    mixed = [
        instance(one, 2 * number + twin)
        for number in range(3)
        for one, twin in ((SERIES[0], 0), (SERIES[0], 1), (SERIES[1], 0))
    ]
    series = line(grown(listed(mixed)), "axial")
    assert isinstance(series, SeriesNode)
    rows = list(series.rows)
    assert rows == [0, 1, 3, 4, 6, 7]
    for index, row in enumerate([-1, *rows]):
        assert list(series.rows_after(row)) == rows[index:]


def test_a_line_is_found_again_by_its_key(tail: Tail) -> None:
    tree = grown(tail)
    assert all(tree.find(key_of(one)) is one for one in lines_of(tree))
    assert tree.find(("1", "", "Nobody")) is None
    assert tree.find(("1", "", "Anna", "9.9", "1", "CT")) is None


def test_each_level_stands_in_the_order_that_people_look_for(tail: Tail) -> None:
    assert shown(grown(tail)) == [
        *("Anna", "Thorax", "axial", "coronal", "Head", "T2", "T1"),
        *("Bert", "Knee", ""),
    ]


@pytest.mark.parametrize(
    ("order", "patients"),
    [
        (Order("name", True), ["Bert", "Anna"]),
        (Order("date"), ["Bert", "Anna"]),
        (Order("instances"), ["Bert", "Anna"]),
        (Order("id", True), ["Bert", "Anna"]),
        (Order("modality"), ["Bert", "Anna"]),
        (Order("studies"), ["Bert", "Anna"]),
        (Order("series", True), ["Anna", "Bert"]),
        (Order("size", True), ["Anna", "Bert"]),
    ],
)
def test_lines_are_sorted_by_any_column(tail: Tail, order: Order, patients: list[str]) -> None:
    assert names(done(arrange(grown(tail), None, order, ()))) == patients


@pytest.mark.parametrize(
    ("conditions", "lines"),
    [
        ({"text": "ann"}, ["Anna", "Thorax", "axial", "coronal", "Head", "T2", "T1"]),
        ({"text": "thorax"}, ["Anna", "Thorax", "axial", "coronal"]),
        ({"text": "t2"}, ["Anna", "Head", "T2"]),
        ({"modalities": frozenset({"CR", "CT"})}, ["Anna", "Thorax", "axial", "coronal", "Bert", "Knee", ""]),
        ({"first": "20220101", "last": "20221231"}, ["Bert", "Knee", ""]),
        ({"first": "20240301"}, ["Anna", "Head", "T2", "T1"]),
        ({"text": "nothing of that kind"}, []),
    ],
)
def test_filters_show_what_fits_with_what_it_is_part_of(
    tail: Tail, conditions: dict[str, object], lines: list[str]
) -> None:
    assert shown(grown(tail), **conditions) == lines


def test_only_what_is_chosen_is_shown_where_that_is_wanted(tail: Tail) -> None:
    tree = grown(tail)
    check(tree, [line(tree, "Thorax"), line(tree, "Bert"), line(tree, "T1")], False)
    assert shown(tree, is_chosen_only=True) == ["Anna", "Head", "T2"]


def test_what_is_shown_can_be_all_that_is_chosen(tail: Tail) -> None:
    tree = grown(tail)
    done(check_shown(tree, done(sift(tree, Sifting(modalities=frozenset({"CT"}))))))
    assert done(whole_studies(tree)) == ("1.1",)
    done(check_shown(tree, None))
    assert tree.is_everything


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024", "20240101", "20241231"),
        ("2024-02", "20240201", "20240231"),
        ("2024-02-03", "20240203", "20240203"),
        ("20240203", "20240203", "20240203"),
        (" ", "", ""),
    ],
)
def test_a_year_or_a_month_is_all_of_its_days(text: str, first: str, last: str) -> None:
    assert (first_day(text), last_day(text)) == (first, last)


@pytest.mark.parametrize("text", ["24", "2024-13", "2024-00", "2024-01-32", "03.02.2024", "yesterday"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="YYYY-MM-DD"):
        first_day(text)
