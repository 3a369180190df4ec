"""The lines that the Log page shows: bounded, from the engine and from the window itself."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable

from PyQt5.QtCore import QObject, pyqtSignal

from migrator.jobs.watched import Line

MOST = 20_000


class LogBook(QObject):
    """`level` of a line is one of theme.tokens.LEVEL: error, warning, success, skip, info, debug."""

    added = pyqtSignal(object)
    """The Lines that are new."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[Line] = deque(maxlen=MOST)

    def add(self, lines: Iterable[Line]) -> None:
        new = list(lines)
        if new:
            self.lines.extend(new)
            self.added.emit(new)

    def say(self, text: str, level: str = "info") -> None:
        self.add([Line(time.time(), level, text)])

    def clear(self) -> None:
        self.lines.clear()
        self.added.emit([])
