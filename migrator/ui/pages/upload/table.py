"""The rows of the job on view: what is wanted of them above, the table below."""

from __future__ import annotations

from collections import Counter

from PyQt5.QtWidgets import QWidget

from migrator.jobs.tail import WORDS
from migrator.ui.desk import Desk
from migrator.ui.models.rows import RowsModel
from migrator.ui.pages.upload.row_actions import RowActions
from migrator.ui.pages.upload.row_filter import RowFilter
from migrator.ui.pages.upload.row_table import RowTable
from migrator.ui.widgets.basics import column


class TablePanel(QWidget):
    """`rows` is the model, `view` the table, `filters` says which rows are shown."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.rows = RowsModel(desk.rows, self)
        self.view = RowTable(self.rows, desk.state)
        self.filters = RowFilter()
        self.row_actions = RowActions(desk, self.view, self.rows, self.filters)
        self.setLayout(column(self.filters, self.view))
        self.layout().setStretch(1, 1)
        self.view.setMinimumHeight(120)
        self.filters.changed.connect(self.rows.want)
        self.filters.follow_wanted.connect(self.view.follow)
        self.view.follow_changed.connect(self.filters.follow.setChecked)
        self.rows.counted.connect(self._count)

    def find(self) -> None:
        """Go to the search."""
        self.filters.search.setFocus()
        self.filters.search.selectAll()

    def _count(self) -> None:
        self.filters.show_counts(self.rows.shown, self.rows.total, self.rows.view.is_searching)
        counts: Counter[str] = Counter()
        for number, tail in enumerate(self.desk.rows.tails):
            if self.filters.wanted.at in (None, number):
                counts.update({WORDS[word]: of_it for word, of_it in tail.counts.items()})
        self.filters.show_words(counts)
