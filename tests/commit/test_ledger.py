"""The ledger of storage commitment: every instance is in one place, whatever is reported."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from migrator.checks.commit_ledger import Answer, Earlier, Ledger, Wanted
from migrator.core.commitment import CommitmentReport, Failure, Reference, Taken
from migrator.core.errors import ManifestError


class Memory:
    """A journal that keeps nothing, and may fail to."""

    def __init__(self, earlier: dict[str, Earlier] | None = None) -> None:
        self.is_full = False
        self._earlier = earlier or {}

    def requested(self, transaction: str, uids: Sequence[str]) -> None: ...

    def answered(self, transaction: str, status: int) -> None: ...

    def reported(self, transaction: str, committed: Sequence[str], failed: Sequence[Failure]) -> None:
        if self.is_full:
            raise ManifestError("the disk is full")

    def earlier(self, transaction: str) -> Earlier | None:
        return self._earlier.get(transaction)


def ledger_of(count: int, journal: Memory | None = None) -> Ledger:
    ledger = Ledger([Wanted(str(n), "1.2", "1.3", 5.0) for n in range(count)], journal or Memory())
    (batch,) = ledger.batches(count)
    ledger.begin("T", batch)
    ledger.answered("T", 0)
    return ledger


def report(transaction: str, *committed: str) -> CommitmentReport:
    return CommitmentReport(transaction, tuple(Reference("1.2", uid) for uid in committed))


def counts(ledger: Ledger) -> tuple[int, ...]:
    return tuple(ledger.count(answer) for answer in (Answer.COMMITTED, Answer.FAILED, Answer.UNANSWERED))


def test_what_cannot_be_kept_is_neither_counted_nor_acknowledged() -> None:
    journal = Memory()
    ledger = ledger_of(3, journal)
    journal.is_full = True
    assert ledger.take(report("T", "0", "1", "2")) is Taken.NOT_KEPT
    assert counts(ledger) == (0, 0, 3)
    journal.is_full = False
    assert ledger.take(report("T", "0", "1", "2")) is Taken.KEPT
    assert counts(ledger) == (3, 0, 0)


def test_one_uid_under_two_paths_is_asked_about_once() -> None:
    ledger = Ledger([Wanted("1", "1.2", "1.3", 5.0), Wanted("1", "1.2", "1.3", 5.0)], Memory())
    assert len(ledger) == 1


@pytest.mark.parametrize("order", [(True, False), (False, True)])
def test_of_contradicting_reports_the_failure_stands(order: tuple[bool, ...]) -> None:
    ledger = ledger_of(1)
    for is_success in order:
        ledger.take(report("T", "0") if is_success else CommitmentReport("T", (), (Failure("0", 1),)))
    assert counts(ledger) == (0, 1, 0)
    (transaction,) = ledger.transactions
    assert (transaction.committed, transaction.failed, transaction.unanswered) == (0, 1, 0)


def test_a_report_that_overtakes_its_requests_answer_is_not_forgotten() -> None:
    ledger = Ledger([Wanted("0", "1.2", "1.3", 5.0)], Memory())
    (batch,) = ledger.batches(1)
    ledger.begin("T", batch)
    ledger.take(report("T", "0"))
    ledger.answered("T", 0)
    assert (counts(ledger), ledger.under_way) == ((1, 0, 0), 0)


def test_a_batch_that_was_asked_about_twice_is_settled_by_either_answer() -> None:
    ledger = Ledger([Wanted("0", "1.2", "1.3", 5.0)], Memory())
    (batch,) = ledger.batches(1)
    ledger.begin("lost", batch)
    ledger.lost("lost", "the association was lost")
    ledger.begin("again", batch)
    ledger.answered("again", 0)
    assert ledger.under_way == 1
    ledger.take(report("lost", "0"))
    assert (counts(ledger), ledger.under_way) == ((1, 0, 0), 0)


def test_contradicting_reports_of_two_requests_for_one_batch_balance_in_each() -> None:
    ledger = Ledger([Wanted("0", "1.2", "1.3", 5.0)], Memory())
    (batch,) = ledger.batches(1)
    for name in ("lost", "again"):
        ledger.begin(name, batch)
    ledger.take(report("lost", "0"))
    ledger.take(CommitmentReport("again", (), (Failure("0", 1),)))
    told = [(one.uid, one.committed, one.failed, one.unanswered) for one in ledger.transactions]
    assert told == [("lost", 1, 0, 0), ("again", 0, 1, 0)]
    assert counts(ledger) == (0, 1, 0)
    assert ledger.oddities.repeated == 0


def test_a_late_answer_says_nothing_of_what_was_stored_once_more_after_it_was_asked_for() -> None:
    wanted = [Wanted(uid, "1.2", "1.3", at) for uid, at in (("0", 5.0), ("1", 7.0), ("2", 7.0))]
    ledger = Ledger(wanted, Memory({"earlier": Earlier(6.0, ("0", "1", "2"))}))
    late = CommitmentReport("earlier", report("", "0", "1").committed, (Failure("2", 1),))
    assert ledger.take(late) is Taken.KEPT
    assert ledger.count_late() == 1
    assert counts(ledger) == (1, 0, 2)


def test_what_was_stored_under_two_paths_was_stored_with_the_later() -> None:
    wanted = [Wanted("0", "1.2", "1.3", at) for at in (5.0, 9.0, 7.0)]
    assert [one.stored_at for one in Ledger(wanted, Memory()).wanted] == [9.0]


def test_whatever_is_reported_the_ledger_balances() -> None:
    chance = random.Random(4)
    for _ in range(200):
        ledger = ledger_of(8, Memory({"earlier": Earlier(6.0, tuple(map(str, range(4, 12))))}))
        for _ in range(6):
            named = [str(chance.randrange(14)) for _ in range(chance.randrange(8))]
            split = chance.randrange(len(named) + 1)
            failed = tuple(Failure(uid, chance.choice((0x110, 0x112))) for uid in named[split:])
            transaction = chance.choice(("T", "T", "earlier", "strange"))
            ledger.take(CommitmentReport(transaction, report("", *named[:split]).committed, failed))
            before = counts(ledger)
            assert sum(before) == 8
            assert sum(map(bool, (ledger.answer(index) for index in range(8)))) == before[0] + before[1]
        late = ledger.count_late()
        after = counts(ledger)
        assert sum(after) == 8
        assert before[2] - after[2] == late
        for index in range(8):
            assert (ledger.answer(index) is Answer.FAILED) is (index in ledger._codes)
