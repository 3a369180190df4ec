"""Proof after a migration: the set of SOP instance UIDs that should be there, against the one that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from migrator.core.control import Control
from migrator.core.errors import DestinationError
from migrator.core.model import Proof, StudyHoldings
from migrator.engine.ports import Finder

_MOST_EXTRA = 100  # UIDs named per study; the count is always true
_MOST_FAILURES = 3  # in a row; then the destination is not asked any more


class Verdict(str, Enum):
    """What became of a study."""

    MATCH = "match"
    MISMATCH = "mismatch"
    MISSING = "missing"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True)
class StudyResult:
    """One study. Counts are instances; with proof by count the missing ones have no names."""

    study_uid: str
    verdict: Verdict
    proof: Proof
    expected: int
    matched: int
    missing_count: int
    extra_count: int
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """All studies, in the order in which they were asked for.

    `unsent` counts the paths of the job that never became instances at the destination (failed, unknown,
    held, quarantined): they are not part of what is compared.
    """

    studies: tuple[StudyResult, ...]
    unsent: int = 0

    @property
    def expected(self) -> int:
        return sum(study.expected for study in self.studies)

    @property
    def matched(self) -> int:
        return sum(study.matched for study in self.studies)

    @property
    def missing(self) -> int:
        return sum(study.missing_count for study in self.studies)

    @property
    def extra(self) -> int:
        return sum(study.extra_count for study in self.studies)

    @property
    def is_proven(self) -> bool:
        """Whether every instance that should be there is known to be; nothing asked is nothing proven."""
        return bool(self.studies) and all(study.verdict is Verdict.MATCH for study in self.studies)

    def count(self, verdict: Verdict) -> int:
        return sum(study.verdict is verdict for study in self.studies)


def judge(study_uid: str, expected: frozenset[str], held: StudyHoldings) -> StudyResult:
    """Compare one study with what the destination answered.

    A count proves only when it is equal: one that is larger may hide missing instances behind others.
    """
    if held.proof is Proof.UID_SET:
        return _by_uids(study_uid, expected, held.uids)
    total = len(expected)
    if held.proof is Proof.NONE:
        return StudyResult(study_uid, Verdict.UNPROVEN, Proof.NONE, total, 0, 0, 0, reason=held.reason)
    if held.count > total:
        reason = f"the destination counts {held.count} instances and does not name them"
        return StudyResult(study_uid, Verdict.UNPROVEN, Proof.COUNT, total, 0, 0, 0, reason=reason)
    verdict = _verdict(total, total - held.count)
    return StudyResult(
        study_uid, verdict, Proof.COUNT, total, held.count, total - held.count, 0, reason=held.reason
    )


def _by_uids(study_uid: str, expected: frozenset[str], held: frozenset[str]) -> StudyResult:
    missing, extra = sorted(expected - held), sorted(held - expected)
    return StudyResult(
        study_uid,
        _verdict(len(expected), len(missing)),
        Proof.UID_SET,
        len(expected),
        len(expected) - len(missing),
        len(missing),
        len(extra),
        tuple(missing),
        tuple(extra[:_MOST_EXTRA]),
    )


def _verdict(expected: int, missing: int) -> Verdict:
    if not missing:
        return Verdict.MATCH
    return Verdict.MISSING if missing == expected else Verdict.MISMATCH


def by_study(instances: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Study UID → SOP instance UIDs, from pairs of both. The study is "" where nobody knows it."""
    studies: dict[str, set[str]] = {}
    for study_uid, uid in instances:
        studies.setdefault(study_uid, set()).add(uid)
    return studies


def verify(
    expected: Mapping[str, set[str]],
    finder: Finder,
    control: Control,
    asked: Callable[[int], None],
    *,
    tolerant: bool = False,
) -> VerifyReport:
    """Ask for every study; `asked` hears how many were.

    Raises DestinationError when the destination cannot be asked for the first study, unless `tolerant`;
    all other failures leave studies unproven. Raises Cancelled.
    """
    inquiry = _Inquiry(finder, tolerant)
    results = []
    for number, (study_uid, uids) in enumerate(expected.items(), 1):
        control.checkpoint()
        results.append(judge(study_uid, frozenset(uids), inquiry.holdings(study_uid)))
        asked(number)
    return VerifyReport(tuple(results))


class _Inquiry:
    """Asks a destination until it has stopped answering."""

    def __init__(self, finder: Finder, tolerant: bool) -> None:
        self._finder = finder
        self._may_fail = tolerant
        self._failures = 0

    def holdings(self, study_uid: str) -> StudyHoldings:
        """What is held of a study, or why nobody knows. Raises DestinationError at the first inquiry."""
        if not study_uid:
            # An empty Study Instance UID would ask for every study there is (PS3.4 C.2.2.2.3).
            return _unknown(study_uid, "not asked: the record does not tell the study")
        if self._failures == _MOST_FAILURES:
            return _unknown(study_uid, "not asked: the destination stopped answering")
        try:
            held = self._finder.holdings(study_uid)
        except DestinationError as error:
            if not self._may_fail:
                raise
            self._failures += 1
            return _unknown(study_uid, str(error))
        self._failures, self._may_fail = 0, True
        return held


def _unknown(study_uid: str, reason: str) -> StudyHoldings:
    return StudyHoldings(study_uid, Proof.NONE, reason=reason)
