"""Work that is cut into slices, done between the event loop's other work."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

from PyQt5.QtCore import QObject, QTimer

_SLICE = 0.008  # seconds

_Work = Generator[None, None, Any]


class Slices(QObject):
    """Does one work after another; `then` gets what it returned. Used from the event loop only."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._works: dict[str, tuple[_Work, Callable[[Any], None]]] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._step)

    def do(self, name: str, work: _Work, then: Callable[[Any], None]) -> None:
        """Begin it; one of the same name that is not finished is dropped. What is short is done at once."""
        self._works.pop(name, None)
        self._works[name] = work, then
        if len(self._works) == 1:
            self._step()

    def drop(self, name: str) -> None:
        self._works.pop(name, None)

    def is_on(self, name: str) -> bool:
        return name in self._works

    def finish(self, name: str) -> None:
        """Do the rest of it now, in one go, where it is not done yet."""
        if name in self._works:
            work, then = self._works.pop(name)
            then(_result(work))

    def _step(self) -> None:
        end = time.perf_counter() + _SLICE
        while self._works:
            name = next(iter(self._works))
            work, then = self._works[name]
            try:
                while time.perf_counter() < end:
                    next(work)
                self._timer.start(1)
                return
            except StopIteration as over:
                if self._works.get(name, (None,))[0] is work:
                    del self._works[name]
                then(over.value)


def _result(work: _Work) -> Any:
    while True:
        try:
            next(work)
        except StopIteration as over:
            return over.value
