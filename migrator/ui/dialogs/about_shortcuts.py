"""The keys of the window."""

from __future__ import annotations

from collections.abc import Mapping

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QDialog, QGridLayout, QWidget

from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, column, label, row, scrolled

EVERYWHERE = {
    "Tab, Shift+Tab": "To the next or the previous field",
    "Alt": "To the menus; then the underlined letter",
    "Space": "Press a button, turn a switch",
    "Escape": "Close a dialog",
}
IN_TABLES = {
    "Ctrl+F": "Filter",
    "Ctrl+C": "Copy what is chosen",
    "Arrows, Page Up, Page Down, Home, End": "Move",
    "Enter": "Open what is chosen",
    "Menu, Shift+F10": "What can be done with a row",
}


class ShortcutsDialog(QDialog):
    """`of_menus` are the shortcuts of the menus, with what they do."""

    def __init__(self, of_menus: Mapping[str, str], parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        self.resize(680, 620)
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setHorizontalSpacing(tokens.WIDE)
        grid.setVerticalSpacing(tokens.SMALL)
        grid.setColumnStretch(1, 1)
        groups = {"Menus": of_menus, "Everywhere": EVERYWHERE, "In tables and trees": IN_TABLES}
        for title, keys in groups.items():
            grid.addWidget(label(title, "title"), grid.rowCount(), 0, 1, 2)
            for key, meaning in keys.items():
                line = grid.rowCount()
                grid.addWidget(label(key, "muted"), line, 0, Qt.AlignmentFlag.AlignTop)
                grid.addWidget(label(meaning, wraps=True), line, 1, Qt.AlignmentFlag.AlignTop)
        grid.setRowStretch(grid.rowCount(), 1)
        close = button("Close")
        close.clicked.connect(self.accept)
        layout = column(scrolled(inside), spacing=tokens.MEDIUM)
        layout.addLayout(row(None, close))
        layout.setContentsMargins(tokens.LARGE, tokens.LARGE, tokens.LARGE, tokens.LARGE)
        self.setLayout(layout)
