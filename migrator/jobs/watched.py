"""What this process is at, for faces that look on from another one: numbers, progress, lines of text.

The lines are those that people were told and those of the log from `info` on, without patient data; the last
two thousand are kept. A look is answered in one message of the steering socket.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from migrator.core.control import Control
from migrator.core.errors import UsageError
from migrator.engine.accounting import Snapshot

_KEPT = 2000  # lines
_LONGEST = 1000  # letters of a line
_MOST_TOLD = 24 * 1024  # letters of lines in one answer
_SAME_WITHIN = 8  # lines among which one that is both logged and told is looked for


@dataclass(frozen=True, slots=True)
class Line:
    """Something told. `at` is seconds since the epoch, `level` one of debug, info, warning and error."""

    at: float
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a check has come; `total` is 0 where nobody knows."""

    done: int
    total: int
    words: str


class Lines:
    """The last lines, numbered from 0. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: deque[Line] = deque(maxlen=_KEPT)  # guarded by _lock
        self._count = 0  # guarded by _lock

    def add(self, level: str, text: str) -> None:
        """Keep a line, unless it was just told in another way."""
        text = text[:_LONGEST]
        with self._lock:
            if any(
                self._lines[-back].text == text for back in range(1, min(_SAME_WITHIN, len(self._lines)) + 1)
            ):
                return
            self._lines.append(Line(time.time(), level, text))
            self._count += 1

    def last(self, most: int) -> tuple[list[Line], int]:
        """The last lines, and the number of the first of them."""
        with self._lock:
            lines = list(self._lines)[-most:]
            return lines, self._count - len(lines)

    def since(self, number: int) -> tuple[list[Line], int]:
        """The lines from this number on, as many as one answer takes, and the number of the next one."""
        with self._lock:
            first = self._count - len(self._lines)
            start = max(0, min(number, self._count) - first)
            told: list[Line] = []
            room = _MOST_TOLD
            for index in range(start, len(self._lines)):
                line = self._lines[index]
                room -= len(line.text) + 40
                if room < 0 and told:
                    break
                told.append(line)
            return told, first + start + len(told)


LINES = Lines()
"""Those of this process."""

MONITOR: list[Callable[[], dict[str, str]]] = []
"""Where this process serves its monitor (one entry), if it does: `address`, and `code` to pair with or ""."""


class KeepLines(logging.Handler):
    """Keeps what is logged among the lines of this process."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        LINES.add(record.levelname.lower(), record.getMessage())


def told_since(number: object) -> dict[str, Any]:
    """The lines of a look's answer. Raises UsageError for what is no number."""
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise UsageError("since: the number of a line")
    lines, following = LINES.since(number)
    told = [[line.at, line.level, line.text] for line in lines]
    return {"lines": told, "next": following, "monitor": MONITOR[-1]() if MONITOR else None}


class Stage:
    """One command's run as others see it. It may be paused and cancelled once it has a control."""

    def __init__(self) -> None:
        self.control: Control | None = None
        self.ask: Callable[[], Sequence[Snapshot]] | None = None
        self.progress: Progress | None = None

    def pause(self) -> None:
        self._steered().pause()

    def resume(self) -> None:
        self._steered().resume()

    def cancel(self) -> None:
        self._steered().cancel()

    def prioritise(self, study: str | None, patient: str | None) -> int:
        raise UsageError("a destination's run is told what to send first, not the command")

    def set(self, name: str, value: str) -> None:
        raise UsageError("a destination's run is told how to send, not the command")

    def snapshots(self) -> list[dict[str, Any]]:
        """Each destination's numbers; none of a command that has none."""
        ask = self.ask
        return [asdict(one) for one in ask()] if ask is not None else []

    def status(self) -> dict[str, Any]:
        return self.watch(0)

    def watch(self, since: object) -> dict[str, Any]:
        """Fits `steering.Steered`."""
        control, progress = self.control, self.progress
        return {
            "snapshots": self.snapshots(),
            "progress": asdict(progress) if progress is not None else None,
            "is_paused": control is not None and control.is_paused,
            **told_since(since),
        }

    def _steered(self) -> Control:
        if self.control is None:
            raise UsageError("it has only just begun, or cannot be stopped: try again")
        return self.control
