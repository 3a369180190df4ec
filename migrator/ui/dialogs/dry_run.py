"""Dry Run: everything but the sending, watched live; then its totals and what would not go as it is."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QLineEdit,
    QProgressBar,
    QTabWidget,
    QWidget,
)

from migrator.core.errors import UsageError
from migrator.jobs.dry_run_table import HEADS, Exceptions, exceptions_in, save_table
from migrator.jobs.launch import Look
from migrator.records.words import count
from migrator.ui.desk import Desk
from migrator.ui.dialogs.dry_run_words import findings
from migrator.ui.models.plain import PlainModel
from migrator.ui.pages.upload.ledger import LedgerGrid
from migrator.ui.pages.upload.words import ledger_in, phase_words, refusal
from migrator.ui.running import Running, snapshot_of
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, column, label, row, set_role
from migrator.ui.widgets.cells import text_table

_MOST_LISTED = 20_000
_STALE = 24 * 3600.0  # seconds after the last line of a table
_WIDTHS = (260, 230, 260, 180, 120, 180, 180, 260)


class DryRunDialog(QDialog):
    """Begins at once where there is one destination; where there are several, when one was chosen."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Dry Run")
        self.resize(860, 600)
        self._desk = desk
        self._file = desk.home / f"dry-run-{secrets.token_hex(8)}.csv"
        desk.later(lambda: _sweep(desk.home), lambda answer: None)
        self._source = desk.configuration.source
        self.running: Running | None = None
        self._is_closed = False
        self._make_parts([str(one.node) for one in desk.configuration.chosen])
        if self._destination.count() == 1:
            self.begin()

    def _make_parts(self, nodes: Sequence[str]) -> None:
        self._destination = QComboBox()
        self._destination.addItems(nodes)
        self._destination.setAccessibleName("Destination")
        self._phase = label("Nothing is sent by it, and nothing recorded.", "title", wraps=True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setMaximum(1000)
        self._bar.setAccessibleName("Progress")
        self.ledger = LedgerGrid()
        self.ledger.hide()
        self.findings = label("", wraps=True)
        self.findings.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._make_tables()
        self._start = button("Begin", "play", kind="primary")
        self._start.clicked.connect(lambda: self.begin())
        self._stop = button("Cancel the Dry Run", "stop", kind="danger")
        self._stop.clicked.connect(self.cancel)
        self._stop.hide()
        self._save = button("Save as CSV …", "content-save-outline", tip="One row per path, with all columns")
        self._save.clicked.connect(self._ask_where)
        self._save.setEnabled(False)
        close = button("Close")
        close.clicked.connect(lambda: self.reject())
        self._from = label("Destination", "muted")
        for part in (self._destination, self._from):
            part.setVisible(len(nodes) > 1)
        layout = column(self._phase, self._bar, self.ledger, self.findings, self.tabs)
        layout.setContentsMargins(*[tokens.LARGE] * 4)
        layout.setStretchFactor(self.tabs, 1)
        layout.addLayout(row(self._from, self._destination, self._start, self._stop, None, self._save, close))
        self.setLayout(layout)

    def _make_tables(self) -> None:
        self.actions_model = PlainModel(("Paths", "What Would Happen", "Why"), self)
        self.rows_model = PlainModel(HEADS, self)
        self._search = QLineEdit()
        self._search.setPlaceholderText("Search path, reason, SOP class …")
        self._search.setAccessibleName("Search the rows")
        self._search.setClearButtonEnabled(True)
        self._search.textChanged.connect(self.rows_model.search)
        self._rest = label("", "muted")
        listed = QWidget()
        listed.setLayout(column(self._search, self._rest, text_table(self.rows_model, _WIDTHS, "Rows")))
        self.tabs = QTabWidget()
        self.tabs.addTab(text_table(self.actions_model, (90, 360, 360), "Totals"), "Totals")
        self.tabs.addTab(listed, "Not Sent As It Is")
        self.tabs.hide()

    def begin(self) -> None:
        """Start it for the chosen destination."""
        node = self._destination.currentText()
        words = ["dry-run", self._source, "--to", node, "--csv", str(self._file), "--json"]
        try:
            self.running = self._desk.run_configured(words)
        except UsageError as error:
            self._refuse(str(error))
            return
        self._start.hide()
        self._destination.setEnabled(False)
        self._stop.show()
        set_role(self._phase, "title")
        self._phase.setText("Starting")
        self._bar.setMaximum(0)
        self.running.looked.connect(self._looked)
        self.running.ended.connect(self._ended)

    def cancel(self) -> None:
        if self.running is not None and self.running.is_on:
            self._stop.setEnabled(False)
            self.running.do("cancel")

    def _looked(self, look: Look) -> None:
        if not look.snapshots:
            return
        snapshot = snapshot_of(look.snapshots[0])
        self._phase.setText(phase_words(snapshot, look.is_paused))
        self._bar.setMaximum(1000 if snapshot.share is not None else 0)
        self._bar.setValue(round((snapshot.share or 0) * 1000))
        self.ledger.show()
        self.ledger.show_ledgers(snapshot.run, snapshot.run)

    def _ended(self, code: int) -> None:
        assert self.running is not None
        self._stop.hide()
        self._bar.hide()
        of_it = self.running.launched
        self._desk.later(lambda: (of_it.result(), of_it.messages()), lambda told: self._tell_end(code, told))

    def _tell_end(self, code: int, told: object) -> None:
        if self._is_closed:
            return
        result, messages = told if isinstance(told, tuple) else (None, "")
        if not isinstance(result, dict):
            self._refuse(refusal(code, messages))
            return
        self._phase.setText("Nothing was sent. This is what a migration would come to:")
        ledger = ledger_in(result)
        self.ledger.show()
        self.ledger.show_ledgers(ledger, ledger)
        self.findings.setText("\n".join(findings(result)))
        self.actions_model.fill(
            [(count(one["count"]), _plain(one["action"]), one["why"]) for one in result.get("actions", ())]
        )
        self.tabs.show()
        self._desk.later(lambda: exceptions_in(self._file, _MOST_LISTED), self._listed)

    def _listed(self, answer: object) -> None:
        if self._is_closed:
            return
        if not isinstance(answer, Exceptions):
            self._rest.setText("There is no table: it was cancelled, or could not be written")
            return
        self._save.setEnabled(True)
        self.rows_model.fill([tuple(map(_plain, row)) for row in answer.rows])
        self.tabs.setTabText(1, f"Not Sent As It Is ({count(answer.count)})")
        further = answer.count - len(answer.rows)
        self._rest.setText(f"The first {count(len(answer.rows))}; the CSV has all" if further else "")
        self._rest.setVisible(bool(further))

    def _refuse(self, words: str) -> None:
        set_role(self._phase, "error")
        self._phase.setText(words)

    # The table in a file

    def _ask_where(self) -> None:
        dialog = QFileDialog(self, "Save the Table", str(Path.home() / "dry-run.csv"), "CSV (*.csv)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("csv")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.save)
        dialog.open()

    def save(self, to: str) -> None:
        """Copy the whole table there; never into the source."""
        file, source = self._file, self._source

        def tell(answer: object) -> None:
            if isinstance(answer, Exception):
                self._desk.notice("The table of the dry run was not saved", "error")
                if not self._is_closed:
                    self._refuse(str(answer))
            else:
                self._desk.notice("The table of the dry run was saved", "success")

        self._desk.later(lambda: save_table(file, Path(to), source), tell)

    def done(self, result: int) -> None:
        """What runs is cancelled: without this window it would tell nobody. Its table goes in any case."""
        self._is_closed = True
        self.cancel()
        file = self._file
        _remove(file)
        if self.running is not None and self.running.is_on:
            self.running.ended.connect(lambda code: _remove(file))
        super().done(result)


def _sweep(home: Path) -> None:
    """Remove the tables of windows that did not end in order: they name patients."""
    for file in home.glob("dry-run-*.csv"):
        with suppress(OSError):
            if file.stat().st_mtime < time.time() - _STALE:
                file.unlink()


def _remove(file: Path) -> None:
    with suppress(OSError):  # a system that keeps what is open lets it go at the end of the run
        file.unlink(missing_ok=True)


def _plain(text: str) -> str:
    """Without the option of the command line that a text names."""
    return re.sub(r" \(--[^)]*\)", "", text)
