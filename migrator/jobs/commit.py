"""Storage commitment as a job: of everything recorded as stored, as it was sent."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from migrator.checks.commit import Commitment, Terms, find_unanswered
from migrator.checks.commit_ledger import Answer, Ledger, Wanted
from migrator.core.addresses import listen_address
from migrator.core.commitment import CommitmentReport, Taken
from migrator.core.control import Control
from migrator.core.errors import Cancelled, UsageError
from migrator.core.model import Node
from migrator.core.settings import Settings
from migrator.dicom.commitment.listener import CommitmentListener
from migrator.dicom.commitment.requestor import CommitmentRequestor
from migrator.dicom.query import StudyFinder
from migrator.engine.manifest_rows import stored
from migrator.jobs.commit_journal import CommitmentJournal
from migrator.jobs.commit_report import COLUMNS, CommitReport, as_json, failures_of, fill
from migrator.jobs.home import refuse_inside
from migrator.jobs.recorded import COMMITMENT, RecordedJob, recorded_job
from migrator.jobs.who import operator
from migrator.records.table import Table

_log = logging.getLogger("migrator.commitment")

_UID = re.compile(r"[0-9.]{1,64}")


@dataclass(frozen=True, slots=True)
class CommitRequest:
    """What is asked for. `same_source` is the path under which the job knows this source; `table` is where a
    CSV file with every instance goes."""

    source: str
    node: Node
    home: Path
    settings: Settings = field(default_factory=Settings)
    same_source: str | None = None
    table: Path | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a call is, in instances; `studies` is how many C-FIND asked about."""

    requested: int
    asked: int
    committed: int
    failed: int
    studies: int = 0


class CommitJob:
    """One call. `run` may be called once."""

    def __init__(self, request: CommitRequest, control: Control, heard: Callable[[Progress], None]) -> None:
        """`heard` hears several times a second. Raises UsageError where nothing can be asked about."""
        self._request = request
        self._control = control
        self._heard = heard
        self._listen = request.settings.proof.listen
        self._address = listen_address(self._listen) if self._listen else None
        if request.table is not None:
            refuse_inside(request.table, Path(os.path.realpath(request.source)), "the table")
        self._job = recorded_job(request.source, request.node, request.home, request.same_source)

    def run(self) -> CommitReport:
        """Ask, wait, and ask by C-FIND about what is without an answer; keep the result beside the manifest.

        When cancelled it tells what was answered until then. Raises UsageError, JobBusy, ManifestError,
        DestinationError.
        """
        with contextlib.ExitStack() as opened:
            file, table = self._request.table, None
            if file is not None:
                # Begun first: that it cannot be written is not to be learnt after hours of waiting.
                table = opened.enter_context(Table(file, COLUMNS))
            journal = opened.enter_context(CommitmentJournal(self._job.folder))
            ledger = Ledger(_wanted(self._job, self._control), journal)
            if not len(ledger):
                raise UsageError(
                    f"nothing is recorded as stored from {self._request.source} to {self._request.node}"
                )
            call = _Call(self._request, ledger, self._control, self._heard)
            report = call.run(self._address, journal.waiting)
            if not report.interrupted:
                self._job.keep(COMMITMENT, as_json(report))
            if table is not None:
                fill(table, ledger, call.found)
        return report


class _Call:
    """What happens between the first association and the last answer."""

    def __init__(
        self, request: CommitRequest, ledger: Ledger, control: Control, heard: Callable[[Progress], None]
    ) -> None:
        self._request = request
        self._ledger = ledger
        self._control = control
        self._heard = heard
        self._asked = 0
        self.found: set[int] = set()

    def run(self, address: tuple[str, int] | None, waiting: int) -> CommitReport:
        node, settings, at = self._request.node, self._request.settings, time.time()
        requestor = CommitmentRequestor(node, settings.send, self._take)
        terms = Terms(settings.proof.commit_wait, address is not None)
        commitment = Commitment(
            self._ledger, requestor, terms, self._control, lambda: self._tell(commitment.asked)
        )
        trouble, late, is_interrupted = "", 0, False
        with self._listening(address), contextlib.closing(requestor):
            self._control.on_cancel(requestor.interrupt)
            try:
                commitment.run()
                late = self._ledger.count_late()
                trouble = self._find()
            except Cancelled:
                is_interrupted = True
        late += self._ledger.count_late()
        self._tell(commitment.asked)
        failures, reasons = failures_of(self._ledger)
        return CommitReport(
            at=at,
            seconds=time.time() - at,
            who=operator(),
            source=self._request.source,
            node=str(node),
            listened=self._request.settings.proof.listen,
            is_offered=commitment.is_offered,
            interrupted=is_interrupted,
            asked=commitment.asked,
            committed=self._ledger.count(Answer.COMMITTED),
            failed=self._ledger.count(Answer.FAILED),
            unanswered=self._ledger.count(Answer.UNANSWERED),
            found_by_cfind=sum(not self._ledger.answer(index) for index in self.found),
            late=late,
            waiting=waiting,
            trouble=tuple(filter(None, (commitment.trouble, trouble))),
            oddities=self._ledger.oddities,
            transactions=self._ledger.transactions,
            failures=failures,
            reasons=reasons,
        )

    @contextlib.contextmanager
    def _listening(self, address: tuple[str, int] | None) -> Iterator[None]:
        if address is None:
            yield
            return
        listener = CommitmentListener(*address, self._request.node.tls, self._take)
        listener.start()
        try:
            yield
        finally:
            listener.stop()

    def _take(self, report: CommitmentReport) -> Taken:
        """For any thread."""
        taken = self._ledger.take(report)
        if taken is not Taken.KEPT:
            # What a peer sends in the place of a UID may be anything.
            shown = report.transaction if _UID.fullmatch(report.transaction) else "that is no UID"
            _log.warning(
                "a result of storage commitment was not taken: transaction %s, %s", shown, taken.name
            )
        return taken

    def _find(self) -> str:
        """Ask by C-FIND about what is without an answer; what hindered."""
        if not self._ledger.count(Answer.UNANSWERED):
            return ""
        finder = StudyFinder(self._request.node, self._request.settings.send)
        self._control.on_cancel(finder.interrupt)
        with contextlib.closing(finder):
            self.found, trouble = find_unanswered(
                self._ledger, finder, self._control, lambda studies: self._tell(self._asked, studies)
            )
        return f"C-FIND: {trouble}" if trouble else ""

    def _tell(self, asked: int, studies: int = 0) -> None:
        self._asked = asked
        ledger = self._ledger
        committed, failed = ledger.count(Answer.COMMITTED), ledger.count(Answer.FAILED)
        self._heard(Progress(len(ledger), asked, committed, failed, studies))


def _wanted(job: RecordedJob, control: Control) -> Iterator[Wanted]:
    shared: dict[str, str] = {}
    for row in stored(job.manifest):
        control.check()
        study = row.series.study.uid if row.series else ""
        sop_class, study = (shared.setdefault(uid, uid) for uid in (row.sop_class, study))
        yield Wanted(row.uid, sop_class, study, row.at)
