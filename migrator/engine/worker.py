"""One worker: takes study batches, sends them over its line, settles every instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from migrator.core.errors import AssociationLost, AssociationRejected, Cancelled, DestinationError
from migrator.core.events import AssociationEnded
from migrator.core.model import Instance, Reason, StudyBatch
from migrator.core.outcome import Cause, Outcome, State
from migrator.engine.lane import BEGIN_SLICE, Lane
from migrator.engine.line import Line
from migrator.engine.recovery import Attempt, Hold, Remedy, Retry, Settle, concluded, decide

# Seconds between tries to reach a destination that no worker can reach; then the lane is given up.
_BACKOFF = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
# So often a worker that is refused while others are served asks again; then it leaves the work to them.
_MOST_REFUSALS = 600


class Worker:
    """Runs in a thread of its own until the lane's queue is exhausted."""

    def __init__(self, lane: Lane, number: int, remedies: list[Remedy]) -> None:
        self._lane = lane
        self._number = number
        self._remedies = remedies
        self._line = Line(lane, number)
        self._answers = 0  # of the lane, when the next two began to count
        self._refusals = 0  # in a row, while the destination served other workers
        self._failures = 0  # in a row, while it served nobody
        self._blind: set[str] = set()  # in doubt, and the destination cannot tell: sent once more

    def run(self) -> None:
        try:
            while self._refusals < _MOST_REFUSALS and (head := self._lane.queue.wait_for_work()) is not None:
                # Associate before taking work, so that a peer that keeps us waiting holds up nothing.
                if self._is_associated(head) and (taken := self._lane.take()) is not None:
                    self._send_batch(*taken)
        except Cancelled:
            pass
        finally:
            if self._lane.queue.is_exhausted:
                self._lane.give_up_opening()
            self._line.close()

    def _is_associated(self, batch: StudyBatch) -> bool:
        try:
            self._line.study_begins(batch.pairs)
        except DestinationError as error:
            self._trouble(error)
            return False
        return True

    def _trouble(self, error: DestinationError) -> None:
        """Wait before the next try, or give the lane up: for good reasons, or after the last wait."""
        lane = self._lane
        if lane.queue.is_exhausted:
            return
        if isinstance(error, AssociationRejected) and not error.is_transient:
            lane.stop(error)
            return
        lane.emit(AssociationEnded(lane.destination.name, self._number, str(error)))
        if lane.answers != self._answers:
            self._answers, self._refusals, self._failures = lane.answers, 0, 0
        if lane.open_associations:
            # Others are served: the peer limits associations, or answers one at a time.
            self._refusals += 1
            lane.control.wait(_BACKOFF[0])
        elif self._failures < len(_BACKOFF):
            self._failures += 1
            lane.control.wait(_BACKOFF[self._failures - 1])
        else:
            lane.stop(error)

    def _send_batch(self, batch: StudyBatch, ticket: int) -> None:
        instances: Sequence[Instance] = batch.instances
        done = 0
        try:
            instances = self._still_to_send(batch)
            if instances is not batch.instances:
                ticket = self._begin(instances[:BEGIN_SLICE])
            while done < len(instances):
                start = done
                following = self._begin(instances[start + BEGIN_SLICE : start + 2 * BEGIN_SLICE])
                self._lane.record.manifest.wait_durable(ticket)
                ticket = following
                for position in range(start, min(start + BEGIN_SLICE, len(instances))):
                    self._send_one(instances, position)
                    done += 1
        except DestinationError as error:
            self._take_back(instances[done:])
            self._lane.give_back(replace(batch, instances=tuple(instances[done:])))
            self._trouble(error)
        except Cancelled:
            self._take_back(instances[done:])
            raise

    def _take_back(self, unsent: Sequence[Instance]) -> None:
        """Nothing of what was begun left, but for what is in doubt."""
        begun = unsent[: 2 * BEGIN_SLICE]
        self._lane.record.end([one for one in begun if not self._lane.record.is_in_doubt(one)])

    def _begin(self, instances: Sequence[Instance]) -> int:
        """Have the next slice's begin line on the disk by the time it is needed."""
        if not instances:
            return 0
        ticket = self._lane.record.begin(instances)
        self._lane.record.manifest.want_durable()
        return ticket

    def _still_to_send(self, batch: StudyBatch) -> Sequence[Instance]:
        """Without what the destination is known to hold: asked for, or in doubt since an interruption."""
        doubted = frozenset(one.uid for one in batch.instances if self._lane.record.is_in_doubt(one))
        asks = self._lane.settings.send.skip_existing
        if not doubted and not asks:
            return batch.instances
        held: dict[str, frozenset[str] | None] = {}
        left: list[Instance] = []
        for instance in batch.instances:
            is_doubted = instance.uid in doubted
            if not (is_doubted or asks):
                left.append(instance)
                continue
            study = instance.study.uid
            if study not in held:
                held[study] = self._lane.held_of(study)
            uids = held[study]
            if uids is not None and instance.uid in uids:
                self._lane.record.settle(instance, _there(instance, is_doubted))
                continue
            if uids is None and is_doubted:
                self._blind.add(instance.uid)
            left.append(instance)
        return left

    def _send_one(self, instances: Sequence[Instance], position: int) -> None:
        lane, instance = self._lane, instances[position]
        lane.control.checkpoint()
        follower = instances[position + 1] if position + 1 < len(instances) else None
        outcome = self._deliver(instance, follower)
        lane.record.settle(instance, outcome)
        if outcome.status is not None:
            lane.answered()
        self._line.file_done(len(instances) - position - 1)
        if outcome.stops:
            lane.stop(DestinationError(f"{lane.destination.name} refuses to go on: {outcome.reason}"))
            raise Cancelled("the destination asked to stop")

    def _deliver(self, instance: Instance, follower: Instance | None) -> Outcome:
        """Send, and apply the chain until the instance is stored or nothing is left to try.

        Raises DestinationError or Cancelled when not one byte was sent: the instance stays pending.
        """
        attempt = Attempt(instance, remedies=("resent blindly",) if instance.uid in self._blind else ())
        outcome = self._store(attempt, follower)
        if outcome.is_stored and not attempt.remedies:
            return outcome
        attempt = replace(attempt, sends=outcome.attempts)
        while not outcome.is_stored and not self._lane.control.is_cancelled:
            decision = decide(self._remedies, attempt, outcome)
            if decision is None:
                break
            if isinstance(decision, Hold):
                outcome = replace(outcome, state=State.HELD, cause=Cause.DECISION, reason=decision.reason)
                break
            attempt = replace(attempt, remedies=(*attempt.remedies, decision.remedy))
            if isinstance(decision, Settle):
                outcome = decision.outcome
                break
            again = self._retry(replace(attempt, edits=decision.edits), decision, follower)
            if again is None:
                self._leave_in_doubt(instance, outcome)
                break
            attempt = replace(attempt, edits=decision.edits, sends=attempt.sends + again.attempts)
            outcome = again
        if not outcome.is_stored and not attempt.sends:
            self._lane.control.checkpoint()  # stopped before anything was sent: it stays pending
        if outcome.cause is Cause.ASSOCIATION and outcome.state is State.FAILED:
            raise AssociationLost(outcome.reason, nothing_sent=True)
        return concluded(attempt, outcome)

    def _leave_in_doubt(self, instance: Instance, outcome: Outcome) -> None:
        """With no way to the destination a lost answer stays open: the batch goes on later by asking."""
        if outcome.state is State.UNKNOWN and not self._lane.control.is_cancelled:
            self._lane.record.doubt(instance)
            raise AssociationLost(outcome.reason)

    def _retry(self, attempt: Attempt, decision: Retry, follower: Instance | None) -> Outcome | None:
        """The outcome of another send; None when there is no way to the destination now."""
        try:
            self._lane.control.wait(decision.after)
            return self._store(attempt, follower)
        except (DestinationError, Cancelled):
            return None

    def _store(self, attempt: Attempt, follower: Instance | None) -> Outcome:
        instance = attempt.instance
        sender = self._line.sender_for((instance.pair,))
        try:
            return sender.store(instance, attempt.edits, follower)
        except AssociationLost as error:
            self._line.lost()
            self._lane.emit(AssociationEnded(self._lane.destination.name, self._number, str(error)))
            state = State.FAILED if error.nothing_sent else State.UNKNOWN
            return Outcome(
                state,
                Cause.ASSOCIATION,
                attempts=0 if error.nothing_sent else 1,
                reason=str(error),
                may_retry=True,
            )


def _there(instance: Instance, is_doubted: bool) -> Outcome:
    """What to record of an instance that the destination already holds."""
    if is_doubted:
        reason = "sent before an interruption; found at the destination by C-FIND"
        return Outcome(
            State.SENT, Cause.DECISION, attempts=0, reason=reason, healed=True, remedies=("asked",)
        )
    return Outcome(State.SKIPPED, Cause.DECISION, attempts=0, reason=Reason.ALREADY_THERE.value)
