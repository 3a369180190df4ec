"""What a run would say to a group of settings as a whole, found out while they are written."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from migrator.core.errors import MigratorError
from migrator.ui.desk import Desk
from migrator.ui.widgets.fields_words import in_titles, named_settings, sentence

_AFTER = 300  # milliseconds after the last change


class GroupCheck(QObject):
    """Checks in a thread, for it may read files. Only what the newest check finds counts.

    `make` gives, in the event loop, what is to be done in the thread, which raises MigratorError with what is
    wrong; None where there is nothing to check.
    """

    told = pyqtSignal()
    """`words` and `setting` are of the newest check."""

    def __init__(self, desk: Desk, make: Callable[[], Callable[[], object] | None], usual: str) -> None:
        super().__init__()
        self._desk = desk
        self._make = make
        self._usual = usual
        self._newest: object = None
        self.words = ""
        """What is wrong; empty where nothing is known to be."""
        self.setting = ""
        """What mends it."""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_AFTER)
        self._timer.timeout.connect(self._check)

    def soon(self) -> None:
        """Something has changed."""
        self._timer.start()

    def _check(self) -> None:
        work, token = self._make(), object()
        self._newest = token
        if work is None:
            self._take(token, None)
        else:
            self._desk.later(work, lambda came: self._take(token, came))

    def _take(self, token: object, came: object) -> None:
        if token is not self._newest:
            return
        told = str(came) if isinstance(came, MigratorError) else ""
        named = named_settings(told)
        self.words = sentence(in_titles(told))
        self.setting = (named[-1] if named else self._usual) if told else ""
        self.told.emit()
