"""What every page is."""

from __future__ import annotations

from PyQt5.QtWidgets import QVBoxLayout, QWidget

from migrator.ui.desk import Desk
from migrator.ui.theme import tokens


class Page(QWidget):
    """One page of the window. `name` is how `Desk.go` calls it, `title` stands in the navigation."""

    name = ""
    title = ""
    icon = ""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.setObjectName(self.name)
        self.setAccessibleName(self.title)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(tokens.LARGE, tokens.LARGE, tokens.LARGE, tokens.LARGE)
        self.body.setSpacing(tokens.MEDIUM)

    def shown(self) -> None:
        """The page has come into view."""
