"""The lines of the log book that fit what is looked for, as a table; no object stands for a line."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from PyQt5.QtGui import QColor

from migrator.jobs.watched import Line
from migrator.ui.logbook import LogBook
from migrator.ui.theme import tokens

COLUMNS = ("Time", "Level", "Message")
_TIME, _LEVEL, _TEXT = range(3)
_NOWHERE = QModelIndex()
_COLOURS = {level: QColor(colour) for level, colour in tokens.LEVEL.items()}


class LogModel(QAbstractTableModel):
    """Follows a LogBook. Of each line that fits it keeps the number only."""

    def __init__(self, book: LogBook, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._book = book
        self._levels: frozenset[str] = frozenset()
        self._text = ""
        self._numbers = array("Q")
        self._next = book.first  # the number of the first line that was not looked at
        book.added.connect(self._follow)
        self._follow([])

    def look_for(self, levels: Iterable[str], text: str) -> None:
        """Show the lines of these levels (none: of all) that hold the text, whatever its case."""
        self._levels, self._text = frozenset(levels), text.strip().casefold()
        self.beginResetModel()
        self._numbers = array("Q")
        self._next = self._book.first
        self._numbers.extend(self._new())
        self.endResetModel()

    def _follow(self, lines: Sequence[Line]) -> None:
        gone = bisect_left(self._numbers, self._book.first)
        if gone:
            self.beginRemoveRows(_NOWHERE, 0, gone - 1)
            del self._numbers[:gone]
            self.endRemoveRows()
        new = self._new()
        if new:
            first = len(self._numbers)
            self.beginInsertRows(_NOWHERE, first, first + len(new) - 1)
            self._numbers.extend(new)
            self.endInsertRows()

    def _new(self) -> list[int]:
        """The numbers of the lines that fit, from where was looked last."""
        first, lines = self._book.first, self._book.lines
        begin = max(self._next, first)
        self._next = end = first + len(lines)
        if begin == first:
            return [number for number, line in enumerate(lines, first) if self._fits(line)]
        # From the end: a deque is slow in its middle.
        return [number for number in range(begin, end) if self._fits(lines[number - end])]

    def _fits(self, line: Line) -> bool:
        if self._levels and line.level not in self._levels:
            return False
        return not self._text or self._text in line.text.casefold()

    def line(self, row: int) -> Line:
        return self._book.lines[self._numbers[row] - self._book.first]

    def rowCount(self, parent: QModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._numbers)

    def columnCount(self, parent: QModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return COLUMNS[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._numbers):
            return None
        line = self.line(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return cells_of(line)[index.column()]
        if role == Qt.ItemDataRole.ForegroundRole:
            colour = line.level if index.column() != _TIME else "debug"
            return _COLOURS.get(colour, _COLOURS["info"])
        if role == Qt.ItemDataRole.ToolTipRole:
            return line.text if index.column() == _TEXT else _whole_time(line)
        return None


def cells_of(line: Line) -> tuple[str, str, str]:
    """A line in the order of COLUMNS; a message of several lines in one."""
    text = " ".join(line.text.splitlines()).rstrip()
    return datetime.fromtimestamp(line.at).strftime("%H:%M:%S"), line.level, text


def plain(line: Line) -> str:
    """A line as it is copied and exported: local time with the date, level, message."""
    return f"{_whole_time(line)}  {line.level:<7}  {cells_of(line)[_TEXT]}"


def _whole_time(line: Line) -> str:
    return datetime.fromtimestamp(line.at).strftime("%Y-%m-%d %H:%M:%S")
