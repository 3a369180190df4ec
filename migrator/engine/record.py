"""The job's record: manifest, index and accounting move together, so the ledger balances at any moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from migrator.core.events import Emit, InstanceSettled, ProblemFound
from migrator.core.model import Instance, Reason
from migrator.core.outcome import Cause, Outcome, Problem, State
from migrator.engine.accounting import Accounting
from migrator.engine.manifest import Manifest
from migrator.engine.manifest_index import is_settled
from migrator.engine.manifest_lines import outcome_line, problem_line
from migrator.engine.manifest_rows import paths_by_uid

_NOT_FILES = frozenset({Reason.NOT_A_FILE, Reason.LINK_OUTSIDE, Reason.UNREADABLE_FOLDER, Reason.VANISHED})


class JobRecord:
    """Where every path of one job goes. All methods may be called from any thread."""

    def __init__(self, manifest: Manifest, accounting: Accounting, emit: Emit, node: str) -> None:
        self.manifest = manifest
        self.accounting = accounting
        self._emit = emit
        self._node = node
        self._now: Callable[[], float] = time.time
        self._lock = threading.Lock()
        self._by_uid: dict[str, tuple[str, int]] | None = None  # guarded by _lock, as the index is
        self.scanned: set[int] = set()
        accounting.load_job(manifest.index.counts())

    def settled_as(self, path: str, size: int, mtime_ns: int) -> State | None:
        """The state in which an earlier run settled this unchanged path, else None."""
        index = self.manifest.index
        state = index.settled_as(path, size, mtime_ns)
        if state is not None and not index.has_time(path, mtime_ns):
            # Within the tolerance: from now on the time that this mount shows is the one to compare with.
            with self._lock:
                index.put(path, size, mtime_ns, state, True)
        return state

    def failed_as(self, path: str, size: int, mtime_ns: int) -> State | None:
        """As `settled_as`, but permanent failures are not settled: they are to be tried again."""
        state = self.settled_as(path, size, mtime_ns)
        return None if state in (State.FAILED, State.QUARANTINED) else state

    def unheld_as(self, path: str, size: int, mtime_ns: int) -> State | None:
        """As `settled_as`, but what was held for a person is looked at again."""
        state = self.settled_as(path, size, mtime_ns)
        return None if state is State.HELD else state

    def found_settled(self, path: str, state: State) -> None:
        """Count a path that an earlier run settled: skipped in this run, unchanged in the job."""
        self.scanned.add(hash(path))
        self.accounting.found(State.SKIPPED, state, keeps_job=True)

    def found(self, instance: Instance) -> None:
        """Count an instance that is to be sent."""
        with self._lock:
            before = self.manifest.index.put(
                instance.path, instance.size, instance.mtime_ns, State.PENDING, False
            )
            self.scanned.add(hash(instance.path))
            self.accounting.found(State.PENDING, before, size=instance.size)

    def problem(self, problem: Problem) -> None:
        """Record a path that the scan, a filter or the search for duplicates settled."""
        with self._lock:
            before = self._append_problem(problem)
            if problem.reason not in _NOT_FILES:
                self.scanned.add(hash(problem.path))
            self.accounting.found(problem.state, before)
        self._emit(ProblemFound(problem))

    def leave(self, instance: Instance, reason: Reason) -> None:
        """Skip an instance that was already counted as pending."""
        problem = Problem(
            instance.path, instance.size, instance.mtime_ns, State.SKIPPED, reason, instance=instance
        )
        outcome = Outcome(State.SKIPPED, Cause.DECISION, attempts=0, reason=reason.value)
        with self._lock:
            self._append_problem(problem)
            self.accounting.settled(State.PENDING, instance.size, outcome)
        self._emit(ProblemFound(problem))

    def settle(self, instance: Instance, outcome: Outcome) -> None:
        """Record what became of a pending instance."""
        key = self.manifest.series_key(instance.series)
        line = outcome_line(instance, outcome, key, self._now())
        line["settings"] = self.manifest.settings_key
        with self._lock:
            self.manifest.append(line)
            before = self.manifest.index.put(
                instance.path,
                instance.size,
                instance.mtime_ns,
                outcome.state,
                is_settled(outcome.state, line),
            )
            self.manifest.index.add_uid(instance.uid)
            self.accounting.settled(before or State.PENDING, instance.size, outcome)
        self._emit(InstanceSettled(instance, outcome, self._node))

    def reopen(self, instance: Instance, *, in_this_run: bool) -> None:
        """Make a stored instance pending again: the destination turned out to lack it."""
        with self._lock:
            before = self.manifest.index.put(
                instance.path, instance.size, instance.mtime_ns, State.PENDING, False
            )
            in_job = before or State.SENT
            if hash(instance.path) in self.scanned:
                self.accounting.reopened(in_job, in_job if in_this_run else State.SKIPPED, instance.size)
            else:
                self.scanned.add(hash(instance.path))
                self.accounting.found(State.PENDING, in_job, size=instance.size)

    def _append_problem(self, problem: Problem) -> State | None:
        key = self.manifest.series_key(problem.instance.series) if problem.instance else None
        line = problem_line(problem, key, self._now())
        self.manifest.append(line)
        settled = is_settled(problem.state, line)
        return self.manifest.index.put(problem.path, problem.size, problem.mtime_ns, problem.state, settled)

    def begin(self, instances: Sequence[Instance]) -> int:
        """Note that these are about to be sent; the ticket is for `Manifest.wait_durable`."""
        return self.manifest.append({"t": "begin", "uids": [instance.uid for instance in instances]})

    def end(self, instances: Sequence[Instance]) -> None:
        """Take back a `begin` for instances of which not one byte was sent."""
        if instances:
            self.manifest.append({"t": "end", "uids": [instance.uid for instance in instances]})

    def has_failed(self, instance: Instance) -> bool:
        """Whether an earlier run could not store this path's instance, or never learnt whether it did."""
        standing = self.manifest.index.get(instance.path)
        return standing is not None and standing.state in (State.FAILED, State.UNKNOWN, State.QUARANTINED)

    def is_in_doubt(self, instance: Instance) -> bool:
        """Whether an interrupted run may have sent this instance without learning the answer."""
        return instance.uid in self.manifest.index.in_doubt

    def earlier(self, uid: str) -> tuple[str, int] | None:
        """Path and size of the file that stands for this UID since an earlier run."""
        if not self.manifest.index.may_know_uid(uid):
            return None
        with self._lock:
            if self._by_uid is None:
                self._by_uid = paths_by_uid(Path(self.manifest.file))
            return self._by_uid.get(uid)
