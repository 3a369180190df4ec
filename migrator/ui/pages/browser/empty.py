"""What stands in place of the tree where there is none: what to do, with a button for it."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QWidget

from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import button, column, label, row

_SIGN = 48
_WIDTH = 440


class Empty(QWidget):
    """A sign, a title, a sentence and a button."""

    def __init__(self, icon_name: str, title: str, action: str, act: Callable[[], None]) -> None:
        super().__init__()
        sign = label()
        sign.setPixmap(icon(icon_name).pixmap(_SIGN, _SIGN))
        sign.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        heading = label(title, "heading")
        heading.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.words = label("", "muted", wraps=True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.words.setFixedWidth(_WIDTH)
        self.button = button(action, kind="primary")
        self.button.clicked.connect(lambda: act())
        whole = column(None, sign, heading, spacing=tokens.MEDIUM)
        whole.addLayout(row(None, self.words, None))
        whole.addLayout(row(None, self.button, None))
        whole.addStretch(1)
        self.setLayout(whole)
