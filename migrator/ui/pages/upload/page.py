"""The page Upload."""

from __future__ import annotations

from migrator.ui.desk import Desk
from migrator.ui.pages.page import Page
from migrator.ui.widgets.basics import label


class UploadPage(Page):
    """The page Upload."""

    name = "upload"
    title = "Upload"
    icon = "cloud-upload-outline"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.body.addWidget(label(self.title, "heading"))
        self.body.addStretch(1)
