"""What one worker asks the destination: before it sends what is in doubt, and while remedies are sought."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from migrator.core.errors import DestinationError, Unreachable
from migrator.core.model import Instance, Reason, StudyBatch
from migrator.core.outcome import Cause, Outcome, State
from migrator.core.room import where_there_is_room
from migrator.engine.lane import Lane
from migrator.engine.line import Line
from migrator.engine.remedies.chain import Questions

_ALREADY_THERE = Outcome(State.SKIPPED, Cause.DECISION, attempts=0, reason=Reason.ALREADY_THERE.value)

_Subject = TypeVar("_Subject")
_Answer = TypeVar("_Answer")


class Doubts:
    """Owned by one worker thread, as its line is."""

    def __init__(self, lane: Lane, line: Line) -> None:
        self._lane = lane
        self._line = line
        self.blind: set[str] = set()
        """SOP instance UIDs in doubt of which the destination cannot tell: they are sent once more."""

    def questions(self) -> Questions:
        """What remedies may ask."""
        asking = self._lane.asking
        return Questions(
            lambda instance: self._asked(asking.holds, instance),
            lambda study_uid: self._asked(asking.patients, study_uid),
            self._lane.learning.is_hopeless,
        )

    def still_to_send(self, batch: StudyBatch) -> Sequence[Instance]:
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
                held[study] = self._held_of(study)
            uids = held[study]
            if uids is not None and instance.uid in uids:
                outcome = self._there(instance) if is_doubted else _ALREADY_THERE
                self._lane.record.settle(instance, outcome)
                continue
            if uids is None and is_doubted:
                self.blind.add(instance.uid)
            left.append(instance)
        return left

    def _held_of(self, study_uid: str) -> frozenset[str] | None:
        """What the destination holds of a study; None when it cannot tell."""
        try:
            return self._asked(self._lane.asking.held_of, study_uid)
        except DestinationError as error:
            self._lane.asking.cannot_tell(str(error))
            return None

    def _asked(self, ask: Callable[[_Subject], _Answer], subject: _Subject) -> _Answer:
        """Ask the destination. Where it has no room for the question, our own association makes way for it.

        Raises DestinationError.
        """
        try:
            return ask(subject)
        except DestinationError as error:
            if isinstance(error, Unreachable) or not error.may_retry or not self._line.make_room():
                raise
        try:
            return where_there_is_room(lambda: ask(subject), self._lane.control)
        finally:
            self._lane.asking.close()

    def _there(self, instance: Instance) -> Outcome:
        """What to record of an instance that was in doubt and that the destination holds."""
        sent = self._lane.record.unanswered(instance) or Outcome(State.UNKNOWN)
        return replace(
            sent,
            state=State.SENT,
            cause=Cause.DECISION,
            attempts=0,
            may_retry=False,
            reason="sent before an interruption; found at the destination by C-FIND",
            healed=True,
            remedies=("asked",),
        )
