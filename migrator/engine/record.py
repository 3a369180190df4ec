"""The job's record: manifest, index and accounting move together, so the ledger balances at any moment."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from migrator.core.events import Emit, InstanceSettled, ProblemFound
from migrator.core.model import Instance, Reason
from migrator.core.outcome import Outcome, Problem, State
from migrator.engine.accounting import Accounting
from migrator.engine.manifest import Manifest
from migrator.engine.manifest_index import Standing, is_settled
from migrator.engine.manifest_lines import outcome_line, problem_line
from migrator.engine.manifest_rows import paths_by_uid, rows

_TROUBLED = frozenset({State.FAILED, State.UNKNOWN, State.QUARANTINED, State.HELD})
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
        self._troubled: dict[int, Standing] = {}  # how what is pending now stood before
        self._unanswered: dict[str, Outcome] = {}
        self._odd: set[int] = set()  # hashes of paths seen in this run that are no files to look at again
        self._unreadable: list[str] = []  # folders of this run
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

    def settled_unless(self, reopened: frozenset[State]) -> Callable[[str, int, int], State | None]:
        """As `settled_as`, but what stands in one of these states is looked at again."""

        def settled(path: str, size: int, mtime_ns: int) -> State | None:
            state = self.settled_as(path, size, mtime_ns)
            return None if state in reopened else state

        return settled

    def found_settled(self, path: str, state: State) -> None:
        """Count a path that an earlier run settled: skipped in this run, unchanged in the job."""
        self.scanned.add(hash(path))
        self.accounting.found(State.SKIPPED, state, keeps_job=True)

    def found(self, instance: Instance) -> None:
        """Count an instance that is to be sent."""
        index = self.manifest.index
        with self._lock:
            before = index.get(instance.path)
            if before is not None and before.state in _TROUBLED:
                self._troubled[hash(instance.path)] = before
            index.put(instance.path, instance.size, instance.mtime_ns, State.PENDING, False)
            self.scanned.add(hash(instance.path))
            self.accounting.found(State.PENDING, before.state if before else None, size=instance.size)

    def problem(self, problem: Problem) -> None:
        """Record a path that the scan or the search for duplicates settled."""
        with self._lock:
            before = self._append_problem(problem)
            if problem.reason in _NOT_FILES or not problem.mtime_ns:
                self._odd.add(hash(problem.path))
            else:
                self.scanned.add(hash(problem.path))
            if problem.reason is Reason.UNREADABLE_FOLDER:
                self._unreadable.append(os.path.join(problem.path, ""))  # noqa: PTH118 - paths may be empty
            self.accounting.found(problem.state, before)
        self._emit(ProblemFound(problem))

    def pass_over(self, problem: Problem) -> None:
        """Skip what a filter leaves out; trouble that an earlier run recorded stays recorded."""
        standing = self.manifest.index.get(problem.path)
        if standing is None or standing.state not in _TROUBLED:
            self.problem(problem)
            return
        self.found_settled(problem.path, standing.state)
        self._emit(ProblemFound(problem))

    def leave(self, instance: Instance, reason: Reason) -> None:
        """Skip an instance that was already counted as pending."""
        problem = Problem(
            instance.path, instance.size, instance.mtime_ns, State.SKIPPED, reason, instance=instance
        )
        with self._lock:
            before = self._troubled.pop(hash(instance.path), None)
            if before is None:
                self._append_problem(problem)
                self.accounting.left(State.SKIPPED, instance.size)
            else:
                self.manifest.index.put(
                    instance.path, before.size, before.mtime_ns, before.state, before.is_settled
                )
                self.accounting.left(before.state, instance.size)
        self._emit(ProblemFound(problem))

    def retire_gone(self) -> None:
        """After a complete scan: what the source no longer holds, or can be read again, troubles no more."""
        for row in list(rows(self.manifest.file, _TROUBLED.__contains__)):
            key = hash(row.path)
            if row.why is None or key in self.scanned or key in self._odd:
                continue
            if any(row.path.startswith(folder) for folder in self._unreadable):
                continue
            problem = Problem(row.path, row.size, row.mtime_ns, State.SKIPPED, Reason.GONE)
            with self._lock:
                before = self._append_problem(problem)
                self.accounting.retired(before or row.state)
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
            if outcome.is_stored:
                self.manifest.index.add_uid(instance.uid)
            self._note_doubt(instance, outcome)
            self.accounting.settled(before or State.PENDING, instance.size, outcome)
        self._emit(InstanceSettled(instance, outcome, self._node))

    def _note_doubt(self, instance: Instance, outcome: Outcome) -> None:
        """With the lock held: as a later run reads it from the outcome's line."""
        doubts = self.manifest.index.in_doubt
        if outcome.state is State.UNKNOWN:
            doubts.add(instance.uid)
        elif instance.uid in doubts:
            doubts.discard(instance.uid)
            self._unanswered.pop(instance.uid, None)

    def reopen(self, instance: Instance, *, in_this_run: bool) -> None:
        """Make a settled instance pending again: the destination lacks it, or it has its turn in a wave."""
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
        """Take back a `begin` for instances of which not one byte was sent; those in doubt stay so."""
        uids = [instance.uid for instance in instances if not self.is_in_doubt(instance)]
        if uids:
            self.manifest.append({"t": "end", "uids": uids})

    def has_failed(self, instance: Instance) -> bool:
        """Whether an earlier run could not store this path's instance, or never learnt whether it did."""
        standing = self.manifest.index.get(instance.path)
        return self.is_in_doubt(instance) or (standing is not None and standing.state in _TROUBLED)

    def is_in_doubt(self, instance: Instance) -> bool:
        """Whether an interrupted run may have sent this instance without learning the answer."""
        return instance.uid in self.manifest.index.in_doubt

    def doubt(self, instance: Instance, unanswered: Outcome | None = None) -> None:
        """Nobody knows whether this instance was stored: it is asked about before it is sent again.

        `unanswered` tells how it was sent, where that is known.
        """
        with self._lock:
            self.manifest.index.in_doubt.add(instance.uid)
            if unanswered is not None:
                self._unanswered[instance.uid] = unanswered

    def unanswered(self, instance: Instance) -> Outcome | None:
        """How an instance in doubt was sent in this run, if it was."""
        return self._unanswered.get(instance.uid)

    def earlier(self, uid: str) -> tuple[str, int] | None:
        """Path and size of the file that stands for this UID since an earlier run."""
        if not self.manifest.index.may_know_uid(uid):
            return None
        with self._lock:
            if self._by_uid is None:
                self._by_uid = paths_by_uid(Path(self.manifest.file))
            return self._by_uid.get(uid)
