"""What is checked in the tree, told to the desk as the selection a moment after it has changed."""

from __future__ import annotations

from collections.abc import Callable, Generator

from PyQt5.QtCore import QObject, QTimer

from migrator.jobs.inventory_chosen import chosen_files, whole_studies
from migrator.jobs.inventory_tree import InventoryTree
from migrator.ui.desk import Desk, Selection
from migrator.ui.pages.browser.slices import Slices

_AFTER = 300  # milliseconds
_GROWING = 5000  # milliseconds between two lists while the scan goes on


class Chooser(QObject):
    """Used from the event loop only. `is_whole`: whether the tree has all that the source holds."""

    def __init__(self, desk: Desk, is_whole: Callable[[], bool]) -> None:
        super().__init__()
        self._is_whole = is_whole
        self._desk = desk
        self._slices = Slices(self)  # its own: a list of a million files must not hold up the tree
        self._tree: InventoryTree | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._make)
        self._told: Selection | None = None

    def follow(self, tree: InventoryTree | None) -> None:
        """Another tree; the selection stays as it is until something is touched."""
        self._timer.stop()
        self._slices.drop("choose")
        self._tree = tree

    def touch(self) -> None:
        """Something is checked or unchecked."""
        self._timer.start(_AFTER)

    def touch_later(self) -> None:
        """More was found."""
        if not self._timer.isActive() and not self._slices.is_on("choose"):
            self._timer.start(_GROWING)

    def finish(self) -> None:
        """Tell now what is to be told."""
        if self._timer.isActive():
            self._timer.stop()
            self._make()
        self._slices.finish("choose")

    def is_ours(self, selection: Selection) -> bool:
        """Whether this was told by the tree."""
        return self._told is not None and selection is self._told

    def _make(self) -> None:
        tree = self._tree
        if tree is None:
            return

        def work() -> Generator[None, None, Selection]:
            if tree.is_everything:
                return Selection()
            words = tree.words if self._is_whole() else f"{tree.words}, of what the scan has found so far"
            studies = yield from whole_studies(tree)
            if studies is not None:
                return Selection(studies=studies, words=words)
            return Selection(files=(yield from chosen_files(tree)), words=words)

        self._slices.do("choose", work(), self._tell)

    def _tell(self, selection: Selection) -> None:
        self._told = selection
        self._desk.select(selection)
