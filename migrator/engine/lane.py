"""One destination's lane: what its workers share."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from migrator.core.control import Control
from migrator.core.edits import Edit
from migrator.core.errors import DestinationError, LimitReached, MigratorError
from migrator.core.events import BatchTaken, Emit, Notice
from migrator.core.model import ContextPair, Instance, StudyBatch
from migrator.core.outcome import Outcome, Refusal, State
from migrator.core.settings import Settings
from migrator.engine.accounting import LaneView
from migrator.engine.asking import Asking
from migrator.engine.breaker import Breaker
from migrator.engine.crew import Crew, Pace
from migrator.engine.learning import Learning
from migrator.engine.ports import Finder, Sender
from migrator.engine.queue import BatchQueue
from migrator.engine.record import JobRecord
from migrator.engine.recovery import Route

_SLOW_OPENING = 0.01  # seconds from which an association is opened ahead of need

# PS3.4 Table B.2-1; what vendors say by the rest of A7xx concerns a single object.
_OUT_OF_RESOURCES = frozenset({0xA700, 0xA701, 0xA702})

BEGIN_SLICE = 64  # instances that one begin line names
_MOST_GIVEN_BACK = 3  # times that an instance cost several associations, none of which lived to carry it


class Need(Enum):
    """What an association is opened for: a batch that was taken, the next one, or a later one."""

    TAKEN = auto()
    NEXT = auto()
    AHEAD = auto()


@dataclass(frozen=True, slots=True)
class _Begun:
    """A batch's begin line: the ticket for when it is on the disk, and whom it names."""

    ticket: int
    instances: Sequence[Instance]


@dataclass(frozen=True, slots=True)
class Destination:
    """How to reach one destination: its name, makers of senders and finders, a question whether it answers.

    `probe` raises DestinationError where it does not. `pace` holds its flow back. `edits` are made in every
    object that is sent, before those of remedies.
    """

    name: str
    make_sender: Callable[[], Sender]
    make_finder: Callable[[], Finder]
    probe: Callable[[], None]
    pace: Pace
    edits: tuple[Edit, ...] = ()


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
        self.stopped_by: MigratorError | None = None
        self.breaker = Breaker(settings.recovery, destination.probe, control)
        self.pace = destination.pace
        self.crew = Crew(destination.pace)
        self.asking = Asking(destination.make_finder, self.breaker.answered, control, emit)
        self.learning = Learning()
        self.wave = 0  # 0 in the first pass
        self._wave_begins = 0.0
        self._passing: list[Instance] = []  # failed in this pass for a reason that may pass; guarded by _lock
        self._lock = threading.Lock()
        self._senders: set[Sender] = set()  # guarded by _lock, as all below
        self._opening: dict[Need, set[Sender]] = {need: set() for need in Need}
        self._answers = 0
        self._begun: dict[int, _Begun] = {}  # by the number of a batch that nobody has taken yet
        self._given_back: dict[str, tuple[int, int]] = {}  # times, and answers when it first was
        record.accounting.view = self.view

    def new_queue(self, most_instances: int = 0) -> BatchQueue:
        """Replace the queue by an empty one; stopped at once where the job is cancelled."""
        self.queue = BatchQueue(most_instances)
        if self.control.is_cancelled:
            self.queue.stop()
        return self.queue

    def _cancelled(self) -> None:
        """Whoever waits for batches or for room in the queue waits no more."""
        self.queue.stop()

    def stop(self, error: MigratorError) -> None:
        """Give the destination up for this run; what was not sent stays pending."""
        with self._lock:
            self.stopped_by = self.stopped_by or error
        self.queue.stop()

    def open_sender(self, pairs: Collection[ContextPair], need: Need, route: Route = Route.SAME) -> Sender:
        """A new association for these pairs, and for what else is known to come unless it is a side route.

        Raises DestinationError.
        """
        sender = self.destination.make_sender()
        opening = self._opening[need]
        with self._lock:
            opening.add(sender)
        try:
            self.control.check()
            self.record.accounting.requesting_association()
            began = time.monotonic()
            if route is Route.SAME:
                sender.open(self._in_order_of_need(pairs))
            else:
                sender.open(sorted(pairs), is_uncompressed=route is Route.UNCOMPRESSED)
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

    def settled(self, instance: Instance, outcome: Outcome) -> None:
        """An instance was settled, most often by the destination's answer: tell all who live by that."""
        if outcome.status is None:
            if outcome.state is State.FAILED and outcome.may_retry:
                self._keep_for_a_wave(instance)
            return
        with self._lock:
            self._answers += 1
        self.pace.observed(outcome.latency)
        if outcome.is_stored:
            self.breaker.answered()
            self.crew.went_well()
        elif outcome.refusal is Refusal.RESOURCES and outcome.status in _OUT_OF_RESOURCES:
            self.failed(DestinationError(outcome.reason))
        else:
            self.breaker.answered()
        if outcome.state is State.FAILED and outcome.may_retry and not outcome.stops:
            self._keep_for_a_wave(instance)

    def _keep_for_a_wave(self, instance: Instance) -> None:
        with self._lock:
            self._passing.append(instance)

    def next_wave(self) -> list[Instance]:
        """What failed in the pass that is over, for a reason that may pass."""
        with self._lock:
            passing, self._passing = self._passing, []
            return passing

    def wave_begins_in(self, seconds: float) -> None:
        """For the view: the next wave waits for so long."""
        self._wave_begins = time.monotonic() + seconds

    def failed(self, error: MigratorError) -> None:
        """The destination failed, not a single file."""
        try:
            has_opened = self.breaker.failed(error)
        except LimitReached as limit:
            self.stop(limit)
            return
        if has_opened:
            seconds = self.settings.recovery.breaker_wait
            self.emit(Notice(f"{self.destination.name} is left alone for {seconds:g} s: {error}"))

    def is_own_fault(self, instance: Instance) -> bool:
        """Whether an instance before which association after association ends is to blame itself.

        That is so where the destination has served others since the first time, or did so before and this
        happens again and again. Until then it is taken for the destination's fault.
        """
        with self._lock:
            times, answers = self._given_back.get(instance.uid, (0, self._answers))
            self._given_back[instance.uid] = times + 1, answers
            return self._answers > answers or (times + 1 >= _MOST_GIVEN_BACK and self._answers > 0)

    def crowded(self) -> None:
        """The destination is out of resources: fewer associations at a time."""
        borne = self.crew.crowded()
        if borne is not None:
            self.emit(Notice(f"{self.destination.name} is out of resources: {_associations(borne)} from now"))

    def refused(self) -> None:
        """The destination refuses one association more than are open."""
        borne = self.crew.refused(self.open_associations)
        if borne is not None:
            self.emit(
                Notice(f"{self.destination.name} accepts {_associations(borne)} at a time: so many it is")
            )

    def view(self) -> LaneView:
        """What holds the flow, for a Snapshot."""
        return LaneView(self._hold(), self.crew.room, self.wave, self.breaker.circuit.value)

    def _hold(self) -> str:
        left = self.breaker.seconds_left()
        if left is not None:
            return f"left alone, tried again in {left:.0f} s: {self.breaker.reason}"
        wave = self._wave_begins - time.monotonic()
        if wave > 0:
            return f"wave {self.wave + 1} over what failed for now begins in {wave:.0f} s"
        hold = self.pace.hold()
        if not hold and self.crew.borne is not None:
            return f"the destination bears {_associations(self.crew.borne)}"
        return hold

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
            begun = self._begun.pop(batch.number, None) or self._begin(batch)
            following = self.queue.head
            if following is not None and following.number not in self._begun:
                self._begun[following.number] = self._begin(following)
        self.record.manifest.want_durable()
        self.emit(BatchTaken(batch, self.destination.name))
        return batch, begun.ticket

    def _begin(self, batch: StudyBatch) -> _Begun:
        instances = batch.instances[:BEGIN_SLICE]
        return _Begun(self.record.begin(instances), instances)

    def prioritise(self, wanted: Callable[[Instance], bool]) -> int:
        """Move the instances that are wanted to the front of the queue; returns how many.

        A batch that was begun ahead and is split by that begins anew, part by part.
        """
        with self._lock:
            count = self.queue.prioritise(wanted)
            waiting = {batch.number for batch in self.queue.left()}
            for number in self._begun.keys() - waiting:
                self.record.end(self._begun.pop(number).instances)
        return count

    def give_back(self, batch: StudyBatch, *, culprit_last: bool = False) -> None:
        """Return a batch, or what is left of it, that could not be sent now.

        With `culprit_last` its first instance is what hindered it, and has to wait for all others.
        """
        instances = batch.instances
        if culprit_last:
            self.queue.postpone(replace(batch, instances=instances[:1]))
            instances = instances[1:]
        if instances:
            self.queue.give_back(replace(batch, instances=instances))

    def end(self) -> None:
        """Take back the begin lines of batches that nobody started, and close the finder."""
        with self._lock:
            begun, self._begun = self._begun, {}
        for one in begun.values():
            self.record.end(one.instances)
        self.asking.close()


def _associations(count: int) -> str:
    return "1 association" if count == 1 else f"{count} associations"
