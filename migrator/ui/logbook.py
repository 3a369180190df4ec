"""The lines that the Log page shows: bounded, from the engine and from the window itself."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from PyQt5.QtCore import QObject, pyqtSignal

from migrator.jobs.watched import Line

MOST = 20_000
MOST_EACH = 1_000

_MORE = {
    level: f"More than {MOST_EACH:,} instances {what}; the Upload page lists all of them"
    for level, what in {
        "error": "failed",
        "warning": "were held or warned of",
        "skip": "were skipped one by one",
        "success": "were healed",
        "info": "were told of",
    }.items()
}

# Where there are several destinations each line begins with one; an AE title may have spaces.
_WHERE = r"(?:(\S+|[^@]{1,64}@\S+): )?"
# What the engine tells of one instance: `destination: failed 1.2.3 (status A700): …`; see cli/migrate_words.
_SETTLED = re.compile(_WHERE + r"(?:sent|warned|skipped|held|failed|quarantined|unknown) ([0-9.]+|a file)\b")

# The engine's levels say how grave a thing is for it; people ask whether something arrived. So its `info` and
# `warning` are read once more, the first that fits counts. Errors stay errors.
_SUMMARY = r"(?:This run|The job over all its runs): "
_LEVELS = tuple(
    (re.compile(_WHERE + f"(?:{pattern})"), level)
    for pattern, level in (
        (r"(?:failed|quarantined|unknown) (?:[0-9.]+|a file)\b", "error"),
        (r"(?:held|warned) [0-9.]+\b", "warning"),
        (r"skipped [0-9.]+\b", "skip"),
        (r"sent [0-9.]+\b", "success"),  # told only where it was healed
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

    Lines are numbered; `first` is the number of the oldest that is kept. What became of an instance is told
    once in a run for each destination, and of each level no more than a thousand times: a last line says
    where the others are.
    """

    added = pyqtSignal(object)
    """The Lines that are new; none where the book was cleared."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[Line] = deque()
        self.first = 0
        self.counts: Counter[str] = Counter()
        self._told: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)

    def add(self, lines: Iterable[Line]) -> None:
        levelled = (replace(line, level=level_of(line)) for line in lines)
        self._keep(list(self._without_repeats(levelled)))

    def say(self, text: str, level: str = "info") -> None:
        """Add a line of the window's own, at this very level."""
        self._keep([Line(time.time(), level, text)])

    def clear(self) -> None:
        self.first += len(self.lines)
        self.lines.clear()
        self.counts.clear()
        self.added.emit([])

    def begin_run(self) -> None:
        """What is told of an instance from now on counts, also if it was told in the run before."""
        self._told.clear()

    @property
    def tells_failures(self) -> bool:
        """Whether there is room for more lines of instances that fail."""
        return len(self._told["error"]) <= MOST_EACH

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
            match = _SETTLED.match(line.text)
            if match is None:
                yield line
                continue
            told = self._told[line.level]
            which = (match[1] or "", match[2])
            if which in told or len(told) > MOST_EACH:
                continue
            told.add(which if match[2] != "a file" else ("", str(len(told))))  # each is another one
            is_last = len(told) > MOST_EACH
            yield replace(line, text=_MORE.get(line.level, _MORE["info"])) if is_last else line
