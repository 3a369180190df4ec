"""The legend of the log: each level with its colour and count, which is also its switch."""

from __future__ import annotations

from collections.abc import Iterable

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QToolButton, QWidget

from migrator.records.words import count, counted
from migrator.ui.logbook import LogBook
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import row

_TITLES = {
    "error": "Error",
    "warning": "Warning",
    "success": "Success",
    "skip": "Skip",
    "info": "Info",
}


class Legend(QWidget):
    """`chosen` are the levels whose lines are wanted; none is all."""

    changed = pyqtSignal()

    def __init__(self, book: LogBook) -> None:
        super().__init__()
        self._book = book
        self.buttons = {level: self._make(level) for level in _TITLES}
        self.setLayout(row(*self.buttons.values(), None))
        book.added.connect(self._show)
        self._show()

    @property
    def chosen(self) -> frozenset[str]:
        levels = {level for level, one in self.buttons.items() if one.isChecked()}
        return frozenset(levels | {"debug"} if "info" in levels else levels)

    def _make(self, level: str) -> QToolButton:
        made = QToolButton()
        made.setCheckable(True)
        made.setIcon(icon("circle", tokens.LEVEL[level]))
        made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        made.toggled.connect(lambda: self.changed.emit())
        return made

    def _show(self, lines: Iterable[object] = ()) -> None:
        for level, one in self.buttons.items():
            number = self._book.counts[level] + (self._book.counts["debug"] if level == "info" else 0)
            one.setText(f"{_TITLES[level]} {count(number)}")
            one.setAccessibleName(f"{_TITLES[level]}: {counted(number, 'line')}")
            one.setToolTip(f"Show only lines of the level {_TITLES[level].lower()}, and others that are on")
