"""From the scan to the queue: filters, duplicates and the plan, whole or as a stream."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from migrator.core.model import Instance, Reason, StudyBatch
from migrator.core.outcome import Problem, State
from migrator.core.settings import Settings
from migrator.engine.duplicates import UidRegister
from migrator.engine.filters import filters_of, reason_to_leave
from migrator.engine.planner import Planner
from migrator.engine.queue import BatchQueue
from migrator.engine.record import JobRecord
from migrator.engine.scanner import Settled

_STREAM_INSTANCES = 256  # collected before they are planned, so that small folders share batches
_STREAM_SECONDS = 1.0

Block = Sequence["Instance | Problem | Settled"]


class Feed:
    """Takes what the scan yields, records what is not to be sent, and fills the queue with the rest."""

    def __init__(
        self,
        settings: Settings,
        record: JobRecord,
        register: UidRegister,
        planner: Planner,
        only_failed: bool,
    ) -> None:
        self._record = record
        self._register = register
        self._planner = planner
        self._filters = filters_of(settings.filter)
        self._only_failed = only_failed
        self._limit = settings.filter.limit_studies
        self._studies: set[str] = set()

    def whole(self, blocks: Iterable[Block], queue: BatchQueue) -> None:
        """Scan to the end, then plan and queue everything."""
        self._queue([instance for block in blocks for instance in self._accept(block)], queue)
        queue.filled()

    def stream(self, blocks: Iterable[Block], queue: BatchQueue) -> None:
        """Plan and queue block by block, while the scan goes on."""
        collected: list[Instance] = []
        flushed = time.monotonic()
        for block in blocks:
            collected += self._accept(block)
            now = time.monotonic()
            if len(collected) >= _STREAM_INSTANCES or now - flushed > _STREAM_SECONDS or not block:
                if not self._queue(collected, queue):
                    return
                collected, flushed = [], now
        self._queue(collected, queue)
        queue.filled()

    def _queue(self, instances: list[Instance], queue: BatchQueue) -> bool:
        return all(queue.put(batch) for batch in self._planner.plan(instances) if self._within_limit(batch))

    def _accept(self, block: Block) -> list[Instance]:
        """Record every item of the block; return the instances that are to be sent."""
        accepted: list[Instance] = []
        for item in block:
            if isinstance(item, Settled):
                self._record.found_settled(item.path, item.state)
            elif isinstance(item, Problem):
                self._record.problem(item)
            else:
                problem = self._problem_of(item)
                if problem is None:
                    self._record.found(item)
                    accepted.append(item)
                else:
                    self._record.problem(problem)
        return accepted

    def _problem_of(self, instance: Instance) -> Problem | None:
        reason = reason_to_leave(self._filters, instance)
        if reason is None and self._only_failed and not self._record.has_failed(instance):
            reason = Reason.FILTERED
        if reason is None:
            return self._register.judge(instance)
        return Problem(
            instance.path, instance.size, instance.mtime_ns, State.SKIPPED, reason, instance=instance
        )

    def _within_limit(self, batch: StudyBatch) -> bool:
        """Count the batch's studies against the limit; record those beyond it as left out."""
        if not self._limit:
            return True
        for instance in batch.instances:
            if instance.study.uid not in self._studies and len(self._studies) == self._limit:
                break
            self._studies.add(instance.study.uid)
        else:
            return True
        for instance in batch.instances:
            self._record.leave(instance, Reason.BEYOND_LIMIT)
        return False
