"""The table that looks and behaves as a tree: chevrons, checks, and the keys that people know from trees."""

from __future__ import annotations

from PyQt5.QtCore import QItemSelectionModel, QModelIndex, QPoint, QRect, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter, QPalette, QResizeEvent
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from migrator.jobs.inventory_nodes import Line, PatientNode, SeriesNode, StudyNode
from migrator.jobs.inventory_view import COLUMNS
from migrator.ui.pages.browser.tree_model import NODE, TreeModel, check_state, level_of
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.cells import dress_table

_STEP = 16  # pixels of one level, of the chevron, of the box and of the icon
_WIDTHS = {"id": 116, "modality": 54, "date": 92, "studies": 70, "series": 64, "instances": 84, "size": 84}
_NAME_WIDTH = 200  # at least
_ICONS = {PatientNode: "account-outline", StudyNode: "folder-outline", SeriesNode: "layers-outline"}


class TreeView(QTableView):
    """Over a TreeModel."""

    turn_wanted = pyqtSignal(int)
    """A row that is to be opened or closed."""
    entered = pyqtSignal(object)
    """A series on which Enter was pressed, or that was double-clicked."""
    toggled = pyqtSignal(list)
    """Lines of which the check is to be turned; the first one tells which way."""
    menu_wanted = pyqtSignal(QPoint)
    """Where, in the screen's pixels."""

    def __init__(self, model: TreeModel) -> None:
        super().__init__()
        self.lines = model
        self.setModel(model)
        self.setItemDelegateForColumn(0, _NameDelegate(self))
        dress_table(
            self, "Patients, studies and series", [_WIDTHS.get(column, _NAME_WIDTH) for column in COLUMNS]
        )
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = self.horizontalHeader()
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        header.setMinimumSectionSize(40)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The names take what the other columns leave."""
        super().resizeEvent(event)
        header = self.horizontalHeader()
        others = header.length() - header.sectionSize(0)
        header.resizeSection(0, max(_NAME_WIDTH, self.viewport().width() - others))

    @property
    def current(self) -> Line | None:
        index = self.currentIndex()
        return self.lines.lines[index.row()] if index.isValid() else None

    @property
    def chosen_lines(self) -> list[Line]:
        """The lines that are selected, from the top; the current one first."""
        rows = sorted({index.row() for index in self.selectionModel().selectedRows()})
        lines = [self.lines.lines[row] for row in rows]
        current = self.current
        if current is not None and current in lines:
            lines.remove(current)
            lines.insert(0, current)
        return lines

    def go_to(self, line: Line) -> None:
        """Make this line the current one, where it is shown."""
        row = self.lines.row_of(line)
        if row >= 0:
            self.setCurrentIndex(self.lines.index(row, 0))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row, key = self.currentIndex().row(), event.key()
        is_plain = event.modifiers() in (
            Qt.KeyboardModifier.NoModifier,
            Qt.KeyboardModifier.KeypadModifier,
        )
        if row < 0 or not is_plain or not self._act(row, key):
            super().keyPressEvent(event)

    def _act(self, row: int, key: int) -> bool:
        """What a key does on this row; whether it does anything."""
        line = self.lines.lines[row]
        is_open = line in self.lines.opened
        if key == Qt.Key.Key_Space:
            self.toggled.emit(self.chosen_lines or [line])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._enter(row)
        elif key == Qt.Key.Key_Right:
            if not isinstance(line, SeriesNode) and not is_open:
                self.turn_wanted.emit(row)
            elif is_open:
                self.selectRow(row + 1)
        elif key == Qt.Key.Key_Left:
            if is_open:
                self.turn_wanted.emit(row)
            elif not isinstance(line, PatientNode):
                self.selectRow(self.lines.row_of(line.parent))
        elif key == Qt.Key.Key_Home:
            self.selectRow(0)
        elif key == Qt.Key.Key_End:
            self.selectRow(len(self.lines.lines) - 1)
        else:
            return False
        return True

    def _enter(self, row: int) -> None:
        line = self.lines.lines[row]
        if isinstance(line, SeriesNode):
            self.entered.emit(line)
        else:
            self.turn_wanted.emit(row)

    def keyboardSearch(self, search: str) -> None:
        """Not by letters: the filter above does it better, and over all lines."""

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.pos())
        part = self._part_at(index, event.pos())
        if event.button() == Qt.MouseButton.LeftButton and part:
            line = self.lines.lines[index.row()]
            if part == "chevron":
                self.turn_wanted.emit(index.row())
            else:
                selected = self.chosen_lines
                self.toggled.emit([line, *selected] if line in selected else [line])
            return
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.pos())
        if self._part_at(index, event.pos()):
            self.mousePressEvent(event)
        elif index.isValid() and event.button() == Qt.MouseButton.LeftButton:
            self._enter(index.row())

    def _part_at(self, index: QModelIndex, place: QPoint) -> str:
        """chevron, box, or nothing."""
        if not index.isValid() or index.column() != 0:
            return ""
        line = self.lines.lines[index.row()]
        chevron, box, _ = parts_of(self.visualRect(index), line)
        if chevron.contains(place) and not isinstance(line, SeriesNode):
            return "chevron"
        return "box" if box.contains(place) and line.instances else ""

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            index = self.currentIndex()
            place = self.visualRect(index).center() if index.isValid() else QPoint()
            self.menu_wanted.emit(self.viewport().mapToGlobal(place))
            return
        index = self.indexAt(event.pos())
        if index.isValid() and not self.selectionModel().isRowSelected(index.row(), QModelIndex()):
            flags = QItemSelectionModel.SelectionFlag
            self.selectionModel().setCurrentIndex(
                index, QItemSelectionModel.SelectionFlags(flags.ClearAndSelect) | flags.Rows
            )
        self.menu_wanted.emit(event.globalPos())


class _NameDelegate(QStyledItemDelegate):
    """Draws the first column: as far in as its level, chevron, box, icon and name."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        line: Line = index.data(NODE)
        view = self.parent()
        assert isinstance(view, TreeView)
        drawn = QStyleOptionViewItem(option)
        self.initStyleOption(drawn, index)
        drawn.text = ""
        drawn.features = QStyleOptionViewItem.ViewItemFeatures(QStyleOptionViewItem.ViewItemFeature(0))
        style = view.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, drawn, painter, view)
        chevron, box, rest = parts_of(option.rect, line)
        if not isinstance(line, SeriesNode):
            icon("chevron-down" if line in view.lines.opened else "chevron-right").paint(painter, chevron)
        self._paint_box(painter, drawn, line, box)
        sign = QRect(rest.left(), box.top(), _STEP, _STEP)
        icon(_ICONS[type(line)]).paint(painter, sign)
        words = rest.adjusted(_STEP + tokens.TIGHT + 2, 0, 0, 0)
        text = drawn.fontMetrics.elidedText(index.data(), Qt.TextElideMode.ElideRight, words.width())
        painter.setPen(drawn.palette.color(QPalette.ColorRole.Text))
        painter.drawText(words, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), text)

    def _paint_box(self, painter: QPainter, drawn: QStyleOptionViewItem, line: Line, box: QRect) -> None:
        state = check_state(line)
        if state is None:
            return
        flags = {
            Qt.CheckState.Checked: QStyle.StateFlag.State_On,
            Qt.CheckState.Unchecked: QStyle.StateFlag.State_Off,
            Qt.CheckState.PartiallyChecked: QStyle.StateFlag.State_NoChange,
        }
        option = QStyleOptionViewItem(drawn)
        option.rect = box
        option.state = QStyle.State(flags[state]) | QStyle.StateFlag.State_Enabled
        view = self.parent()
        assert isinstance(view, TreeView)
        view.style().drawPrimitive(
            QStyle.PrimitiveElement.PE_IndicatorItemViewItemCheck, option, painter, view
        )

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return QSize(_STEP * (level_of(index.data(NODE)) + 4), tokens.ROW)


def parts_of(rect: QRect, line: Line) -> tuple[QRect, QRect, QRect]:
    """Where the chevron, the box and the rest of the first column are."""
    left = rect.left() + tokens.TIGHT + level_of(line) * _STEP
    top = rect.top() + (rect.height() - _STEP) // 2
    chevron = QRect(left, top, _STEP, _STEP)
    box = QRect(left + _STEP + 2, top, _STEP, _STEP)
    start = box.right() + tokens.TIGHT + 2
    return chevron, box, QRect(start, rect.top(), rect.right() - start, rect.height())
