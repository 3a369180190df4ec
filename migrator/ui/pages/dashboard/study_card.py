"""The card with the studies: which destination's, in which order, and the table."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtGui import QResizeEvent
from PyQt5.QtWidgets import QAbstractItemView, QComboBox, QFrame, QHeaderView, QTableView

from migrator.jobs.standing import StudyTally
from migrator.records.words import counted
from migrator.ui.pages.dashboard.studies import (
    DATE,
    FILES,
    MODALITY,
    PATIENT,
    PROGRESS,
    STUDY,
    TROUBLE,
    ProgressBarDelegate,
    StudiesModel,
)
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import card, column, label, row
from migrator.ui.widgets.cells import dress_table

_NARROW = 640  # pixels
_WIDTHS = {PATIENT: 140, STUDY: 120, DATE: 84, MODALITY: 48, FILES: 100, PROGRESS: 76, TROUBLE: 60}


class StudyCard(QFrame):
    """The studies of one destination; a box chooses which, where there are several."""

    def __init__(self) -> None:
        super().__init__()
        self._tallies: list[StudyTally] = []
        self.model = StudiesModel(self)
        self.where = QComboBox()
        self.where.setAccessibleName("Destination whose studies are shown")
        self.where.hide()
        self.order = QComboBox()
        self.order.addItems(["Latest first", "Failed first"])
        self.order.setAccessibleName("Order of the studies")
        self._words = label("", "caption")
        self.table = self._make_table()
        frame, inside = card()
        inside.addLayout(row(label("Studies", "title"), self._words, None, self.where, self.order))
        inside.addWidget(self.table, 1)
        self.setLayout(column(frame, spacing=0))
        self.where.currentIndexChanged.connect(lambda index: self._show_chosen())
        self.order.currentIndexChanged.connect(self._reorder)

    def _make_table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.model)
        dress_table(table, "Studies and how far each has come")
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setItemDelegateForColumn(PROGRESS, ProgressBarDelegate(table))
        for place, width in _WIDTHS.items():
            table.setColumnWidth(place, width)
        table.horizontalHeader().setSectionResizeMode(STUDY, QHeaderView.ResizeMode.Stretch)
        table.setMinimumHeight(10 * tokens.ROW)
        return table

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little room, how far a study has come goes before what it is."""
        super().resizeEvent(event)
        for place in (DATE, MODALITY):
            self.table.setColumnHidden(place, self.width() < _NARROW)

    def name_destinations(self, names: Sequence[str]) -> None:
        """What the box offers, in the order of the tallies."""
        self.where.clear()
        self.where.addItems(names)
        self.where.setVisible(len(names) > 1)

    def show_tallies(self, tallies: list[StudyTally]) -> None:
        """Show other tallies, one for each destination."""
        self._tallies = tallies
        self._show_chosen()

    def _show_chosen(self) -> None:
        number = max(0, self.where.currentIndex())
        self.model.show_tally(self._tallies[number] if number < len(self._tallies) else StudyTally())
        self._count()

    def _reorder(self, index: int) -> None:
        self.model.has_trouble_first = index == 1
        self.model.refresh()

    def refresh(self, *, is_live: bool) -> None:
        """Show how they stand now."""
        self.model.is_live = is_live
        self.model.refresh()
        self._count()

    def _count(self) -> None:
        self._words.setText(counted(self.model.rowCount(), "study"))
