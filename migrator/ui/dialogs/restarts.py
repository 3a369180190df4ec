"""The runs that go on after a restart of the machine: what the system will start, and when; removable."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt5.QtCore import QSize, Qt
from PyQt5.QtWidgets import QAbstractItemView, QDialog, QTableWidget, QTableWidgetItem, QWidget

from migrator.core.errors import MigratorError
from migrator.jobs.restart import Entry, entries, is_written, remove
from migrator.records.words import counted, moment
from migrator.ui.desk import Desk
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, column, label, row
from migrator.ui.widgets.cells import dress_table

_COLUMNS = ("Source", "Destinations", "Begun")
_WIDTHS = (330, 250, 130)
_SIZE = QSize(760, 420)

_ABOUT = (
    "Should the machine restart in the middle of one of these runs, the system goes on with it. A run that "
    "ends by itself, or that you cancel, is removed from here. New runs are put here where "
    "“Go on after a restart” is on, under Transfer on the Configuration page."
)


@dataclass(frozen=True, slots=True)
class _Shown:
    """An entry, and whether the system still knows of it."""

    entry: Entry
    is_written: bool

    @property
    def words(self) -> str:
        if not self.is_written:
            return "The system does not know of it any more: it was removed there, and does not go on."
        return f"Goes on {self.entry.when}"


class RestartsDialog(QDialog):
    """Asks the system in a thread, and again after every change."""

    def __init__(self, desk: Desk, parent: QWidget | None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._shown: list[_Shown] = []
        self._is_closed = False
        self.setWindowTitle("Runs that go on after a restart")
        self.resize(_SIZE)
        self.table = _table()
        self.table.itemSelectionChanged.connect(lambda: self._choose())
        self.words = label("Asking the system", "muted")
        self.when = label("", wraps=True)
        self.when.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.when.setMinimumHeight(self.fontMetrics().height() * 3)
        self.when.setAlignment(Qt.Alignment(Qt.AlignmentFlag.AlignTop) | Qt.AlignmentFlag.AlignLeft)
        self.remove_button = button(
            "Remove", "trash-can-outline", tip="It does not go on after a restart; where it runs, it runs on"
        )
        self.remove_button.clicked.connect(lambda checked: self._remove())
        close = button("Close")
        close.clicked.connect(self.accept)
        layout = column(label(_ABOUT, "muted", wraps=True), self.table, self.when, spacing=tokens.MEDIUM)
        layout.addLayout(row(self.remove_button, self.words, None, close))
        layout.setContentsMargins(tokens.LARGE, tokens.LARGE, tokens.LARGE, tokens.LARGE)
        self.setLayout(layout)
        self._choose()
        self._look()

    def done(self, result: int) -> None:
        self._is_closed = True
        super().done(result)

    def _look(self) -> None:
        home = self._desk.home
        self._desk.later(lambda: [_Shown(one, is_written(one.id)) for one in entries(home)], self._looked)

    def _looked(self, answer: object) -> None:
        if self._is_closed:
            return
        if not isinstance(answer, list):
            self._failed("What goes on cannot be told", answer)
            return
        self._shown = answer
        self.table.setRowCount(len(answer))
        for number, one in enumerate(self._shown):
            texts = (one.entry.source, ", ".join(one.entry.destinations), moment(one.entry.at)[:16])
            for place, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.table.setItem(number, place, item)
        self.words.setText(counted(len(answer), "run") if answer else "Nothing goes on after a restart")
        if answer:
            self.table.selectRow(0)
        self._choose()

    def _failed(self, what: str, why: object) -> None:
        self.words.setText(f"{what}: {why if isinstance(why, MigratorError) else type(why).__name__}")

    @property
    def _chosen(self) -> _Shown | None:
        rows = self.table.selectionModel().selectedRows()
        return self._shown[rows[0].row()] if rows and rows[0].row() < len(self._shown) else None

    def _choose(self) -> None:
        chosen = self._chosen
        self.remove_button.setEnabled(chosen is not None)
        self.when.setText("" if chosen is None else chosen.words)

    def _remove(self) -> None:
        chosen = self._chosen
        if chosen is not None:
            home, identity = self._desk.home, chosen.entry.id
            self.remove_button.setEnabled(False)
            self._desk.later(lambda: remove(home, identity), self._removed)

    def _removed(self, answer: object) -> None:
        if self._is_closed:
            return
        if isinstance(answer, Exception):
            self._failed("It cannot be removed", answer)
            self._choose()
        else:
            self._look()


def _table() -> QTableWidget:
    table = QTableWidget(0, len(_COLUMNS))
    table.setHorizontalHeaderLabels(list(_COLUMNS))
    dress_table(table, "Runs that go on after a restart", _WIDTHS)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setAlternatingRowColors(True)
    table.horizontalHeader().setStretchLastSection(True)
    return table
