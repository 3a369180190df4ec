"""A speed test of a destination: representative files are stored, and stored again by more workers."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from migrator.checks.speed_test import Forecast, forecast, levels
from migrator.checks.speed_test_samples import Sampler
from migrator.checks.speed_test_steps import Sent, Shipment, Step, StepPlan, StepRun
from migrator.core.control import Control
from migrator.core.edits import Edit, Uncompress
from migrator.core.errors import Cancelled, DestinationError, LimitReached, MigratorError, UsageError
from migrator.core.events import Emit, Event, InstanceSettled, Notice, Resumed
from migrator.core.model import Instance, Node
from migrator.core.outcome import Fidelity, Outcome, Problem, State
from migrator.core.settings import PaceSettings, Settings
from migrator.dicom.decoding import close_shared_decoders
from migrator.dicom.editing.rules import read_rule_files
from migrator.dicom.store import StoreSender
from migrator.engine.accounting import Snapshot
from migrator.engine.manifest_index import ManifestIndex
from migrator.engine.manifest_rows import read_lines
from migrator.engine.scanner import Known, nothing_known
from migrator.jobs.home import job_folder, known_source, source_folder
from migrator.jobs.migrate import MigrateJob, MigrateRequest, Target
from migrator.jobs.migrate_destination import VERIFICATION
from migrator.jobs.recorded import SPEED_TEST, recorded_job
from migrator.jobs.scan import ScanJob
from migrator.jobs.speed_test_estimate import estimate as estimate  # the faces' too

MOST_SAMPLES = 10
MOST_WORKERS = 16
_ROUNDS = 2  # of all numbers of workers, one after the other: what drifts touches all of them
_STEP_SECONDS = 2.0
_LEAST_EACH = 4  # sends of each worker in a step
_MOST_SENDS = 5000  # in a step
_MOST_SECONDS = 60.0  # that the quickest sample may hold up a step
_OPENING_SECONDS = 10.0  # a destination that serves fewer associations lets the others wait
_GIVE_UP_SECONDS = 20.0
_REENCODED = frozenset({Fidelity.DECOMPRESSED, Fidelity.REENCODED})


@dataclass(frozen=True, slots=True)
class SpeedTestRequest:
    """What is asked for. `step_seconds` is about how long each step of each round takes."""

    source: str
    node: Node
    home: Path
    settings: Settings = field(default_factory=Settings)
    same_source: str | None = None
    samples: int = 8
    workers: int = 8
    step_seconds: float = _STEP_SECONDS


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be stored, of how much that is not settled yet."""

    samples: tuple[Instance, ...]
    files: int
    bytes: int

    @property
    def sample_bytes(self) -> int:
        return sum(one.size for one in self.samples)


@dataclass(frozen=True, slots=True)
class SpeedTestResult:
    """What a speed test came to, with what became of each sample.

    `first` is each sample stored once by one worker, `rounds` are the repeats by their number of workers.
    `files` and `bytes` are what is still to be sent. Where nothing was stored there is no forecast.
    """

    at: float
    node: Node
    outcomes: tuple[tuple[Instance, Outcome], ...]
    first: Step
    rounds: dict[int, list[Step]]
    forecast: Forecast | None
    files: int
    bytes: int

    @property
    def is_stored(self) -> bool:
        """Whether every sample was, but for those that were there already."""
        return self.forecast is not None and not self.refused

    @property
    def refused(self) -> tuple[tuple[Instance, Outcome], ...]:
        """The samples that the destination does not hold, as far as anybody knows."""
        return tuple(
            (instance, outcome)
            for instance, outcome in self.outcomes
            if not outcome.is_stored and outcome.state is not State.SKIPPED
        )


class SpeedTestJob:
    """One speed test: `plan`, which stores nothing, then `measure`. `snapshots` is for any thread."""

    def __init__(self, request: SpeedTestRequest, control: Control, emit: Emit) -> None:
        """Raises SourceError, UsageError."""
        self._request = request
        self._control = control
        self._emit = emit
        self._root = str(source_folder(request.source))
        self._rules = read_rule_files(request.settings.rule)
        self._known_as = self._root
        if request.same_source is not None:
            self._known_as = known_source(request.same_source, request.home, request.node)
        self._outcomes: list[tuple[Instance, Outcome]] = []
        self._scan: ScanJob | None = None

    def snapshots(self) -> tuple[Snapshot, ...]:
        """The numbers of the scan, while that is on."""
        return () if self._scan is None else (self._scan.snapshot(),)

    def plan(self) -> Plan:
        """See whether the destination answers, and choose the samples.

        Raises DestinationError, SourceError, UsageError where nothing is left to be sent, and Cancelled.
        """
        self._greet()
        request, sampler = self._request, Sampler()

        def look(item: Instance | Problem) -> None:
            if isinstance(item, Instance):
                sampler.add(item)

        known = self._settled()
        self._scan = ScanJob(request.source, request.settings, self._emit, self._control, known)
        self._scan.run(look)
        self._scan = None
        if not sampler.files:
            raise UsageError(f"nothing in {request.source} is left to be sent to {request.node}")
        return Plan(sampler.chosen(request.samples), sampler.files, sampler.bytes)

    def _greet(self) -> None:
        sender = self._sender()
        self._control.on_cancel(sender.abort)
        try:
            sender.open([VERIFICATION])
        except DestinationError:
            self._control.check()
            raise
        finally:
            sender.release()

    def _settled(self) -> Known:
        """What earlier runs of this job have settled."""
        folder = job_folder(self._request.home, self._known_as, self._request.node)
        file = folder / "manifest.jsonl"
        if not file.exists():
            return nothing_known
        index = ManifestIndex()
        for line in read_lines(file):
            if line["t"] not in ("manifest", "series", "settings"):
                index.take_up(line)
        index.loaded()
        return index.settled_as

    def _sender(self) -> StoreSender:
        send = self._request.settings.send
        quick = send.model_copy(update={"acse_timeout": min(send.acse_timeout, _OPENING_SECONDS)})
        return StoreSender(self._request.node, quick, self._root)

    def measure(self, plan: Plan) -> SpeedTestResult:
        """Store the samples, as a migration does; then measure by storing them again. Keeps the result.

        Raises DestinationError, ManifestError, UsageError, Cancelled.
        """
        try:
            first = self._store(plan.samples)
            rounds = self._repeat(first) if first.sent else {}
        finally:
            close_shared_decoders()
        there = [
            one for one, outcome in self._outcomes if outcome.is_stored or outcome.state is State.SKIPPED
        ]
        return SpeedTestResult(
            at=time.time(),
            node=self._request.node,
            outcomes=tuple(self._outcomes),
            first=first,
            rounds=rounds,
            forecast=forecast(first, rounds) if first.sent else None,
            files=plan.files - len(there),
            bytes=plan.bytes - sum(instance.size for instance in there),
        )

    def keep(self, kept: dict[str, object]) -> None:
        """Keep the result for the dry run and the report. Raises UsageError."""
        request = self._request
        recorded_job(request.source, request.node, request.home, request.same_source).keep(SPEED_TEST, kept)

    def _store(self, samples: tuple[Instance, ...]) -> Step:
        """The first pass: a run of the migration for these alone, by one worker, at full speed."""
        self._emit(Notice(f"Storing {len(samples)} samples, as a migration does", "info"))
        request, settings = self._request, self._request.settings
        recovery = settings.recovery.model_copy(update={"waves": 0, "give_up_after": _GIVE_UP_SECONDS})
        settings = settings.model_copy(
            update={
                "send": settings.send.model_copy(update={"workers": 1}),
                "recovery": recovery,
                "pace": PaceSettings(),
            }
        )
        migration = MigrateRequest(
            request.source,
            (Target(request.node, settings),),
            request.home,
            same_source=request.same_source,
            only=samples,
        )
        result = MigrateJob(migration, self._control, self._hear).run()
        ending = result.destinations[0]
        if result.is_cancelled:
            raise Cancelled("stopped by the user")
        if ending.stopped_by is not None:
            raise _as_destination_error(ending.stopped_by)
        sent = [
            Sent(instance, outcome.bytes, outcome.seconds, outcome.latency)
            for instance, outcome in self._outcomes
            if outcome.is_stored
        ]
        refused = len(self._outcomes) - len(sent)
        return Step(1, sent, ending.snapshot.send_seconds, refused)

    def _hear(self, event: Event) -> None:
        if isinstance(event, InstanceSettled):
            self._outcomes.append((event.instance, event.outcome))
        if not isinstance(event, Resumed):
            self._emit(event)

    def _repeat(self, first: Step) -> dict[int, list[Step]]:
        """Store them again, by more and more workers, twice over, as far as the destination bears it."""
        shipments = self._shipments()
        if not shipments:
            return {}
        quickest = min(one.seconds for one in first.sent)
        # Each worker that has begun stores two; and more of them may be no faster in all.
        numbers = [n for n in levels(self._request.workers) if 2 * n * quickest <= _MOST_SECONDS]
        if not numbers:
            return {}
        words = ", ".join(map(str, numbers))
        self._emit(Notice(f"Storing them again, twice over, with so many workers: {words}", "info"))
        rounds: dict[int, list[Step]] = {}
        rate = first.files / max(1e-6, sum(one.seconds for one in first.sent))
        for _ in range(_ROUNDS):
            for workers in numbers:
                before = rounds.get(workers)
                rate = before[-1].files_per_second if before else rate
                step = self._step(shipments, workers, rate)
                rounds.setdefault(workers, []).append(step)
                if not step.counts:
                    numbers = [one for one in numbers if one < workers]
                    break
                rate = step.files_per_second
        return rounds

    def _shipments(self) -> list[Shipment]:
        """The samples as they were stored, the large ones first; without what it took recovery to store.

        What was decompressed for this destination goes so again. Samples that would make one turn of all last
        far longer than a step are left out, but for the quickest.
        """
        rules = tuple(self._rules.edits)
        limit = self._request.step_seconds * 4
        kept: list[tuple[int, Shipment]] = []
        total = 0.0
        for instance, outcome in sorted(self._outcomes, key=lambda pair: pair[1].seconds):
            edits = _edits_again(rules, outcome)
            if not outcome.is_stored or edits is None:
                continue
            total += outcome.seconds
            if total <= limit or not kept:
                kept.append((instance.size, Shipment(instance, edits)))
        return [one for _, one in sorted(kept, key=lambda pair: -pair[0])]

    def _step(self, shipments: Sequence[Shipment], workers: int, rate: float) -> Step:
        """A step of whole turns of all samples, so that every step sends the same mixture."""
        request = self._request
        least = max(len(shipments), workers * _LEAST_EACH)
        sends = min(_MOST_SENDS, max(least, rate * request.step_seconds))
        turns = math.ceil(sends / len(shipments))
        plan = StepPlan(shipments, turns * len(shipments), request.step_seconds)
        return StepRun(plan, [self._sender() for _ in range(workers)], self._control).run()


def _edits_again(rules: tuple[Edit, ...], outcome: Outcome) -> tuple[Edit, ...] | None:
    """What makes the object that was stored out of its file; None where recovery had to change more."""
    if not outcome.healed:
        return rules
    return (*rules, Uncompress()) if outcome.fidelity in _REENCODED else None


def _as_destination_error(error: MigratorError) -> MigratorError:
    """That it was given up is the destination's fault here, and no limit that a user has set."""
    return DestinationError(str(error)) if isinstance(error, LimitReached) else error
