"""Reading rows in slices between the event loop's other work."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from migrator.jobs.tail import Tail

_SLICE = 0.008  # seconds
_AGAIN = 200  # milliseconds between two looks at a file that was read to its end


class Feed(QObject):
    """Follows one file of rows. Its `tail` is read in the event loop only."""

    grew = pyqtSignal(object)
    """A Growth, whenever something changed."""

    def __init__(self, file: Path, parent: QObject | None = None, *, is_once: bool = False) -> None:
        super().__init__(parent)
        self.tail = Tail(file, is_once=is_once)
        self.is_all = False
        """Whether everything that is in the file was read."""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._read)

    def start(self) -> None:
        self._timer.start(0)

    def rest(self) -> None:
        """Look for no more rows; those that were read may still be asked for."""
        self._timer.stop()

    def stop(self) -> None:
        self._timer.stop()
        self.tail.close()

    def _read(self) -> None:
        growth = self.tail.read(_SLICE)
        self.is_all = growth.is_all
        if growth.is_anew or growth.added or growth.changed or growth.has_turned:
            self.grew.emit(growth)
        self._timer.start(_AGAIN if growth.is_all else 1)
