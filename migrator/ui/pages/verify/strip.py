"""The check that is on: what it does, how far it is, for how long it has been at it, and Stop."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from PyQt5.QtCore import QTimer, pyqtSignal
from PyQt5.QtWidgets import QFrame, QProgressBar

from migrator.core.errors import UsageError
from migrator.jobs.launch import Look
from migrator.records.words import span
from migrator.ui.desk import Desk
from migrator.ui.running import Running
from migrator.ui.theme import tokens
from migrator.ui.trouble import trouble_of
from migrator.ui.widgets.basics import button, column, label, row

_STOPPED = 130
RESULT = "result.json"
"""Where a launched command's stdout goes, in its folder."""
_PHASES = {
    "scanning": "Reading the source",
    "sending": "Sending again",
    "verifying": "Verifying",
    "retrying": "Trying again what failed",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a check ended. `code` is that of the command, `trouble` what hindered it, in words."""

    running: Running
    title: str
    code: int
    trouble: str = ""

    @property
    def is_done(self) -> bool:
        """Whether there is a result, good or bad."""
        return not self.trouble and not self.is_stopped

    @property
    def is_stopped(self) -> bool:
        return self.code == _STOPPED


class CheckStrip(QFrame):
    """Runs one command at a time, and shows it."""

    turned = pyqtSignal(bool)
    """Whether a check is on now."""
    ended = pyqtSignal(object)
    """An Outcome."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._running: Running | None = None
        self._title = ""
        self._began = 0.0
        self._is_stopping = False
        self.setProperty("role", "card")
        self._words = label("", "title")
        self._numbers = label("", "muted")
        self._elapsed = label("", "muted")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("Progress of the check")
        self.stop = button("Stop", "stop", kind="danger", tip="Stop this")
        self.stop.clicked.connect(self._stop)
        layout = column(spacing=tokens.SMALL)
        layout.setContentsMargins(tokens.LARGE, tokens.MEDIUM, tokens.LARGE, tokens.MEDIUM)
        layout.addLayout(row(self._words, self._numbers, None, self._elapsed, self.stop))
        layout.addWidget(self._bar)
        self.setLayout(layout)
        self._ticks = QTimer(self)
        self._ticks.setInterval(1000)
        self._ticks.timeout.connect(self._tick)
        self.hide()

    @property
    def is_on(self) -> bool:
        return self._running is not None

    def start(self, title: str, words: Sequence[str], *, is_configured: bool = True) -> str:
        """Start a command, with what is configured if it takes that; what hinders it, in words."""
        if self.is_on:
            return f"{self._title} is still on"
        try:
            running = (
                self._desk.run_configured(words, is_for_selection=False)
                if is_configured
                else self._desk.run(words)
            )
        except UsageError as error:
            return str(error)
        self._watch(running, title, time.time())
        return ""

    def follow(self, running: Running, title: str) -> None:
        """Show a command that an earlier window has started, while nothing else is on."""
        self._watch(running, title, running.launched.begun)

    def _watch(self, running: Running, title: str, began: float) -> None:
        self._running, self._title, self._began = running, title, began
        self._is_stopping = False
        self._words.setText(title)
        self._numbers.setText("starting")
        self._bar.setRange(0, 0)
        self.stop.setEnabled(True)
        running.looked.connect(self._look)
        running.ended.connect(self._over)
        self._tick()
        self._ticks.start()
        self.show()
        self.turned.emit(True)

    def _look(self, look: Look) -> None:
        progress = look.progress
        if progress is not None:
            self._advance(progress.done, progress.total, progress.words)
        elif look.snapshots:
            run = look.snapshots[0]["run"]
            phase = str(look.snapshots[0].get("phase", ""))
            found, pending = int(run["found"]), int(run["pending"])
            words = _PHASES.get(phase, phase.capitalize())
            is_reading = phase == "scanning"
            self._advance(found if is_reading else found - pending, 0 if is_reading else found, words)

    def _advance(self, done: int, total: int, words: str) -> None:
        self._bar.setRange(0, 1000 if total else 0)
        if total:
            self._bar.setValue(min(1000, 1000 * done // total))
        count = f": {done:,} of {total:,}" if total else f": {done:,}" if done else ""
        if not self._is_stopping:
            self._numbers.setText(words + count)

    def _tick(self) -> None:
        self._elapsed.setText(span(max(0.0, time.time() - self._began)))

    def _stop(self) -> None:
        if self._running is not None:
            self._is_stopping = True
            self.stop.setEnabled(False)
            self._numbers.setText("stopping")
            self._running.do("cancel", self._refused)

    def _refused(self, answer: object) -> None:
        """It may have been too early to be stopped."""
        if isinstance(answer, Exception) and self.is_on:
            self._is_stopping = False
            self.stop.setEnabled(True)

    def _over(self, code: int) -> None:
        running, self._running = self._running, None
        self._ticks.stop()
        self.hide()
        if self.stop.hasFocus():
            self.focusNextChild()
        assert running is not None
        is_well = code == _STOPPED or (code in (0, 1) and _has_result(running))
        trouble = "" if is_well else trouble_of(running.launched.messages())
        self.turned.emit(False)
        self.ended.emit(Outcome(running, self._title, code, trouble))


def _has_result(running: Running) -> bool:
    """Whether it printed something: what broke off may have ended with the code of a bad result."""
    try:
        return (running.launched.folder / RESULT).stat().st_size > 0
    except OSError:
        return False
