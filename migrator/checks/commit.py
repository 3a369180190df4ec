"""Storage commitment: asking a destination to commit to what it stored, and waiting for what it reports."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from migrator.checks.commit_ledger import Batch, Ledger
from migrator.core.commitment import Reference
from migrator.core.control import Control
from migrator.core.errors import DestinationError, PeerSilent
from migrator.core.model import Proof
from migrator.engine.ports import Finder

BATCH = 500  # instances of one transaction
_MOST_UNDER_WAY = 8  # transactions, as long as results come
_TRIES = 3  # of one batch, each on a new association
_MOST_FAILURES = 3  # in a row; then the destination is not asked any more
_SLICE = 0.1  # seconds
_REOPEN_SECONDS = 2.0  # before another association is tried where one was refused
_OUT_OF_RESOURCES = 0x0213  # PS3.7 C.5.11


class Committer(Protocol):
    """Asks a destination for storage commitment, over one association at a time. Owned by one thread.

    What is reported on that association goes where its maker said.
    """

    @property
    def is_open(self) -> bool: ...

    def open(self) -> bool:
        """Request an association; False where the destination does not offer storage commitment.

        Raises DestinationError.
        """
        ...

    def request(self, transaction: str, references: Sequence[Reference]) -> int:
        """Ask for the commitment of these instances; the status of the answer, 0 for "accepted".

        Raises DestinationError.
        """
        ...

    def serve(self, seconds: float) -> None:
        """Take what is reported within so many seconds. Raises DestinationError."""
        ...

    def close(self) -> None:
        """Release the association, if there is one; never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Terms:
    """How long to wait for results, in seconds, after the last that came; whether we listen for them too."""

    wait: float
    is_listening: bool
    batch: int = BATCH
    most_under_way: int = _MOST_UNDER_WAY
    now: Callable[[], float] = field(default=time.monotonic, repr=False)


class Commitment:
    """One call of storage commitment, on the thread that runs it."""

    def __init__(
        self,
        ledger: Ledger,
        committer: Committer,
        terms: Terms,
        control: Control,
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        """`heard` is called several times a second, for those who show progress."""
        self._ledger = ledger
        self._committer = committer
        self._terms = terms
        self._control = control
        self._heard = heard
        self._results = 0
        self._quiet_since = 0.0
        self._most_under_way = terms.most_under_way
        self.is_offered = True
        self.asked = 0
        """How many instances were asked about, whatever came of it."""
        self.trouble = ""
        """Why the destination was not asked about all of them."""

    def run(self) -> None:
        """Ask about everything, and wait for the results.

        Raises DestinationError when there is no first association, ManifestError, Cancelled.
        """
        self.is_offered = self._open()
        if not self.is_offered:
            return
        self._quiet_since = self._terms.now()
        for batch in self._ledger.batches(self._terms.batch):
            self._make_room()
            if not self._ask(batch):
                break
            self.asked = batch.stop
            self._heard()
        self._quiet_since = self._terms.now()
        while self._ledger.under_way and not self._is_over():
            self._pump()

    def _open(self) -> bool:
        try:
            return self._committer.open()
        except DestinationError:
            self._control.check()
            raise

    def _make_room(self) -> None:
        """Wait until not too many requests are under way; not for a destination that takes its time."""
        while self._ledger.under_way >= self._most_under_way and not self._is_over():
            self._pump()

    def _is_over(self) -> bool:
        """Whether nothing is to be waited for: too long nothing came, or nothing can come any more."""
        now = self._terms.now()
        if self._ledger.results != self._results:
            self._results, self._quiet_since = self._ledger.results, now
        can_come = self._terms.is_listening or self._committer.is_open
        return not can_come or now - self._quiet_since >= self._terms.wait

    def _pump(self) -> None:
        """Take what is reported in the next moment."""
        self._control.check()
        self._heard()
        is_quiet = self._terms.now() - self._quiet_since > self._terms.wait / 2
        if is_quiet and self._terms.is_listening:
            # Some archives open an association to us only after ours has ended.
            self._committer.close()
        if not self._committer.is_open:
            self._ledger.wait(_SLICE)
            return
        try:
            self._committer.serve(_SLICE)
        except DestinationError:
            # It may end the association as it likes; its results come to our listener, or not at all.
            self._control.check()

    def _ask(self, batch: Batch) -> bool:
        """Ask about one batch; False where the destination has stopped answering."""
        for tries_left in reversed(range(_TRIES)):
            self._control.check()
            transaction = ""
            try:
                if not self._committer.is_open and not self._open():
                    self.trouble = "the destination offers storage commitment no more"
                    return False
                transaction = f"2.25.{uuid.uuid4().int}"
                references = self._ledger.begin(transaction, batch)
                status = self._committer.request(transaction, references)
            except DestinationError as error:
                self._control.check()
                self.trouble = f"the destination stopped answering: {error}"
                if transaction:
                    self._ledger.lost(transaction, str(error))
                elif tries_left:
                    self._control.wait(_REOPEN_SECONDS)
                if isinstance(error, PeerSilent):
                    return False  # who does not answer once is not waited for again
                continue
            under_way = self._ledger.under_way
            is_too_many = status == _OUT_OF_RESOURCES and under_way > 0 and tries_left > 0
            self._ledger.answered(transaction, status, asks_again=is_too_many)
            self.trouble = ""
            if not is_too_many:
                return True
            self._most_under_way = under_way
            self._make_room()
        return False


def find_unanswered(
    ledger: Ledger, finder: Finder, control: Control, asked: Callable[[int], None]
) -> tuple[set[int], str]:
    """Which of the instances without an answer C-FIND finds, as places in `ledger.wanted`; and what hindered.

    Being found is no commitment. `asked` hears how many studies were asked for. Raises Cancelled.
    """
    studies: dict[str, list[int]] = {}
    for index in ledger.unanswered():
        studies.setdefault(ledger.wanted[index].study_uid, []).append(index)
    found: set[int] = set()
    failures, trouble = 0, ""
    # An empty Study Instance UID would ask for every study there is (PS3.4 C.2.2.2.3).
    studies.pop("", None)
    for number, (study_uid, indexes) in enumerate(studies.items(), 1):
        control.checkpoint()
        try:
            held = finder.holdings(study_uid)
        except DestinationError as error:
            control.check()
            failures, trouble = failures + 1, str(error)
            if failures == _MOST_FAILURES:
                break
            continue
        failures = 0
        if held.proof is Proof.UID_SET:
            found.update(index for index in indexes if ledger.wanted[index].uid in held.uids)
        elif held.reason:
            trouble = held.reason
        asked(number)
    return found, trouble
