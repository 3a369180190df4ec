"""One destination's lane: what its workers share."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum, auto

from migrator.core.control import Control
from migrator.core.errors import DestinationError
from migrator.core.events import Emit, Notice
from migrator.core.model import ContextPair, Instance, Proof, StudyBatch
from migrator.core.settings import Settings
from migrator.engine.ports import Finder, Sender
from migrator.engine.queue import BatchQueue
from migrator.engine.record import JobRecord

_SLOW_OPENING = 0.01  # seconds from which an association is opened ahead of need

BEGIN_SLICE = 64  # instances that one begin line names


class Need(Enum):
    """What an association is opened for: a batch that was taken, the next one, or a later one."""

    TAKEN = auto()
    NEXT = auto()
    AHEAD = auto()


@dataclass(frozen=True, slots=True)
class Destination:
    """How to reach one destination: its name, and makers of senders and finders."""

    name: str
    make_sender: Callable[[], Sender]
    make_finder: Callable[[], Finder]


class Lane:
    """Shared by the workers of one destination. All methods may be called from any thread."""

    def __init__(
        self,
        destination: Destination,
        settings: Settings,
        record: JobRecord,
        control: Control,
        emit: Emit,
    ) -> None:
        self.destination = destination
        self.settings = settings
        self.record = record
        self.control = control
        self.emit = emit
        self.queue = BatchQueue()
        control.on_cancel(self._cancelled)
        self.known_pairs: Counter[ContextPair] = Counter()
        self._has_room_ahead = True
        self._quickest_opening = float("inf")  # seconds
        self.stopped_by: DestinationError | None = None
        self._lock = threading.Lock()
        self._senders: set[Sender] = set()  # guarded by _lock, as all below
        self._opening: dict[Need, set[Sender]] = {need: set() for need in Need}
        self._answers = 0
        self._has_told = False
        self._begun: dict[int, int] = {}
        self._finder: Finder | None = None
        self._finder_lock = threading.Lock()

    def new_queue(self, most_instances: int = 0) -> BatchQueue:
        """Replace the queue by an empty one; stopped at once where the job is cancelled."""
        self.queue = BatchQueue(most_instances)
        if self.control.is_cancelled:
            self.queue.stop()
        return self.queue

    def _cancelled(self) -> None:
        """Whoever waits for batches, for room in the queue, or for an answer to a question, waits no more."""
        self.queue.stop()
        finder = self._finder
        if finder is not None:
            finder.interrupt()

    def stop(self, error: DestinationError) -> None:
        """Give the destination up for this run; what was not sent stays pending."""
        with self._lock:
            self.stopped_by = self.stopped_by or error
        self.queue.stop()

    def open_sender(self, pairs: Collection[ContextPair], need: Need) -> Sender:
        """A new association for these pairs and for what else is known to come. Raises DestinationError."""
        sender = self.destination.make_sender()
        opening = self._opening[need]
        with self._lock:
            opening.add(sender)
        try:
            self.control.checkpoint()
            self.record.accounting.requesting_association()
            began = time.monotonic()
            sender.open(self._in_order_of_need(pairs))
            self._quickest_opening = min(self._quickest_opening, time.monotonic() - began)
        except BaseException:
            with self._lock:
                opening.discard(sender)
            raise
        with self._lock:
            opening.discard(sender)
            self._senders.add(sender)
        self.record.accounting.association(+1)
        return sender

    def _in_order_of_need(self, pairs: Collection[ContextPair]) -> list[ContextPair]:
        known = Counter(dict(self.known_pairs))
        return [*sorted(pairs), *(pair for pair, _ in known.most_common() if pair not in pairs)]

    def answered(self) -> None:
        """The destination answered a C-STORE request, with whatever status."""
        with self._lock:
            self._answers += 1

    def close_sender(self, sender: Sender) -> None:
        sender.release()
        with self._lock:
            if sender not in self._senders:
                return
            self._senders.remove(sender)
        self.record.accounting.association(-1)

    @property
    def answers(self) -> int:
        """How many C-STORE requests the destination has answered in this run."""
        with self._lock:
            return self._answers

    @property
    def open_associations(self) -> int:
        with self._lock:
            return len(self._senders)

    def give_up_opening(self) -> None:
        """End association requests that the peer has not answered: there is no work left for them."""
        self._abort_opening(Need.NEXT, Need.AHEAD)

    @property
    def may_open_ahead(self) -> bool:
        """Whether the next association is worth opening early.

        On a quick network it is not: it costs a few milliseconds either way, and an idle association can
        cost the destination far more (Orthanc serves four; a fifth that says nothing slows all of them).
        """
        return self._has_room_ahead and _SLOW_OPENING <= self._quickest_opening < float("inf")

    def open_no_more_ahead(self) -> None:
        """The destination has no room for one association more: what waits for it only stands in the way."""
        self._has_room_ahead = False
        self._abort_opening(Need.AHEAD)

    def _abort_opening(self, *needs: Need) -> None:
        with self._lock:
            waiting = [sender for need in needs for sender in self._opening[need]]
        for sender in waiting:
            sender.abort()

    def abort_all(self) -> None:
        """End every association at once."""
        with self._lock:
            senders = [*self._senders, *(sender for opening in self._opening.values() for sender in opening)]
        for sender in senders:
            sender.abort()

    def take(self) -> tuple[StudyBatch, int] | None:
        """The next batch with the ticket of its begin line; the one after it is begun ahead of need."""
        batch = self.queue.take()
        if batch is None:
            return None
        with self._lock:
            ticket = self._begun.pop(batch.number, None)
            if ticket is None:
                ticket = self.record.begin(batch.instances[:BEGIN_SLICE])
            following = self.queue.head
            if following is not None and following.number not in self._begun:
                self._begun[following.number] = self.record.begin(following.instances[:BEGIN_SLICE])
        self.record.manifest.want_durable()
        return batch, ticket

    def give_back(self, batch: StudyBatch) -> None:
        """Return a batch, or what is left of it, that could not be sent now."""
        if batch.instances:
            self.queue.give_back(batch)

    def end(self) -> None:
        """Take back the begin lines of batches that nobody started, and close the finder."""
        for batch in self.queue.left():
            if self._begun.pop(batch.number, None) is not None:
                self.record.end(batch.instances[:BEGIN_SLICE])
        with self._finder_lock:
            if self._finder is not None:
                self._finder.close()
                self._finder = None

    def holds(self, instance: Instance) -> bool | None:
        """Ask the destination for one instance; None when it cannot tell. Raises DestinationError."""
        with self._finder_lock:
            return self._the_finder().holds(instance)

    def held_of(self, study_uid: str) -> frozenset[str] | None:
        """The SOP instance UIDs that the destination holds of a study; None when it cannot tell."""
        try:
            with self._finder_lock:
                holdings = self._the_finder().holdings(study_uid)
        except DestinationError as error:
            self._cannot_tell(str(error))
            return None
        if holdings.proof is Proof.UID_SET:
            return holdings.uids
        self._cannot_tell(holdings.reason)
        return None

    def _cannot_tell(self, reason: str) -> None:
        """Say once that the destination could not be asked what it holds."""
        with self._lock:
            is_first, self._has_told = not self._has_told, True
        if is_first and not self.control.is_cancelled:
            self.emit(Notice(f"The destination cannot tell which instances it holds: {reason}"))

    def _the_finder(self) -> Finder:
        if self._finder is None:
            self._finder = self.destination.make_finder()
        return self._finder
