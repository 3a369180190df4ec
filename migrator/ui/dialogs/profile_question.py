"""A question with answers that say what they do, and Cancel, which Enter and Escape choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QDialog, QPushButton, QWidget

from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, column, label, row


class Question(QDialog):
    """Asks without holding up the caller; an answer closes it and does what it stands for."""

    def __init__(self, title: str, text: str, answers: Mapping[str, Callable[[], None]], parent: QWidget):
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setMinimumWidth(2 * tokens.NAVIGATION)
        self.setAccessibleDescription(text)
        self.text = text
        self.buttons = {words: self._answer(words, act) for words, act in answers.items()}
        cancel = button("Cancel")
        cancel.setDefault(True)
        cancel.clicked.connect(self.reject)
        self.buttons["Cancel"] = cancel
        layout = column(label(title, "title"), label(text, wraps=True), tokens.SMALL)
        layout.setContentsMargins(tokens.LARGE, tokens.LARGE, tokens.LARGE, tokens.LARGE)
        layout.addLayout(row(None, *self.buttons.values()))
        self.setLayout(layout)
        cancel.setFocus()

    def _answer(self, words: str, act: Callable[[], None]) -> QPushButton:
        made = button(words)

        def done() -> None:
            self.accept()
            act()

        made.clicked.connect(lambda: done())
        return made
