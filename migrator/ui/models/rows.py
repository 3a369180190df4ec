"""The nine-column table over the rows of a job: only what is on view is read, nothing is held per cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QColor

from migrator.jobs import row_words
from migrator.jobs.row_words import Cells, Row, cells_of
from migrator.jobs.tail import WORDS, Growth
from migrator.ui.job_rows import JobRows
from migrator.ui.models.row_view import RowView, Wanted
from migrator.ui.theme import tokens
from migrator.ui.widgets.tips import plain_tip

_MOST_CACHED = 500  # rows
_SLICE = 0.008  # seconds of looking for a text between the event loop's other work
_SHOW_EVERY = 400  # milliseconds: drawn more often, the table takes the processor from the engine beside it
_REFRESH_EVERY = 1500  # milliseconds
MOST_KEPT = 200  # rows that stay selected when others are shown, or in another order

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
    """Over the rows that the desk has read of the job on view."""

    counted = pyqtSignal()
    """How many rows are shown, or whether rows are still looked for, has changed."""
    rearranging = pyqtSignal()
    """Others are about to be shown, or in another order; of the selected rows at most MOST_KEPT stay so."""

    def __init__(self, rows: JobRows, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self.view = RowView()
        self._cache: dict[int, Shown] = {}
        self._shower = self._timer(_SHOW_EVERY, self._show)
        self._refresher = self._timer(_REFRESH_EVERY, self._refresh)
        self._searcher = self._timer(0, self._search)
        rows.renewed.connect(self._follow)
        rows.grew.connect(self._take)
        self._follow()

    def _timer(self, milliseconds: int, act: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setInterval(milliseconds)
        timer.setSingleShot(True)
        timer.timeout.connect(act)
        return timer

    # What is shown

    def _follow(self) -> None:
        """Show the rows of what the desk follows now, or of the same anew."""
        self.beginResetModel()
        self._cache.clear()
        self.view.follow(self._rows.tails)
        self.endResetModel()
        self._go_on()

    def _take(self, number: int, growth: Growth) -> None:
        """A file has grown."""
        if growth.is_anew:
            self._follow()
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
            if wanted.at != self.view.wanted.at:
                self._cache.clear()  # rows name their destination where several are shown
            self._rearrange(lambda: self.view.want(wanted))
            self._go_on()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """-1 is the order of arrival."""
        chosen = None if column < 0 else column
        self._rearrange(lambda: self.view.order_by(chosen, order == Qt.SortOrder.DescendingOrder))

    def search(self, text: str, words: Iterable[str] = ()) -> None:
        """Show the rows in which this stands, and whose status is one of these; nothing is everything."""
        numbers = frozenset(WORDS.index(word) for word in words)
        self.want(replace(self.view.wanted, text=text.strip(), words=numbers))

    @property
    def total(self) -> int:
        """The rows that were read, of the destinations that are shown."""
        return self.view.total

    @property
    def shown(self) -> int:
        """The rows that are shown."""
        return len(self.view.shown)

    @property
    def is_loaded(self) -> bool:
        """Whether everything that is in the files was read and looked at."""
        return self._rows.is_all and self.is_searched

    @property
    def is_searched(self) -> bool:
        """Whether all that was read was looked at, so that no more will be shown of it."""
        return not self.view.is_searching and not self._shower.isActive()

    def at(self, index: int) -> Shown:
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
        if len(self.view.tails) > 1 and self.view.wanted.at is None:
            destination = str(tail.header.get("destination", ""))
            detail = ": ".join(filter(None, (destination, cells.detail)))
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
        self.rearranging.emit()
        self.layoutAboutToBeChanged.emit()
        before: list[QModelIndex] = self.persistentIndexList()
        kept = before[:MOST_KEPT]
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
            return self.at(index.row()).cells[column]
        if role == Qt.ItemDataRole.ForegroundRole:
            if column == row_words.STATUS:
                return _COLOURS.get(self.at(index.row()).cells.status)
            return _LINK if column == row_words.NAME else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(self.at(index.row()), column)
        return None

    def _tip(self, shown: Shown, column: int) -> str | None:
        row = shown.row
        if column == row_words.NAME and row is not None and row.series is not None:
            name = row.series.study.patient.name
            return plain_tip(f"{name}\nA click shows this patient alone, Ctrl and a click the File Browser")
        return plain_tip(shown.cells[column]) if shown.cells[column] else None
