"""What a call of storage commitment came to: for people, as JSON, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from migrator.checks.commit_ledger import Answer, Ledger, Oddities, Transaction
from migrator.dicom.commitment.status import failure_words, refusal_words
from migrator.records.table import Table

_MOST_FAILURES = 1000  # named in JSON; the table names all, and the counts are always true

COLUMNS = ("sop_instance_uid", "sop_class_uid", "study_uid", "result", "code", "reason", "found_by_cfind")


class FailureReason(NamedTuple):
    """Why instances are not committed; `code` has four hexadecimal digits."""

    reason: str
    code: str


class FailureShown(NamedTuple):
    """An instance that is not committed."""

    uid: str
    reason: str
    code: str


@dataclass(frozen=True, slots=True)
class CommitReport:
    """One call. Counts are instances: requested = committed + failed + unanswered.

    `asked` is how many the destination was asked about; `found_by_cfind` is a part of the unanswered, `late`
    of the others: their answers came to requests of earlier calls. `waiting` counts the transactions of
    earlier calls that had no answer when this one began. `failures` are the first; `reasons` counts them all.
    """

    at: float
    seconds: float
    who: str
    source: str
    node: str
    listened: str
    is_offered: bool
    interrupted: bool
    asked: int
    committed: int
    failed: int
    unanswered: int
    found_by_cfind: int
    late: int
    waiting: int
    trouble: tuple[str, ...]
    oddities: Oddities
    transactions: tuple[Transaction, ...]
    failures: tuple[FailureShown, ...]
    reasons: dict[FailureReason, int]

    @property
    def requested(self) -> int:
        return self.committed + self.failed + self.unanswered

    @property
    def has_heard(self) -> bool:
        """Whether any result came, of whatever use."""
        odd = self.oddities
        has_answer = any(one.committed or one.failed or one.status for one in self.transactions)
        return has_answer or bool(odd.unknown or odd.empty or odd.late or odd.unexpected)

    @property
    def is_committed(self) -> bool:
        """Whether the destination committed to everything."""
        return self.committed == self.requested


def failures_of(ledger: Ledger) -> tuple[tuple[FailureShown, ...], dict[FailureReason, int]]:
    """The first instances that failed, and how many did for each reason."""
    shown: list[FailureShown] = []
    reasons: Counter[FailureReason] = Counter()
    for index in range(len(ledger)):
        if ledger.answer(index) is Answer.FAILED:
            reason = _reason(ledger.code(index))
            reasons[reason] += 1
            if len(shown) < _MOST_FAILURES:
                shown.append(FailureShown(ledger.wanted[index].uid, *reason))
    return tuple(shown), dict(reasons.most_common())


def _reason(code: int) -> FailureReason:
    words = refusal_words(-code) if code < 0 else failure_words(code)
    return FailureReason(words, f"{abs(code):04X}")


def fill(table: Table, ledger: Ledger, found: Collection[int]) -> None:
    """Add every instance with what was answered about it, in COLUMNS. Raises UsageError."""
    for index, (uid, sop_class, study_uid, _) in enumerate(ledger.wanted):
        answer = ledger.answer(index)
        reason = _reason(ledger.code(index)) if answer is Answer.FAILED else FailureReason("", "")
        is_found = "" if answer else "yes" if index in found else "no"
        table.add((uid, sop_class, study_uid, answer.name.lower(), reason.code, reason.reason, is_found))


def as_json(report: CommitReport) -> dict[str, Any]:
    """The report; times are seconds since the epoch, statuses four hexadecimal digits."""
    oddities = report.oddities
    return {
        "source": report.source,
        "node": report.node,
        "at": round(report.at, 3),
        "seconds": round(report.seconds, 3),
        "who": report.who,
        "listened": report.listened,
        "offered": report.is_offered,
        "interrupted": report.interrupted,
        "requested": report.requested,
        "committed": report.committed,
        "failed": report.failed,
        "unanswered": report.unanswered,
        "found_by_cfind": report.found_by_cfind,
        "asked": report.asked,
        "late": report.late,
        "trouble": list(report.trouble),
        "failures": [failure._asdict() for failure in report.failures],
        "reasons": [reason._asdict() | {"count": count} for reason, count in report.reasons.items()],
        "reports": {
            "late": oddities.late,
            "repeated": oddities.repeated,
            "unknown_transaction": oddities.unknown,
            "unexpected_instances": oddities.unexpected,
            "empty": oddities.empty,
        },
        "earlier_unanswered_transactions": report.waiting,
        "transactions": [_transaction_json(transaction) for transaction in report.transactions],
    }


def _transaction_json(transaction: Transaction) -> dict[str, Any]:
    return {
        "transaction": transaction.uid,
        "state": transaction.state,
        "status": None if transaction.status is None else f"{transaction.status:04X}",
        "requested": transaction.requested,
        "committed": transaction.committed,
        "failed": transaction.failed,
        "unanswered": transaction.unanswered,
        "asked_at": round(transaction.asked_at, 3),
        "answered_at": None if transaction.answered_at is None else round(transaction.answered_at, 3),
        "trouble": transaction.trouble,
    }


def words(report: CommitReport) -> list[str]:
    """The report in a few lines."""
    lines = [
        f"Storage commitment: {report.committed:,} of {report.requested:,} instances are committed at "
        f"{report.node}, {report.failed:,} failed, {report.unanswered:,} unanswered"
    ]
    if report.interrupted:
        lines.append("  interrupted: results that come later are taken up when commit listens again")
    if not report.is_offered:
        lines.append(f"  {report.node} does not offer storage commitment")
    lines += [
        f"  {count:,} failed: {reason.reason} ({reason.code})" for reason, count in report.reasons.items()
    ]
    if report.late:
        lines.append(f"  {report.late:,} by results that came late, to requests of earlier calls")
    if report.unanswered and not report.interrupted:
        lines.append(
            f"  unanswered, but found by C-FIND: {report.found_by_cfind:,} (to be found is no commitment)"
        )
    lines += [f"  {trouble}" for trouble in report.trouble]
    return lines + _odd_lines(report)


def _odd_lines(report: CommitReport) -> list[str]:
    oddities, lines = report.oddities, []
    if report.unanswered and report.asked and not report.listened:
        lines.append(
            "  results were awaited on our own association only; an archive that reports on one of its own "
            "needs --listen PORT, and that port and our AE title in its configuration"
        )
    if report.listened and report.asked and not report.has_heard:
        lines.append(
            f"  no result came: does the destination know {report.listened} of this machine under our AE "
            "title, and can it reach us there?"
        )
    if oddities.unexpected:
        lines.append(f"  {oddities.unexpected:,} instances were reported that were not asked about as such")
    if oddities.empty:
        lines.append(f"  {oddities.empty:,} results named no instance: such a result commits to none")
    if oddities.unknown:
        lines.append(f"  {oddities.unknown:,} results were refused: their transactions are not of this job")
    return lines
