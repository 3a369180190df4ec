"""Verification compares sets, and claims no more than the proof allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pytest

from migrator.checks.verify import Manner, verify
from migrator.checks.verify_expected import ExpectedStudy
from migrator.checks.verify_judging import judge as judge_study
from migrator.checks.verify_report import StudyResult, Verdict, VerifyReport
from migrator.core.control import Control
from migrator.core.errors import AssociationLost, Cancelled, Unreachable
from migrator.core.model import Proof, StudyHoldings

UIDS = frozenset({"1", "2", "3"})


def studies(names: Iterable[str], uids: Iterable[str] = UIDS) -> list[ExpectedStudy]:
    """Studies of one series each."""
    return [ExpectedStudy(name, {"A": set(uids)}) for name in names]


def judge(study: str, uids: frozenset[str], held: StudyHoldings) -> StudyResult:
    return judge_study(ExpectedStudy(study, {"A": set(uids)}), held)


def uid_set(*uids: str) -> StudyHoldings:
    return StudyHoldings("S", Proof.UID_SET, frozenset(uids), len(uids))


def count(number: int) -> StudyHoldings:
    return StudyHoldings("S", Proof.COUNT, count=number, reason="it does not list instances")


class Shelf:
    """A Finder over a dictionary; what is an exception there is raised."""

    def __init__(self, studies: dict[str, StudyHoldings | Exception]) -> None:
        self.shelf = studies
        self.asked: list[str] = []

    def holdings(self, study_uid: str, expected: Mapping[str, frozenset[str]]) -> StudyHoldings:
        self.asked.append(study_uid)
        answer = self.shelf[study_uid]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def studies(self, study_uid: str) -> None:
        return None


def check(
    shelf: Shelf, control: Control | None = None, asked: Callable[[int], None] = lambda number: None
) -> VerifyReport:
    return verify(studies(shelf.shelf), shelf, control or Control(), asked)


def test_the_same_set_matches() -> None:
    result = judge("S", UIDS, uid_set("1", "2", "3"))
    assert (result.verdict, result.matched, result.missing, result.extra) == (Verdict.MATCH, 3, (), ())


def test_as_many_other_instances_do_not_match() -> None:
    result = judge("S", UIDS, uid_set("1", "2", "x"))
    assert (result.verdict, result.matched, result.missing, result.extra) == (
        Verdict.MISMATCH,
        2,
        ("3",),
        ("x",),
    )


def test_extra_instances_are_told_and_do_not_spoil_the_match() -> None:
    result = judge("S", UIDS, uid_set("1", "2", "3", "4", "5"))
    assert (result.verdict, result.extra_count, result.missing_count) == (Verdict.MATCH, 2, 0)


def test_extra_instances_are_named_up_to_a_limit_and_counted_beyond() -> None:
    result = judge("S", UIDS, uid_set(*UIDS, *(f"9.{n}" for n in range(1000))))
    assert result.extra_count == 1000
    assert len(result.extra) == 100


@pytest.mark.parametrize(
    ("held", "verdict", "matched", "missing"),
    [
        (3, Verdict.MATCH, 3, 0),
        (2, Verdict.MISMATCH, 2, 1),
        (0, Verdict.MISSING, 0, 3),
        (4, Verdict.UNPROVEN, 0, 0),
    ],
)
def test_a_count_proves_only_when_it_is_equal(
    held: int, verdict: Verdict, matched: int, missing: int
) -> None:
    result = judge("S", UIDS, count(held))
    assert (result.verdict, result.matched, result.missing_count) == (verdict, matched, missing)
    assert (result.proof, result.missing) == (Proof.COUNT, ())


def test_no_proof_is_unproven_with_the_reason() -> None:
    result = judge("S", UIDS, StudyHoldings("S", Proof.NONE, reason="no C-FIND"))
    assert (result.verdict, result.reason, result.missing_count) == (Verdict.UNPROVEN, "no C-FIND", 0)


def test_the_report_adds_up_and_is_proven_only_when_all_match() -> None:
    report = check(Shelf({"a": uid_set(*UIDS), "b": uid_set("1", "9"), "c": uid_set()}))
    assert (report.expected, report.matched, report.missing, report.extra) == (9, 4, 5, 1)
    assert [study.verdict for study in report.studies] == [Verdict.MATCH, Verdict.MISMATCH, Verdict.MISSING]
    assert not report.is_proven
    assert check(Shelf({"a": uid_set(*UIDS)})).is_proven


def test_a_destination_that_cannot_be_asked_at_all_is_an_error() -> None:
    with pytest.raises(Unreachable):
        check(Shelf({"a": Unreachable("gone"), "b": uid_set()}))


def test_a_destination_that_is_lost_later_leaves_the_rest_unproven() -> None:
    lost = {f"s{n}": AssociationLost("gone") for n in range(10)}
    shelf = Shelf({"a": uid_set(*UIDS), **lost})
    report = check(shelf)
    assert [study.verdict for study in report.studies] == [Verdict.MATCH] + [Verdict.UNPROVEN] * 10
    assert len(shelf.asked) < 6


def test_cancelling_stops_between_two_studies() -> None:
    control = Control()
    shelf = Shelf({f"s{n}": uid_set(*UIDS) for n in range(5)})
    with pytest.raises(Cancelled):
        check(shelf, control, lambda number: control.cancel() if number == 2 else None)
    assert shelf.asked == ["s0", "s1"]


def test_nothing_asked_is_nothing_proven() -> None:
    assert not verify([], Shelf({}), Control(), lambda number: None).is_proven


def test_a_tolerant_verification_reports_a_destination_that_cannot_be_asked() -> None:
    shelf = Shelf({f"s{n}": Unreachable("gone") for n in range(5)})
    report = verify(studies(shelf.shelf), shelf, Control(), print, Manner(tolerant=True))
    assert [study.verdict for study in report.studies] == [Verdict.UNPROVEN] * 5
    assert report.studies[0].reason == "gone"
    assert len(shelf.asked) == 3


def test_a_tolerant_verification_can_be_cancelled() -> None:
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        verify(studies("s"), Shelf({"s": uid_set(*UIDS)}), control, print, Manner(tolerant=True))


def test_instances_of_an_unknown_study_are_unproven_and_not_asked_for() -> None:
    shelf = Shelf({"s": uid_set(*UIDS)})
    report = verify([*studies([""], "9"), *studies("s")], shelf, Control(), lambda number: None)
    assert [study.verdict for study in report.studies] == [Verdict.UNPROVEN, Verdict.MATCH]
    assert shelf.asked == ["s"]


def test_a_destination_far_away_is_asked_over_several_associations_and_the_order_stays() -> None:
    names = [f"s{n}" for n in range(40)]
    shelf = Shelf({name: uid_set(*UIDS) for name in names})
    helpers = [Shelf(shelf.shelf), Shelf(shelf.shelf)]
    told: list[float] = []
    counts: list[int] = []

    def help_out(seconds: float) -> list[Shelf]:
        told.append(seconds)
        return helpers

    report = verify(studies(names), shelf, Control(), counts.append, Manner(helpers=help_out))
    assert [study.study_uid for study in report.studies] == names
    assert report.is_proven
    assert (counts, len(told)) == (list(range(1, 41)), 1)
    asked = [name for one in (shelf, *helpers) for name in one.asked]
    assert sorted(asked) == sorted(names)


def test_a_helper_that_is_turned_away_leaves_its_studies_to_the_first() -> None:
    names = [f"s{n}" for n in range(20)]
    shelf = Shelf({name: uid_set(*UIDS) for name in names})
    refused = Shelf(dict.fromkeys(names, Unreachable("no more associations")))
    manner = Manner(helpers=lambda seconds: [refused])
    report = verify(studies(names), shelf, Control(), lambda number: None, manner)
    assert report.is_proven
    assert [study.study_uid for study in report.studies] == names


def test_cancelling_stops_helpers_too() -> None:
    control = Control()
    shelf = Shelf({f"s{n}": uid_set(*UIDS) for n in range(50)})
    manner = Manner(helpers=lambda seconds: [Shelf(shelf.shelf)])
    with pytest.raises(Cancelled):
        verify(
            studies(shelf.shelf),
            shelf,
            control,
            lambda number: control.cancel() if number == 10 else None,
            manner,
        )
    assert len(shelf.asked) < 50
