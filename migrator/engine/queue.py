"""The batches that wait for an association: filled by the plan or the stream, emptied by the workers."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from itertools import count

from migrator.core.model import Instance, StudyBatch

_CLOSED_CHECK = 0.5  # seconds; a wait on a condition also wakes on notify


class BatchQueue:
    """Bounded by instances, so that a stream never runs far ahead of the sending."""

    def __init__(self, most_instances: int = 0) -> None:
        """`most_instances` bounds what waits; 0 is no bound (the whole plan is in memory anyway)."""
        self._most = most_instances
        self._changed = threading.Condition()
        self._batches: deque[StudyBatch] = deque()  # guarded by _changed, as all below
        self._waiting = 0
        self._is_filled = False
        self._is_stopped = False
        self._numbers = count(-1, -1)

    def put(self, batch: StudyBatch) -> bool:
        """Add a batch, blocking while the queue is full; False when nobody will take it any more."""
        with self._changed:
            while self._most and self._waiting >= self._most and not self._is_stopped:
                self._changed.wait(_CLOSED_CHECK)
            if self._is_stopped:
                return False
            self._batches.append(batch)
            self._waiting += len(batch.instances)
            self._changed.notify_all()
            return True

    def give_back(self, batch: StudyBatch) -> None:
        """Return what could not be started; it is the next to be taken."""
        with self._changed:
            self._batches.appendleft(batch)
            self._waiting += len(batch.instances)
            self._changed.notify_all()

    def postpone(self, batch: StudyBatch) -> None:
        """Return what could not be sent, to be taken after all that waits."""
        with self._changed:
            self._batches.append(replace(batch, number=next(self._numbers)))
            self._waiting += len(batch.instances)
            self._changed.notify_all()

    def prioritise(self, wanted: Callable[[Instance], bool]) -> int:
        """Move the instances that are wanted to the front, in their order; returns how many."""
        with self._changed:
            first: list[StudyBatch] = []
            rest: list[StudyBatch] = []
            for batch in self._batches:
                for part, batches in ((True, first), (False, rest)):
                    batches += self._part(batch, tuple(i for i in batch.instances if wanted(i) is part))
            self._batches = deque([*first, *rest])
            return sum(len(batch.instances) for batch in first)

    def _part(self, batch: StudyBatch, instances: tuple[Instance, ...]) -> list[StudyBatch]:
        """A part of a batch under a number of its own, which no begin line knows."""
        if len(instances) == len(batch.instances):
            return [batch]
        return [replace(batch, number=next(self._numbers), instances=instances)] if instances else []

    def filled(self) -> None:
        """No more batches will come."""
        with self._changed:
            self._is_filled = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Nothing more will be taken; what waits stays pending."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def take(self) -> StudyBatch | None:
        """The next batch; blocks while more may come. None when all is done or stopped."""
        with self._changed:
            while not self._batches and not self._is_filled and not self._is_stopped:
                self._changed.wait(_CLOSED_CHECK)
            if self._is_stopped or not self._batches:
                return None
            batch = self._batches.popleft()
            self._waiting -= len(batch.instances)
            self._changed.notify_all()
            return batch

    def wait_for_work(self) -> StudyBatch | None:
        """The batch that `take` would return, left in its place; None as with `take`."""
        with self._changed:
            while not self._batches and not self._is_filled and not self._is_stopped:
                self._changed.wait(_CLOSED_CHECK)
            return None if self._is_stopped or not self._batches else self._batches[0]

    @property
    def head(self) -> StudyBatch | None:
        """The batch that waits first, if any does."""
        with self._changed:
            return self._batches[0] if self._batches else None

    def left(self) -> list[StudyBatch]:
        """The batches that nobody took."""
        with self._changed:
            return list(self._batches)

    @property
    def is_growing(self) -> bool:
        """Whether more batches may come."""
        with self._changed:
            return not self._is_filled and not self._is_stopped

    @property
    def is_exhausted(self) -> bool:
        """Whether no batch waits and none will come."""
        with self._changed:
            return self._is_stopped or (self._is_filled and not self._batches)
