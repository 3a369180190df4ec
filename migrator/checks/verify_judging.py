"""Judging what a destination answered about one study, against what it should hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from migrator.checks.verify_expected import ExpectedStudy
from migrator.checks.verify_report import SeriesResult, StudyResult, Verdict
from migrator.core.model import Proof, Series, SeriesHoldings, StudyHoldings

# The verdict, how many are matched and how many missing, and the reason.
_Counted = tuple[Verdict, int, int, str]

_MOST_EXTRA = 100  # UIDs named per study; the count is always true


def judge(expected: ExpectedStudy, held: StudyHoldings) -> StudyResult:
    """Compare one study with what the destination answered.

    A count proves only when it is equal: one that is larger may hide missing instances behind others.
    """
    uids, series = expected.uids, _judge_series(expected, held)
    total = len(uids)
    if held.proof is Proof.UID_SET:
        missing, extra = sorted(uids - held.uids), sorted(held.uids - uids)
        return StudyResult(
            study_uid=expected.uid,
            verdict=_verdict(total, len(missing)),
            proof=Proof.UID_SET,
            expected=total,
            matched=total - len(missing),
            missing_count=len(missing),
            extra_count=len(extra),
            missing=tuple(missing),
            extra=tuple(extra[:_MOST_EXTRA]),
            reason=held.reason,
            series=series,
            narrowed=held.narrowed,
        )
    others = _others(expected, held)
    verdict, matched, missing_count, reason = _counted(total, held.proof, held.count, held.reason, others)
    if verdict is Verdict.MATCH and any(_contradicts(one) for one in series):
        verdict, matched = Verdict.UNPROVEN, 0
        reason = f"the destination counts {total} instances, but not as many as ours in each series"
    return StudyResult(
        study_uid=expected.uid,
        verdict=verdict,
        proof=held.proof,
        expected=total,
        matched=matched,
        missing_count=missing_count,
        extra_count=0,
        reason=reason,
        series=series,
        narrowed=held.narrowed,
    )


def _others(expected: ExpectedStudy, held: StudyHoldings) -> int:
    """How many of the instances that a count counts are known not to be ours, or are in series of others."""
    ours = expected.uids
    return sum(
        len(one.uids - ours) if one.uids or one.series_uid in expected.series else one.count or 0
        for one in held.series
    )


def _contradicts(series: SeriesResult) -> bool:
    """Whether a series holds another number than ours: that of the study is equal by chance."""
    return series.proof is not Proof.NONE and series.verdict is not Verdict.MATCH


def _counted(total: int, proof: Proof, count: int | None, reason: str, others: int = 0) -> _Counted:
    """The judgement where not all UIDs were listed; `others` of those that are counted are not ours."""
    if proof is Proof.NONE or count is None:
        return Verdict.UNPROVEN, 0, 0, reason
    if count > total or (others and count == total):
        words = f"the destination counts {count} instances and does not name them"
        return Verdict.UNPROVEN, 0, 0, words
    return _verdict(total, total - count), count, total - count, reason


def _verdict(expected: int, missing: int) -> Verdict:
    if not missing:
        return Verdict.MATCH
    return Verdict.MISSING if missing == expected else Verdict.MISMATCH


def _judge_series(expected: ExpectedStudy, held: StudyHoldings) -> tuple[SeriesResult, ...]:
    """Every series that we expect, then those that only the destination has."""
    return tuple(_SeriesJudge(expected, held).results())


class _SeriesJudge:
    def __init__(self, expected: ExpectedStudy, held: StudyHoldings) -> None:
        self._expected = expected
        self._held = held
        self._ours = expected.uids
        self._answers = {one.series_uid: one for one in held.series}
        self._places = {uid: one.series_uid for one in held.series for uid in one.uids}

    def results(self) -> Iterator[SeriesResult]:
        for series_uid, uids in self._expected.series.items():
            about = self._expected.about.get(series_uid) or Series(series_uid)
            answer = self._answers.get(series_uid) or self._unanswered(series_uid)
            if answer.proof is Proof.UID_SET:
                yield self._by_uids(about, uids, answer)
            else:
                others = len(answer.uids - uids)
                counted = _counted(len(uids), answer.proof, answer.count, answer.reason, others)
                yield _result(about, answer.proof, len(uids), counted)
        for answer in self._held.series:
            extra = len(answer.uids - self._ours)
            if answer.series_uid not in self._expected.series and extra:
                counted = (Verdict.MATCH, 0, 0, answer.reason)
                yield replace(_result(Series(answer.series_uid), answer.proof, 0, counted), extra_count=extra)

    def _unanswered(self, series_uid: str) -> SeriesHoldings:
        """What is known of a series that was not listed: of a whole list, that it is not there."""
        proof = Proof.UID_SET if self._held.proof is Proof.UID_SET else Proof.NONE
        return SeriesHoldings(series_uid, proof, reason=self._held.reason)

    def _by_uids(self, about: Series, uids: set[str], answer: SeriesHoldings) -> SeriesResult:
        total, absent = len(uids), sorted(uids - answer.uids)
        elsewhere = tuple((uid, self._places[uid]) for uid in absent if uid in self._places)
        missing = tuple(uid for uid in absent if uid not in self._places)
        verdict = Verdict.MISMATCH if elsewhere else _verdict(total, len(missing))
        counted = (verdict, total - len(absent), len(missing), answer.reason)
        result = _result(about, Proof.UID_SET, total, counted)
        extra = len(answer.uids - self._ours)
        return replace(result, missing=missing, elsewhere=elsewhere, extra_count=extra)


def _result(about: Series, proof: Proof, expected: int, counted: _Counted) -> SeriesResult:
    verdict, matched, missing_count, reason = counted
    return SeriesResult(
        series_uid=about.uid,
        modality=about.modality,
        description=about.description,
        verdict=verdict,
        proof=proof,
        expected=expected,
        matched=matched,
        missing_count=missing_count,
        reason=reason,
    )
