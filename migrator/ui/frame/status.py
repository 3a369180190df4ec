"""The bar below the pages: what was just said, which job is on view, where it is served, how far it is."""

from __future__ import annotations

from PyQt5.QtCore import Qt, QTimer, pyqtSignal
from PyQt5.QtWidgets import QStatusBar

from migrator.ui.desk import Desk
from migrator.ui.frame.words import brief, job_in_words
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, label, set_role
from migrator.ui.widgets.elided import ElidedLabel

_SHOWN = 20_000  # milliseconds that what was said stays
_ROLES = {"error": "error", "warning": "warning", "success": "good"}


class StatusBar(QStatusBar):
    """Made once, with the window."""

    monitor_wanted = pyqtSignal()
    """To see where the run on view is served."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.setSizeGripEnabled(False)
        self.message = ElidedLabel("muted", Qt.TextElideMode.ElideRight)
        self.message.setAccessibleName("Last message")
        self.job = ElidedLabel("caption", Qt.TextElideMode.ElideMiddle)
        self.job.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.job.setAccessibleName("Job on view")
        self.run = label("")
        self.monitor = button(
            "Phone monitor", "cellphone", kind="quiet", tip="Watch this run from a phone: address and code"
        )
        self.monitor.clicked.connect(lambda: self.monitor_wanted.emit())
        self.setContentsMargins(tokens.SMALL, 0, tokens.SMALL, 0)
        self.addWidget(self.message, 3)
        self.addWidget(self.job, 2)
        self.addPermanentWidget(self.monitor)
        self.addPermanentWidget(self.run)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._forget)
        desk.noticed.connect(self.notice)
        self.show_job()

    def notice(self, level: str, text: str) -> None:
        set_role(self.message, _ROLES.get(level, "muted"))
        self.message.say(text)
        self._timer.start(_SHOWN)

    def _forget(self) -> None:
        self.message.say("")

    def show_job(self) -> None:
        """Tell which job is on view, and how far its run is."""
        migration = self._desk.migration
        self.job.say(job_in_words(migration))
        self.run.setText("" if migration is None else brief(migration.sight))
        self.monitor.setVisible(migration is not None and migration.sight.monitor is not None)
