"""The sign in the system's tray: how far the run is, the window back, pause, quit, and how a run ended."""

from __future__ import annotations

from PyQt5.QtCore import QObject, pyqtSignal
from PyQt5.QtGui import QIcon
from PyQt5.QtWidgets import QAction, QMenu, QSystemTrayIcon, QWidget

from migrator.ui.desk import Desk
from migrator.ui.frame.words import TITLE, brief, job_in_words
from migrator.ui.running import Sight

_BALLOON = 10_000  # milliseconds


class Tray(QObject):
    """Does nothing where the system has no tray."""

    wanted = pyqtSignal()
    """The window is to be shown."""
    quit_wanted = pyqtSignal()

    def __init__(self, desk: Desk, sign: QIcon, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk
        self.icon: QSystemTrayIcon | None = None
        self.menu = QMenu(parent)
        show = QAction("Show the window", self.menu)
        show.triggered.connect(lambda: self.wanted.emit())
        self.pause = QAction("Pause", self.menu)
        self.pause.triggered.connect(lambda: self._pause())
        leave = QAction("Quit", self.menu)
        leave.triggered.connect(lambda: self.quit_wanted.emit())
        self.menu.addActions([show, self.pause])
        self.menu.addSeparator()
        self.menu.addAction(leave)
        if QSystemTrayIcon.isSystemTrayAvailable():
            self.icon = QSystemTrayIcon(sign, self)
            self.icon.setContextMenu(self.menu)
            self.icon.activated.connect(self._activated)
            self.icon.messageClicked.connect(lambda: self.wanted.emit())
            self.icon.show()
        self.show_sight(None)

    @property
    def is_there(self) -> bool:
        return self.icon is not None

    def show_sight(self, sight: Sight | None) -> None:
        """Tell how far the run is."""
        is_live = sight is not None and sight.is_live
        is_paused = sight is not None and sight.is_paused
        self.pause.setEnabled(is_live)
        self.pause.setText("Resume" if is_paused else "Pause")
        if self.icon is not None:
            words = brief(sight) if sight is not None else ""
            lines = [TITLE, words, job_in_words(self._desk.migration) if words else ""]
            self.icon.setToolTip("\n".join(filter(None, lines)))

    def tell(self, text: str, is_well: bool = True) -> None:
        """A balloon."""
        if self.icon is not None:
            kinds = QSystemTrayIcon.MessageIcon
            kind = kinds.Information if is_well else kinds.Warning
            self.icon.showMessage(TITLE, text, kind, _BALLOON)

    def remove(self) -> None:
        if self.icon is not None:
            self.icon.hide()

    def _pause(self) -> None:
        migration = self._desk.migration
        if migration is not None:
            migration.do("resume" if migration.sight.is_paused else "pause")

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        reasons = QSystemTrayIcon.ActivationReason
        if reason in (reasons.DoubleClick, reasons.Trigger):
            self.wanted.emit()
