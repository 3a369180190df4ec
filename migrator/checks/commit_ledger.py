"""What was asked of a destination that is to commit to what it stores, and what it answered.

Every instance that is asked about is in exactly one place: committed, failed or unanswered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Protocol

from migrator.core.commitment import CommitmentReport, Failure, Reference, Taken
from migrator.core.errors import ManifestError


class Wanted(NamedTuple):
    """An instance recorded as stored, as it was sent; `study_uid` is empty where nobody knows it.

    `stored_at` is when it was, in seconds since the epoch.
    """

    uid: str
    sop_class: str
    study_uid: str
    stored_at: float


class Earlier(NamedTuple):
    """A transaction of an earlier call: when it was asked, and about which instances it had no answer."""

    asked_at: float
    uids: Sequence[str]


class Answer(IntEnum):
    UNANSWERED = 0
    COMMITTED = 1
    FAILED = 2


class Journal(Protocol):
    """Where transactions outlive this process. May be called from any thread, one at a time.

    Its methods that write return when the line is on the disk, and raise ManifestError.
    """

    def requested(self, transaction: str, uids: Sequence[str]) -> None: ...

    def answered(self, transaction: str, status: int) -> None:
        """The status of the answer to the request."""
        ...

    def reported(self, transaction: str, committed: Sequence[str], failed: Sequence[Failure]) -> None: ...

    def earlier(self, transaction: str) -> Earlier | None:
        """The transaction of an earlier call; None when it asked no such."""
        ...


@dataclass(slots=True)
class Batch:
    """The instances from `start` to `stop`, which are asked about together; `left` lack an answer."""

    start: int
    stop: int
    left: int


@dataclass(slots=True)
class Transaction:
    """One request, and what its own reports said. `status` is None until the request was answered.

    A batch is asked about again in another transaction where nobody knows whether the first was taken.
    """

    uid: str
    batch: Batch
    asked_at: float
    answers: bytearray  # of its own reports, in the batch's order
    status: int | None = None
    answered_at: float | None = None
    trouble: str = ""

    @property
    def requested(self) -> int:
        return len(self.answers)

    @property
    def committed(self) -> int:
        return self.answers.count(Answer.COMMITTED)

    @property
    def failed(self) -> int:
        return self.answers.count(Answer.FAILED)

    @property
    def unanswered(self) -> int:
        return self.answers.count(Answer.UNANSWERED)

    @property
    def is_under_way(self) -> bool:
        """Whether the destination took the request, and owes a result."""
        return self.status == 0 and self.batch.left > 0

    @property
    def state(self) -> str:
        if self.status is None:
            return "lost" if self.trouble else "requested"
        if self.status:
            return "refused"
        if not self.batch.left:
            return "answered"
        return "answered in part" if self.unanswered < self.requested else "accepted"


@dataclass(slots=True)
class Oddities:
    """What the destination reported beside what was asked."""

    unknown: int = 0  # reports of transactions that are none of ours
    unexpected: int = 0  # instances that were not asked about in their transaction, or as another SOP class
    empty: int = 0  # reports that named no instance
    repeated: int = 0  # reports that told nothing new
    late: int = 0  # reports of an earlier call's transactions


class Ledger:
    """All methods may be called from any thread."""

    def __init__(
        self, wanted: Iterable[Wanted], journal: Journal, now: Callable[[], float] = time.time
    ) -> None:
        self._journal = journal
        self._now = now
        self._index: dict[str, int] = {}
        self.wanted: list[Wanted] = []
        for one in wanted:
            index = self._index.setdefault(_plain(one.uid), len(self.wanted))
            if index == len(self.wanted):
                self.wanted.append(one)
            elif one.stored_at > self.wanted[index].stored_at:
                self.wanted[index] = one
        count = len(self.wanted)
        self._changed = threading.Condition()
        self._answers = bytearray(count)  # this and all below are guarded by _changed
        # Answers to transactions of earlier calls: they count where no other came.
        self._late = bytearray(count)
        self._codes: dict[int, int] = {}
        self._late_codes: dict[int, int] = {}
        self._transactions: dict[str, Transaction] = {}
        self._counts = [count, 0, 0]  # of each Answer
        self.oddities = Oddities()
        self.results = 0
        """How many reports told something new about this call's transactions."""

    def __len__(self) -> int:
        return len(self.wanted)

    def batches(self, size: int) -> Iterator[Batch]:
        for start in range(0, len(self), size):
            stop = min(start + size, len(self))
            yield Batch(start, stop, stop - start)

    def begin(self, transaction: str, batch: Batch) -> list[Reference]:
        """Note a request that is about to be made; what it asks about. Raises ManifestError."""
        wanted = self.wanted[batch.start : batch.stop]
        with self._changed:
            self._journal.requested(transaction, [one.uid for one in wanted])
            self._transactions[transaction] = Transaction(
                transaction, batch, self._now(), bytearray(len(wanted))
            )
        return [Reference(one.sop_class, one.uid) for one in wanted]

    def answered(self, transaction: str, status: int, *, asks_again: bool = False) -> None:
        """Note the answer to a request: 0 means that a result will come, all else that none will.

        What was refused has failed, unless it is asked about again. Raises ManifestError.
        """
        with self._changed:
            self._journal.answered(transaction, status)
            known = self._transactions[transaction]
            known.status = status
            if status:
                known.answered_at = self._now()
            if status and not asks_again:
                for index in range(known.batch.start, known.batch.stop):
                    self._settle(known, index, Answer.FAILED, -status)

    def lost(self, transaction: str, trouble: str) -> None:
        """Note that nobody knows whether the destination took a request."""
        with self._changed:
            self._transactions[transaction].trouble = trouble

    def take(self, report: CommitmentReport) -> Taken:
        """Keep what a destination reports; on the disk before this returns."""
        with self._changed:
            try:
                known = self._transactions.get(report.transaction)
                taken = self._take_late(report) if known is None else self._take_fresh(known, report)
            except ManifestError:
                return Taken.NOT_KEPT
            self._changed.notify_all()
            return taken

    def _take_fresh(self, known: Transaction, report: CommitmentReport) -> Taken:
        asked = self.wanted[known.batch.start : known.batch.stop]
        committed, failed = self._named(report, [one.uid for one in asked])
        self._journal.reported(known.uid, committed, failed)
        said = {one.uid for one in report.committed} | {one.uid for one in report.failed}
        self.oddities.unexpected += len(said) - len(committed) - len(failed)
        before = bytes(known.answers)
        if known.status is None:
            known.status = 0  # the report overtook the answer, or the answer was lost
        for uid in committed:
            self._settle(known, self._index[uid], Answer.COMMITTED, 0)
        for uid, code in failed:
            self._settle(known, self._index[uid], Answer.FAILED, code)
        if not report.committed and not report.failed:
            self.oddities.empty += 1
        elif known.answers == before:
            self.oddities.repeated += 1
        else:
            known.answered_at = self._now()
            self.results += 1
        return Taken.KEPT

    def _settle(self, known: Transaction, index: int, answer: Answer, code: int) -> None:
        """Of contradicting answers the failure stands: what is in doubt is not committed."""
        place = index - known.batch.start
        known.answers[place] = max(known.answers[place], answer)
        before = self._answers[index]
        if before >= answer:
            return
        self._answers[index] = answer
        self._counts[before] -= 1
        self._counts[answer] += 1
        known.batch.left -= before == Answer.UNANSWERED
        if answer is Answer.FAILED:
            self._codes[index] = code

    def _take_late(self, report: CommitmentReport) -> Taken:
        earlier = self._journal.earlier(report.transaction)
        if earlier is None:
            self.oddities.unknown += 1
            return Taken.UNKNOWN
        committed, failed = self._named(report, earlier.uids)
        self._journal.reported(report.transaction, committed, failed)
        self.oddities.late += 1
        for uid in committed:
            self._settle_late(uid, earlier.asked_at, Answer.COMMITTED, 0)
        for uid, code in failed:
            self._settle_late(uid, earlier.asked_at, Answer.FAILED, code)
        return Taken.KEPT

    def _settle_late(self, uid: str, asked_at: float, answer: Answer, code: int) -> None:
        """What was stored once more after it was asked about has no answer by that."""
        index = self._index.get(uid)
        if index is None or self.wanted[index].stored_at > asked_at or self._late[index] >= answer:
            return
        self._late[index] = answer
        if answer is Answer.FAILED:
            self._late_codes[index] = code

    def _named(self, report: CommitmentReport, asked: Iterable[str]) -> tuple[list[str], list[Failure]]:
        """What a report says of what was asked: committed, failed.

        Only what is named is committed, whatever the event type says of all (PS3.4 Table J.3-3 demands the
        list); and not what is named as failed too, or as an instance of another SOP class than we sent.
        """
        known = set(map(_plain, asked))
        failed = {failure.uid: failure for failure in report.failed if failure.uid in known}
        committed = dict.fromkeys(
            uid
            for sop_class, uid in report.committed
            if uid in known and uid not in failed and self._is_class(uid, sop_class)
        )
        return list(committed), list(failed.values())

    def _is_class(self, uid: str, sop_class: str) -> bool:
        index = self._index.get(uid)
        return not sop_class or index is None or sop_class == _plain(self.wanted[index].sop_class)

    def count_late(self) -> int:
        """Let late answers count where none came to this call's own requests; how many they were."""
        counted = 0
        with self._changed:
            for index, late in enumerate(self._late):
                if late and not self._answers[index]:
                    self._answers[index] = late
                    self._counts[Answer.UNANSWERED] -= 1
                    self._counts[late] += 1
                    counted += 1
                    if late == Answer.FAILED:
                        self._codes[index] = self._late_codes[index]
        return counted

    @property
    def under_way(self) -> int:
        """How many requests the destination took and owes a result of."""
        with self._changed:
            return sum(known.is_under_way for known in self._transactions.values())

    def wait(self, seconds: float) -> None:
        """Wait for a report, for so long at most."""
        with self._changed:
            self._changed.wait(seconds)

    def count(self, answer: Answer) -> int:
        with self._changed:
            return self._counts[answer]

    def answer(self, index: int) -> Answer:
        return Answer(self._answers[index])

    def code(self, index: int) -> int:
        """Why an instance failed: its failure reason, or the status of a refused request, then negative."""
        return self._codes[index]

    def unanswered(self) -> Iterator[int]:
        """Where in `wanted` no answer came."""
        return (index for index, answer in enumerate(self._answers) if not answer)

    @property
    def transactions(self) -> tuple[Transaction, ...]:
        with self._changed:
            return tuple(self._transactions.values())


def _plain(uid: str) -> str:
    return uid.strip(" \0")
