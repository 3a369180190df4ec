"""The scan: every path under the source becomes an instance, a problem, or is known to be settled."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from migrator.core.control import Control
from migrator.core.model import Instance, Reason
from migrator.core.outcome import Problem, State
from migrator.core.paths import long_path
from migrator.core.settings import ScanSettings
from migrator.engine.ports import ReadHeader
from migrator.engine.readers import Readers
from migrator.engine.tree import Listing, problem_at, walk

_MOST_LOOKS = 6  # at a file that is still being written, `settle` seconds apart
_LATE_BLOCK = 256


class Settled(NamedTuple):
    """A path that an earlier run settled; it was not opened."""

    path: str
    state: State


Item = Instance | Problem | Settled
Known = Callable[[str, int, int], "State | None"]


def nothing_known(path: str, size: int, mtime_ns: int) -> State | None:
    """For scans without an earlier run."""
    return None


@dataclass(slots=True)
class _Late:
    """A file too young to be read: how it looked, and when (by `elapsed`) to look again."""

    path: str
    size: int
    mtime_ns: int
    due: float
    looks: int = 1


@dataclass(slots=True)
class Scanner:
    """Scans one source. `blocks` is called once.

    `known` tells the state of a path that is settled and unchanged (by path, size, mtime in ns); `now` is the
    wall clock, by which a file is young; `elapsed` the one that waits go by, since the other may be set anew.
    """

    root: str
    settings: ScanSettings
    read: ReadHeader
    control: Control
    known: Known = nothing_known
    now: Callable[[], float] = time.time
    elapsed: Callable[[], float] = time.monotonic
    _late: list[_Late] = field(default_factory=list, init=False)

    def blocks(self) -> Iterator[list[Item]]:
        """Folder by folder, at most 512 items at a time; young files at the end, when they have settled.

        An empty block says that the scan is about to wait. Raises SourceError when the root cannot be listed,
        Cancelled when the user asks to stop.
        """
        readers: Readers[Item] = Readers(self._examine, self.settings.readers)
        for block in readers.blocks(walk(self.root)):
            self.control.checkpoint()
            if block:
                yield block
        yield from self._late_blocks()

    def _examine(self, listing: Listing) -> list[Item]:
        """What became of one listing. Runs in several threads at once."""
        items: list[Item] = list(listing.problems)
        settle = self.settings.settle
        youngest = (self.now() - settle) * 1e9 if settle else float("inf")
        prefix, known = listing.prefix, self.known
        for entry in listing.entries:
            path = prefix + entry.name
            try:
                status = entry.stat()
            except OSError as error:
                items.append(_unreachable(path, error))
                continue
            size, mtime_ns = status.st_size, status.st_mtime_ns
            if not stat.S_ISREG(status.st_mode):
                items.append(problem_at(path, State.SKIPPED, Reason.NOT_A_FILE))
                continue
            state = known(path, size, mtime_ns)
            if state is not None:
                items.append(Settled(path, state))
            elif mtime_ns > youngest:
                self._wait_for(path, size, mtime_ns, settle)
            else:
                self._read(path, size, mtime_ns, items)
        return items

    def _read(self, path: str, size: int, mtime_ns: int, items: list[Item]) -> None:
        self.control.checkpoint()
        item = self.read(self.root, path, size, mtime_ns)
        if isinstance(item, Problem) and item.reason is Reason.CHANGING:
            self._late.append(_Late(path, size, mtime_ns, self.elapsed() + self.settings.settle))
        else:
            items.append(item)

    def _wait_for(self, path: str, size: int, mtime_ns: int, settle: float) -> None:
        # A time in the future is no reason to wait for it: then what counts is when it was seen.
        age = max(0.0, self.now() - mtime_ns / 1e9)
        self._late.append(_Late(path, size, mtime_ns, self.elapsed() + max(0.0, settle - age)))

    def _late_blocks(self) -> Iterator[list[Item]]:
        """Look at young files again, each `settle` seconds after its last change, until all are decided."""
        while self._late:
            now = self.elapsed()
            due = [late for late in self._late if late.due <= now]
            if not due:
                yield []
                self.control.wait(max(0.01, min(late.due for late in self._late) - now))
                continue
            self._late = [late for late in self._late if late.due > now]
            for start in range(0, len(due), _LATE_BLOCK):
                block: list[Item] = []
                for late in due[start : start + _LATE_BLOCK]:
                    self._look_again(late, block)
                if block:
                    yield block

    def _look_again(self, late: _Late, items: list[Item]) -> None:
        try:
            status = Path(long_path(self.root), late.path).stat()
        except OSError as error:
            items.append(_unreachable(late.path, error))
            return
        item: Instance | Problem | None = None
        if (status.st_size, status.st_mtime_ns) == (late.size, late.mtime_ns):
            self.control.checkpoint()
            item = self.read(self.root, late.path, late.size, late.mtime_ns)
        if item is not None and not (isinstance(item, Problem) and item.reason is Reason.CHANGING):
            items.append(item)
        elif late.looks >= _MOST_LOOKS:
            items.append(_still_changing(late.path, status))
        else:
            due = self.elapsed() + self.settings.settle
            self._late.append(_Late(late.path, status.st_size, status.st_mtime_ns, due, late.looks + 1))


def _unreachable(path: str, error: OSError) -> Problem:
    reason = Reason.VANISHED if isinstance(error, FileNotFoundError) else Reason.UNREADABLE
    return problem_at(path, State.FAILED, reason, error.strerror or "")


def _still_changing(path: str, status: os.stat_result) -> Problem:
    return Problem(path, status.st_size, status.st_mtime_ns, State.FAILED, Reason.CHANGING, may_retry=True)


def restat(root: str) -> Iterator[tuple[str, int, int]]:
    """Path, size and mtime in ns of every regular file that a scan would find now. Opens none.

    Raises SourceError when the root cannot be listed; what cannot be reached any more is left out.
    """
    for listing in walk(root):
        for entry in listing.entries:
            try:
                status = entry.stat()
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                yield listing.prefix + entry.name, status.st_size, status.st_mtime_ns
