"""The page Verify."""

from __future__ import annotations

from migrator.ui.desk import Desk
from migrator.ui.pages.page import Page
from migrator.ui.widgets.basics import label


class VerifyPage(Page):
    """The page Verify."""

    name = "verify"
    title = "Verify"
    icon = "check-decagram-outline"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.body.addWidget(label(self.title, "heading"))
        self.body.addStretch(1)
