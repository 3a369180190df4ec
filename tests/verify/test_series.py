"""Results by series: missing is not elsewhere, and each series has its own proof."""

from __future__ import annotations

from migrator.checks.verify_expected import Expectation, ExpectedStudy
from migrator.checks.verify_judging import judge
from migrator.checks.verify_report import SeriesResult, Verdict
from migrator.core.model import Proof, Series, SeriesHoldings, Study, StudyHoldings

STUDY = Study("S")
A, B = Series("A", "CT", "Thorax", "1", STUDY), Series("B", "SR", "", "2", STUDY)


def expected() -> ExpectedStudy:
    expectation = Expectation()
    for series, uids in ((A, "123"), (B, "4")):
        for uid in uids:
            expectation.add(series, uid)
    return expectation.studies[0]


def listed(**series: str) -> StudyHoldings:
    held = tuple(SeriesHoldings(uid, Proof.UID_SET, frozenset(uids)) for uid, uids in series.items())
    uids = frozenset(uid for one in held for uid in one.uids)
    return StudyHoldings("S", Proof.UID_SET, uids, len(uids), series=held)


def by_uid(held: StudyHoldings) -> dict[str, SeriesResult]:
    return {one.series_uid: one for one in judge(expected(), held).series}


def test_each_series_is_told_with_what_the_source_says_of_it() -> None:
    result = by_uid(listed(A="123", B="4"))
    assert (result["A"].modality, result["A"].description, result["A"].matched) == ("CT", "Thorax", 3)
    assert [one.verdict for one in result.values()] == [Verdict.MATCH, Verdict.MATCH]


def test_an_instance_under_another_series_is_elsewhere_and_not_missing() -> None:
    study = judge(expected(), listed(A="12", B="43"))
    one = study.series[0]
    assert (one.verdict, one.matched, one.missing_count, one.elsewhere) == (
        Verdict.MISMATCH,
        2,
        0,
        (("3", "B"),),
    )
    assert (study.verdict, study.missing_count, study.elsewhere_count) == (Verdict.MATCH, 0, 1)
    assert study.series[1].extra_count == 0


def test_a_series_that_is_not_listed_is_missing_whole() -> None:
    result = by_uid(listed(A="123"))
    assert (result["B"].verdict, result["B"].missing) == (Verdict.MISSING, ("4",))


def test_a_series_that_only_the_destination_has_is_told_as_extra() -> None:
    result = by_uid(listed(A="123", B="4", C="56"))
    assert (result["C"].verdict, result["C"].expected, result["C"].extra_count) == (Verdict.MATCH, 0, 2)


def test_series_keep_their_own_proof_where_the_study_has_only_a_count() -> None:
    held = StudyHoldings(
        "S",
        Proof.COUNT,
        count=4,
        reason="cut",
        series=(
            SeriesHoldings("A", Proof.COUNT, frozenset("12"), 3, "cut"),
            SeriesHoldings("B", Proof.UID_SET, frozenset("4"), 1),
        ),
    )
    result = by_uid(held)
    assert [(one.proof, one.verdict) for one in result.values()] == [
        (Proof.COUNT, Verdict.MATCH),
        (Proof.UID_SET, Verdict.MATCH),
    ]


def test_without_any_list_series_are_unproven() -> None:
    result = by_uid(StudyHoldings("S", Proof.COUNT, count=4, reason="it does not list series"))
    assert {one.verdict for one in result.values()} == {Verdict.UNPROVEN}


def counted(total: int, **series: int) -> StudyHoldings:
    """Nothing is listed, and each series is counted."""
    held = tuple(SeriesHoldings(uid, Proof.COUNT, count=count, reason="cut") for uid, count in series.items())
    return StudyHoldings("S", Proof.COUNT, count=total, reason="cut", series=held)


def test_a_count_that_is_equal_by_chance_proves_nothing() -> None:
    assert judge(expected(), counted(4, A=3, B=1)).verdict is Verdict.MATCH
    for held in (counted(4, A=2, B=2), counted(4, A=3, C=1), counted(4, A=4)):
        result = judge(expected(), held)
        assert (result.verdict, result.matched) == (Verdict.UNPROVEN, 0)
        assert "4 instances" in result.reason
    assert judge(expected(), counted(3, A=2, C=1)).verdict is Verdict.MISMATCH


def test_a_count_among_which_others_are_listed_proves_nothing() -> None:
    series = (
        SeriesHoldings("A", Proof.COUNT, frozenset("19"), 3, "cut"),
        SeriesHoldings("B", Proof.UID_SET, frozenset("4"), 1),
    )
    result = judge(expected(), StudyHoldings("S", Proof.COUNT, count=4, reason="cut", series=series))
    assert (result.verdict, result.series[0].verdict) == (Verdict.UNPROVEN, Verdict.UNPROVEN)
