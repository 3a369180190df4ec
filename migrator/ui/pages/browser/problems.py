"""What the scan found that cannot be sent, with the reason of each."""

from __future__ import annotations

from array import array
from typing import Any

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, Qt
from PyQt5.QtGui import QColor, QIcon
from PyQt5.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from migrator.jobs.inventory_tree import InventoryTree
from migrator.jobs.tail import WORDS
from migrator.records.words import counted, size
from migrator.ui.pages.browser.instances import state_words
from migrator.ui.pages.browser.tree_model import as_tip
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import label
from migrator.ui.widgets.cells import dress_table

_TITLES = ("State", "File", "Size")


class ProblemModel(QAbstractTableModel):
    """The rows that stood so when it was made."""

    def __init__(self, tree: InventoryTree) -> None:
        super().__init__()
        self._tail = tree.tail
        self._rows = array("I", tree.problems)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(_TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _TITLES[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        number, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.ForegroundRole and column == 0:
            return QColor(tokens.STATUS[WORDS[self._tail.words[number]]])
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        record = self._tail.row(number)
        if record is None:
            return None
        text = (state_words(record), record.path, size(record.size))[column]
        return text if role == Qt.ItemDataRole.DisplayRole else as_tip(text)


class ProblemDialog(QDialog):
    """Lists them; nothing can be done about them here."""

    def __init__(self, tree: InventoryTree, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Files that will not be sent")
        self.resize(820, 480)
        table = QTableView()
        table.setModel(ProblemModel(tree))
        table.model().setParent(self)
        dress_table(table, "Files that cannot be sent", (380, 300, 90))
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.button(QDialogButtonBox.StandardButton.Close).setIcon(QIcon())
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(label(f"Not to be sent: {counted(len(tree.problems), 'file')}", "title"))
        layout.addWidget(table, 1)
        layout.addWidget(buttons)


def problem_words(tree: InventoryTree) -> str:
    """How many there are of each kind: 2 damaged or unreadable, 1 held, 3 skipped. Empty where none is."""
    kinds = {"FAIL": "damaged or unreadable", "HELD": "held", "SKIP": "skipped"}
    counts = tree.tail.counts
    numbers = {words: counts[WORDS.index(word)] for word, words in kinds.items()}
    return ", ".join(f"{number:,} {words}" for words, number in numbers.items() if number)
