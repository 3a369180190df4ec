"""The tree with its filters: what is shown follows the scan, the filters and the order, in slices."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable

from PyQt5.QtCore import QSettings, Qt, QTimer, pyqtSignal
from PyQt5.QtWidgets import QWidget

from migrator.jobs.inventory_nodes import Key, Line, Root, key_of
from migrator.jobs.inventory_tree import InventoryTree
from migrator.jobs.inventory_view import (
    COLUMNS,
    Order,
    Shown,
    arrange,
    check_shown,
    sift,
    under,
)
from migrator.ui.pages.browser.filters import FilterBar
from migrator.ui.pages.browser.slices import Slices
from migrator.ui.pages.browser.tree_model import TreeModel, check_state, is_under
from migrator.ui.pages.browser.tree_view import TreeView
from migrator.ui.widgets.basics import column, label

_RENEW = 300  # milliseconds between two arrangements while the scan goes on
_MOST_REMEMBERED = 2000
_HEADER = "browser/tree"


class TreePanel(QWidget):
    """Shows one InventoryTree."""

    line_changed = pyqtSignal(object)
    """The Line that is current now, or None."""
    chosen = pyqtSignal()
    """Something was checked, or unchecked, by hand."""
    renewed = pyqtSignal()
    """What is shown is up to date."""

    def __init__(self, state: QSettings) -> None:
        super().__init__()
        self._state = state
        self.tree: InventoryTree | None = None
        self.shown: Shown = None
        self.model = TreeModel()
        self.view = TreeView(self.model)
        self.filters = FilterBar()
        self.slices = Slices(self)
        self._order = Order()
        self._is_stale = self._is_late = False
        self._changes: deque[_Change] = deque()  # that are to be made, one after another
        self._remembered: set[Key] = set()
        self._remembered_current: Key | None = None
        self._current: Line | None = None
        self._nothing = label("Nothing fits the filters", "muted")
        self._nothing.hide()
        layout = column(self.filters, self._nothing, self.view)
        layout.setStretch(2, 1)
        self.setLayout(layout)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._renew_grown)
        self._connect()
        kept = state.value(_HEADER)
        if kept is not None:
            self.view.horizontalHeader().restoreState(kept)
            self._sort(self.view.horizontalHeader().sortIndicatorSection(), self._direction())

    def _connect(self) -> None:
        header = self.view.horizontalHeader()
        header.sortIndicatorChanged.connect(self._sort)
        header.sectionResized.connect(self._resized)
        self.filters.changed.connect(lambda sifting: self.renew())
        self.view.turn_wanted.connect(self.turn)
        self.view.toggled.connect(self._toggle)
        self.model.check_wanted.connect(lambda line, is_wanted: self.check([line], is_wanted))
        self.view.selectionModel().currentRowChanged.connect(lambda now, before: self._told_current())

    # What is shown

    def show_tree(self, tree: InventoryTree | None, *, is_again: bool = False) -> None:
        """Another tree. `is_again`: of the same source, so that what was open opens again."""
        if not is_again:
            self._remembered, self._remembered_current = set(), None
            self.filters.modalities.forget()
        else:  # beside what the tree before had not found again yet
            if self._current is not None:
                self._remembered_current = key_of(self._current)
            self._remembered |= {
                key_of(line) for _, line in zip(range(_MOST_REMEMBERED), self.model.opened, strict=False)
            }
        self._changes.clear()
        for name in ("arrange", "check"):
            self.slices.drop(name)
        self.tree, self.shown = tree, None
        self.model.clear()
        self._told_current()
        self.renew()

    def renew_soon(self) -> None:
        """The tree has grown."""
        if not self._timer.isActive():
            self._timer.start(_RENEW)

    def _renew_grown(self) -> None:
        if self.slices.is_on("arrange"):
            self._is_late = True  # after what is being arranged, or a quick scan would never let it be shown
        else:
            self.renew()

    def renew(self) -> None:
        """Arrange what is shown anew, in slices."""
        tree = self.tree
        if tree is None:
            self._nothing.hide()
            return
        if self.slices.is_on("arrange"):
            self._is_stale = True
            return
        self._is_stale = self._is_late = False
        self.filters.modalities.offer(tree.modalities)
        self._open_again(tree)
        sifting, order, opened = self.filters.sifting, self._order, set(self.model.opened)

        def work() -> Generator[None, None, tuple[Shown, list[Line]]]:
            shown = yield from sift(tree, sifting)
            return shown, (yield from arrange(tree, shown, order, opened))

        self.slices.do("arrange", work(), self._place)

    def _place(self, arranged: tuple[Shown, list[Line]]) -> None:
        if self._is_stale:
            self.renew()
            return
        self.shown = arranged[0]
        self.model.place(arranged[1])
        self._nothing.setVisible(bool(not arranged[1] and self.tree and self.tree.root.children))
        if self._remembered_current is not None and self.tree is not None:
            line = self.tree.find(self._remembered_current)
            if line is not None:
                self._remembered_current = None
                self.view.go_to(line)
        if self._is_late:
            self.renew_soon()
        self.renewed.emit()

    def reveal(self, key: Key) -> None:
        """Make the line of this name the current one, whatever has to be opened or shown for that."""
        line = self.tree.find(key) if self.tree is not None else None
        if line is None:
            return
        self._remembered_current = key
        above = line.parent
        while not isinstance(above, Root):
            self.model.opened.add(above)
            above = above.parent
        if self.shown is not None and line not in self.shown:
            self.filters.clear()
        self.renew()

    def _open_again(self, tree: InventoryTree) -> None:
        for key in list(self._remembered):
            line = tree.find(key)
            if line is not None:
                self._remembered.discard(key)
                self.model.opened.add(line)

    def _sort(self, section: int, direction: Qt.SortOrder) -> None:
        self._order = Order(COLUMNS[section], direction == Qt.SortOrder.DescendingOrder)
        self._state.setValue(_HEADER, self.view.horizontalHeader().saveState())
        self.renew()

    def _resized(self, section: int, before: int, now: int) -> None:
        self._state.setValue(_HEADER, self.view.horizontalHeader().saveState())

    def _direction(self) -> Qt.SortOrder:
        return self.view.horizontalHeader().sortIndicatorOrder()

    def turn(self, row: int) -> None:
        """Open a line, or close it."""
        line = self.model.lines[row]
        if line in self.model.opened:
            if self._current is not None and is_under(self._current, line):
                self.view.selectRow(row)  # what is current must not vanish
            self.model.close(row)
        else:
            self.model.open(row, under(line, self.shown, self._order, self.model.opened))
        self._is_stale = self.slices.is_on("arrange")

    def _told_current(self) -> None:
        current = self.view.current
        if current is not self._current:
            self._current = current
            self.line_changed.emit(current)

    # What is chosen

    def check(self, lines: Iterable[Line], is_wanted: bool) -> None:
        """Choose these lines, or leave them out."""
        wanted = list(lines)
        self._change(lambda tree: tree.check(wanted, is_wanted))

    def check_all(self, is_wanted: bool) -> None:
        self._change(lambda tree: tree.check([tree.root], is_wanted))

    def invert(self) -> None:
        self._change(lambda tree: tree.invert())

    def check_shown(self) -> None:
        """Choose what the filters show, and nothing else."""

        def work(tree: InventoryTree) -> Generator[None, None, None]:
            yield from check_shown(tree, (yield from sift(tree, self.filters.sifting)))

        self._change(work)

    def only(self, lines: list[Line]) -> None:
        """Choose these and nothing else."""

        def work(tree: InventoryTree) -> Generator[None, None, None]:
            yield from tree.check([tree.root], False)
            yield from tree.check(lines, True)

        self._change(work)

    def _toggle(self, lines: list[Line]) -> None:
        first = check_state(lines[0])
        if first is not None:
            self.check(lines, first != Qt.CheckState.Checked)

    def _change(self, work: _Change) -> None:
        tree = self.tree
        if tree is None:
            return
        self._changes.append(work)
        if not self.slices.is_on("check"):
            self.slices.do("check", _made(self._changes, tree), self._changed)

    def finish_changes(self) -> None:
        """Make now what is to be changed."""
        self.slices.finish("check")

    def _changed(self, nothing: object) -> None:
        self.model.refresh()
        self.chosen.emit()
        if self.filters.sifting.is_chosen_only:
            self.renew()


_Change = Callable[[InventoryTree], Iterable[None]]


def _made(changes: deque[_Change], tree: InventoryTree) -> Generator[None, None, None]:
    """Make one after another: each counts from where the last one ended."""
    while changes:
        yield from changes.popleft()(tree)
