"""Several runs went on without a window: which of them is to be on view?"""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QDialog, QListWidget, QListWidgetItem, QWidget

from migrator.jobs.left_running import LeftRunning
from migrator.records.words import counted, moment
from migrator.ui.desk import Desk
from migrator.ui.frame.words import nodes_in_words
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, column, label, row


class WelcomeBack(QDialog):
    """Lists them, the newest first; the one that is chosen comes on view, the others go on unseen."""

    def __init__(self, desk: Desk, left: Sequence[LeftRunning], parent: QWidget | None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._left = list(left)
        self.setWindowTitle("Runs that are on")
        self.setMinimumWidth(560)
        self.list = QListWidget()
        self.list.setAccessibleName("Runs that are on")
        for one in self._left:
            words = f"{one.source} to {nodes_in_words(one.nodes)}\nbegun {moment(one.command.begun)}"
            self.list.addItem(QListWidgetItem(words))
        self.list.setCurrentRow(0)
        self.list.itemActivated.connect(lambda item: self._show())
        show = button("Show this one", kind="primary")
        show.setDefault(True)
        show.clicked.connect(lambda: self._show())
        words = (
            f"{counted(len(self._left), 'migration')} went on without a window. Which one is to be on view?"
        )
        hint = label("The others go on unseen; the history shows them too.", "muted", wraps=True)
        layout = column(label(words, "title", wraps=True), hint, self.list, spacing=tokens.MEDIUM)
        layout.addLayout(row(None, show))
        layout.setContentsMargins(tokens.WIDE, tokens.WIDE, tokens.WIDE, tokens.LARGE)
        self.setLayout(layout)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def _show(self) -> None:
        one = self._left[self.list.currentRow()]
        migration = self._desk.migration
        if migration is None or not migration.is_of(one.source, one.nodes):
            self._desk.open_job(one.source, one.nodes)
        self.accept()
