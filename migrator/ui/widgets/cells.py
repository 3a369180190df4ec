"""Tables of texts: how their cells are drawn, and how they are set up."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import QAbstractItemModel, QModelIndex, Qt
from PyQt5.QtGui import QColor, QPainter, QPalette
from PyQt5.QtWidgets import QHeaderView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from migrator.ui.theme import tokens

_ON_SELECTED = 130
"""Per cent: what a coloured text must be lighter by on a selected row, to keep its contrast."""
LEFT = Qt.Alignment(Qt.AlignmentFlag.AlignLeft) | Qt.AlignmentFlag.AlignVCenter


def text_table(model: QAbstractItemModel, widths: Sequence[int], name: str) -> QTableView:
    """A table of texts over a model; `name` is what a screen reader says."""
    view = QTableView()
    view.setModel(model)
    view.setItemDelegate(CellDelegate(view))
    view.setAlternatingRowColors(True)
    dress_table(view, name, widths)
    view.horizontalHeader().setStretchLastSection(True)
    return view


def dress_table(view: QTableView, name: str, widths: Sequence[int] = ()) -> None:
    """What all tables have in common: whole rows of one height, no grid, nothing to edit.

    `name` is what a screen reader says; `widths` are the columns' from the left, in pixels.
    """
    view.setAccessibleName(name)
    view.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    view.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.setTabKeyNavigation(False)
    rows = view.verticalHeader()
    rows.hide()
    rows.setDefaultSectionSize(tokens.ROW)
    rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    head = view.horizontalHeader()
    head.setDefaultAlignment(LEFT)
    head.setTextElideMode(Qt.TextElideMode.ElideRight)
    head.setHighlightSections(False)
    for column, width in enumerate(widths):
        view.setColumnWidth(column, width)


class CellDelegate(QStyledItemDelegate):
    """Draws a cell's text and nothing else: a page of cells in a few milliseconds."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if is_selected:
            painter.fillRect(option.rect, option.palette.highlight())
        text = index.data()
        if text:
            colour = index.data(Qt.ItemDataRole.ForegroundRole) or option.palette.color(
                QPalette.ColorRole.Text
            )
            painter.setPen(colour.lighter(_ON_SELECTED) if is_selected else colour)
            room = option.rect.adjusted(tokens.SMALL, 0, -tokens.TIGHT, 0)
            shown = option.fontMetrics.elidedText(text, Qt.TextElideMode.ElideRight, room.width())
            painter.drawText(room, LEFT, shown)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QColor(tokens.ACCENT))
            painter.drawRect(option.rect.adjusted(0, 0, -1, -1))
