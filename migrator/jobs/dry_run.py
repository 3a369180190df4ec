"""The whole migration without a C-STORE: the real pipeline over a throw-away copy of the job's record."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from migrator.checks.dry_run import Asking, Found, Planned, count_there, look
from migrator.core.control import Control
from migrator.core.errors import Cancelled
from migrator.core.events import Emit, Event, InstanceSettled, PhaseStarted
from migrator.core.model import Node
from migrator.core.settings import AuditSettings, PaceSettings, Settings
from migrator.dicom.query import StudyFinder
from migrator.engine.accounting import Snapshot
from migrator.jobs.dry_run_folder import copy_record, throw_away_home
from migrator.jobs.dry_run_rows import COLUMNS as COLUMNS  # the faces' too
from migrator.jobs.dry_run_rows import FOUND_THERE, Sight, verdicts
from migrator.jobs.dry_run_rows import Verdict as Verdict
from migrator.jobs.dry_run_rows import cells_of as cells_of
from migrator.jobs.home import job_folder, known_source, source_folder
from migrator.jobs.migrate import MigrateJob
from migrator.jobs.migrate_json import as_json as migration_as_json
from migrator.jobs.migrate_model import MigrateRequest, MigrateResult, Target
from migrator.jobs.recorded import SPEED_TEST, RecordedJob
from migrator.jobs.speed_test_estimate import estimate

# A destination that goes away ends a dry run soon: there is nothing to be lost by another one.
_IMPATIENT = {"wave_wait": 0.0, "breaker_failures": 2, "breaker_wait": 1.0}
_GIVE_UP_AFTER = 10.0  # seconds

_MOST_REASONS = 200  # that are counted apart; further ones only by what would happen

_PHASES = {"sending": "reading"}  # as a dry run should call them


@dataclass(frozen=True, slots=True)
class DryRunRequest:
    """What is asked for; with `restart` earlier runs count for nothing, `same_source` is the path
    under which the job knows this source already.
    """

    source: str
    node: Node
    home: Path
    settings: Settings = field(default_factory=Settings)
    retry_failed: bool = False
    restart: bool = False
    same_source: str | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long the real run would take, in seconds, by a speed test of that time (since the epoch)."""

    low: float
    high: float
    measured_at: float | None


@dataclass(frozen=True, slots=True)
class DryRunResult:
    """What would happen. `migration` has the ledgers, in which `sent` is what would be sent.

    `actions` counts paths by what would happen and why; `found` is by study; `estimate` is None where no
    speed test was made. What was interrupted has neither actions nor answers.
    """

    migration: MigrateResult
    actions: Counter[tuple[str, str]]
    planned: dict[str, Planned]
    found: dict[str, Found]
    estimate: Estimate | None
    is_interrupted: bool = False

    @property
    def there(self) -> int:
        """How many of the instances that would be sent the destination is known to hold."""
        return count_there(self.found.values())

    @property
    def unasked(self) -> int:
        """Of how many instances it cannot tell."""
        return sum(len(self.planned[uid].uids) for uid, one in self.found.items() if one.there is None)

    @property
    def identities(self) -> dict[str, Found]:
        """The studies that the destination knows under another patient."""
        return {uid: one for uid, one in self.found.items() if one.differs}


class DryRunJob:
    """One dry run. `run` is called once; `snapshots` may be asked from any thread."""

    def __init__(self, request: DryRunRequest, control: Control, emit: Emit) -> None:
        self._request = request
        self._control = control
        self._emit = emit
        self._began = time.time()
        self._job: MigrateJob | None = None
        self._asked = ""
        self._lock = threading.Lock()
        self._planned: dict[str, Planned] = {}  # guarded by _lock

    def snapshots(self) -> Sequence[Snapshot]:
        """The run's numbers; empty before it begins."""
        job = self._job
        if job is None:
            return ()
        return tuple(
            replace(one, phase=self._asked or _PHASES.get(one.phase, one.phase)) for one in job.snapshots()
        )

    def run(self, visit: Callable[[Verdict], None]) -> DryRunResult:
        """Do everything but the sending; `visit` sees the verdict on every path, none after an interruption.

        Raises UsageError, SourceError, ManifestError, DestinationError.
        """
        request = self._request
        root = str(source_folder(request.source))
        option = request.same_source
        known_as = root if option is None else known_source(option, request.home, request.node)
        with throw_away_home(request.home) as folder:
            if not request.restart:
                copy_record(request.home, known_as, request.node, folder)
            migrate = MigrateRequest(
                source=request.source,
                destinations=(Target(request.node, _settings(request.settings)),),
                home=folder,
                retry_failed=request.retry_failed,
                same_source=None if option is None else known_as,
                is_rehearsal=True,
            )
            job = self._job = MigrateJob(migrate, self._control, self._hear)
            migration = job.run()
            there = RecordedJob(job_folder(request.home, known_as, request.node), known_as, str(request.node))
            result = DryRunResult(migration, Counter(), self._planned, {}, _estimate(there, migration))
            try:
                result.found.update(self._look())
                for verdict in self._verdicts(job, result):
                    key = (verdict.action, verdict.why)
                    if key not in result.actions and len(result.actions) >= _MOST_REASONS:
                        key = (verdict.action, "")
                    result.actions[key] += 1
                    visit(verdict)
            except Cancelled:
                return replace(result, actions=Counter(), found={}, is_interrupted=True)
        return result

    def _verdicts(self, job: MigrateJob, result: DryRunResult) -> Iterator[Verdict]:
        """Raises Cancelled."""
        (one,) = job.destinations
        left = (instance for batch in one.lane.queue.left() for instance in batch.instances)
        sight = Sight(one.record.scanned, self._began, result.found, left)
        for verdict in verdicts(result.migration.destinations[0].manifest, sight):
            self._control.check()
            yield verdict

    def _hear(self, event: Event) -> None:
        """Keep what would be sent of each study; the rest is for who listens."""
        if isinstance(event, PhaseStarted):
            event = replace(event, phase=_PHASES.get(event.phase, event.phase))
        if not isinstance(event, InstanceSettled):
            self._emit(event)
            return
        outcome, instance = event.outcome, event.instance
        if not outcome.is_stored:
            self._emit(event)
        elif FOUND_THERE not in outcome.remedies:
            with self._lock:
                planned = self._planned.setdefault(instance.study.uid, Planned(instance))
                planned.uids.append(outcome.sent_uid or instance.uid)
                planned.patients.add(outcome.sent_patient or instance.study.patient)

    def _look(self) -> dict[str, Found]:
        """Ask the destination for the studies of which something would be sent. Raises Cancelled."""
        self._control.check()
        request = self._request
        self._asked = "asking what is there"
        self._emit(PhaseStarted(self._asked))
        finder = StudyFinder(request.node, request.settings.send)
        self._control.on_cancel(finder.interrupt)
        asking = Asking(finder, request.settings.recovery, not request.settings.send.skip_existing)
        try:
            return look(self._planned, asking, self._control, self._count)
        finally:
            finder.close()

    def _count(self, studies: int) -> None:
        self._asked = f"asking what is there ({studies:,} of {len(self._planned):,} studies)"


def _settings(settings: Settings) -> Settings:
    """As they shape what is sent; waiting, pace and audit are those of a real run."""
    given = settings.recovery
    seconds = min(given.give_up_after or _GIVE_UP_AFTER, _GIVE_UP_AFTER)
    recovery = given.model_copy(update={**_IMPATIENT, "give_up_after": seconds})
    pace = PaceSettings(keep_awake=settings.pace.keep_awake)
    return settings.model_copy(update={"recovery": recovery, "pace": pace, "audit": AuditSettings()})


def _estimate(job: RecordedJob, migration: MigrateResult) -> Estimate | None:
    kept = job.kept(SPEED_TEST)
    if kept is None:
        return None
    snapshot = migration.snapshot
    seconds = estimate(kept, snapshot.run.stored, snapshot.bytes_sent)
    at = kept.get("at")
    return None if seconds is None else Estimate(*seconds, at if isinstance(at, int | float) else None)


_OF_SENDING = ("manifest", "damaged_manifest_lines", "seconds", "files_per_second", "mb_per_second", "verify")


def as_json(result: DryRunResult) -> dict[str, Any]:
    """The migration's object, of which `sent` is what would be sent, and what the destination said."""
    whole = migration_as_json(result.migration)
    parts = [{key: one[key] for key in one if key not in _OF_SENDING} for one in whole["destinations"]]
    top = {key: value for key, value in whole.items() if key not in _OF_SENDING} | {"destinations": parts}
    guess = result.estimate
    return {
        "dry_run": True,
        **top,
        "interrupted": result.is_interrupted,
        "actions": [
            {"action": action, "why": why, "count": count}
            for (action, why), count in result.actions.most_common()
        ],
        "studies_asked": len(result.found),
        "already_there": result.there,
        "unknown_whether_there": result.unasked,
        "other_patients": [
            {
                "study": uid,
                "instances": len(result.planned[uid].uids),
                "differs": list(one.differs),
                "if_refused": one.then,
            }
            for uid, one in result.identities.items()
        ],
        "estimate": None
        if guess is None
        else {"low_seconds": guess.low, "high_seconds": guess.high, "measured_at": guess.measured_at},
    }
