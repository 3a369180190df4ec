"""The main job: a folder to a PACS."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from migrator import __version__
from migrator.checks.verify import VerifyReport
from migrator.core.control import Control
from migrator.core.errors import Cancelled, DestinationError, SourceError, UsageError
from migrator.core.events import Emit, PhaseStarted
from migrator.core.model import ContextPair, Instance, Node, StudyBatch
from migrator.core.outcome import State
from migrator.core.paths import encodable
from migrator.core.settings import Settings, shaping
from migrator.dicom.decoding import close_shared_decoders
from migrator.dicom.header import read_header, same_dataset
from migrator.dicom.query import StudyFinder
from migrator.dicom.store import StoreSender
from migrator.dicom.trace import AssociationTrace
from migrator.engine.accounting import Accounting, Snapshot
from migrator.engine.duplicates import UidRegister
from migrator.engine.feed import Feed, Selection
from migrator.engine.filters import filters_of
from migrator.engine.lane import Destination, Lane
from migrator.engine.manifest import Manifest
from migrator.engine.manifest_lines import Row
from migrator.engine.manifest_rows import expected_there, rows, stored
from migrator.engine.partial import PartialStudy, partial_studies
from migrator.engine.planner import Planner
from migrator.engine.record import JobRecord
from migrator.engine.scanner import Scanner, restat
from migrator.engine.source_check import SourceCheck, check_source
from migrator.engine.upload import Ending, Upload
from migrator.jobs.home import job_folder, known_source, source_folder
from migrator.jobs.verify import verify_manifest

VERIFICATION = ContextPair("1.2.840.10008.1.1", "1.2.840.10008.1.2")
_PROBLEM_STATES = frozenset({State.HELD, State.FAILED, State.QUARANTINED, State.UNKNOWN})
MOST_PROBLEMS = 1000
_LOOK_EVERY = 512  # entries between two looks at whether to stop


@dataclass(frozen=True, slots=True)
class MigrateRequest:
    """What is asked for. `same_source` is the path under which the job knows this source already.

    With `is_check_only` nothing new is looked for: only what was sent is verified, and resent if so asked.
    """

    source: str
    node: Node
    home: Path
    settings: Settings = field(default_factory=Settings)
    is_stream: bool = False
    restart: bool = False
    retry_failed: bool = False
    same_source: str | None = None
    verify: bool = False
    resend_missing: bool = False
    is_check_only: bool = False
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class MigrateResult:
    """How it ended. `problems` are the job's, at most a thousand of `problem_count`."""

    snapshot: Snapshot
    ending: Ending
    source_check: SourceCheck | None
    verification: VerifyReport | None
    manifest: Path
    damaged_lines: int
    problems: tuple[Row, ...]
    problem_count: int
    partial: tuple[PartialStudy, ...] = ()


@dataclass(slots=True)
class _Run:
    """What one run has come to so far."""

    upload: Upload
    ending: Ending = field(default_factory=Ending)
    verification: VerifyReport | None = None
    check: SourceCheck | None = None


class MigrateJob:
    """One run of a migration. `run` is called once; `snapshot` may be asked from any thread."""

    def __init__(self, request: MigrateRequest, control: Control, emit: Emit) -> None:
        """Check the request and open the job. Raises UsageError, SourceError, JobBusy, ManifestError."""
        self._request = request
        self._control = control
        self._emit = emit
        if request.is_stream and request.settings.send.order != "found":
            raise UsageError("--stream sends as it finds; --order needs the whole plan first")
        self._root = source_folder(request.source)
        self._filters = filters_of(request.settings.filter, str(self._root))
        self._manifest = self._open_manifest()
        self._accounting = Accounting(str(request.node))
        self._record = JobRecord(self._manifest, self._accounting, emit, str(request.node))
        self._trace = AssociationTrace(request.trace) if request.trace else None
        self._started = time.time()

    def _open_manifest(self) -> Manifest:
        request = self._request
        known_as = str(self._root)
        if request.same_source is not None:
            known_as = known_source(request.same_source, request.home, request.node)
        folder = job_folder(request.home, known_as, request.node)
        manifest = Manifest(folder, encodable(known_as), str(request.node), is_anew=request.restart)
        manifest.append(
            {"t": "run", "at": time.time(), "version": __version__, "source": encodable(str(self._root))}
        )
        manifest.note_settings(shaping(request.settings))
        return manifest

    def snapshot(self) -> Snapshot:
        return self._accounting.snapshot()

    def run(self) -> MigrateResult:
        """Do the whole job.

        Raises DestinationError when the destination cannot be reached at the start, and ManifestError when
        the record cannot be kept.
        """
        try:
            self._greet()
            return self._run()
        finally:
            close_shared_decoders()
            if self._trace is not None:
                self._trace.close()
            self._manifest.close()

    def _greet(self) -> None:
        """Ask for an association before an hour of scanning, so that a wrong address shows at once."""
        sender = self._make_sender()
        self._control.on_cancel(sender.abort)
        try:
            sender.open([VERIFICATION])
        except DestinationError:
            self._control.checkpoint()
            raise
        finally:
            sender.release()

    def _make_sender(self) -> StoreSender:
        return StoreSender(
            self._request.node, self._request.settings.send, str(self._root), trace=self._trace
        )

    def _run(self) -> MigrateResult:
        request = self._request
        destination = Destination(
            str(request.node), self._make_sender, lambda: StudyFinder(request.node, request.settings.send)
        )
        lane = Lane(destination, request.settings, self._record, self._control, self._emit)
        planner = Planner(request.settings.send)
        feed = self._feed(planner)
        run = _Run(Upload(lane, request.settings, feed, planner))
        try:
            if not request.is_check_only:
                run.ending = run.upload.run(self._scanner().blocks(), is_stream=request.is_stream)
                if feed.is_complete:
                    self._record.retire_gone()
            if run.ending.is_cancelled:
                raise Cancelled("stopped by the user")
            if request.verify or request.resend_missing:
                self._verify(run, request.resend_missing)
            run.check = self._check_source()
        except Cancelled:
            run.ending = replace(run.ending, is_cancelled=True)
        self._accounting.phase("done")
        return self._result(run, lane.queue.left())

    def _feed(self, planner: Planner) -> Feed:
        settings = self._request.settings
        register = UidRegister(
            str(self._root), settings.scan, read_header, same_dataset, self._record.earlier
        )
        studies: frozenset[str] = frozenset()
        if settings.filter.limit_studies:
            sent = (row.series for row in stored(self._manifest.file))
            studies = frozenset(series.study.uid for series in sent if series is not None)
        selection = Selection(self._filters, self._request.retry_failed, studies)
        return Feed(settings, self._record, register, planner, selection)

    def _scanner(self) -> Scanner:
        scan = self._request.settings.scan
        reopened: set[State] = set()
        if self._request.retry_failed:
            reopened |= {State.FAILED, State.QUARANTINED}
        if scan.conflicts == "send":
            reopened.add(State.HELD)
        known = self._record.settled_unless(frozenset(reopened)) if reopened else self._record.settled_as
        return Scanner(str(self._root), scan, read_header, self._control, known)

    def _check_source(self) -> SourceCheck:
        self._phase("checking the source")
        try:
            return check_source(self._entries(), self._record)
        except SourceError as error:
            return SourceCheck(0, 0, 0, trouble=str(error))

    def _entries(self) -> Iterator[tuple[str, int, int]]:
        """Every file of the source as it is now; stops when the user asks."""
        for number, entry in enumerate(restat(str(self._root))):
            if number % _LOOK_EVERY == 0:
                self._control.checkpoint()
            yield entry

    def _verify(self, run: _Run, resend: bool) -> None:
        run.verification = self._ask()
        if not (resend and run.verification.missing) or run.ending.stopped_by is not None:
            return
        missing = frozenset(uid for study in run.verification.studies for uid in study.missing)
        run.ending = run.upload.resend(list(self._reopened(missing)))
        if run.ending.is_cancelled:
            raise Cancelled("stopped by the user")
        run.verification = self._ask()

    def _ask(self) -> VerifyReport:
        self._phase("verifying")
        request = self._request
        return verify_manifest(
            self._manifest.file,
            request.node,
            request.settings.send,
            self._control,
            tolerant=not request.is_check_only,
        )

    def _reopened(self, uids: frozenset[str]) -> Iterator[Instance]:
        """The missing instances, read again from the source and made pending."""
        for row in [row for row in expected_there(self._manifest.file) if row.uid in uids]:
            item = read_header(str(self._root), row.path, row.size, row.mtime_ns)
            if isinstance(item, Instance):
                self._record.reopen(item, in_this_run=row.at >= self._started)
                yield item

    def _phase(self, name: str) -> None:
        self._accounting.phase(name)
        self._emit(PhaseStarted(name))

    def _result(self, run: _Run, left: list[StudyBatch]) -> MigrateResult:
        snapshot = self._accounting.snapshot()
        count = snapshot.job.spoiled - snapshot.job.pending
        problems = rows(self._manifest.file, _PROBLEM_STATES.__contains__) if count else iter(())
        partial: tuple[PartialStudy, ...] = ()
        if snapshot.job.spoiled:
            pending = (instance for batch in left for instance in batch.instances)
            partial = partial_studies(self._manifest.file, pending)
        return MigrateResult(
            snapshot=snapshot,
            ending=run.ending,
            source_check=run.check,
            verification=run.verification,
            manifest=self._manifest.file,
            damaged_lines=len(self._manifest.damage),
            problems=tuple(islice(problems, MOST_PROBLEMS)),
            problem_count=count,
            partial=partial,
        )
