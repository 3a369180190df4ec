"""The buttons of the Upload page; they wrap where the window is narrow."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtGui import QIcon, QResizeEvent
from PyQt5.QtWidgets import QPushButton, QWidget

from migrator.ui.pages.upload.standing import Standing
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import button
from migrator.ui.widgets.flow import FlowLayout


class ActionBar(QWidget):
    """Each signal is one button's."""

    start = pyqtSignal()
    stream = pyqtSignal()
    dry_run = pyqtSignal()
    speed_test = pyqtSignal()
    pause = pyqtSignal()
    cancel = pyqtSignal()
    retry = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.start_button = _made("Start Copy", "play", self.start.emit, "primary")
        self.stream_button = _made("Stream Migrate", "fast-forward", self.stream.emit)
        self.dry_run_button = _made("Dry Run", "clipboard-check-outline", self.dry_run.emit)
        self.speed_test_button = _made("Speed Test", "speedometer", self.speed_test.emit)
        self.pause_button = _made("Pause", "pause", self.pause.emit)
        self.cancel_button = _made("Cancel", "stop", self.cancel.emit, "danger")
        self.retry_button = _made("Retry Failed", "refresh", self.retry.emit)
        buttons = (
            *(self.start_button, self.stream_button, self.pause_button, self.cancel_button),
            *(self.retry_button, self.dry_run_button, self.speed_test_button),
        )
        self._signs = {each: each.icon() for each in buttons}
        self.setLayout(FlowLayout(*buttons))
        self._standing: Standing | None = None
        self.show_standing(Standing())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._dress()

    def _dress(self) -> None:
        """Where they would not stand in one line with their icons, they do without."""
        for each, sign in self._signs.items():
            each.setIcon(sign)
        gaps = (len(self._signs) - 1) * tokens.SMALL
        if sum(each.sizeHint().width() for each in self._signs) + gaps > self.width():
            for each in self._signs:
                each.setIcon(QIcon())

    def show_standing(self, standing: Standing) -> None:
        """Enable what can be done; the tooltips say why the rest cannot."""
        if standing == self._standing:
            return
        self._standing = standing
        resumes = standing.resumes
        self.start_button.setText("Resume" if resumes else "Start Copy")
        start = (
            "Go on where the earlier runs ended: what is there already is not sent again"
            if resumes
            else "Scan the source, then send everything that is selected"
        )
        _allow(self.start_button, standing.against_start, start)
        _allow(
            self.stream_button,
            standing.against_start,
            "Send while still scanning, without planning everything first: begins at once, knows no total",
        )
        _allow(
            self.dry_run_button, standing.against_check, "Go through everything without sending an instance"
        )
        _allow(
            self.speed_test_button,
            standing.against_start,
            "Send a few instances to see how many workers are the quickest",
        )
        retry = "Try again what failed, was damaged or held, or was never answered, in earlier runs"
        _allow(self.retry_button, standing.against_retry, retry)
        paused = standing.is_paused
        self.pause_button.setText("Continue" if paused else "Pause")
        self._signs[self.pause_button] = icon("play" if paused else "pause", tokens.TEXT)
        hold = "Send on" if paused else "Finish the objects that are under way, then wait"
        _allow(self.pause_button, standing.against_steering, hold)
        stop = "End the run in order; Resume goes on from there"
        _allow(self.cancel_button, standing.against_steering, stop)
        self._dress()


def _made(text: str, sign: str, act: Callable[[], None], kind: str = "") -> QPushButton:
    made = button(text, sign, kind=kind)
    made.clicked.connect(lambda checked: act())
    return made


def _allow(which: QPushButton, against: str, tip: str) -> None:
    which.setEnabled(not against)
    which.setToolTip(f"{tip}\n{against}" if against else tip)
