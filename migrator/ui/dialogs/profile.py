"""Asks under which name to save a profile."""

from __future__ import annotations

from collections.abc import Callable, Collection

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QDialog, QLineEdit, QWidget

from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, column, label, row, set_look, set_role

_HINT = "Up to 64 letters, digits, - and _"


class NameDialog(QDialog):
    """Asks for a profile's name, and tells before one is replaced."""

    named = pyqtSignal(str)

    def __init__(
        self, suggestion: str, taken: Collection[str], fault: Callable[[str], str], parent: QWidget | None
    ) -> None:
        """`fault` says what is wrong with a name, or nothing."""
        super().__init__(parent)
        self.setWindowTitle("Save as a profile")
        self.setMinimumWidth(2 * tokens.NAVIGATION)
        self._taken = frozenset(taken)
        self._fault = fault
        self.line = QLineEdit(suggestion)
        self.line.setAccessibleName("Name of the profile")
        self.words = label(_HINT, "caption", wraps=True)
        self.save = button("Save", kind="primary")
        self.save.setDefault(True)
        cancel = button("Cancel")
        title = label("Name of the profile")
        title.setBuddy(self.line)
        layout = column(
            title,
            self.line,
            self.words,
            label("It keeps this destination and the settings. No passphrase is ever in it.", "muted"),
        )
        layout.setContentsMargins(tokens.LARGE, tokens.LARGE, tokens.LARGE, tokens.LARGE)
        layout.addLayout(row(None, cancel, self.save))
        self.setLayout(layout)
        self.line.textChanged.connect(lambda: self._judge())
        self.save.clicked.connect(lambda: self._name())
        cancel.clicked.connect(self.reject)
        self._judge()
        self.line.selectAll()

    def _judge(self) -> None:
        name = self.line.text().strip()
        fault = self._fault(name) if name else ""
        is_taken = name in self._taken
        replacing = f"There is a profile {name} already; it will be replaced"
        set_role(self.words, "error" if fault else "warning" if is_taken else "caption")
        self.words.setText(fault or (replacing if is_taken else _HINT))
        set_look(self.line, "invalid", "true" if fault else "false")
        self.line.setAccessibleDescription(self.words.text())
        self.save.setText("Replace" if is_taken else "Save")
        self.save.setEnabled(bool(name) and not fault)

    def _name(self) -> None:
        self.accept()
        self.named.emit(self.line.text().strip())
