"""The page Log."""

from __future__ import annotations

from migrator.ui.desk import Desk
from migrator.ui.pages.page import Page
from migrator.ui.widgets.basics import label


class LogPage(Page):
    """The page Log."""

    name = "log"
    title = "Log"
    icon = "text-box-outline"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.body.addWidget(label(self.title, "heading"))
        self.body.addStretch(1)
