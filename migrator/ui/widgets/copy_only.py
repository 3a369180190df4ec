"""The badge that stands on all pages: the source is only ever read."""

from __future__ import annotations

from PyQt5.QtWidgets import QFrame

from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import label, row


class CopyOnlyBadge(QFrame):
    """Says that nothing at the source is changed."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "badge")
        sign = label()
        sign.setPixmap(icon("shield-check", tokens.GREEN).pixmap(18, 18))
        words = label("COPY-ONLY", "good")
        self.setToolTip("The source is opened for reading only: nothing there is changed, moved or deleted")
        layout = row(sign, words, None)
        layout.setContentsMargins(tokens.MEDIUM, tokens.SMALL, tokens.MEDIUM, tokens.SMALL)
        self.setLayout(layout)
        self.setAccessibleName("Copy only: nothing at the source is changed")
