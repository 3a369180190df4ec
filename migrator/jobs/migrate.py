"""The main job: a folder to a PACS."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from migrator import __version__
from migrator.checks.verify import VerifyReport
from migrator.core.control import Control
from migrator.core.errors import UsageError
from migrator.core.events import Emit, PhaseStarted
from migrator.core.model import ContextPair, Instance, Node
from migrator.core.outcome import State
from migrator.core.settings import Settings, shaping
from migrator.dicom.decoding import close_shared_decoders
from migrator.dicom.header import read_header, same_dataset
from migrator.dicom.query import StudyFinder
from migrator.dicom.store import StoreSender
from migrator.dicom.trace import AssociationTrace
from migrator.engine.accounting import Accounting, Snapshot
from migrator.engine.duplicates import UidRegister
from migrator.engine.feed import Feed
from migrator.engine.lane import Destination, Lane
from migrator.engine.manifest import Manifest
from migrator.engine.manifest_lines import Row
from migrator.engine.manifest_rows import rows, stored
from migrator.engine.planner import Planner
from migrator.engine.record import JobRecord
from migrator.engine.scanner import Scanner, restat
from migrator.engine.source_check import SourceCheck, check_source
from migrator.engine.upload import Ending, Upload
from migrator.jobs.home import job_folder, source_folder
from migrator.jobs.verify import verify_manifest

VERIFICATION = ContextPair("1.2.840.10008.1.1", "1.2.840.10008.1.2")
_PROBLEM_STATES = frozenset({State.HELD, State.FAILED, State.QUARANTINED, State.UNKNOWN})
MOST_PROBLEMS = 1000


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
        self._manifest = self._open_manifest()
        self._accounting = Accounting(str(request.node))
        self._record = JobRecord(self._manifest, self._accounting, emit, str(request.node))
        self._trace = AssociationTrace(request.trace) if request.trace else None
        self._started = time.time()

    def _open_manifest(self) -> Manifest:
        request = self._request
        known_as = request.same_source or str(self._root)
        folder = job_folder(request.home, known_as, request.node)
        if request.restart and (folder / "manifest.jsonl").exists():
            kept = folder / f"manifest-{time.strftime('%Y%m%d-%H%M%S')}.jsonl"
            Manifest(folder, known_as, str(request.node)).close()  # refuses while another process has it
            (folder / "manifest.jsonl").rename(kept)
        manifest = Manifest(folder, known_as, str(request.node))
        manifest.append(
            {"t": "run", "at": time.time(), "version": __version__, "source": _printable(str(self._root))}
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
        try:
            sender.open([VERIFICATION])
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
        lane = Lane(destination, request.settings.send, self._record, self._control, self._emit)
        planner = Planner(request.settings.send)
        upload = Upload(lane, request.settings, self._feed(planner), planner)
        ending = Ending()
        if not request.is_check_only:
            ending = upload.run(self._scanner().blocks(), is_stream=request.is_stream)
        verification = None
        if (request.verify or request.resend_missing) and not ending.is_cancelled:
            verification = self._verify(upload, request.resend_missing)
        check = None if ending.is_cancelled else self._check_source()
        self._accounting.phase("done")
        return self._result(ending, check, verification)

    def _feed(self, planner: Planner) -> Feed:
        scan = self._request.settings.scan
        register = UidRegister(str(self._root), scan, read_header, same_dataset, self._record.earlier)
        return Feed(self._request.settings, self._record, register, planner, self._request.retry_failed)

    def _scanner(self) -> Scanner:
        scan = self._request.settings.scan
        known = self._record.settled_as
        if self._request.retry_failed:
            known = self._record.failed_as
        elif scan.conflicts == "send":
            known = self._record.unheld_as
        return Scanner(str(self._root), scan, read_header, self._control, known)

    def _check_source(self) -> SourceCheck:
        self._phase("checking the source")
        return check_source(restat(str(self._root)), self._record)

    def _verify(self, upload: Upload, resend: bool) -> VerifyReport:
        self._phase("verifying")
        report = self._ask()
        if resend and report.missing:
            missing = frozenset(uid for study in report.studies for uid in study.missing)
            upload.resend(list(self._reopened(missing)))
            self._phase("verifying")
            report = self._ask()
        return report

    def _ask(self) -> VerifyReport:
        request = self._request
        return verify_manifest(
            self._manifest.file, request.node, request.settings.send, self._control, lambda studies: None
        )

    def _reopened(self, uids: frozenset[str]) -> Iterator[Instance]:
        """The missing instances, read again from the source and made pending."""
        for row in list(stored(self._manifest.file)):
            if row.uid not in uids:
                continue
            item = read_header(str(self._root), row.path, row.size, row.mtime_ns)
            if isinstance(item, Instance):
                self._record.reopen(item, in_this_run=row.at >= self._started)
                yield item

    def _phase(self, name: str) -> None:
        self._accounting.phase(name)
        self._emit(PhaseStarted(name))

    def _result(
        self, ending: Ending, check: SourceCheck | None, verification: VerifyReport | None
    ) -> MigrateResult:
        snapshot = self._accounting.snapshot()
        problems: list[Row] = []
        count = snapshot.job.spoiled - snapshot.job.pending
        if count:
            for row in rows(self._manifest.file, _PROBLEM_STATES.__contains__):
                problems.append(row)
                if len(problems) == MOST_PROBLEMS:
                    break
        return MigrateResult(
            snapshot,
            ending,
            check,
            verification,
            self._manifest.file,
            len(self._manifest.damage),
            tuple(problems),
            count,
        )


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
