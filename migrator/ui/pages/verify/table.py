"""A small table of texts, for what a check lists: bounded lists, held whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, Qt
from PyQt5.QtGui import QColor, QGuiApplication, QKeySequence
from PyQt5.QtWidgets import QAction, QTableView

from migrator.ui.theme import tokens
from migrator.ui.widgets.cells import dress_table

_WIDEST = 420


class TextModel(QAbstractTableModel):
    """Rows of texts; `tones` colours the first cell of each row, by tokens.TONE."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__()
        self._columns = tuple(columns)
        self.lines: Sequence[Sequence[str]] = ()
        self._tones: Sequence[str] = ()

    def show(self, lines: Sequence[Sequence[str]], tones: Sequence[str] = ()) -> None:
        self.beginResetModel()
        self.lines, self._tones = lines, tones
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.lines)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._columns[section]
        return None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self.lines[index.row()][index.column()]
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == 0 and self._tones:
            return QColor(tokens.TONE[self._tones[index.row()]])
        return None


class TextTable(QTableView):
    """Shows texts, and copies the rows that are chosen."""

    def __init__(self, name: str, columns: Sequence[str]) -> None:
        super().__init__()
        self._model = TextModel(columns)
        self.setModel(self._model)
        dress_table(self, name)
        self.setAlternatingRowColors(True)
        self.setHorizontalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.horizontalHeader().setStretchLastSection(True)
        copy = QAction("Copy rows", self)
        copy.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
        copy.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        copy.triggered.connect(self.copy_rows)
        self.addAction(copy)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    @property
    def lines(self) -> Sequence[Sequence[str]]:
        return self._model.lines

    def show_lines(self, lines: Sequence[Sequence[str]], tones: Sequence[str] = ()) -> None:
        self._model.show(lines, tones)
        for column in range(self._model.columnCount()):
            self.resizeColumnToContents(column)
            self.setColumnWidth(column, min(_WIDEST, self.columnWidth(column) + tokens.SMALL))
        self.setVisible(bool(lines))

    def fit(self, most: int) -> None:
        """Be as high as the rows, up to so many, need."""
        rows = min(most, len(self.lines)) + 1  # a row's height for a scroll bar at the bottom
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + rows * tokens.ROW)

    def copy_rows(self) -> None:
        """Put the chosen rows into the clipboard, cells apart by tabs."""
        chosen = sorted(index.row() for index in self.selectionModel().selectedRows())
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText("\n".join("\t".join(self._model.lines[row]) for row in chosen))
