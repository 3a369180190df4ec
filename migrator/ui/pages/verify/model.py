"""The verified studies as a tree, without an object per row: an index's id says which study and which part.

Top rows have the id 0. A line below a study has the study's number + 1 above the lowest 24 bits; below a
series these bits hold its place + 1.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from PyQt5.QtCore import QAbstractItemModel, QModelIndex, QObject, Qt
from PyQt5.QtGui import QColor

from migrator.jobs.verified import Found, Verdict
from migrator.ui.pages.verify.parts import COLUMNS, NUMBERS, Part, cell_of, parts_of, sort_key
from migrator.ui.pages.verify.words import MEANINGS, PROOF_MEANINGS
from migrator.ui.theme import tokens

_BITS = 24
_MASK = (1 << _BITS) - 1
_BLOCK = 2000  # studies that the view gets at a time
_KEPT = 256  # studies whose parts are kept ready
_PROOF = COLUMNS.index("Proof")
_DIFFERENT = COLUMNS.index("Different")
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_COLOURS = {name: QColor(colour) for name, colour in tokens.VERDICT.items()}
_MUTED = QColor(tokens.MUTED)


class StudyModel(QAbstractItemModel):
    """All studies, of which those that fit are shown, in an order."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.studies: Sequence[Found] = ()
        self.rows = array("I")
        """The numbers of the studies that are shown, in their order."""
        self._fetched = 0
        self._order: list[int] = []
        self._places = array("I")
        self._sorted_by = (0, False)
        self._fits: tuple[frozenset[Verdict], str, bool] = (frozenset(), "", False)
        self._paths: Mapping[str, str] = {}
        self._parts = lru_cache(_KEPT)(self._make_parts)

    # What it holds

    def show(self, studies: Sequence[Found], paths: Mapping[str, str]) -> None:
        """Hold other studies."""
        self.beginResetModel()
        self.studies, self._paths = studies, paths
        self._parts.cache_clear()
        self._arrange()
        self._sieve()
        self.endResetModel()

    def narrow(self, verdicts: Iterable[Verdict], text: str, *, is_different: bool = False) -> None:
        """Show the studies of these verdicts (none: all) that hold the text; `is_different`: and differ."""
        fits = (frozenset(verdicts), text.strip().casefold(), is_different)
        if fits != self._fits:
            self._fits = fits
            self.beginResetModel()
            self._sieve()
            self.endResetModel()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sorted_by = (column, order == Qt.SortOrder.DescendingOrder)
        self.beginResetModel()
        self._arrange()
        self._sieve()
        self.endResetModel()

    def _arrange(self) -> None:
        column, is_reversed = self._sorted_by
        studies = self.studies
        self._order = sorted(
            range(len(studies)), key=lambda number: sort_key(studies[number], column), reverse=is_reversed
        )

    def _sieve(self) -> None:
        verdicts, text, is_different = self._fits
        wanted = text.encode("utf-8", "replace")
        is_uid = len(text) > 5 and not text.strip("0123456789.")
        studies = self.studies
        self.rows = array(
            "I",
            (
                number
                for number in self._order
                if (not verdicts or studies[number].verdict in verdicts)
                and (not is_different or studies[number].different)
                and (not text or wanted in studies[number].text or (is_uid and studies[number].names(text)))
            ),
        )
        self._fetched = min(_BLOCK, len(self.rows))
        self._places = array("I", bytes(4 * len(studies)))
        for place, number in enumerate(self.rows):
            self._places[number] = place

    # Where things are

    def found(self, index: QModelIndex) -> Found | None:
        """The study of this line, or above it."""
        if not index.isValid():
            return None
        key = index.internalId()
        return self.studies[(key >> _BITS) - 1 if key else self.rows[index.row()]]

    def place(self, index: QModelIndex) -> tuple[int, ...]:
        """Where a line stands, from the top."""
        return (*self.place(self.parent(index)), index.row()) if index.internalId() else (index.row(),)

    def line(self, index: QModelIndex) -> str:
        """A whole line, cells apart by tabs; what is in them keeps to its cell."""
        part = self.part(index)
        if part is not None and part.text:
            return part.text
        if part is not None:
            cells: Iterable[str] = part.cells
        else:
            found = self.studies[self.rows[index.row()]]
            cells = (cell_of(found, column) for column in range(len(COLUMNS)))
        return "\t".join(" ".join(cell.split()) for cell in cells)

    def part(self, index: QModelIndex) -> Part | None:
        """What stands in a line below a study."""
        key = index.internalId() if index.isValid() else 0
        if not key:
            return None
        parts = self._parts((key >> _BITS) - 1)
        below = key & _MASK
        return parts[below - 1].parts[index.row()] if below else parts[index.row()]

    def _make_parts(self, number: int) -> tuple[Part, ...]:
        return parts_of(self.studies[number], self._paths)

    # The tree

    def index(self, row: int, column: int, parent: QModelIndex = QModelIndex()) -> QModelIndex:  # noqa: B008
        if not parent.isValid():
            return self.createIndex(row, column, 0) if row < self._fetched else QModelIndex()
        key = parent.internalId()
        if not key:
            return self.createIndex(row, column, (self.rows[parent.row()] + 1) << _BITS)
        return self.createIndex(row, column, key | (parent.row() + 1))

    def parent(self, index: QModelIndex = QModelIndex()) -> QModelIndex:  # noqa: B008
        key = index.internalId() if index.isValid() else 0
        if not key:
            return QModelIndex()
        number, below = (key >> _BITS) - 1, key & _MASK
        if below:
            return self.createIndex(below - 1, 0, (number + 1) << _BITS)
        return self.createIndex(self._places[number], 0, 0)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        if not parent.isValid():
            return self._fetched
        if parent.column() > 0:
            return 0
        key = parent.internalId()
        if not key:
            return len(self._parts(self.rows[parent.row()]))
        part = self.part(parent)
        return len(part.parts) if part is not None and not key & _MASK else 0

    def canFetchMore(self, parent: QModelIndex) -> bool:
        return not parent.isValid() and self._fetched < len(self.rows)

    def fetchMore(self, parent: QModelIndex) -> None:
        """Let the view have the next studies: it lays out all that it has whenever something changes."""
        self._fetch(min(_BLOCK, len(self.rows) - self._fetched))

    def fetch_all(self) -> None:
        """Let the view have all studies."""
        if self._fetched < len(self.rows):
            self._fetch(len(self.rows) - self._fetched)

    def _fetch(self, more: int) -> None:
        self.beginInsertRows(QModelIndex(), self._fetched, self._fetched + more - 1)
        self._fetched += more
        self.endInsertRows()

    def hasChildren(self, parent: QModelIndex = QModelIndex()) -> bool:  # noqa: B008
        # Asked of every study whenever the list changes: each has its series.
        return self.rowCount(parent) > 0 if not parent.isValid() or parent.internalId() else True

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole and section in NUMBERS:
            return _RIGHT
        return None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        if not index.isValid():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(index)
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colour(index)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if index.column() in NUMBERS else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(index)
        return None

    def text(self, index: QModelIndex) -> str:
        """A line's cell; of a text over the whole line, that text in the first column."""
        column, part = index.column(), self.part(index)
        if part is None:
            return cell_of(self.studies[self.rows[index.row()]], column)
        if part.cells:
            return part.cells[column]
        return part.text if column == 0 else ""

    def _colour(self, index: QModelIndex) -> QColor | None:
        column, part = index.column(), self.part(index)
        if part is not None:
            return _COLOURS.get(part.tone, _MUTED) if column == 0 else None
        found = self.studies[self.rows[index.row()]]
        if column == 0:
            return _COLOURS[found.verdict.value]
        return _COLOURS["mismatch"] if column == _DIFFERENT and found.different else None

    def _tip(self, index: QModelIndex) -> str | None:
        found, part, column = self.found(index), self.part(index), index.column()
        if found is None or part is not None:
            return None if part is None else part.text or f"Series {part.uid}"
        if column == 0:
            return MEANINGS[found.verdict]
        if column == _PROOF:
            return PROOF_MEANINGS[found.proof]
        return f"{cell_of(found, column)}\nStudy {found.study_uid}".strip()
