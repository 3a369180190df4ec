"""The nine-column table over the rows of a job: only what is on view is read, nothing is held per cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QColor

from migrator.jobs import row_words
from migrator.jobs.row_words import Cells, Row, cells_of
from migrator.jobs.tail import WORDS, Growth, Tail
from migrator.ui.models.row_view import RowView, Wanted
from migrator.ui.theme import tokens
from migrator.ui.widgets.tips import plain_tip

_MOST_CACHED = 500  # rows
_SLICE = 0.008  # seconds of looking for a text between the event loop's other work
_SHOW_EVERY = 100  # milliseconds
_REFRESH_EVERY = 1500  # milliseconds
_MOST_KEPT = 200  # rows that stay selected when others are shown, or in another order

_COLOURS = {status: QColor(colour) for status, colour in tokens.STATUS.items()}
_LINK = QColor(tokens.ACCENT)


@dataclass(frozen=True, slots=True)
class Shown:
    """One row as the table has it; `row` is None where the file has just been replaced."""

    row: Row | None
    cells: Cells
    at: int


_NOTHING = Shown(None, Cells(*[""] * len(row_words.COLUMNS)), 0)


class RowsModel(QAbstractTableModel):
    """Follows tails that another part reads; `take` hears of their growth."""

    counted = pyqtSignal()
    """How many rows are shown, or whether rows are still looked for, has changed."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.view = RowView()
        self.names: tuple[str, ...] = ()
        """How the destinations are called where there are several; stands before each detail."""
        self._cache: dict[int, Shown] = {}
        self._shower = self._timer(_SHOW_EVERY, self._show)
        self._refresher = self._timer(_REFRESH_EVERY, self._refresh)
        self._searcher = self._timer(0, self._search)

    def _timer(self, milliseconds: int, act: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setInterval(milliseconds)
        timer.setSingleShot(True)
        timer.timeout.connect(act)
        return timer

    # What is shown

    def follow(self, tails: Sequence[Tail], names: Sequence[str]) -> None:
        """Show the rows of these tails, or of the same ones anew."""
        self.beginResetModel()
        self._cache.clear()
        self.names = tuple(names) if len(tails) > 1 else ()
        self.view.follow(tails)
        self.endResetModel()
        self._go_on()

    def take(self, number: int, growth: Growth) -> None:
        """A tail has grown."""
        if growth.is_anew:
            self.follow(self.view.tails, self.names)
            return
        self.view.take(number, growth.first, growth.added, growth.changed)
        for row in growth.changed:
            self._cache.pop(number << 32 | row, None)
        if growth.changed and self.view.shown:
            last = self.index(self.rowCount() - 1, len(row_words.COLUMNS) - 1)
            self.dataChanged.emit(self.index(0, 0), last)  # a view draws only what it shows
        self._go_on()

    def want(self, wanted: Wanted) -> None:
        """Show other rows."""
        if wanted != self.view.wanted:
            self._rearrange(lambda: self.view.want(wanted))
            self._go_on()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """-1 is the order of arrival."""
        chosen = None if column < 0 else column
        self._rearrange(lambda: self.view.order_by(chosen, order == Qt.SortOrder.DescendingOrder))

    @property
    def is_searching(self) -> bool:
        return self.view.is_searching

    def shown(self, index: int) -> Shown:
        """The row that is shown there, read from the file."""
        if not 0 <= index < len(self.view.shown):
            return _NOTHING
        number = self.view.shown[index]
        known = self._cache.get(number)
        if known is not None:
            return known
        if len(self._cache) >= _MOST_CACHED:
            del self._cache[next(iter(self._cache))]
        shown = self._cache[number] = self._read(index)
        return shown

    def _read(self, index: int) -> Shown:
        tail, place, at = self.view.place(index)
        row = tail.row(place)
        if row is None:
            return _NOTHING
        cells = cells_of(row, WORDS[tail.words[place]])
        if self.names:
            detail = ": ".join(filter(None, (self.names[at], cells.detail)))
            cells = cells._replace(detail=detail)
        return Shown(row, cells, at)

    def source_of(self, shown: Shown) -> Path:
        """The folder that the row's path is relative to, as the record names it."""
        tail = self.view.tails[shown.at]
        newest = tail.runs[-1].get("source", "") if tail.runs else ""
        return Path(newest or tail.header.get("source", ""))

    def _go_on(self) -> None:
        self.counted.emit()
        if not self._shower.isActive():
            self._shower.start()
        if self.view.is_searching:
            self._searcher.start()

    def _search(self) -> None:
        if not self.view.step(_SLICE):
            self._searcher.start()
        if not self._shower.isActive():
            self._shower.start()

    def _show(self) -> None:
        """Append what has come; what stands otherwise now is judged anew a moment later."""
        coming = self.view.coming()
        if coming:
            first = len(self.view.shown)
            self.beginInsertRows(QModelIndex(), first, first + len(coming) - 1)
            self.view.append(coming)
            self.endInsertRows()
        if self.view.is_stale and not self._refresher.isActive():
            self._refresher.start()
        self.counted.emit()

    def _refresh(self) -> None:
        if self.view.is_stale:
            self._rearrange(self.view.refresh)

    def _rearrange(self, change: Callable[[], None]) -> None:
        """Show others, or in another order; the rows that are selected or current stay so where they can."""
        self.layoutAboutToBeChanged.emit()
        before: list[QModelIndex] = self.persistentIndexList()
        kept = before[:_MOST_KEPT]
        numbers = [self.view.shown[index.row()] for index in kept]
        change()
        places = self.view.index_of(numbers) if kept else {}
        after = [
            self.index(places[number], index.column()) if number in places else QModelIndex()
            for index, number in zip(kept, numbers, strict=True)
        ]
        self.changePersistentIndexList(before, after + [QModelIndex()] * (len(before) - len(kept)))
        self.layoutChanged.emit()
        self.counted.emit()

    # As Qt asks for it

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.view.shown)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(row_words.COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return row_words.COLUMNS[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            if section == row_words.DETAIL:
                return "A click puts the rows in the order in which they were recorded"
            return f"A click puts the rows in the order of {row_words.COLUMNS[section]}"
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.shown(index.row()).cells[column]
        if role == Qt.ItemDataRole.ForegroundRole:
            if column == row_words.STATUS:
                return _COLOURS.get(self.shown(index.row()).cells.status)
            return _LINK if column == row_words.NAME else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(self.shown(index.row()), column)
        return None

    def _tip(self, shown: Shown, column: int) -> str | None:
        row = shown.row
        if column == row_words.NAME and row is not None and row.series is not None:
            name = row.series.study.patient.name
            return plain_tip(f"{name}\nA click shows this patient alone, Ctrl and a click the File Browser")
        return plain_tip(shown.cells[column]) if shown.cells[column] else None
