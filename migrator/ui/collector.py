"""Collecting Python's cyclic garbage in the event loop only.

By itself Python collects in whatever thread happens to allocate. Cycles hold Qt objects (a lambda in a slot
is enough), and one that is destroyed in another thread than its own may crash the window.
"""

from __future__ import annotations

import gc
import time

from PyQt5.QtCore import QObject, QTimer

_EVERY = 250  # milliseconds
_WHOLE_EVERY = 60.0  # seconds between two collections of everything, which take the longest


class Collector(QObject):
    """Takes over from Python until `stop`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        self._whole_at = time.monotonic()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.collect)
        self._timer.start(_EVERY)

    def collect(self) -> None:
        """Collect the generations that are due, by Python's own thresholds."""
        young, middle, old = gc.get_count()
        most_young, most_middle, most_old = gc.get_threshold()
        if old > most_old and time.monotonic() - self._whole_at > _WHOLE_EVERY:
            self._whole_at = time.monotonic()
            gc.collect()
        elif middle > most_middle:
            gc.collect(1)
        elif young > most_young:
            gc.collect(0)

    def stop(self) -> None:
        """Leave it to Python again."""
        self._timer.stop()
        gc.enable()
