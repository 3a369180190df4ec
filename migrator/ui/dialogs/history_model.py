"""The migrations of a data directory as rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, Qt
from PyQt5.QtGui import QColor

from migrator.core.outcome import State
from migrator.jobs.history import HistoryEntry
from migrator.records.words import count, moment, size
from migrator.ui.theme import tokens

_TONES = {"good": tokens.GREEN, "warn": tokens.AMBER, "bad": tokens.RED}


def _total(entry: HistoryEntry, *states: State) -> int:
    return sum(entry.totals.get(state.value, 0) for state in states)


def stored(entry: HistoryEntry) -> int:
    return _total(entry, State.SENT, State.WARNED)


def troubled(entry: HistoryEntry) -> int:
    return _total(entry, *(state for state in State if state.spoils))


def _begun(entry: HistoryEntry) -> str:
    return moment(entry.begun)[:16] if entry.begun else "-"


def _ended(entry: HistoryEntry) -> str:
    return moment(entry.ended)[:16] if entry.ended is not None else "-"


def _source(entry: HistoryEntry) -> str:
    return entry.manifest.job.source


def _destination(entry: HistoryEntry) -> str:
    return entry.manifest.job.destination


Column = tuple[str, Callable[[HistoryEntry], str], Callable[[HistoryEntry], Any]]
"""A title, what is shown, and what is sorted by."""

COLUMNS: tuple[Column, ...] = (
    ("Begun", _begun, lambda entry: entry.begun),
    ("Ended", _ended, lambda entry: entry.ended or 0.0),
    ("Source", _source, _source),
    ("Destination", _destination, _destination),
    ("Stored", lambda entry: count(stored(entry)), stored),
    ("Not stored", lambda entry: count(troubled(entry)), troubled),
    ("Verdict", lambda entry: entry.verdict.word, lambda entry: entry.verdict.word),
    ("Proof", lambda entry: entry.proof, lambda entry: entry.proof),
)
_NUMBERS = (4, 5)
_VERDICT = 6
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class HistoryModel(QAbstractTableModel):
    """Some of the entries, in some order."""

    def __init__(self) -> None:
        super().__init__()
        self._all: list[HistoryEntry] = []
        self._texts: list[str] = []
        self.shown: list[HistoryEntry] = []
        self._filter = ""
        self._order: tuple[int, bool] = (0, True)

    def load(self, entries: Sequence[HistoryEntry]) -> None:
        self._all = list(entries)
        self._texts = [_text_of(entry) for entry in self._all]
        self._choose()

    def filter(self, text: str) -> None:
        """Show only those that hold this text in one of their columns or their id, whatever its case."""
        self._filter = text.strip().casefold()
        self._choose()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._order = (column, order == Qt.SortOrder.DescendingOrder)
        self._choose()

    def _choose(self) -> None:
        self.beginResetModel()
        both = zip(self._all, self._texts, strict=True)
        self.shown = [entry for entry, text in both if self._filter in text]
        column, is_descending = self._order
        self.shown.sort(key=COLUMNS[column][2], reverse=is_descending)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.shown)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section][0]
        return _RIGHT if role == Qt.ItemDataRole.TextAlignmentRole and section in _NUMBERS else None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        entry, column = self.shown[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[column][1](entry)
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tip_of(entry, column)
        if role == Qt.ItemDataRole.ForegroundRole and column == _VERDICT:
            return QColor(_TONES.get(entry.verdict.tone, tokens.TEXT))
        if role == Qt.ItemDataRole.TextAlignmentRole and column in _NUMBERS:
            return _RIGHT
        return None


def _text_of(entry: HistoryEntry) -> str:
    shown = [text(entry) for _, text, _ in COLUMNS]
    return "\n".join([*shown, entry.manifest.id, entry.who]).casefold()


def _tip_of(entry: HistoryEntry, column: int) -> str:
    if column == _VERDICT:
        return entry.verdict.sentence
    if column < 2:
        at = entry.begun if column == 0 else entry.ended
        return moment(at) if at else "No run has ended in order"
    if column in _NUMBERS:
        totals = [f"{name}: {count(number)}" for name, number in entry.totals.items() if number]
        return "\n".join([*totals, f"record: {size(entry.bytes)}"])
    return COLUMNS[column][1](entry)
