"""All migrations that this data directory knows, each with the way to its rows, report and record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt5.QtCore import QByteArray, QModelIndex, Qt, QUrl
from PyQt5.QtGui import QDesktopServices, QKeySequence, QPalette
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QDialog,
    QLineEdit,
    QPushButton,
    QShortcut,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from migrator.core.errors import MigratorError, UsageError
from migrator.core.model import Node
from migrator.jobs.history import HistoryEntry, history
from migrator.jobs.nodes import parse_node
from migrator.records.words import counted
from migrator.ui.desk import Desk
from migrator.ui.dialogs.export import ExportDialog
from migrator.ui.dialogs.history_model import HistoryModel
from migrator.ui.dialogs.report import ReportDialog
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, column, label, row
from migrator.ui.widgets.cells import dress_table

_STATE = "history/header"
_WIDTHS = (128, 128, 190, 180, 76, 104, 158, 100)


class _Coloured(QStyledItemDelegate):
    """Leaves a verdict its colour also where its row is chosen."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        super().initStyleOption(option, index)
        colour = index.data(Qt.ItemDataRole.ForegroundRole)
        if colour is not None:
            option.palette.setColor(QPalette.ColorRole.HighlightedText, colour)


class HistoryDialog(QDialog):
    """Reads the records in a thread; the newest stand on top."""

    def __init__(self, desk: Desk, parent: QWidget | None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.setWindowTitle("History")
        self.resize(1120, 620)
        self.model = HistoryModel()
        self.table = self._make_table()
        self.search = QLineEdit()
        self.search.setPlaceholderText("Filter by source, destination, verdict, id …")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Filter the migrations")
        self.search.textChanged.connect(lambda text: self._filter(text))
        self.words = label("Reading the records", "muted")
        self.verdict = label("", "muted", wraps=True)
        self.verdict.setMinimumHeight(self.fontMetrics().height() * 2)
        self._buttons = self._make_buttons()
        self._arrange()
        self._choose()
        desk.later(lambda: history(desk.home), self._loaded)

    # What is in it

    def _make_table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.model)
        dress_table(table, "Migrations", _WIDTHS)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setItemDelegate(_Coloured(table))
        table.setAlternatingRowColors(True)
        header = table.horizontalHeader()
        header.setStretchLastSection(True)
        kept = self._desk.state.value(_STATE)
        if isinstance(kept, QByteArray):
            header.restoreState(kept)
        table.setSortingEnabled(True)
        table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        table.selectionModel().selectionChanged.connect(lambda *_: self._choose())
        self.model.modelReset.connect(lambda: table.selectRow(0))
        table.doubleClicked.connect(lambda index: self.open_chosen())
        return table

    def _make_buttons(self) -> dict[str, QPushButton]:
        acts: dict[str, tuple[str, Callable[[], None], str]] = {
            "Open": ("table-eye", self.open_chosen, "Show its rows in the pages"),
            "Report…": (
                "file-document-outline",
                lambda: self._write(ReportDialog),
                "Make one document of it",
            ),
            "Export…": ("table-arrow-right", lambda: self._write(ExportDialog), "Write its rows as a table"),
            "Copy id": ("content-copy", self._copy, "Its name for commands: report --job ID"),
            "Open folder": ("folder-open-outline", self._folder, "Where its record is kept"),
        }
        made = {}
        for name, (sign, act, tip) in acts.items():
            made[name] = button(name, sign, tip=tip)
            made[name].clicked.connect(lambda checked, act=act: act())
        return made

    def _arrange(self) -> None:
        close = button("Close")
        close.clicked.connect(self.accept)
        layout = column(spacing=tokens.MEDIUM)
        layout.addLayout(row(self.search, self.words, spacing=tokens.MEDIUM))
        layout.addWidget(self.table, 1)
        layout.addWidget(self.verdict)
        layout.addLayout(row(*self._buttons.values(), None, close))
        layout.setContentsMargins(tokens.LARGE, tokens.LARGE, tokens.LARGE, tokens.LARGE)
        self.setLayout(layout)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.activated.connect(self.search.setFocus)
        self.search.returnPressed.connect(self.table.setFocus)
        enter = QShortcut(QKeySequence(Qt.Key.Key_Return), self.table)
        enter.setContext(Qt.ShortcutContext.WidgetShortcut)
        enter.activated.connect(self.open_chosen)

    def _loaded(self, answer: object) -> None:
        if isinstance(answer, list):
            self.model.load(answer)
            self.table.setFocus()
            self._filter(self.search.text())
        else:
            why = str(answer) if isinstance(answer, MigratorError) else "a record is not readable"
            self.words.setText(f"The history cannot be read: {why}")

    def _filter(self, text: str) -> None:
        self.model.filter(text)
        shown = self.model.rowCount()
        self.words.setText(counted(shown, "migration") if shown else self._nothing(text))
        self._choose()

    def _nothing(self, text: str) -> str:
        return "None fits" if text.strip() else "Nothing was migrated yet"

    # What is done with one

    @property
    def chosen(self) -> HistoryEntry | None:
        rows: list[QModelIndex] = self.table.selectionModel().selectedRows()
        return self.model.shown[rows[0].row()] if rows else None

    def _choose(self) -> None:
        entry = self.chosen
        for one in self._buttons.values():
            one.setEnabled(entry is not None)
        is_aside = entry is not None and entry.manifest.is_aside
        self._buttons["Open"].setEnabled(entry is not None and not is_aside)
        words = "" if entry is None else entry.verdict.sentence
        if is_aside:
            words = f"Begun anew since, so its rows cannot be opened; its report can be made. {words}"
        self.verdict.setText(words)

    def open_chosen(self) -> None:
        """Put the chosen job on view, in the pages."""
        entry = self.chosen
        if entry is None or entry.manifest.is_aside:
            return
        job = entry.manifest.job
        try:
            migration = self._desk.open_job(job.source, [self._node_of(job.destination)])
        except UsageError as error:
            self.words.setText(f"It cannot be opened: {error}")
            return
        if migration.folders != (job.folder,):
            self._desk.notice("The source is not where it was: its rows cannot be shown", "warning")
        self._desk.go("upload")
        self.accept()

    def _node_of(self, destination: str) -> Node:
        """As it is configured, if it is: a run that is on is known by all of that. Raises UsageError."""
        configured = (one.node for one in self._desk.configuration.destinations)
        return next((node for node in configured if str(node) == destination), None) or parse_node(
            destination
        )

    def _write(self, dialog: type[ReportDialog] | type[ExportDialog]) -> None:
        entry = self.chosen
        if entry is not None:
            dialog(self._desk, self, entry.manifest.id).open()

    def _copy(self) -> None:
        entry = self.chosen
        if entry is not None:
            QApplication.clipboard().setText(entry.manifest.id)
            self.words.setText(f"{entry.manifest.id} was copied")

    def _folder(self) -> None:
        entry = self.chosen
        if entry is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(entry.manifest.file).parent)))

    def done(self, result: int) -> None:
        self._desk.state.setValue(_STATE, self.table.horizontalHeader().saveState())
        super().done(result)
