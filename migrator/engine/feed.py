"""From the scan to the queue: filters, duplicates and the plan, whole or as a stream."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from migrator.core.model import LEFT_OUT, Instance, Reason, StudyBatch
from migrator.core.outcome import Problem, State
from migrator.core.settings import Settings
from migrator.engine.duplicates import UidRegister
from migrator.engine.filters import Filter, reason_to_leave
from migrator.engine.planner import Planner
from migrator.engine.queue import BatchQueue
from migrator.engine.record import JobRecord
from migrator.engine.scanner import Known, Settled

_STREAM_INSTANCES = 256  # collected before they are planned, so that small folders share batches
_STREAM_SECONDS = 0.5
_STREAM_PATIENCE = 1.5  # seconds for which a study that still grows is held back
_FILTERS = LEFT_OUT - {Reason.BEYOND_LIMIT}

Block = Sequence["Instance | Problem | Settled"]


@dataclass(frozen=True, slots=True)
class Selection:
    """What of the source is wanted. `studies` were sent by earlier runs and count towards a limit.

    `known` tells what this destination has settled, where the scan passes over only what all have settled.
    """

    filters: Sequence[Filter] = ()
    only_failed: bool = False
    studies: frozenset[str] = frozenset()
    known: Known | None = None


class Feed:
    """Takes what the scan yields, records what is not to be sent, and fills the queue with the rest."""

    def __init__(
        self,
        settings: Settings,
        record: JobRecord,
        register: UidRegister,
        planner: Planner,
        selection: Selection,
    ) -> None:
        self._record = record
        self._register = register
        self._planner = planner
        self._filters = selection.filters
        self._only_failed = selection.only_failed
        self._known = selection.known
        self._studies = set(selection.studies)
        self._limit = settings.filter.limit_studies
        self._split_limit = settings.send.split_limit
        self.is_complete = False
        """Whether the scan came to its end."""

    def whole(self, blocks: Iterable[Block], queue: BatchQueue) -> None:
        """Scan to the end, then plan and queue everything."""
        instances = [instance for block in blocks for instance in self._accept(block)]
        self.is_complete = True
        self._queue(instances, queue)
        queue.filled()

    def stream(self, blocks: Iterable[Block], queue: BatchQueue) -> None:
        """Plan and queue block by block, while the scan goes on."""
        collected: list[Instance] = []
        flushed = time.monotonic()
        for block in blocks:
            collected += self._accept(block)
            waited = time.monotonic() - flushed
            if len(collected) < _STREAM_INSTANCES and waited < _STREAM_SECONDS and block:
                continue
            growing = self._growing(collected) if block and waited < _STREAM_PATIENCE else 0
            if len(collected) == growing:
                continue
            if not self._queue(collected[: len(collected) - growing], queue):
                return
            collected, flushed = collected[len(collected) - growing :], time.monotonic()
        self.is_complete = True
        self._queue(collected, queue)
        queue.filled()

    def _growing(self, collected: list[Instance]) -> int:
        """How many of the last instances belong to a study of which more is likely to come."""
        study_uid = collected[-1].study.uid if collected else ""
        count = 0
        for instance in reversed(collected):
            if instance.study.uid != study_uid:
                return count
            count += 1
        return count if count < self._split_limit else 0

    def _queue(self, instances: list[Instance], queue: BatchQueue) -> bool:
        return all(queue.put(batch) for batch in self._limited(self._planner.plan(instances)))

    def _accept(self, block: Block) -> list[Instance]:
        """Record every item of the block; return the instances that are to be sent."""
        accepted: list[Instance] = []
        for item in block:
            settled = self._settled(item)
            if settled is not None:
                self._record.found_settled(item.path, settled)
            elif isinstance(item, Problem):
                self._record.problem(item)
            elif isinstance(item, Instance):
                problem = self._problem_of(item)
                if problem is None:
                    self._record.found(item)
                    accepted.append(item)
                elif problem.reason in _FILTERS:
                    self._record.pass_over(problem)
                else:
                    self._record.problem(problem)
        return accepted

    def _settled(self, item: Instance | Problem | Settled) -> State | None:
        """The state in which an earlier run settled this path for this destination."""
        if isinstance(item, Settled):
            standing = None if self._known is None else self._record.manifest.index.get(item.path)
            return item.state if standing is None else standing.state
        if self._known is None or not item.mtime_ns:
            return None
        return self._known(item.path, item.size, item.mtime_ns)

    def _problem_of(self, instance: Instance) -> Problem | None:
        reason = reason_to_leave(self._filters, instance)
        if reason is None and self._only_failed and not self._record.has_failed(instance):
            reason = Reason.NOT_TRIED
        if reason is None:
            return self._register.judge(instance)
        return Problem(
            instance.path, instance.size, instance.mtime_ns, State.SKIPPED, reason, instance=instance
        )

    def _limited(self, batches: Iterable[StudyBatch]) -> Iterator[StudyBatch]:
        """Only as many studies as are wanted; the rest is recorded as left out."""
        for batch in batches:
            if not self._limit:
                yield batch
                continue
            kept = [instance for instance in batch.instances if self._is_within_limit(instance)]
            if kept:
                yield replace(batch, instances=tuple(kept))

    def _is_within_limit(self, instance: Instance) -> bool:
        uid = instance.study.uid
        if uid not in self._studies and len(self._studies) >= self._limit:
            self._record.leave(instance, Reason.BEYOND_LIMIT)
            return False
        self._studies.add(uid)
        return True
