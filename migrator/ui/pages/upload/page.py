"""The page Upload: starts, shows and steers a migration, and lists what became of every instance."""

from __future__ import annotations

from dataclasses import replace

from PyQt5.QtCore import Qt, QTimer
from PyQt5.QtGui import QKeySequence
from PyQt5.QtWidgets import QMessageBox, QShortcut

from migrator.core.errors import MigratorError, UsageError
from migrator.core.outcome import State
from migrator.engine.accounting import Ledger, Snapshot
from migrator.jobs.migrate_totals import added
from migrator.jobs.tail import Tail
from migrator.ui.desk import Desk
from migrator.ui.dialogs.dry_run import DryRunDialog
from migrator.ui.dialogs.speed_test import SpeedTestDialog
from migrator.ui.pages.page import Page
from migrator.ui.pages.upload.actions import ActionBar
from migrator.ui.pages.upload.banner import BannerFrame
from migrator.ui.pages.upload.head import Head
from migrator.ui.pages.upload.progress import ProgressCard
from migrator.ui.pages.upload.standing import Standing, missing_in
from migrator.ui.pages.upload.table import TablePanel
from migrator.ui.pages.upload.words import (
    Banner,
    banner_of,
    can_be_retried,
    elsewhere_banner,
    gravest,
    source_words,
)
from migrator.ui.running import Migration, Sight
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon

_SHOW_EVERY = 250  # milliseconds
_WORKS = {"verify": "A verification", "speed-test": "A speed test"}
"""Other commands of the window that work on a job as a migration does."""


class UploadPage(Page):
    """The page Upload. `bar`, `banner`, `progress`, `table` are its parts, from top to bottom."""

    name = "upload"
    title = "Upload"
    icon = "cloud-upload-outline"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.head, self.bar, self.banner = Head(), ActionBar(), BannerFrame()
        self.progress, self.table = ProgressCard(), TablePanel(desk)
        for part in (self.head, self.bar, self.banner, self.progress):
            self.body.addWidget(part)
        self.body.addWidget(self.table, 1)
        self._migration: Migration | None = None
        self._at: int | None = None
        self._is_ending = False
        self._was_live = False
        self._work = ""
        self._connect_actions()
        self._connect_desk()
        self._follow(desk.migration)

    def _connect_actions(self) -> None:
        bar, head = self.bar, self.head
        bar.start.connect(lambda: self.start())
        bar.stream.connect(lambda: self.start("--stream"))
        bar.retry.connect(lambda: self.start("--retry-failed"))
        bar.dry_run.connect(lambda: DryRunDialog(self.desk, self.window()).open())
        bar.speed_test.connect(lambda: SpeedTestDialog(self.desk, self.window()).open())
        bar.pause.connect(self.pause)
        bar.cancel.connect(lambda: self.ask_to_cancel())
        self.banner.retry.connect(lambda: self.start("--retry-failed"))
        self.banner.verify.connect(lambda: self.desk.go("verify"))
        self.banner.report.connect(self._report)
        self.progress.ledger.chosen.connect(self._show_state)
        head.configure.connect(lambda: self.desk.go("configuration"))
        head.select.connect(lambda: self.desk.go("browser"))
        head.show_configured.connect(self._show_configured)
        head.destination_chosen.connect(self._show_destination)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.table.find)

    def _connect_desk(self) -> None:
        desk = self.desk
        desk.migration_changed.connect(self._follow)
        desk.configuration_changed.connect(lambda configuration: self._show_standing())
        desk.selection_changed.connect(lambda selection: self._show_standing())
        self._shower = QTimer(self)
        self._shower.setSingleShot(True)
        self._shower.setInterval(_SHOW_EVERY)
        self._shower.timeout.connect(self._show_record)
        desk.rows.grew.connect(self._show_soon)
        desk.rows.renewed.connect(self._show_record)

    def _show_soon(self) -> None:
        """Rows come in slices of a few milliseconds: what they add up to is shown now and then."""
        if not self._shower.isActive():
            self._shower.start()

    # What can be done

    def start(self, *options: str) -> None:
        """Start a migration of what is configured, or say why it cannot be."""
        self.banner.hide()
        try:
            self.desk.migrate(*options)
        except UsageError as error:
            self.banner.show_banner(Banner("error", "It cannot be started", str(error)))

    def pause(self) -> None:
        """Pause what is on, or let it go on."""
        if self._migration is not None:
            action = "resume" if self._migration.sight.is_paused else "pause"
            self._migration.do(action, self._answered)

    def ask_to_cancel(self) -> None:
        """Ask whether the run is to be cancelled, and cancel it then."""
        migration = self._migration
        if migration is None:
            return
        box = QMessageBox(
            QMessageBox.Icon.NoIcon,
            "Cancel the migration",
            "Cancel the migration?",
            QMessageBox.StandardButton.NoButton,
            self,
        )
        box.setInformativeText(
            "The objects that are under way are finished, and what was sent is recorded. Nothing is removed, "
            "neither at the source nor at the destination. Resume goes on from there."
        )
        box.setIconPixmap(icon("stop-circle-outline", tokens.RED).pixmap(32, 32))
        cancel = box.addButton("Cancel Migration", QMessageBox.ButtonRole.DestructiveRole)
        stay = box.addButton("Go On", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(stay)
        box.setEscapeButton(stay)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        cancel.clicked.connect(lambda: self._cancel(migration))
        box.open()

    def _cancel(self, migration: Migration) -> None:
        if migration is self._migration and migration.sight.is_live:
            self._is_ending = True
            migration.do("cancel", self._answered)
            self._show_standing()

    def _answered(self, answer: object) -> None:
        if isinstance(answer, MigratorError):
            self._is_ending = False
            self.desk.notice(f"The run did not take that: {answer}", "warning")
            self._show_standing()

    def _report(self) -> None:
        # The dialog draws in what writes documents, which no start of the window needs.
        from migrator.ui.dialogs.report import ReportDialog

        ReportDialog(self.desk, self.window()).open()

    def _show_configured(self) -> None:
        configuration = self.desk.configuration
        self.desk.open_job(configuration.source, [one.node for one in configuration.chosen])

    # What is shown

    def _follow(self, migration: Migration | None) -> None:
        """Another job is on view, or another run of it."""
        if self._migration is not None:
            self._migration.sighted.disconnect(self._sighted)
            self._migration.ended.disconnect(self._ended)
        is_same = self._is_same_as(migration)
        self._migration, self._is_ending = migration, False
        self.banner.hide()
        if not is_same:
            self.table.filters.clear()
            self._show_destination(None)
            nodes = migration.nodes if migration is not None else ()
            self.head.show_job(migration.source if migration is not None else "", nodes)
        if migration is not None:
            migration.sighted.connect(self._sighted)
            migration.ended.connect(self._ended)
            self._was_live = migration.sight.is_live
            self._follow_newest(self._was_live)
        self._show_record()

    def _follow_newest(self, is_live: bool) -> None:
        """Unless somebody has put the rows in an order."""
        self.table.view.follow(is_live and not self.table.view.is_ordered)

    def _is_same_as(self, migration: Migration | None) -> bool:
        mine = self._migration
        return mine is not None and migration is not None and migration.is_of(mine.source, mine.nodes)

    def _sighted(self, sight: Sight) -> None:
        if sight.is_live:
            self._work = self._other_work()
        if sight.is_live and not self._was_live:
            self.banner.hide()
            self._follow_newest(True)
        self._was_live = sight.is_live
        self._show_record()

    def _ended(self, code: int) -> None:
        self._is_ending = False
        migration = self._migration
        if migration is None:
            return
        if migration.running is not None and migration.sight.code is not None:
            # What it printed has every study that was verified: that takes its time to be read.
            of_it = migration.running.launched
            self.desk.later(
                lambda: (of_it.result(), of_it.messages()), lambda told: self._tell_end(migration, code, told)
            )
        elif not self._work:
            self.banner.show_banner(elsewhere_banner(self._has_failed()))
        self._show_record()

    def _tell_end(self, migration: Migration, code: int, told: object) -> None:
        """Say how it ended, unless something else is on by now."""
        if migration is self._migration and not migration.sight.is_live:
            result, messages = told if isinstance(told, tuple) else (None, "")
            self.banner.show_banner(banner_of(code, result if isinstance(result, dict) else None, messages))

    def _other_work(self) -> str:
        """What of this window, other than a migration, works on the source that is on view."""
        if self._migration is None or not self._migration.is_foreign:
            return ""
        source = self._migration.source
        mine = (one for one in self.desk.commands if one.is_on and source in one.launched.arguments)
        return next((_WORKS[one.name] for one in mine if one.name in _WORKS), "")

    def _show_record(self) -> None:
        """The numbers of the run that is seen, or else of the record; and what can be done about them."""
        migration = self._migration
        snapshot = self._snapshot()
        if migration is None:
            self.progress.hide()
        elif snapshot is not None or migration.sight.is_live:
            self.progress.show_run(migration.sight, snapshot)
        else:
            self.progress.show_record(self._run_ledger(), self._job_ledger())
        self._show_source()
        self._show_standing()

    def _show_source(self) -> None:
        is_live = self._migration is not None and self._migration.sight.is_live
        told = [source_words(tail.source_check, is_live) for tail in self.desk.rows.tails]
        self.head.source.show_check(*gravest(told))
        self.head.source.setVisible(self._migration is not None)

    def _show_standing(self) -> None:
        standing = self._standing()
        self.bar.show_standing(standing)
        self.banner.allow_retry(standing.against_retry)
        selection = self.desk.selection
        if standing.missing:
            self.head.show_note(f"{standing.missing}.", role="warning", link="configure")
        elif standing.is_live and standing.work:
            self.head.show_note(f"{standing.work} of this job is on. Pause and Cancel reach it.")
        elif standing.is_live and not standing.is_own:
            self.head.show_note(
                "Another process is at work on this job: a command line, or another window. Pause and Cancel "
                "reach it."
            )
        elif standing.is_ending:
            self.head.show_note("Cancelling: what is under way is being finished")
        elif not standing.is_configured:
            self.head.show_note("This is not what is configured.", role="warning", link="show_configured")
        else:
            self.head.show_note(f"Selected: {selection.words}", link="select")

    def _standing(self) -> Standing:
        configuration, migration = self.desk.configuration, self._migration
        missing = missing_in(configuration)
        if migration is None:
            return Standing(missing)
        nodes = [one.node for one in configuration.chosen]
        return Standing(
            missing=missing,
            is_configured=migration.is_of(configuration.source, nodes),
            is_live=migration.sight.is_live,
            is_own=not migration.is_foreign,
            work=self._work if migration.is_foreign else "",
            is_paused=migration.sight.is_paused,
            is_ending=self._is_ending,
            has_run=any(tail.runs for tail in self.desk.rows.tails),
            has_failed=self._has_failed(),
        )

    def _has_failed(self) -> bool:
        return any(can_be_retried(tail.ledger) for tail in self.desk.rows.tails)

    def _snapshot(self) -> Snapshot | None:
        if self._migration is None:
            return None
        sight = self._migration.sight
        seen = sight.total if self._at is None or not sight.snapshots else sight.snapshots[self._at]
        run = None if sight.is_live else self._run_ledger()
        if seen is None or run is None:
            return seen
        # It ended a moment after it was last looked at: how, its record tells.
        return replace(seen, run=run, job=self._job_ledger(), bytes_sent=self._bytes_sent())

    def _run_ledger(self) -> Ledger | None:
        known = [tail.run_ledger for tail in self._tails()]
        return added(one for one in known if one is not None) if known and None not in known else None

    def _job_ledger(self) -> Ledger:
        return added(tail.ledger for tail in self._tails())

    def _bytes_sent(self) -> int:
        return sum(tail.run_bytes for tail in self._tails())

    def _tails(self) -> list[Tail]:
        tails = self.desk.rows.tails
        return tails if self._at is None else tails[self._at : self._at + 1]

    def _show_destination(self, at: int | None) -> None:
        self._at = at
        self.table.filters.show_destination(at)
        self._show_record()

    def _show_state(self, state: State | None) -> None:
        """The rows that the ledger counts there: pending ones have none yet."""
        if state is None:
            self.table.filters.clear()
        else:
            self.table.filters.show_state(state)
