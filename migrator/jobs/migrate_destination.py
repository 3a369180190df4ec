"""One destination's part in a migration: its record, its lane, what was sent and proven."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from itertools import islice

from migrator import __version__
from migrator.checks.verify_report import VerifyReport
from migrator.core.control import Control
from migrator.core.edits import Edit
from migrator.core.errors import Cancelled, DestinationError, LimitReached, ManifestError, MigratorError
from migrator.core.events import Emit, Event, Notice, PhaseStarted, ProblemFound, Resumed, Steered
from migrator.core.model import ContextPair, Instance
from migrator.core.outcome import State
from migrator.core.paths import encodable
from migrator.core.settings import shaping
from migrator.dicom.association import Timeouts
from migrator.dicom.decoded_cache import Decodes
from migrator.dicom.dry_sender import DrySender
from migrator.dicom.editing.rules import read_rule_files
from migrator.dicom.probe import echo
from migrator.dicom.query import StudyFinder
from migrator.dicom.store import StoreSender
from migrator.dicom.trace import AssociationTrace
from migrator.engine.accounting import Accounting, Snapshot
from migrator.engine.duplicates import UidRegister
from migrator.engine.feed import Block, Feed, Selection
from migrator.engine.filters import Filter
from migrator.engine.lane import Destination, Lane
from migrator.engine.manifest import Manifest
from migrator.engine.manifest_rows import expected_there, rows, stored
from migrator.engine.pacing import Pacing
from migrator.engine.partial import PartialStudy, partial_studies
from migrator.engine.planner import Planner
from migrator.engine.ports import ReadHeader, SameDataset
from migrator.engine.record import JobRecord
from migrator.engine.scanner import Known
from migrator.engine.source_check import SourceCheck
from migrator.engine.upload import Ending, Upload
from migrator.jobs.home import job_folder
from migrator.jobs.migrate_model import DestinationResult, MigrateRequest, Target
from migrator.jobs.recorded import RecordedJob
from migrator.jobs.steering import DestinationSteering, steering
from migrator.jobs.verify import Proving, verify_recorded
from migrator.jobs.who import operator

VERIFICATION = ContextPair("1.2.840.10008.1.1", "1.2.840.10008.1.2")
MOST_PROBLEMS = 1000
_PROBLEM_STATES = frozenset({State.HELD, State.FAILED, State.QUARANTINED, State.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Common:
    """What all destinations of one job share. `root` is the source's real path.

    `decoders` are None where a single destination needs no cache before those of all senders.
    """

    request: MigrateRequest
    root: str
    emit: Emit
    filters: Sequence[Filter]
    trace: AssociationTrace | None
    read: ReadHeader
    is_same: SameDataset
    decoders: Decodes | None

    @property
    def is_for_several(self) -> bool:
        return len(self.request.destinations) > 1


class DestinationRun:
    """One run towards one destination. `send` and `verify` are called from one thread, `snapshot` from any.

    `control` pauses and cancels this destination alone, where there are several.
    """

    def __init__(self, target: Target, known_as: str, common: Common, control: Control) -> None:
        """Open the record, to which the source is `known_as` this. Raises UsageError and ManifestError."""
        self.target = target
        self.node = target.node
        self.control = control
        self._common = common
        self._emit = _naming(common.emit, str(target.node))
        self._started = time.time()
        self._rules = read_rule_files(target.settings.rule)
        self.pacing = Pacing(target.settings.pace, target.settings.send.workers, control)
        self._accounting = Accounting(str(self.node))
        with ExitStack() as opened:
            self.manifest = self._open_manifest(known_as)
            opened.callback(self.manifest.close)
            self.record = JobRecord(self.manifest, self._accounting, self._emit, str(self.node))
            planner = Planner(target.settings.send)
            self.lane = Lane(self._destination(), target.settings, self.record, control, self._emit)
            self._feed = self._make_feed(planner)
            self._upload = Upload(self.lane, target.settings, self._feed, planner)
            self._opened = opened.pop_all()
        self._ending = Ending()
        self._verification: VerifyReport | None = None
        self.failure: Exception | None = None
        """What ended this destination's part, neither the destination's fault nor the user's wish."""

    def _open_manifest(self, known_as: str) -> Manifest:
        request, root = self._common.request, self._common.root
        folder = job_folder(request.home, known_as, self.node)
        manifest = Manifest(folder, encodable(known_as), str(self.node), is_anew=request.restart)
        settings = self.target.settings
        manifest.append(
            {
                "t": "run",
                "at": self._started,
                "version": __version__,
                "source": encodable(root),
                "who": encodable(operator()),
                "calling": self.node.calling_ae_title,
                "tls": self.node.tls is not None,
                "settings": settings.model_dump(mode="json", exclude_defaults=True),
            }
        )
        values = shaping(settings)
        if self._rules.digest:
            values["rule.digest"] = self._rules.digest  # the files may say something else next time
        manifest.note_settings(values)
        return manifest

    def _destination(self) -> Destination:
        return Destination(
            str(self.node),
            self._make_sender,
            lambda: StudyFinder(self.node, self.target.settings.send),
            self._probe,
            self.pacing,
            self._rules.edits,
        )

    def _make_sender(self) -> StoreSender:
        common, send = self._common, self.target.settings.send
        kind = DrySender if common.request.is_rehearsal else StoreSender
        sender = kind(self.node, send, common.root, self.pacing.pace, common.trace)
        sender.decoders = common.decoders
        return sender

    def _probe(self) -> None:
        """Whether the destination answers. Raises DestinationError."""
        send = self.target.settings.send
        echo(self.node, Timeouts(send.acse_timeout, send.dimse_timeout, send.network_timeout))

    def _make_feed(self, planner: Planner) -> Feed:
        common, settings = self._common, self.target.settings
        register = UidRegister(common.root, settings.scan, common.read, common.is_same, self.record.earlier)
        studies: frozenset[str] = frozenset()
        if settings.filter.limit_studies:
            sent = (row.series for row in stored(self.manifest.file))
            studies = frozenset(series.study.uid for series in sent if series is not None)
        known = self.known() if common.is_for_several else None
        selection = Selection(common.filters, common.request.retry_failed, studies, known)
        return Feed(settings, self.record, register, planner, selection)

    def known(self) -> Known:
        """What this destination has settled, but for what this run is to look at again."""
        reopened: set[State] = set()
        if self._common.request.retry_failed:
            reopened |= {State.FAILED, State.QUARANTINED, State.HELD}
        if self.target.settings.scan.conflicts == "send":
            reopened.add(State.HELD)
        return self.record.settled_unless(frozenset(reopened)) if reopened else self.record.settled_as

    def reachable(self) -> AbstractContextManager[None]:
        """While it lasts, other processes can steer this destination."""

        def prioritise(wanted: Callable[[Instance], bool]) -> int:
            return self.lane.prioritise(wanted)

        def told(action: str, detail: str) -> None:
            self._emit(Steered(action, detail, str(self.node)))

        steered = DestinationSteering(self.control, self.pacing, prioritise, self.snapshot, told)
        return steering(self.manifest.file.parent, steered)

    @property
    def edits(self) -> Sequence[Edit]:
        """What rules ask for."""
        return self._rules.edits

    @property
    def is_limited(self) -> bool:
        """Whether a limit has ended it, and a later run is to go on."""
        return isinstance(self._ending.stopped_by, LimitReached)

    def stop(self, error: MigratorError) -> None:
        """Send nothing more; what was not sent stays pending."""
        self.lane.stop(error)

    def snapshot(self) -> Snapshot:
        return self._accounting.snapshot()

    def phase(self, name: str) -> None:
        """The face shows this from now on."""
        self._accounting.phase(name)

    def greet(self) -> None:
        """Ask for an association before an hour of scanning, so that a wrong address shows at once.

        Raises DestinationError, Cancelled.
        """
        sender = self._make_sender()
        self.control.on_cancel(sender.abort)
        try:
            sender.open([VERIFICATION])
        except DestinationError:
            self.control.checkpoint()
            raise
        finally:
            sender.release()

    def send(self, blocks: Iterable[Block]) -> None:
        """Send what the blocks hold, and prove it where asked for.

        Raises Cancelled, ManifestError, SourceError.
        """
        self._ending = self._upload.run(blocks, is_stream=self._common.request.is_stream)
        if self._feed.is_complete and not self._common.request.only:
            self.record.retire_gone()
        self._stop_where_cancelled()
        self.verify()

    def verify(self) -> None:
        """Where asked for: compare, and send again what is missing. Raises Cancelled, ManifestError."""
        request = self._common.request
        if not (request.verify or request.resend_missing):
            return
        self._verification = self._ask()
        missing = frozenset(uid for study in self._verification.studies for uid in study.missing)
        if not (request.resend_missing and self._verification.missing) or self._ending.stopped_by is not None:
            return
        self._ending = self._upload.resend(list(self._reopened(missing)))
        self._stop_where_cancelled()
        self._verification = self._ask()

    def _stop_where_cancelled(self) -> None:
        if self._ending.is_cancelled:
            raise Cancelled("stopped by the user")

    def _ask(self) -> VerifyReport:
        self.phase("verifying")
        self._emit(PhaseStarted("verifying"))
        request = self._common.request
        return verify_recorded(
            RecordedJob(self.manifest.file.parent, self._common.root, str(self.node)),
            Proving(self.node, self.target.settings, request.home, self._common.root),
            self.control,
            tolerant=not request.is_check_only,
        )

    def _reopened(self, uids: frozenset[str]) -> Iterator[Instance]:
        """The missing instances, read again from the source and made pending."""
        for row in [row for row in expected_there(self.manifest.file) if row.uid in uids]:
            item = self._common.read(self._common.root, row.path, row.size, row.mtime_ns)
            if isinstance(item, Instance):
                self.record.reopen(item, in_this_run=row.at >= self._started)
                yield item

    def cancelled(self) -> None:
        """The user's wish ended it."""
        self._ending = replace(self._ending, is_cancelled=True)

    def result(self, check: SourceCheck | None) -> DestinationResult:
        """What it came to, which the manifest tells too: the last thing that is asked of a run."""
        snapshot = self.snapshot()
        self._note_end(snapshot, check)
        count = snapshot.job.spoiled - snapshot.job.pending
        problems = rows(self.manifest.file, _PROBLEM_STATES.__contains__) if count else iter(())
        partial: tuple[PartialStudy, ...] = ()
        if snapshot.job.spoiled:
            left = self.lane.queue.left()
            pending = (instance for batch in left for instance in batch.instances)
            partial = partial_studies(self.manifest.file, pending)
        return DestinationResult(
            node=self.node,
            snapshot=snapshot,
            ending=self._ending,
            verification=self._verification,
            manifest=self.manifest.file,
            damaged_lines=len(self.manifest.damage),
            problems=tuple(islice(problems, MOST_PROBLEMS)),
            problem_count=count,
            partial=partial,
            failure=self.failure if isinstance(self.failure, MigratorError) else None,
        )

    def _note_end(self, snapshot: Snapshot, check: SourceCheck | None) -> None:
        stopped = self.failure or self._ending.stopped_by
        line = {
            "t": "ended",
            "at": time.time(),
            "run": snapshot.run.as_dict(),
            "job": snapshot.job.as_dict(),
            "bytes": snapshot.bytes_sent,
            "seconds": round(snapshot.send_seconds, 3),
            "interrupted": self._ending.is_cancelled,
            "scanned": self._has_scanned,
        }
        if check is not None:
            trouble = {"trouble": encodable(check.trouble)} if check.trouble else {}
            counts = {"checked": check.checked, "modified": check.modified, "deleted": check.deleted}
            line["source"] = counts | trouble
        if isinstance(stopped, MigratorError):
            line["stopped"] = encodable(str(stopped))
        with contextlib.suppress(ManifestError):  # a disk that is full is why it ended
            self.manifest.append(line)

    @property
    def _has_scanned(self) -> bool:
        """Whether this run looked for all that the source holds, and came to the end of that."""
        return self._feed.is_complete and not self._common.request.only

    def close(self) -> None:
        self._opened.close()


def _naming(emit: Emit, destination: str) -> Emit:
    """Have events of one destination say so."""

    def named(event: Event) -> None:
        if isinstance(event, PhaseStarted | Resumed | ProblemFound | Notice):
            event = replace(event, destination=destination)
        emit(event)

    return named
