"""The table of a speed test: a line for each number of workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, Qt
from PyQt5.QtGui import QColor
from PyQt5.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from migrator.jobs.speed_test_kept import Level
from migrator.ui.theme import tokens
from migrator.ui.widgets.cells import dress_table

COLUMNS = ("Workers", "Files/s", "MB/s", "Answers after", "95 % within")
_NOWHERE = QModelIndex()
_MB = 1_000_000
_MOST_LINES = 6


class _LevelModel(QAbstractTableModel):
    def __init__(self) -> None:
        super().__init__()
        self._levels: Sequence[Level] = ()
        self._advised: int | None = None

    def show_levels(self, levels: Sequence[Level], advised: int | None) -> None:
        self.beginResetModel()
        self._levels, self._advised = levels, advised
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._levels)

    def columnCount(self, parent: QModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        is_title = role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal
        return COLUMNS[section] if is_title else None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        level = self._levels[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return _cells(level, is_advised=level.workers == self._advised)[index.column()]
        if role == Qt.ItemDataRole.ForegroundRole and level.trouble:
            return QColor(tokens.AMBER)
        if role == Qt.ItemDataRole.ForegroundRole and level.workers == self._advised:
            return QColor(tokens.GREEN)
        if role == Qt.ItemDataRole.ToolTipRole and level.trouble:
            return level.trouble
        return None


def _cells(level: Level, *, is_advised: bool) -> tuple[str, ...]:
    workers = f"{level.workers}  ✓" if is_advised else f"{level.workers}"
    if level.trouble and not level.files:
        return (workers, "-", "-", "not measured", "")
    median, most = level.latency
    return (
        workers,
        f"{level.files:,.1f}",
        f"{level.bytes / _MB:,.1f}",
        f"{median * 1000:,.1f} ms",
        f"{most * 1000:,.1f} ms",
    )


class LevelTable(QTableView):
    """Shows the levels; the advised one stands out."""

    def __init__(self) -> None:
        super().__init__()
        self._model = _LevelModel()
        self.setModel(self._model)
        dress_table(self, "Speed by the number of workers")
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)

    def show_levels(self, levels: Sequence[Level], advised: int | None) -> None:
        """A line for each; `advised` is the number of workers that is recommended."""
        self._model.show_levels(levels, advised)
        lines = min(len(levels), _MOST_LINES)
        self.setFixedHeight((lines + 1) * tokens.ROW + 3 * tokens.TIGHT)
