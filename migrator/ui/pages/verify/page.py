"""The page Verify: whether everything arrived, how that is known, and what to do where it did not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from PyQt5.QtCore import Qt, QTimer
from PyQt5.QtWidgets import QComboBox, QFileDialog, QMenu, QMessageBox, QTabWidget

from migrator.jobs.left_running import LeftRunning
from migrator.jobs.verified import Verified, read_verified, write_verified
from migrator.records.words import counted
from migrator.ui.configuration import Configuration
from migrator.ui.desk import Desk
from migrator.ui.dialogs.export import ExportDialog
from migrator.ui.dialogs.export_files import FilesDialog
from migrator.ui.dialogs.report import ReportDialog
from migrator.ui.pages.page import Page
from migrator.ui.pages.verify.commitment import CommitmentTab
from migrator.ui.pages.verify.deep import DeepTab
from migrator.ui.pages.verify.job import Job, State, jobs_of
from migrator.ui.pages.verify.left import left_check
from migrator.ui.pages.verify.others import Other, OthersTab
from migrator.ui.pages.verify.statement import StatementCard
from migrator.ui.pages.verify.strip import RESULT, CheckStrip, Outcome
from migrator.ui.pages.verify.studies import StudiesTab
from migrator.ui.running import Migration, Sight
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.trouble import trouble_of
from migrator.ui.widgets.basics import button, label, row
from migrator.ui.widgets.elided import ElidedLabel

_CSV = "CSV (*.csv)"
_LETTERS = 36  # of a destination that are in view
_STOPPED = {
    "verify": "Its result is not kept: what was known before is shown.",
    "commit": "What was answered by then is kept.",
}
"""What came of a command that was stopped."""


class VerifyPage(Page):
    """Shows what is kept of the job on view, and makes checks of it."""

    name = "verify"
    title = "Verify"
    icon = "check-decagram-outline"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.state = State()
        self._jobs: list[Job] = []
        self._printed: tuple[Job, Path] | None = None
        self._reading = 0
        self._other: Other | None = None
        self._checked: Job | None = None
        self._is_stale = True
        self.strip = CheckStrip(desk)
        self.trouble = StatementCard()
        self.trouble.hide()
        self.studies = StudiesTab(desk)
        self.commitment = CommitmentTab(desk)
        self.deep = DeepTab(desk)
        self.others = OthersTab(desk)
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(0)
        self._late.timeout.connect(self._look_anew)
        self._make_head()
        self._make_tabs()
        self._connect()
        self._show()
        self._late.start()

    # How it is made

    def _make_head(self) -> None:
        self._about = ElidedLabel("muted", Qt.TextElideMode.ElideMiddle)
        self.destinations = QComboBox()
        self.destinations.setAccessibleName("Destination")
        self.destinations.setToolTip("Which of the destinations this page is about")
        self.destinations.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.destinations.setMinimumContentsLength(_LETTERS)
        self.destinations.hide()
        self.verify = button("Verify", "check-decagram-outline", kind="primary")
        self.resend = button("Resend missing", "upload-outline")
        self.export = button("Save as", "export-variant", kind="menu", tip="Write what is known to files")
        menu = QMenu(self.export)
        self.to_csv = menu.addAction(icon("table"), "Verification as CSV…")
        self.to_report = menu.addAction(icon("file-document-outline"), "Report as HTML or PDF…")
        self.to_export = menu.addAction(icon("database-export-outline"), "Record as CSV or JSON lines…")
        self.export.setMenu(menu)
        head = row(label(self.title, "heading"), self._about, self.destinations)
        head.setStretch(1, 1)
        self.body.addLayout(head)
        self.body.addLayout(row(self.verify, self.resend, None, self.export))
        self.body.addWidget(self.strip)
        self.body.addWidget(self.trouble)

    def _make_tabs(self) -> None:
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.addTab(self.studies, "Studies")
        self.tabs.addTab(self.commitment, "Storage Commitment")
        self.tabs.addTab(self.deep, "Deep check")
        self.tabs.addTab(self.others, "More checks")
        for tab in (self.studies, self.commitment, self.deep, self.others):
            layout = tab.layout()
            assert layout is not None
            margins = layout.contentsMargins()
            margins.setTop(tokens.MEDIUM)
            layout.setContentsMargins(margins)
        self.body.addWidget(self.tabs, 1)

    def _connect(self) -> None:
        self.verify.clicked.connect(lambda: self._start("Verifying", "verify"))
        self.resend.clicked.connect(self._resend)
        self.commitment.wanted.connect(lambda: self._start("Storage Commitment", "commit"))
        self.deep.wanted.connect(lambda percent: self._start("Deep check", "verify", f"--deep={percent:g}%"))
        self.others.wanted.connect(self._check_other)
        self.studies.verify_wanted.connect(self.verify.click)
        self.studies.migrate_wanted.connect(lambda: self.desk.go("upload"))
        self.studies.configure_wanted.connect(lambda: self.desk.go("configuration"))
        self.to_csv.triggered.connect(lambda: self._save_csv())
        self.to_report.triggered.connect(lambda: self._open(ReportDialog))
        self.to_export.triggered.connect(lambda: self._open(ExportDialog))
        self.strip.turned.connect(self._turned)
        self.strip.ended.connect(self._ended)
        self.destinations.currentIndexChanged.connect(lambda index: self._choose())
        self.desk.configuration_changed.connect(self._configured)
        self.desk.migration_changed.connect(self._migrates)
        if self.desk.migration is not None:
            self._migrates(self.desk.migration)

    # Which job

    def shown(self) -> None:
        if self._is_stale:
            self._read()

    def _configured(self, configuration: Configuration) -> None:
        self._late.start()

    def _migrates(self, migration: object) -> None:
        if isinstance(migration, Migration):
            migration.sighted.connect(self._sighted)
            migration.ended.connect(lambda code: self._stale())
        self._late.start()

    def _sighted(self, sight: Sight) -> None:
        if sight.is_live != self.state.is_run_on:
            self._late.start()

    def _stale(self) -> None:
        """More may be kept by now: read it, as soon as somebody looks."""
        self._is_stale = True
        if self.isVisible():
            self._read()

    def _look_anew(self) -> None:
        jobs = jobs_of(self.desk)
        if jobs != self._jobs:
            chosen = self.state.job
            self._jobs = jobs
            self.destinations.blockSignals(True)
            self.destinations.clear()
            self.destinations.addItems([str(job.node) for job in jobs])
            if chosen in jobs:
                self.destinations.setCurrentIndex(jobs.index(chosen))
            self.destinations.blockSignals(False)
            self.destinations.setVisible(len(jobs) > 1)
            self._choose()
        else:
            self._be()

    def _choose(self) -> None:
        place = self.destinations.currentIndex()
        job = self._jobs[place] if 0 <= place < len(self._jobs) else None
        if job == self.state.job:
            self._be()
            return
        self.trouble.hide()
        self._reading += 1  # what is being read is of another job
        self._be(job=job, verified=Verified(), is_read=job is None)
        self._stale()

    def _read(self) -> None:
        job = self.state.job
        self._is_stale = False
        if job is None:
            return
        self._reading += 1
        number, home = self._reading, self.desk.home
        printed = self._printed[1] if self._printed is not None and self._printed[0] == job else None
        self.desk.later(
            lambda: read_verified(home, job.source, job.node, printed),
            lambda answer: self._have_read(number, answer),
        )

    def _have_read(self, number: int, answer: object) -> None:
        if number != self._reading:
            return
        verified = answer if isinstance(answer, Verified) else Verified()
        trouble = str(answer) if isinstance(answer, Exception) else verified.trouble
        if trouble:
            self._tell("The record cannot be read", trouble, "bad")
        self._be(verified=verified, is_read=True, is_readable=not isinstance(answer, Exception))

    # What is shown

    def _be(self, **values: Any) -> None:
        """Show the state with these values, and with what is on now."""
        migration = self.desk.migration
        is_run_on = migration is not None and migration.sight.is_live
        self.state = replace(self.state, is_on=self.strip.is_on, is_run_on=is_run_on, **values)
        self._show()

    def _show(self) -> None:
        state, verified = self.state, self.state.verified
        job = state.job
        to = "" if job is None or len(self._jobs) > 1 else f"  to  {job.node}"  # else the selector says it
        self._about.say(f"{job.source}{to}" if job is not None else "")
        why = "Choose a source and a destination first" if job is None else "Another check is on"
        can_verify = job is not None and not state.is_on
        self.verify.setEnabled(can_verify)
        self.verify.setToolTip("Ask the destination what it holds of every study" if can_verify else why)
        self.resend.setText(f"Resend {verified.missing:,} missing" if verified.missing else "Resend missing")
        why_not = self._why_not_resend()
        self.resend.setEnabled(not why_not)
        self.resend.setToolTip(why_not or "Send what is missing again, and verify again")
        self.to_csv.setEnabled(verified.is_verified)
        self.to_report.setEnabled(state.has_record)
        self.to_export.setEnabled(state.has_record)
        self.export.setEnabled(verified.is_verified or state.has_record)
        for tab in (self.studies, self.commitment, self.deep, self.others):
            tab.show_state(state)

    def _why_not_resend(self) -> str:
        state = self.state
        if state.why_not:
            return state.why_not
        if state.is_run_on:
            return "A migration is on: what is missing can be sent again once it has ended"
        if not state.verified.is_verified:
            return "Nothing was verified yet"
        return "" if state.verified.missing else "The last verification found nothing missing"

    def _tell(self, word: str, text: str, tone: str) -> None:
        self.trouble.tell(word, f"{text[:1].upper()}{text[1:]}", tone)
        self.trouble.show()

    # What is done

    def _start(self, title: str, command: str, *options: str) -> None:
        if self.state.job is not None:
            self._other = None
            self._run(title, self.state.job.words(command, *options))

    def _check_other(self, other: Other) -> None:
        job = self.state.job
        if job is not None:
            self._other = other
            self._run(other.title, other.command(job, self.desk.configuration.settings), other.is_about_node)

    def _run(self, title: str, words: list[str], is_configured: bool = True) -> None:
        self.trouble.hide()
        self._checked = self.state.job
        trouble = self.strip.start(self._titled(title), words, is_configured=is_configured)
        if trouble:
            self._tell(f"{title} cannot be started", trouble, "bad")

    def _titled(self, title: str) -> str:
        """With the destination where there are several: the page may show another one meanwhile."""
        return f"{title} at {self._checked.node}" if self._checked and len(self._jobs) > 1 else title

    def _resend(self) -> None:
        job, count = self.state.job, self.state.verified.missing
        question = QMessageBox(self.window())
        question.setWindowTitle("Resend missing")
        question.setText(f"Send {counted(count, 'missing instance')} again?")
        question.setInformativeText(
            "The destination is asked once more before, so that only what it still lacks is sent, and "
            "verified afterwards. The source is only read."
        )
        send = question.addButton(f"Send {count:,}", QMessageBox.ButtonRole.AcceptRole)
        question.addButton(QMessageBox.StandardButton.Cancel)
        question.setDefaultButton(send)
        question.exec()
        is_wanted = question.clickedButton() is send
        question.deleteLater()
        # The job on view, or what is on, may have changed behind the question.
        if is_wanted and self.state.job == job and not self._why_not_resend():
            self._start("Resending what is missing", "verify", "--resend-missing")

    def adopt(self, left: LeftRunning) -> bool:
        """Go on with a check that an earlier window has left running; whether it is one of this page."""
        found = left_check(left, self._jobs)
        if found is None or self.strip.is_on:
            return False
        title, self._checked, self._other = found
        self.strip.follow(self.desk.adopt(left.command), self._titled(title))
        return True

    def _turned(self, is_on: bool) -> None:
        self._be()

    def _ended(self, outcome: Outcome) -> None:
        other, self._other = self._other, None
        if outcome.is_stopped:
            self._tell(f"{outcome.title} was stopped", _STOPPED.get(outcome.running.name, ""), "none")
        elif not outcome.is_done:
            self._tell(f"{outcome.title} failed", outcome.trouble, "bad")
        if other is not None:
            if outcome.is_done:
                job = self._checked
                self.desk.later(
                    outcome.running.result, lambda answer: self._have_result(other, job, outcome, answer)
                )
            return
        if outcome.running.name == "verify" and outcome.is_done and self._checked is not None:
            self._printed = (self._checked, outcome.running.launched.folder / RESULT)
        self._stale()

    def _have_result(self, other: Other, job: Job | None, outcome: Outcome, answer: object) -> None:
        if isinstance(answer, dict):
            if job is not None:
                self.others.show_result(other, answer, job)
                self.others.show_state(self.state)
        else:
            self._tell(f"{outcome.title} failed", trouble_of(outcome.running.launched.messages()), "bad")

    # What is written

    def _id(self) -> str | None:
        manifest = self.state.verified.manifest
        return manifest.id if manifest is not None else None

    def _open(self, dialog: type[FilesDialog]) -> None:
        made = dialog(self.desk, self.window(), self._id())
        made.exec()
        made.deleteLater()

    def _save_csv(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the verification", str(Path.home() / "verification.csv"), _CSV
        )
        if name:
            self.save_csv(Path(name))

    def save_csv(self, file: Path) -> None:
        """Write what is shown to a file, unless that is inside the source."""
        verified, job = self.state.verified, self.state.job
        if job is None:
            return
        self.desk.later(
            lambda: write_verified(file, verified, job.source), lambda answer: self._saved(file, answer)
        )

    def _saved(self, file: Path, answer: object) -> None:
        if isinstance(answer, Exception):
            self._tell("The table was not written", str(answer), "bad")
        else:
            self._tell(
                "The table was written", f"{file}: it holds patients' data, and only you can read it.", "good"
            )
