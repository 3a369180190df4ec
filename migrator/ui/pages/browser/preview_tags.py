"""The important attributes of the object on view, to be searched and copied."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, QPoint, Qt
from PyQt5.QtGui import QBrush, QColor, QFont, QKeyEvent, QKeySequence, QResizeEvent
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QLineEdit,
    QMenu,
    QTableView,
    QWidget,
)

from migrator.jobs.imaging import Tag
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import column
from migrator.ui.widgets.cells import dress_table

_HEADERS = ("Attribute", "Value", "Tag")
_NAME_WIDTH, _NARROW = 150, 360  # pixels

Row = Tag | str
"""A heading is a text."""


class TagModel(QAbstractTableModel):
    """The rows that match, under their headings."""

    def __init__(self) -> None:
        super().__init__()
        self._tags: Sequence[Tag] = ()
        self._words: list[str] = []
        self.rows: list[Row] = []
        self._bold = QFont()
        self._bold.setBold(True)

    def show(self, tags: Sequence[Tag]) -> None:
        self._tags = tags
        self._arrange()

    def search(self, text: str) -> None:
        """Show what has all of these words in its name, value or number."""
        self._words = text.casefold().split()
        self._arrange()

    def _arrange(self) -> None:
        self.beginResetModel()
        self.rows = []
        group = ""
        for tag in self._tags:
            whole = f"{tag.name} {tag.value} {tag.tag} {tag.group}".casefold()
            if not all(word in whole for word in self._words):
                continue
            if tag.group != group:
                group = tag.group
                self.rows.append(group)
            self.rows.append(tag)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(_HEADERS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _HEADERS[section]
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlags:
        if index.isValid() and isinstance(self.rows[index.row()], str):
            return Qt.ItemFlags(Qt.ItemFlag.ItemIsEnabled)
        return super().flags(index)

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        row, place = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return cell(row, place)
        if role == Qt.ItemDataRole.ToolTipRole and not isinstance(row, str):
            # Else a value that looks like markup would be read as such.
            return f"<p>{escape(row.name)} {row.tag}<br>{escape(row.value)}</p>"
        if role == Qt.ItemDataRole.FontRole and isinstance(row, str):
            return self._bold
        if role == Qt.ItemDataRole.ForegroundRole and (isinstance(row, str) or place != 1):
            return QBrush(QColor(tokens.MUTED))
        return None


def cell(row: Row, place: int) -> str:
    if isinstance(row, str):
        return row if place == 0 else ""
    return (row.name, row.value, row.tag)[place]


class TagTable(QTableView):
    """Ctrl+C copies the chosen rows' values, the menu more."""

    def __init__(self, model: TagModel) -> None:
        super().__init__()
        self._model = model
        self.setModel(model)
        dress_table(self, "Important attributes")
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.setColumnWidth(0, _NAME_WIDTH)
        self.setColumnWidth(2, self.fontMetrics().horizontalAdvance("(0000,0000)") + tokens.WIDE)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)
        model.modelReset.connect(self._span)

    def _span(self) -> None:
        self.clearSpans()
        for number, row in enumerate(self._model.rows):
            if isinstance(row, str):
                self.setSpan(number, 0, 1, len(_HEADERS))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # A narrow table keeps its room for values; the number of the tag is in the tooltip.
        width = self.viewport().width()
        self.setColumnHidden(2, width < _NARROW)
        self.setColumnWidth(0, min(_NAME_WIDTH, int(width * 0.45)))

    @property
    def chosen(self) -> list[Tag]:
        rows = [self._model.rows[index.row()] for index in self.selectionModel().selectedRows()]
        return [row for row in rows if isinstance(row, Tag)]

    def copy_values(self) -> None:
        _copy("\n".join(tag.value for tag in self.chosen))

    def copy_rows(self, tags: Sequence[Tag]) -> None:
        _copy("\n".join(f"{tag.tag}\t{tag.name}\t{tag.value}" for tag in tags))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_values()
        else:
            super().keyPressEvent(event)

    def _menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        is_any = bool(self.chosen)
        menu.addAction(icon("content-copy"), "Copy value", self.copy_values).setEnabled(is_any)
        menu.addAction("Copy tag, name and value", lambda: self.copy_rows(self.chosen)).setEnabled(is_any)
        everything = [row for row in self._model.rows if isinstance(row, Tag)]
        menu.addAction("Copy all that is shown", lambda: self.copy_rows(everything))
        menu.exec(self.viewport().mapToGlobal(at))
        menu.deleteLater()


def _copy(text: str) -> None:
    if text:
        QApplication.clipboard().setText(text)


class TagPane(QWidget):
    """The table with its search."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[Tag, ...] = ()
        self.model = TagModel()
        self.table = TagTable(self.model)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search attributes")
        self.search.setAccessibleName("Search attributes")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self.model.search)
        self.setLayout(column(self.search, self.table, spacing=tokens.TIGHT))

    def show_tags(self, tags: Sequence[Tag]) -> None:
        """Show other attributes; the search stays, and how far the table is scrolled."""
        if tuple(tags) == self._shown:
            return
        self._shown = tuple(tags)
        place = self.table.verticalScrollBar().value()
        self.model.show(tags)
        self.table.verticalScrollBar().setValue(place)
