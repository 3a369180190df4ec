"""What stands in the image's place when there is none."""

from __future__ import annotations

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget

from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import label, row, tool

_SIGN = 40  # pixels of the icon


class Message(QWidget):
    """An icon, a few words, and the file's path where it is of use."""

    def __init__(self) -> None:
        super().__init__()
        self._sign = label()
        self.title = label("", "title", wraps=True)
        self.words = label("", "muted", wraps=True)
        self.path = QLineEdit()
        self.path.setReadOnly(True)
        self.path.setAccessibleName("Path of the file")
        copy = tool("content-copy", "Copy the path", self._copy)
        self._place = QWidget()
        self._place.setLayout(row(self.path, copy))
        for one in (self._sign, self.title, self.words):
            one.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(tokens.LARGE, tokens.LARGE, tokens.LARGE, tokens.LARGE)
        layout.setSpacing(tokens.SMALL)
        layout.addStretch(1)
        for part in (self._sign, self.title, self.words, self._place):
            layout.addWidget(part)
        layout.addStretch(1)

    def tell(self, sign: str, title: str, words: str = "", path: str = "") -> None:
        """Show this; `sign` is an icon's name."""
        self._sign.setPixmap(icon(sign, tokens.MUTED).pixmap(_SIGN, _SIGN))
        self.title.setText(title)
        self.words.setText(words)
        self.words.setVisible(bool(words))
        self.path.setText(path)
        self.path.setCursorPosition(len(path))
        self._place.setVisible(bool(path))

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.path.text())
