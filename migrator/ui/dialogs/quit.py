"""What to do with a run when its window is closed."""

from __future__ import annotations

from PyQt5.QtCore import QTimer
from PyQt5.QtGui import QCloseEvent
from PyQt5.QtWidgets import QDialog, QProgressBar, QWidget

from migrator.records.words import counted
from migrator.ui.desk import Desk
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, column, label, row

KEEP, CANCEL, STAY = "keep", "cancel", "stay"
LASTING = frozenset({"migrate", "verify", "commit", "integrity"})
"""Commands that are worth going on without a window."""
_LIMIT = 30_000  # milliseconds in which a cancelled run is waited for


class QuitDialog(QDialog):
    """`answer` is KEEP, CANCEL or STAY; with CANCEL, everything has ended by the time the dialog is closed,
    or is about to, and was told to.
    """

    def __init__(self, desk: Desk, parent: QWidget | None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.answer = STAY
        self._is_waiting = False
        self.setWindowTitle("A run is on")
        self.setMinimumWidth(480)
        self._running = [one for one in desk.commands if one.is_on and one.name in LASTING]
        self._heading = label(self._title(), "heading", wraps=True)
        self._words = label(
            "The run is a process of its own: it can go on without this window. The next window finds it, "
            "and what it has recorded is safe in any case.",
            "muted",
            wraps=True,
        )
        self._bar = QProgressBar()
        self._bar.setRange(0, 0)
        self._bar.setAccessibleName("Waiting for the run to end")
        self._bar.hide()
        self.keep = button("Keep running in the background and close", "tray-arrow-down", kind="primary")
        self.cancel = button("Cancel the run and quit", "stop-circle-outline", kind="danger")
        self.stay = button("Stay")
        self.anyway = button("Quit without waiting", kind="danger")
        self.anyway.hide()
        self._arrange()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._too_long)
        self.keep.setFocus()

    def _arrange(self) -> None:
        self.keep.clicked.connect(lambda: self._close_with(KEEP))
        self.stay.clicked.connect(lambda: self._close_with(STAY))
        self.cancel.clicked.connect(lambda: self._cancel())
        self.anyway.clicked.connect(lambda: self._close_with(CANCEL))
        self.keep.setDefault(True)
        layout = column(self._heading, self._words, self._bar, tokens.SMALL, self.keep)
        layout.addLayout(row(self.cancel, self.anyway, None, self.stay))
        layout.setContentsMargins(tokens.WIDE, tokens.WIDE, tokens.WIDE, tokens.LARGE)
        layout.setSpacing(tokens.MEDIUM)
        self.setLayout(layout)

    def _title(self) -> str:
        names = [one.name for one in self._running]
        if names == ["migrate"]:
            return "A migration is on. What is to become of it?"
        if len(names) == 1:
            return "A check is on. What is to become of it?"
        return f"{counted(len(names), 'command')} are on. What is to become of them?"

    def _cancel(self) -> None:
        self._is_waiting = True
        self._heading.setText("Cancelling: waiting for the files that are under way")
        self._words.setText("Each is either stored whole, or recorded as not sent. This takes some seconds.")
        self._bar.show()
        for one in (self.keep, self.cancel):
            one.hide()
        self.stay.setEnabled(False)
        self._timer.start(_LIMIT)
        for running in self._running:
            running.ended.connect(lambda code: self._look())
            running.cancel()
        self._look()

    def _look(self) -> None:
        if self._is_waiting and not any(one.is_on for one in self._running):
            self._close_with(CANCEL)

    def _too_long(self) -> None:
        self._words.setText(
            "The run was told to stop and has not ended yet. It ends by itself; what it has recorded is safe."
        )
        self.anyway.show()
        self.stay.setEnabled(True)

    def _close_with(self, answer: str) -> None:
        self._timer.stop()
        self._is_waiting = False
        self.answer = answer
        self.accept()

    def reject(self) -> None:
        if not self._is_waiting:
            super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._is_waiting:
            event.ignore()
        else:
            super().closeEvent(event)
