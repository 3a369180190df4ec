"""The table itself: what keys and clicks do, following the tail, and what is remembered of its columns."""

from __future__ import annotations

from PyQt5.QtCore import QByteArray, QItemSelectionModel, QModelIndex, QPoint, QSettings, Qt, pyqtSignal
from PyQt5.QtGui import (
    QColor,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PyQt5.QtWidgets import QAbstractItemView, QMenu, QTableView

from migrator.jobs import row_words
from migrator.ui.models.rows import MOST_KEPT, RowsModel
from migrator.ui.theme import tokens
from migrator.ui.widgets.cells import CellDelegate, dress_table

_STATE = "upload/columns"
_LEAST = (112, 94, 58, 98, 104, 96, 94, 92, 240)
"""The columns' widths where there is little room, and below what each gets of further room."""
_SHARES = (2, 1, 0, 0, 3, 3, 2, 0, 5)

_NO_ROWS = "Nothing was copied yet. Every file will be listed here with what became of it."
_NO_ROW_FITS = "No row fits what is looked for."
_CENTRED = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap


class RowTable(QTableView):
    """Over a RowsModel. `follows`: whether the newest row is kept in view."""

    patient_clicked = pyqtSignal(int, bool)
    """(number of the row, whether Ctrl was held)"""
    opened = pyqtSignal(int)
    """A row was double-clicked, or Enter pressed on it."""
    follow_changed = pyqtSignal(bool)

    def __init__(self, model: RowsModel, state: QSettings) -> None:
        super().__init__()
        self._state = state
        self.follows = False
        self.setModel(model)
        self.setItemDelegate(CellDelegate(self))
        dress_table(self, "Instances")
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setAlternatingRowColors(True)
        self.setMouseTracking(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.verticalHeader().setMinimumSectionSize(tokens.ROW)
        self._dress_header()
        model.rearranging.connect(self._trim_selection)
        bar = self.verticalScrollBar()
        bar.valueChanged.connect(self._scrolled)
        bar.rangeChanged.connect(self._keep_up)
        self.doubleClicked.connect(self._double_clicked)

    def _dress_header(self) -> None:
        header = self.horizontalHeader()
        # One of its own, always empty: at each drawing a header asks of every row whether it is selected.
        header.setSelectionModel(QItemSelectionModel(self.model(), header))
        header.setSectionsMovable(True)
        header.setSectionsClickable(True)
        header.setStretchLastSection(True)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._header_menu)
        kept = self._state.value(_STATE)
        self._is_arranged = isinstance(kept, QByteArray) and header.restoreState(kept)
        self._is_fitting = False
        header.setSortIndicatorShown(False)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.sectionClicked.connect(self._order)
        header.sectionResized.connect(self._keep_columns)
        header.sectionMoved.connect(self._keep_columns)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Where there is no row, say why."""
        super().paintEvent(event)
        model = self.model()
        if isinstance(model, RowsModel) and not model.shown:
            painter = QPainter(self.viewport())
            painter.setPen(QColor(tokens.MUTED))
            words = _NO_ROW_FITS if model.total else _NO_ROWS
            painter.drawText(self.viewport().rect(), _CENTRED, words)

    # Columns and order

    def reset_columns(self) -> None:
        """All columns, in their first order, as wide as there is room."""
        header = self.horizontalHeader()
        self._is_fitting = True
        for column in range(len(row_words.COLUMNS)):
            header.moveSection(header.visualIndex(column), column)
            header.setSectionHidden(column, False)
        self._is_fitting = self._is_arranged = False
        self._state.remove(_STATE)
        self._fit_columns()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()

    def _fit_columns(self) -> None:
        """Use the room that there is, until somebody arranges the columns."""
        if self._is_arranged:
            return
        self._is_fitting = True
        further = max(0, self.viewport().width() - sum(_LEAST)) / sum(_SHARES)
        for column, (least, share) in enumerate(zip(_LEAST, _SHARES, strict=True)):
            self.horizontalHeader().resizeSection(column, int(least + further * share))
        self._is_fitting = False

    def _keep_columns(self) -> None:
        if not self._is_fitting and QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton:
            self._is_arranged = True
        if self._is_arranged:
            self._state.setValue(_STATE, self.horizontalHeader().saveState())

    def _header_menu(self, place: QPoint) -> None:
        header = self.horizontalHeader()
        menu = QMenu(self)
        for column, name in enumerate(row_words.COLUMNS):
            action = menu.addAction(name)
            action.setCheckable(True)
            action.setChecked(not header.isSectionHidden(column))
            action.setEnabled(column != row_words.STATUS)
            action.toggled.connect(lambda on, column=column: self._show_column(column, on))
        menu.addSeparator()
        menu.addAction("Columns as at the beginning", self.reset_columns)
        menu.popup(header.mapToGlobal(place))

    def _show_column(self, column: int, is_shown: bool) -> None:
        self._is_arranged = True
        self.horizontalHeader().setSectionHidden(column, not is_shown)
        self._keep_columns()

    def _order(self, column: int) -> None:
        """By this column; the other way round at the second click, as they arrived at the third."""
        header = self.horizontalHeader()
        ascending, descending = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder
        is_same = header.isSortIndicatorShown() and header.sortIndicatorSection() == column
        if column == row_words.DETAIL or (is_same and header.sortIndicatorOrder() == descending):
            self._order_by_arrival()
            return
        order = descending if is_same else ascending
        self.follow(False)  # the newest row is anywhere now
        header.setSortIndicatorShown(True)
        header.setSortIndicator(column, order)
        self.model().sort(column, order)

    def _order_by_arrival(self) -> None:
        header = self.horizontalHeader()
        header.setSortIndicatorShown(False)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.model().sort(-1)

    def _trim_selection(self) -> None:
        """Each selected row would be followed to its new place by itself: of many that takes very long."""
        if sum(part.height() for part in self.selectionModel().selection()) > MOST_KEPT:
            self.clearSelection()

    # The newest row

    @property
    def is_ordered(self) -> bool:
        """Whether a column gives the order."""
        return self.horizontalHeader().isSortIndicatorShown()

    def follow(self, follows: bool) -> None:
        """Keep the newest row in view, which is the last one in the order of arrival; or no more."""
        if follows and self.is_ordered:
            self._order_by_arrival()
        if follows != self.follows:
            self.follows = follows
            self.follow_changed.emit(follows)
        self._keep_up()

    def _keep_up(self) -> None:
        if self.follows:
            bar = self.verticalScrollBar()
            bar.setValue(bar.maximum())

    def _scrolled(self, value: int) -> None:
        if value < self.verticalScrollBar().maximum():
            self.follow(False)

    # Keys and clicks

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.opened.emit(self.currentIndex().row())
            return
        super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        index = self._name_under(event.pos())
        if index is not None and event.button() == Qt.MouseButton.LeftButton:
            has_ctrl = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            if has_ctrl or event.modifiers() == Qt.KeyboardModifier.NoModifier:
                self.patient_clicked.emit(index.row(), has_ctrl)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        is_link = self._name_under(event.pos()) is not None
        self.viewport().setCursor(
            Qt.CursorShape.PointingHandCursor if is_link else Qt.CursorShape.ArrowCursor
        )

    def _double_clicked(self, index: QModelIndex) -> None:
        if index.column() != row_words.NAME:  # there a click shows other rows, of which this is none
            self.opened.emit(index.row())

    def _name_under(self, place: QPoint) -> QModelIndex | None:
        """The patient's name whose letters are there."""
        index = self.indexAt(place)
        if not index.isValid() or index.column() != row_words.NAME:
            return None
        text = str(index.data() or "")
        width = self.fontMetrics().horizontalAdvance(text) + 2 * tokens.SMALL
        return index if text and place.x() <= self.visualRect(index).x() + width else None
