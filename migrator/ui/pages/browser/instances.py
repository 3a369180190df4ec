"""The instances of one series: a table over the scan's rows, read where they are shown."""

from __future__ import annotations

from array import array
from collections.abc import Generator
from typing import Any

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QKeyEvent
from PyQt5.QtWidgets import QAbstractItemView, QTableView

from migrator.core.outcome import State
from migrator.jobs.inventory_nodes import SeriesNode
from migrator.jobs.inventory_tree import InventoryTree
from migrator.jobs.scan import name_of
from migrator.jobs.tail import WORDS, Row
from migrator.records.words import count, size
from migrator.ui.pages.browser.tree_model import as_tip
from migrator.ui.theme import tokens
from migrator.ui.widgets.cells import dress_table

_TITLES = ("No.", "File", "SOP Class", "Size", "State")
_NUMBER, _FILE, _CLASS, _SIZE, _STATE = range(len(_TITLES))
_WIDTHS = (70, 210, 150, 70)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_MOST_KEPT = 512  # records read


class InstanceModel(QAbstractTableModel):
    """Rows in the order in which they were found."""

    checked = pyqtSignal()
    """Something was chosen, or left out."""

    def __init__(self) -> None:
        super().__init__()
        self.series: SeriesNode | None = None
        self._tree: InventoryTree | None = None
        self._rows = array("I")
        self._read: dict[int, Row | None] = {}

    def show(self, tree: InventoryTree | None, series: SeriesNode | None) -> None:
        self.beginResetModel()
        self._tree, self.series = tree, series
        self._rows = array("I", series.rows if series is not None else ())
        self._read.clear()
        self.endResetModel()

    def grow(self) -> None:
        """Show what was found since, and how the checks stand now."""
        if self.series is None:
            return
        rows = self.series.instances + self.series.problems
        if rows > len(self._rows):
            self.beginInsertRows(QModelIndex(), len(self._rows), rows - 1)
            self._rows.extend(self.series.rows_after(self._rows[-1] if self._rows else -1))
            self.endInsertRows()
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, len(_TITLES) - 1))

    def record(self, row: int) -> Row | None:
        """What the list says of the instance in this row."""
        if self._tree is None or not 0 <= row < len(self._rows):
            return None
        number = self._rows[row]
        if number not in self._read:
            if len(self._read) > _MOST_KEPT:
                self._read.clear()
            self._read[number] = self._tree.tail.row(number)
        return self._read[number]

    def find(self, path: str) -> Generator[None, None, int | None]:
        """The row of the instance with this path. Yields often."""
        tree, rows = self._tree, self._rows
        for row, number in enumerate(rows):
            if tree is None or rows is not self._rows:
                return None
            record = tree.tail.row(number)
            if record is not None and record.path == path:
                return row
            yield
        return None

    def check(self, rows: list[int], is_wanted: bool) -> None:
        """Choose these instances, or leave them out."""
        if self._tree is not None and self.series is not None and rows:
            self._tree.check_rows(self.series, [self._rows[row] for row in rows], is_wanted)
            self.dataChanged.emit(self.index(min(rows), 0), self.index(max(rows), len(_TITLES) - 1))
            self.checked.emit()

    def is_chosen(self, row: int) -> bool:
        return self.series is not None and self.series.takes(self._rows[row])

    def can_send(self, row: int) -> bool:
        return self._tree is not None and self._tree.tail.words[self._rows[row]] == 0

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(_TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _TITLES[section]
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlags:
        if not index.isValid():
            return Qt.ItemFlags()
        plain = Qt.ItemFlags(Qt.ItemFlag.ItemIsEnabled) | Qt.ItemFlag.ItemIsSelectable
        if index.column() == _NUMBER and self.can_send(index.row()):
            plain |= Qt.ItemFlag.ItemIsUserCheckable
        return plain

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = index.row(), index.column()
        if role == Qt.ItemDataRole.DisplayRole and column == _NUMBER:
            return count(row + 1)
        if role == Qt.ItemDataRole.CheckStateRole:
            if column != _NUMBER or not self.can_send(row):
                return None
            return Qt.CheckState.Checked if self.is_chosen(row) else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column == _SIZE else None
        if role == Qt.ItemDataRole.ForegroundRole and column == _STATE and self._tree is not None:
            return QColor(tokens.STATUS[WORDS[self._tree.tail.words[self._rows[row]]]])
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return as_tip(self._text(row, column)) if column != _NUMBER else None
        return None

    def _text(self, row: int, column: int) -> str:
        record = self.record(row)
        if record is None:
            return ""
        if column == _CLASS:
            return name_of(record.sop_class) if record.sop_class else ""
        if column == _SIZE:
            return size(record.size)
        if column == _STATE and self.can_send(row) and not self.is_chosen(row):
            return "left out"
        return record.path if column == _FILE else state_words(record)

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole:
            return False
        self.check([index.row()], value == Qt.CheckState.Checked)
        return True


def state_words(record: Row) -> str:
    """How a path that a scan found stands."""
    if record.state is State.PENDING:
        return "can be sent"
    return f"{record.state.value}: {record.reason}" if record.reason else record.state.value


class InstanceView(QTableView):
    """Over an InstanceModel. Space turns the checks of what is selected."""

    row_changed = pyqtSignal(int)
    """The row that is current now; -1 for none."""

    def __init__(self, model: InstanceModel) -> None:
        super().__init__()
        self.instances = model
        self.setModel(model)
        dress_table(self, "Instances of the series", _WIDTHS)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.horizontalHeader().setStretchLastSection(True)
        self.selectionModel().currentRowChanged.connect(lambda now, before: self.row_changed.emit(now.row()))

    @property
    def selected_rows(self) -> list[int]:
        return sorted(index.row() for index in self.selectionModel().selectedRows())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        current = self.currentIndex().row()
        if event.key() != Qt.Key.Key_Space or current < 0:
            super().keyPressEvent(event)
            return
        rows = [row for row in self.selected_rows or [current] if self.instances.can_send(row)]
        if rows:
            self.instances.check(rows, not self.instances.is_chosen(rows[0]))
