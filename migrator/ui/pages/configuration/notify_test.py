"""A test of one way of telling: a button, and beside it what came of the last one."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QWidget

from migrator.core.errors import MigratorError
from migrator.ui.desk import Desk
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import button, label, row, set_role
from migrator.ui.widgets.fields_words import sentence


class TestRow(QWidget):
    """`wanted` when the button is pressed; `begin` then does the work in a thread, and shows its words.

    While it is at work the button stops it: what it answers later is not shown any more.
    """

    wanted = pyqtSignal()
    __test__ = False  # for pytest: it is no test

    def __init__(self, desk: Desk, title: str, icon_name: str) -> None:
        super().__init__()
        self._desk = desk
        self._title = title
        self._icon = icon_name
        self._token: object = None
        self.button = button(title, icon_name)
        self.button.clicked.connect(lambda: self._press())
        self.words = label("", "muted", wraps=True)
        self.words.setAccessibleName(f"{title}: what came of it")
        layout = row(self.button, self.words, spacing=tokens.MEDIUM)
        layout.setStretch(1, 1)
        self.setLayout(layout)

    @property
    def is_busy(self) -> bool:
        """Whether an answer is waited for."""
        return self._token is not None

    def begin(self, work: Callable[[], str]) -> None:
        """Do it; `work` gives the words of success, and raises MigratorError with those of failure."""
        token = self._token = object()
        self._desk.later(work, lambda came: self._take(token, came))
        self._look()
        self.say("Sending…")

    def forget(self) -> None:
        """Wait for no answer, and show none: it would be of something else."""
        self._token = None
        self._look()
        self.say("")

    def say(self, words: str, role: str = "muted") -> None:
        """Show something beside the button."""
        set_role(self.words, role)
        self.words.setText(words)

    def _press(self) -> None:
        if self.is_busy:
            self.forget()
            self.say("Stopped waiting; it may still arrive")
        else:
            self.wanted.emit()

    def _take(self, token: object, came: object) -> None:
        if token is not self._token:
            return
        self._token = None
        self._look()
        if isinstance(came, str):
            self.say(sentence(came), "good")
        elif isinstance(came, MigratorError):
            self.say(sentence(str(came)), "error")
        else:
            # Its own words may quote a secret.
            self.say(f"The test could not be made ({type(came).__name__})", "error")

    def _look(self) -> None:
        self.button.setText("Stop waiting" if self.is_busy else self._title)
        self.button.setIcon(icon("stop" if self.is_busy else self._icon, tokens.TEXT))
