"""The studies of the job and how far each has come: a table over a tally, whatever their number."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, QObject, QRectF, Qt
from PyQt5.QtGui import QColor, QPainter
from PyQt5.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from migrator.jobs.standing import StudyCount, StudyTally
from migrator.records.words import count, day, percent, person, size
from migrator.ui.theme import tokens

COLUMNS = ("Patient", "Study", "Date", "Mod", "Files", "Progress", "Failed")
PATIENT, STUDY, DATE, MODALITY, FILES, PROGRESS, TROUBLE = range(len(COLUMNS))
_NOWHERE = QModelIndex()
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class StudiesModel(QAbstractTableModel):
    """Shows a tally as it stood at the last `refresh`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tally = StudyTally()
        self._order: Sequence[int] = ()
        self.has_trouble_first = False
        self.is_live = False

    def show_tally(self, tally: StudyTally) -> None:
        """Show another destination's studies."""
        self.beginResetModel()
        self._tally = tally
        self._order = self._wanted()
        self.endResetModel()

    def refresh(self) -> None:
        """Show how it stands now; what is chosen stays chosen."""
        order = self._wanted()
        if len(order) < len(self._order):  # begun anew
            self.show_tally(self._tally)
            return
        if len(order) > len(self._order):
            self.beginInsertRows(_NOWHERE, len(self._order), len(order) - 1)
            known = set(self._order)
            self._order = [*self._order, *(number for number in order if number not in known)]
            self.endInsertRows()
        if order != self._order:
            self.layoutAboutToBeChanged.emit()
            held = self.persistentIndexList()
            studies = [self._order[one.row()] for one in held]
            self._order = order
            rows = {study: row for row, study in enumerate(order)} if held else {}
            new = [self.index(rows[study], one.column()) for study, one in zip(studies, held, strict=True)]
            self.changePersistentIndexList(held, new)
            self.layoutChanged.emit()
        elif order:
            self.dataChanged.emit(self.index(0, 0), self.index(len(order) - 1, len(COLUMNS) - 1))

    def _wanted(self) -> Sequence[int]:
        return self._tally.troubled_first if self.has_trouble_first else self._tally.latest_first

    def study(self, row: int) -> StudyCount:
        return self._tally.studies[self._order[row]]

    def rowCount(self, parent: QModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._order)

    def columnCount(self, parent: QModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole and section in (FILES, TROUBLE):
            return _RIGHT
        return COLUMNS[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._order):
            return None
        study, at = self.study(index.row()), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(study, at)
        if role == Qt.ItemDataRole.UserRole and at == PROGRESS:
            return study.share
        if role == Qt.ItemDataRole.ForegroundRole:
            return _colour(study, at)
        if role == Qt.ItemDataRole.TextAlignmentRole and at in (FILES, TROUBLE):
            return _RIGHT
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                f"{study.study.patient.name}, {study.study.patient.id}\n{study.study.uid}\n{size(study.size)}"
            )
        return None

    def _text(self, one: StudyCount, at: int) -> str:
        if at == PATIENT:
            return person(one.study.patient.name) or one.study.patient.id or "(without a name)"
        if at == STUDY:
            return one.study.description or "(without a description)"
        if at == DATE:
            return day(one.study.date)
        if at == MODALITY:
            return one.modalities
        if at == FILES:
            return (
                f"{count(one.done)} of {count(one.expected)}" if one.expected else f"{count(one.done)} so far"
            )
        if at == PROGRESS:
            return self._progress(one)
        return count(one.troubled) if one.troubled else ""

    def _progress(self, one: StudyCount) -> str:
        if one.is_complete:
            return "complete"
        if self.is_live and one.is_in_work(time.monotonic()):
            return "in work"
        return "" if one.share is None else f"{percent(one.share)}%"


class ProgressBarDelegate(QStyledItemDelegate):
    """Draws a bar behind the words of how far a study has come."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        share = index.data(Qt.ItemDataRole.UserRole)
        if share is not None:
            area = QRectF(option.rect)
            bar = QRectF(area.left() + 1, area.bottom() - 3, (area.width() - 10) * share, 3)
            painter.fillRect(bar, QColor(tokens.GREEN if share >= 1 else tokens.ACCENT))
        super().paint(painter, option, index)


def _colour(one: StudyCount, at: int) -> QColor | None:
    if one.troubled and at in (PATIENT, TROUBLE):
        return QColor(tokens.RED)
    if at == PROGRESS and one.is_complete:
        return QColor(tokens.GREEN)
    return QColor(tokens.MUTED) if at in (DATE, MODALITY, PROGRESS) else None
