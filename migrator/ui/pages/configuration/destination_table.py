"""Several destinations in a table: which are migrated to, where they are, and what they answered last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PyQt5.QtCore import QAbstractTableModel, QItemSelectionModel, QModelIndex, QObject, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QKeyEvent, QShowEvent
from PyQt5.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from migrator.ui.configuration import Destination
from migrator.ui.pages.configuration.destination_check import faults, title
from migrator.ui.pages.configuration.destination_echo import Echoes
from migrator.ui.theme import tokens
from migrator.ui.widgets.cells import dress_table

_HEADS = ("Destination", "Node", "Our AE title", "TLS", "Last test")
_ROLES = {"good": tokens.GREEN, "warning": tokens.AMBER, "error": tokens.RED}
_WHOLE_ROW = (
    QItemSelectionModel.SelectionFlags(QItemSelectionModel.SelectionFlag.ClearAndSelect)
    | QItemSelectionModel.SelectionFlag.Rows
)
_NOWHERE = QModelIndex()
_MOST_ROWS = 6  # that are shown without scrolling


class _Model(QAbstractTableModel):
    switched = pyqtSignal(int, bool)

    def __init__(self, echoes: Echoes, parent: QObject) -> None:
        super().__init__(parent)
        self._echoes = echoes
        self.destinations: tuple[Destination, ...] = ()

    def load(self, destinations: tuple[Destination, ...]) -> None:
        if len(destinations) != len(self.destinations):
            self.beginResetModel()
            self.destinations = destinations
            self.endResetModel()
        elif destinations != self.destinations:
            self.destinations = destinations
            self.refresh()

    def refresh(self) -> None:
        self.dataChanged.emit(self.index(0, 0), self.index(len(self.destinations) - 1, len(_HEADS) - 1))

    def rowCount(self, parent: QModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.destinations)

    def columnCount(self, parent: QModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(_HEADS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _HEADS[section]
        return None

    def flags(self, index: QModelIndex) -> Any:
        usual = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return usual | Qt.ItemFlag.ItemIsUserCheckable if index.column() == 0 else usual

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        destination = self.destinations[index.row()]
        if role == Qt.ItemDataRole.CheckStateRole and index.column() == 0:
            return Qt.CheckState.Checked if destination.is_on else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(index.row(), index.column())
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colour(destination, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            answer = self._echoes.answer(destination)
            is_told = answer is not None and index.column() == len(_HEADS) - 1
            return f"{answer.words}\n{answer.details}" if is_told else self._text(index.row(), index.column())
        return None

    def _text(self, row: int, column: int) -> str:
        destination = self.destinations[row]
        if column == 0:
            return title(destination, row)
        if column == 1:
            return str(destination.node) if destination.host else "no host yet"
        if column == 2:
            return destination.calling_ae_title
        if column == 3:
            return "on" if destination.tls.tls else "off"
        answer = self._echoes.answer(destination)
        if answer is None:
            return "asking…" if self._echoes.is_asked(destination) else "not tested"
        return answer.in_short

    def _colour(self, destination: Destination, column: int) -> QColor | None:
        if column == 1 and faults(destination):
            return QColor(tokens.MUTED if not destination.host else tokens.RED)
        if column == len(_HEADS) - 1:
            answer = self._echoes.answer(destination)
            return QColor(_ROLES[answer.role] if answer is not None else tokens.MUTED)
        return None if destination.is_on else QColor(tokens.MUTED)

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role == Qt.ItemDataRole.CheckStateRole and index.column() == 0:
            self.switched.emit(index.row(), value == Qt.CheckState.Checked)
            return True
        return False


class DestinationTable(QTableView):
    """A row per destination; the one that is current stands in the form."""

    picked = pyqtSignal(int)
    """Another row has become the current one."""
    switched = pyqtSignal(int, bool)
    """A row's check was set or taken away."""

    def __init__(self, echoes: Echoes) -> None:
        super().__init__()
        self._model = _Model(echoes, self)
        self._model.switched.connect(self.switched)
        echoes.changed.connect(self._model.refresh)
        self.setModel(self._model)
        dress_table(self, "Destinations")
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)  # a name may be long
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.selectionModel().currentRowChanged.connect(self._pick)

    def load(self, destinations: tuple[Destination, ...], current: int) -> None:
        """Show these, with one of them as the current one; nothing is told."""
        self._quietly(lambda: self._show(destinations, current))

    def _show(self, destinations: tuple[Destination, ...], current: int) -> None:
        self._model.load(destinations)
        index = self._model.index(current, 0)
        if self.currentIndex().row() != current:
            self.selectionModel().setCurrentIndex(index, _WHOLE_ROW)
        self._fit()

    def _fit(self) -> None:
        """As high as its rows, and its names as wide as they are, both up to a limit."""
        head = self.horizontalHeader()
        name = max(head.sectionSizeHint(0), self.sizeHintForColumn(0))
        head.resizeSection(0, min(name, tokens.NAVIGATION))
        count = self._model.rowCount()
        rows = sum(self.rowHeight(number) for number in range(min(count, _MOST_ROWS)))
        frame = self.height() - self.viewport().height() - self.horizontalHeader().height()
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + rows + max(frame, 2))
        is_all = count <= _MOST_ROWS
        policy = Qt.ScrollBarPolicy.ScrollBarAlwaysOff if is_all else Qt.ScrollBarPolicy.ScrollBarAsNeeded
        self.setVerticalScrollBarPolicy(policy)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The space bar switches the current row, whichever of its cells is the current one."""
        row = self.currentIndex().row()
        if event.key() == Qt.Key.Key_Space and row >= 0:
            self.switched.emit(row, not self._model.destinations[row].is_on)
        else:
            super().keyPressEvent(event)

    def _quietly(self, act: Callable[[], None]) -> None:
        model = self.selectionModel()
        model.currentRowChanged.disconnect(self._pick)
        try:
            act()
        finally:
            model.currentRowChanged.connect(self._pick)

    def _pick(self, current: QModelIndex, before: QModelIndex) -> None:
        if current.isValid():
            self.picked.emit(current.row())
