"""A table over rows of texts that are all there already: some thousands, filtered by a text."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt

from migrator.ui.widgets.tips import plain_tip


class PlainModel(QAbstractTableModel):
    """`rows` are those that are shown."""

    def __init__(self, heads: Sequence[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._heads = tuple(heads)
        self._all: Sequence[Sequence[str]] = ()
        self._text = ""
        self.rows: Sequence[Sequence[str]] = ()

    def fill(self, rows: Sequence[Sequence[str]]) -> None:
        self._all = rows
        self.search(self._text)

    def search(self, text: str) -> None:
        """Show the rows in which this stands, whatever its case."""
        self._text = text.strip().casefold()
        self.beginResetModel()
        if self._text:
            self.rows = [row for row in self._all if self._text in "\n".join(row).casefold()]
        else:
            self.rows = self._all
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self._heads)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._heads[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        text = self.rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return text
        return plain_tip(text) if role == Qt.ItemDataRole.ToolTipRole and text else None
