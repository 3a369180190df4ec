"""One worker: takes study batches, sends them over its line, settles every instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from migrator.core.edits import SECONDARY_CAPTURES
from migrator.core.errors import (
    AssociationLost,
    AssociationRejected,
    Cancelled,
    DestinationError,
    LimitReached,
    Unreachable,
)
from migrator.core.events import AssociationEnded, Learnt
from migrator.core.model import ContextPair, Instance, StudyBatch
from migrator.core.outcome import Cause, Outcome, Refusal, State
from migrator.engine.breaker import Circuit
from migrator.engine.doubts import Doubts
from migrator.engine.lane import BEGIN_SLICE, Lane
from migrator.engine.line import Line
from migrator.engine.ports import Sender
from migrator.engine.recovery import (
    Attempt,
    Hold,
    Retry,
    Route,
    Settle,
    after_retry,
    concluded,
    decide,
)
from migrator.engine.remedies.chain import remedies_of

# Seconds between one worker's tries to reach a destination that does not answer.
_BACKOFF = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_LOOK = 0.1  # seconds between two looks of a worker that has to wait


class _Leave(Exception):
    """This worker sends no more for now; what is left of its batch goes back to the queue."""


class _Counted(AssociationLost):
    """What the circuit breaker has been told of already."""


class _GivenBack(_Counted):
    """Associations ended again and again before an instance had left: the others go first."""


class Worker:
    """Runs in a thread of its own until the lane's queue is exhausted."""

    def __init__(self, lane: Lane, number: int) -> None:
        self._lane = lane
        self._number = number
        self._line = Line(lane, number)
        self._doubts = Doubts(lane, self._line)
        self._remedies = remedies_of(lane.settings, self._doubts.questions())
        self._answers = 0  # of the lane, when the next began to count
        self._failures = 0  # in a row, while the destination served nobody

    def run(self) -> None:
        lane = self._lane
        try:
            while (head := lane.queue.wait_for_work()) is not None:
                if not lane.crew.enter(self._number):
                    self._rest()
                elif lane.breaker.circuit is not Circuit.CLOSED and not self._is_let_through():
                    continue
                # Associate before taking work, so that a peer that keeps us waiting holds up nothing.
                elif self._is_associated(head) and (taken := lane.take()) is not None:
                    self._send_batch(*taken)
        except Cancelled:
            pass
        except (DestinationError, LimitReached) as error:
            lane.stop(error)
        finally:
            lane.crew.leave(self._number)
            lane.breaker.left(self._number)
            if lane.queue.is_exhausted:
                lane.give_up_opening()
            self._line.close()

    def _rest(self) -> None:
        """Without an association, wait until there may be room again."""
        self._line.close()
        self._lane.breaker.left(self._number)
        if not self._lane.crew.room:
            self._lane.breaker.rest()
        self._lane.control.wait(_LOOK)

    def _is_let_through(self) -> bool:
        """Wait out the time in which the destination is left alone."""
        self._line.close()
        lane = self._lane
        return lane.breaker.pass_through(
            self._number, lambda: self._goes_on() and not lane.queue.is_exhausted
        )

    def _goes_on(self) -> bool:
        """Whether this worker may send the next file."""
        return self._lane.stopped_by is None and self._lane.crew.stays(self._number)

    def _is_associated(self, batch: StudyBatch) -> bool:
        try:
            self._line.study_begins(batch.pairs)
        except DestinationError as error:
            # Some peers only hang up on whom they have no room for.
            is_refused = not isinstance(error, Unreachable)
            if is_refused:
                # What asks keeps its association for a while, and it may have the only place there is.
                self._lane.asking.make_room()
            self._trouble(error, is_refused=is_refused)
            return False
        return True

    def _trouble(self, error: DestinationError, *, is_refused: bool = False) -> None:
        """Wait before the next try, or give the lane up where waiting cannot help.

        `is_refused`: no association was to be had, which others may have.
        """
        lane = self._lane
        if lane.queue.is_exhausted:
            return
        if not error.may_retry:
            lane.stop(error)
            return
        if not isinstance(error, _Counted):
            lane.emit(AssociationEnded(lane.destination.name, self._number, str(error)))
        if lane.answers != self._answers:
            self._answers, self._failures = lane.answers, 0
        if is_refused and lane.open_associations:
            lane.refused()
            lane.control.wait(_BACKOFF[0])
            return
        if not isinstance(error, _Counted):
            lane.failed(error)
        if lane.breaker.circuit is Circuit.CLOSED:
            lane.control.wait(_BACKOFF[min(self._failures, len(_BACKOFF) - 1)])
            self._failures += 1

    def _send_batch(self, batch: StudyBatch, ticket: int) -> None:
        instances: Sequence[Instance] = batch.instances
        done = 0
        try:
            instances = self._doubts.still_to_send(batch)
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
        except (DestinationError, _Leave, Cancelled) as error:
            unsent = tuple(instances[done:])
            self._lane.record.end(unsent[: 2 * BEGIN_SLICE])
            self._lane.give_back(replace(batch, instances=unsent), culprit_last=isinstance(error, _GivenBack))
            if isinstance(error, Cancelled):
                raise
            if isinstance(error, DestinationError):
                self._trouble(error, is_refused=isinstance(error, AssociationRejected))

    def _begin(self, instances: Sequence[Instance]) -> int:
        """Have the next slice's begin line on the disk by the time it is needed."""
        if not instances:
            return 0
        ticket = self._lane.record.begin(instances)
        self._lane.record.manifest.want_durable()
        return ticket

    def _send_one(self, instances: Sequence[Instance], position: int) -> None:
        lane, instance = self._lane, instances[position]
        self._await_turn()
        follower = instances[position + 1] if position + 1 < len(instances) else None
        outcome = self._deliver(instance, follower)
        lane.record.settle(instance, outcome)
        lane.settled(instance, outcome)
        self._line.file_done(len(instances) - position - 1)
        if outcome.stops:
            lane.stop(DestinationError(f"{lane.destination.name} refuses to go on: {outcome.reason}"))

    def _await_turn(self) -> None:
        """Go on when the pace allows. Raises _Leave when this worker is one too many, Cancelled."""
        lane, waited = self._lane, 0.0
        while True:
            if not self._goes_on():
                raise _Leave
            lane.control.check()
            left = lane.pace.delay() - waited
            if left <= 0:
                return
            step = min(left, _LOOK)
            lane.control.wait(step)
            waited += step

    def _first_attempt(self, instance: Instance) -> Attempt:
        """How an instance is sent at first: as it is, unless the destination has taught otherwise."""
        attempt = Attempt(instance, is_last_try=self._lane.wave > 0)
        if instance.uid in self._doubts.blind:
            attempt = replace(attempt, remedies=("resent blindly",))
        if self._lane.wave:
            attempt = replace(attempt, remedies=(*attempt.remedies, f"wave {self._lane.wave}"))
        lesson = self._lane.learning.lesson(instance)
        if lesson is None:
            return attempt
        remedies = (*attempt.remedies, *lesson.remedies)
        return replace(attempt, edits=lesson.edits, route=lesson.route, remedies=remedies)

    def _deliver(self, instance: Instance, follower: Instance | None) -> Outcome:
        """Send, and apply the chain until the instance is stored or nothing is left to try.

        Raises DestinationError or Cancelled when the instance is to stay pending: nothing of it was sent, or
        the destination is gone before the chain has come to its end.
        """
        attempt = self._first_attempt(instance)
        outcome = self._store(attempt, follower)
        if outcome.is_stored and not attempt.remedies:
            return outcome
        attempt = replace(attempt, sends=outcome.attempts)
        while not outcome.is_stored and not self._lane.control.is_cancelled:
            decision = decide(self._remedies, attempt, outcome)
            if decision is None:
                break
            if isinstance(decision, Hold):
                reason = f"{outcome.reason}: {decision.reason}"
                outcome = replace(
                    outcome, state=State.HELD, cause=Cause.DECISION, reason=reason, may_retry=False
                )
                break
            attempt = replace(attempt, remedies=(*attempt.remedies, decision.remedy))
            if isinstance(decision, Settle):
                outcome = decision.outcome
                break
            attempt = replace(attempt, edits=decision.edits, route=decision.route)
            again = self._retry(attempt, decision, outcome)
            if again is None:
                break
            attempt = replace(attempt, sends=attempt.sends + again.attempts)
            outcome = after_retry(outcome, again)
        if outcome.state is State.FAILED:
            self._lane.control.check()  # stopped before the chain has come to its end
            if outcome.cause is Cause.ASSOCIATION and not self._lane.is_own_fault(instance):
                self._keep_doubt(attempt, outcome)
                raise _GivenBack(outcome.reason, nothing_sent=True)
        self._learn(attempt, outcome)
        return concluded(attempt, outcome)

    def _learn(self, attempt: Attempt, outcome: Outcome) -> None:
        lesson = self._lane.learning.ended(attempt, outcome)
        if lesson is not None:
            self._lane.emit(Learnt(self._lane.destination.name, attempt.instance.pair, lesson.remedies))

    def _retry(self, attempt: Attempt, decision: Retry, before: Outcome) -> Outcome | None:
        """The outcome of another send; None when the user stopped it.

        Raises DestinationError when there is no way to the destination: the instance stays pending, and in
        doubt where its answer was lost, to be asked about before it is sent again.
        """
        lane = self._lane
        try:
            if before.refusal is Refusal.RESOURCES:
                lane.crowded()
            lane.control.wait(decision.after)
            if lane.breaker.circuit is Circuit.OPEN:
                raise _Counted(lane.breaker.reason)
            return self._store(attempt, None)
        except Cancelled:
            return None
        except DestinationError:
            if lane.control.is_cancelled:
                return None
            self._keep_doubt(attempt, before)
            raise

    def _keep_doubt(self, attempt: Attempt, outcome: Outcome) -> None:
        """An instance stays pending that the destination may have since an answer was lost."""
        if outcome.state is State.UNKNOWN:
            self._lane.record.doubt(attempt.instance, outcome)
        elif "resent blindly" in attempt.remedies:
            self._lane.record.doubt(attempt.instance)

    def _store(self, attempt: Attempt, follower: Instance | None) -> Outcome:
        instance = attempt.instance
        sender: Sender | None = None
        try:
            sender = self._sender_for(attempt)
            return sender.store(instance, self._lane.destination.edits + attempt.edits, follower)
        except AssociationRejected as error:
            if attempt.route is Route.SAME:
                raise
            return _refused_aside(attempt, error)
        except AssociationLost as error:
            if sender is None:
                if attempt.route is Route.SAME:
                    raise
                # Some hang up on a proposal that they do not like, others because they go down.
                self._line.study_goes_on()
                return _refused_aside(attempt, error)
            self._line.lost(sender)
            self._lane.emit(AssociationEnded(self._lane.destination.name, self._number, str(error)))
            self._lane.failed(error)
            if error.nothing_sent:
                outcome = Outcome(State.FAILED, Cause.ASSOCIATION, attempts=0)
            else:
                outcome = error.unanswered or Outcome(State.UNKNOWN, Cause.ASSOCIATION)
            return replace(outcome, reason=str(error), may_retry=True)

    def _sender_for(self, attempt: Attempt) -> Sender:
        pairs = _pairs_of(attempt)
        if attempt.route is Route.SAME:
            return self._line.sender_for(pairs)
        return self._line.side(pairs, attempt.route)


def _refused_aside(attempt: Attempt, error: AssociationRejected | AssociationLost) -> Outcome:
    """An association of its own was not to be had. Only where the peer says so, it may be another time."""
    return Outcome(
        State.FAILED,
        Cause.CONTEXT,
        attempts=0,
        reason=f"the destination refused {attempt.route.value}: {error}",
        may_retry=isinstance(error, AssociationRejected) and error.is_transient,
    )


def _pairs_of(attempt: Attempt) -> tuple[ContextPair, ...]:
    """The presentation contexts that an instance needs as it is edited."""
    pair = attempt.instance.pair
    if not any(edit.makes_new_uid for edit in attempt.edits):
        return (pair,)
    return tuple(ContextPair(sop_class, pair.transfer_syntax) for sop_class in SECONDARY_CAPTURES)
