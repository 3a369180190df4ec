"""A secret of the notifications: written once, kept by the system's keyring, and never shown again."""

from __future__ import annotations

import os

from PyQt5.QtCore import QEvent, pyqtSignal
from PyQt5.QtWidgets import QLineEdit, QWidget

from migrator.core.errors import MigratorError
from migrator.jobs.secrets import Keeping, Secret, keeping_of
from migrator.ui.desk import Desk
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, column, label, row, set_role
from migrator.ui.widgets.fields_words import sentence


class SecretLine(QWidget):
    """Puts one secret into the system's keyring; it goes nowhere else. Asked when it is first shown."""

    changed = pyqtSignal()
    """Another text stands in it, or it is known anew whether one is kept."""

    def __init__(self, desk: Desk, secret: Secret, hint: str) -> None:
        super().__init__()
        self._desk = desk
        self._secret = secret
        self._file = ""
        self._keeping: Keeping | None = None
        self._is_asked = False
        title = sentence(secret.words)
        self.line = QLineEdit()
        self.line.setEchoMode(QLineEdit.EchoMode.Password)
        self.line.setAccessibleName(title)
        self.line.setPlaceholderText(hint)
        self.line.setMaximumWidth(3 * tokens.NAVIGATION)
        self.keep = button("Keep in the keyring", "key-variant", tip="The system's keyring, and nothing else")
        self.keep.setAccessibleName(f"Keep the {secret.words} in the keyring")
        self.forget = button("Forget", kind="quiet")
        self.forget.setAccessibleName(f"Forget the {secret.words}")
        self.note = label("", "caption", wraps=True)
        name = label(title)
        name.setBuddy(self.line)
        layout = column(name, spacing=tokens.TIGHT)
        beside = row(self.line, self.keep, self.forget)
        beside.setStretch(0, 1)
        beside.addStretch(0)
        layout.addLayout(beside)
        layout.addWidget(self.note)
        self.setLayout(layout)
        self.line.textChanged.connect(lambda: self._edited())
        self.line.returnPressed.connect(self._keep)
        self.keep.clicked.connect(lambda: self._keep())
        self.forget.clicked.connect(lambda: self._forget())
        self._show()

    @property
    def words(self) -> str:
        """What it is."""
        return self._secret.words

    @property
    def is_missing(self) -> bool:
        """Whether a run would find none; not as long as that is not known."""
        known, is_elsewhere = self._keeping, self._file or os.environ.get(self._secret.variable)
        return known is not None and not known.is_kept and not is_elsewhere

    @property
    def typed(self) -> str | None:
        """What stands in it and is not kept yet; None where nothing does."""
        return self.line.text() or None

    def use_file(self, file: str) -> None:
        """Say that this file is used in its place; nothing for none."""
        if file != self._file:
            self._file = file
            self._show()

    def ask(self) -> None:
        """Ask the keyring whether it is kept, in a thread: it may have to be unlocked first."""
        self._desk.later(lambda: keeping_of(self._secret), self._take)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.EnabledChange:
            self._show()

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        if not self._is_asked:
            self._is_asked = True
            self.ask()

    def _take(self, came: object) -> None:
        self._keeping = came if isinstance(came, Keeping) else Keeping(has_keyring=False)
        self._show()
        self.changed.emit()

    def _edited(self) -> None:
        self._show()
        self.changed.emit()

    def _keep(self) -> None:
        text = self.line.text()
        if text and self.keep.isEnabled():
            self.keep.setEnabled(False)
            self._desk.later(lambda: self._secret.keep(text), self._kept)

    def _forget(self) -> None:
        self._desk.later(self._secret.forget, self._kept)

    def _kept(self, came: object) -> None:
        self._show()
        if isinstance(came, Exception):
            why = str(came) if isinstance(came, MigratorError) else "the keyring did not take it"
            self._say(f"{sentence(why)}. A file, readable by you only, works instead", "error")
            return
        self.line.clear()
        self.ask()

    def _show(self) -> None:
        known = self._keeping
        can_keep = known is not None and known.has_keyring
        self.line.setEnabled(can_keep)
        self.keep.setEnabled(can_keep and bool(self.line.text()))
        self.forget.setVisible(known is not None and known.is_kept)
        if not self.isEnabled():
            self._say("")
        elif self._file:
            self._say("The file that is named above is used")
        elif os.environ.get(self._secret.variable):
            self._say(f"{self._secret.variable} of the environment is used", "good")
        elif known is None:
            self._say("")
        elif not known.has_keyring:
            words = "This system has no keyring: name a file with it above, readable by you only"
            self._say(words, "warning")
        elif self.line.text():
            self._say("Not kept yet: a run will not know it", "warning")
        elif known.is_kept:
            self._say(
                f"The {self._secret.words} is kept in the system's keyring; it is not shown again", "good"
            )
        else:
            self._say("None is kept yet; without one, a run does not begin", "warning")

    def _say(self, words: str, role: str = "caption") -> None:
        set_role(self.note, role)
        self.note.setText(words)
