"""The tree of verified studies: lines of one text run over all columns, and what is chosen can be copied."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import QByteArray, QModelIndex, QRect, Qt
from PyQt5.QtGui import QContextMenuEvent, QGuiApplication, QKeySequence, QPainter
from PyQt5.QtWidgets import (
    QAction,
    QHeaderView,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
)

from migrator.ui.desk import Desk
from migrator.ui.pages.verify.model import StudyModel
from migrator.ui.pages.verify.parts import COLUMNS
from migrator.ui.theme import tokens

_STATE = "verify/studies"
_WIDTHS = (112, 146, 84, 90, 126, 50, 104, 72, 96, 80, 96, 100)
_INDENTATION = 14


class _Lines(QStyledItemDelegate):
    """Leaves lines of one text to the view, and gives rows their height."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        super().initStyleOption(option, index)
        part = index.model().part(index)
        if part is not None and part.text:
            option.text = ""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> object:
        size = super().sizeHint(option, index)
        size.setHeight(max(tokens.ROW, size.height()))
        return size


class StudyTree(QTreeView):
    """Shows a StudyModel."""

    def __init__(self, desk: Desk, model: StudyModel) -> None:
        super().__init__()
        self._desk = desk
        self._model = model
        self.setModel(model)
        self.setItemDelegate(_Lines(self))
        self.setAccessibleName("Verified studies")
        self.setUniformRowHeights(True)
        self.setIndentation(_INDENTATION)
        self.setAlternatingRowColors(True)
        self.setSelectionMode(QTreeView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollMode(QTreeView.ScrollMode.ScrollPerPixel)
        self._dress_header()
        copy = QAction("Copy", self)
        copy.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
        copy.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        copy.triggered.connect(self.copy_rows)
        self.addAction(copy)

    def _dress_header(self) -> None:
        header = self.header()
        header.setSectionsMovable(True)
        header.setStretchLastSection(True)
        header.setDefaultAlignment(Qt.Alignment(Qt.AlignmentFlag.AlignLeft) | Qt.AlignmentFlag.AlignVCenter)
        kept = self._desk.state.value(_STATE)
        if not (
            isinstance(kept, QByteArray) and header.restoreState(kept) and header.count() == len(COLUMNS)
        ):
            for column, width in enumerate(_WIDTHS):
                header.resizeSection(column, width)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSortIndicatorShown(True)
        header.setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        header.sectionResized.connect(lambda *sizes: self._keep())
        header.sectionMoved.connect(lambda *places: self._keep())

    def _keep(self) -> None:
        self._desk.state.setValue(_STATE, self.header().saveState())

    def drawRow(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw a line; one text from the indentation to the view's right edge."""
        super().drawRow(painter, option, index)
        part = self._model.part(index)
        if part is None or not part.text:
            return
        first = index.sibling(index.row(), 0)
        room = self.visualRect(first)
        room = QRect(room.left() + tokens.TIGHT, room.top(), self.viewport().width(), room.height())
        room.setRight(self.viewport().width() - tokens.SMALL)
        painter.save()
        painter.setPen(self._model.data(first, Qt.ItemDataRole.ForegroundRole))
        shown = self.fontMetrics().elidedText(part.text, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), shown)
        painter.restore()

    # Copying

    def copy_rows(self) -> None:
        """Put the chosen lines into the clipboard, cells apart by tabs."""
        chosen = sorted(self.selectionModel().selectedRows(), key=self._model.place)
        _copy("\n".join(map(self._model.line, chosen)))

    def selectAll(self) -> None:
        """All that the list holds: the view may have only the first of them so far."""
        self._model.fetch_all()
        super().selectAll()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Of the line under the mouse; where a key asked for it, of the current one."""
        is_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if is_key else self.indexAt(self.viewport().mapFrom(self, event.pos()))
        if index.isValid():
            at = self.viewport().mapToGlobal(self.visualRect(index).bottomLeft())
            self.menu_of(index).popup(at if is_key else event.globalPos())

    def menu_of(self, index: QModelIndex) -> QMenu:
        """What can be done with a line."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        found, part = self._model.found(index), self._model.part(index)
        cell, study = self._model.text(index), found.study_uid if found is not None else ""
        _offer(menu, "Copy cell", lambda: _copy(cell), is_there=bool(cell))
        _offer(menu, "Copy rows", self.copy_rows)
        menu.addSeparator()
        _offer(menu, "Copy study UID", lambda: _copy(study))
        if part is not None and part.uid != study:
            uid = part.uid
            _offer(menu, "Copy series UID" if part.cells else "Copy instance UID", lambda: _copy(uid))
        if part is not None and part.path:
            path = part.path
            _offer(menu, "Copy path", lambda: _copy(path))
        menu.addSeparator()
        _offer(menu, "Expand all below", lambda: self.expandRecursively(index.sibling(index.row(), 0)))
        return menu


def _offer(menu: QMenu, words: str, act: Callable[[], None], *, is_there: bool = True) -> None:
    action = menu.addAction(words)
    action.setEnabled(is_there)
    action.triggered.connect(lambda: act())


def _copy(text: str) -> None:
    clipboard = QGuiApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(text)
