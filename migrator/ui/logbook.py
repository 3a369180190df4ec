"""The lines that the Log page shows: bounded, from the engine and from the window itself."""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from PyQt5.QtCore import QObject, pyqtSignal

from migrator.jobs.watched import Line

MOST = 20_000
MOST_FAILURES = 1_000

_MORE = f"More than {MOST_FAILURES:,} instances failed; the Upload page lists all of them"

# What the engine tells of one instance: `destination: failed 1.2.3 (status A700): …`; see cli/migrate_words.
_SETTLED = re.compile(r"(?:\S+: )?(sent|warned|skipped|held|failed|quarantined|unknown) ([0-9.]+|a file)\b")

# The engine's levels say how grave a thing is for it; people ask whether something arrived. So its `info` and
# `warning` are read once more, the first that fits counts. Errors stay errors.
_SUMMARY = r"(?:This run|The job over all its runs): "
_LEVELS = tuple(
    (re.compile(pattern), level)
    for pattern, level in (
        (r"(?:\S+: )?(?:failed|quarantined|unknown) (?:[0-9.]+|a file)\b", "error"),
        (r"(?:\S+: )?(?:held|warned) [0-9.]+\b", "warning"),
        (r"(?:\S+: )?skipped [0-9.]+\b", "skip"),
        (r"(?:\S+: )?sent [0-9.]+\b", "success"),  # told only where it was healed
        (_SUMMARY + r".*\b[1-9][\d,]* (?:failed|quarantined|unknown)", "error"),
        (_SUMMARY + r".*\b[1-9][\d,]* (?:held|pending)", "warning"),
        (_SUMMARY, "success"),
        (r"NOT INTACT|Verified: NOTHING", "error"),
        (r"Verified: .*\b[1-9][\d,]* missing", "error"),
        (r"INTACT|Verified: |Healed: |Resume: ", "success"),
        (r"Stopped: |Interrupted", "warning"),
    )
)


def level_of(line: Line) -> str:
    """The level that the page shows a line at, one of theme.tokens.LEVEL."""
    level = {"critical": "error"}.get(line.level, line.level)
    if level in ("info", "warning"):
        return next((shown for pattern, shown in _LEVELS if pattern.match(line.text)), level)
    return level


class LogBook(QObject):
    """`level` of a line is one of theme.tokens.LEVEL: error, warning, success, skip, info, debug.

    Lines are numbered; `first` is the number of the oldest that is kept. Of the instances that fail each is
    told once in a run, and beyond a thousand a last line says where the others are.
    """

    added = pyqtSignal(object)
    """The Lines that are new; none where the book was cleared."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[Line] = deque()
        self.first = 0
        self.counts: Counter[str] = Counter()
        self._failed: set[str] = set()

    def add(self, lines: Iterable[Line]) -> None:
        new = [replace(line, level=level_of(line)) for line in lines]
        self._keep(list(self._without_repeats(new)))

    def say(self, text: str, level: str = "info") -> None:
        """Add a line of the window's own, at this very level."""
        self._keep([Line(time.time(), level, text)])

    def clear(self) -> None:
        self.first += len(self.lines)
        self.lines.clear()
        self.counts.clear()
        self.added.emit([])

    def begin_run(self) -> None:
        """What fails from now on is told again, also if it failed in the run before."""
        self._failed.clear()

    @property
    def tells_failures(self) -> bool:
        """Whether there is room for more lines of instances that fail."""
        return len(self._failed) <= MOST_FAILURES

    def _keep(self, new: list[Line]) -> None:
        if not new:
            return
        self.lines.extend(new)
        self.counts.update(line.level for line in new)
        while len(self.lines) > MOST:
            self.counts[self.lines.popleft().level] -= 1
            self.first += 1
        self.added.emit(new)

    def _without_repeats(self, lines: Iterable[Line]) -> Iterator[Line]:
        for line in lines:
            match = _SETTLED.match(line.text) if line.level == "error" else None
            if match is None:
                yield line
                continue
            what = match[2] if match[2] != "a file" else f"a file {len(self._failed)}"  # each is another one
            if what not in self._failed and self.tells_failures:
                self._failed.add(what)
                yield line if self.tells_failures else replace(line, text=_MORE)
