"""The scan of the source: started, followed and stopped; its list becomes the tree."""

from __future__ import annotations

import gc
import os
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from migrator.core.errors import UsageError
from migrator.jobs.inventory_tree import Choices, InventoryTree
from migrator.jobs.launch import Look
from migrator.jobs.tail import Growth
from migrator.records.words import counted
from migrator.ui.desk import Desk
from migrator.ui.feed import Feed
from migrator.ui.running import Running

FOLDER = "inventories"
_OLD = 2 * 86400.0  # seconds after which a list that a window has left behind is removed
_SLICE = 0.008  # seconds
_FREEZE_EVERY = 5_000  # series
_STOPPED = 130
_FINISHED = (0, 1)


class SourceScan(QObject):
    """One source's scan at a time. `tree` is None before the first one."""

    begun = pyqtSignal()
    """There is another `tree`, empty as yet."""
    grew = pyqtSignal()
    ended = pyqtSignal()
    """It is finished, or was stopped, or failed: `trouble` tells, in words."""
    looked = pyqtSignal()
    """`words` are new."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.source = ""
        self.tree: InventoryTree | None = None
        self.is_on = False
        self.is_whole = False
        """Whether all that the source holds stands in the tree."""
        self.words = ""
        self.trouble = ""
        self._running: Running | None = None
        self._feed: Feed | None = None
        self._frozen = 0
        self._code = 0
        self._more = QTimer(self)  # reads the rest of the list when the scan has ended
        self._more.setSingleShot(True)
        self._more.timeout.connect(self._finish)
        desk.closed.connect(self.forget)

    def start(self, source: str) -> None:
        """Scan this source; what was chosen of it before stays chosen."""
        is_again = self.tree is not None and source == self.source
        choices = self.tree.choices if is_again and self.tree is not None else None
        try:
            file = self._new_list()
            words = ["scan", source, "--list", str(file), "--json"]
            scan = self.desk.configuration.settings.scan.model_dump(mode="json", exclude_defaults=True)
            words += [word for name, value in scan.items() for word in (f"--{name}", str(value))]
            running = self.desk.run(words)
        except UsageError as error:
            if not is_again:  # else what was found before stays
                self.forget()
                self.source = source
            self.trouble = f"The scan cannot be started: {error}"
            self.ended.emit()
            return
        self.follow(source, file, choices)
        self._running = running
        running.looked.connect(self._look)
        running.ended.connect(self._over)

    def follow(self, source: str, file: Path, choices: Choices | None = None) -> None:
        """Show what a scan of this source writes to this list, which is removed when it is let go of."""
        self.forget()
        self.source, self.words, self.is_on = source, "Scanning", True
        self._feed = Feed(file, self, is_once=True)
        self.tree = InventoryTree(self._feed.tail, choices)
        self._feed.grew.connect(self._take)
        self._feed.start()
        self.begun.emit()

    def stop(self) -> None:
        """End the scan; what it has found stays."""
        if self.is_on and self._running is not None:
            self.words = "Stopping"
            self.looked.emit()
            self._running.do("cancel")

    def forget(self) -> None:
        """Let go of the scan and of what it has found, its list included."""
        if self._running is not None:
            with suppress(TypeError):  # it may have ended just now
                self._running.looked.disconnect(self._look)
                self._running.ended.disconnect(self._over)
            if self._running.is_on:
                self._running.do("cancel")
        if self._feed is not None:
            self._feed.stop()
            with suppress(OSError):
                self._feed.tail.file.unlink()
            self._feed.deleteLater()
        if self._frozen:
            gc.unfreeze()
        self._more.stop()
        self._running = self._feed = self.tree = None
        self._frozen = 0
        self.source = self.words = self.trouble = ""
        self.is_on = self.is_whole = False

    def _take(self, growth: Growth) -> None:
        if self.tree is None:
            return
        self.tree.take(growth)
        # The collector would go through all nodes again and again, 80 ms each time where they are many.
        if len(self.tree.tail.series) - self._frozen > _FREEZE_EVERY:
            self._frozen = len(self.tree.tail.series)
            gc.freeze()
        self.grew.emit()

    def _look(self, look: Look) -> None:
        found = sum(_found(snapshot) for snapshot in look.snapshots)
        if self.is_on and self.words != "Stopping":
            self.words = f"Scanning: {counted(found, 'file')} looked at"
            self.looked.emit()

    def _over(self, code: int) -> None:
        self._code = code
        self._finish()

    def _finish(self) -> None:
        """Read the rest of the list; the process has written its last line."""
        feed, code = self._feed, self._code
        if feed is None:
            return
        growth = feed.tail.read(_SLICE)
        self._take(growth)
        if not growth.is_all:
            self._more.start(1)
            return
        feed.rest()
        has_list = bool(feed.tail.header)  # a scan that could not begin leaves none
        self.is_on, self.is_whole, self.words = False, has_list and code in _FINISHED, ""
        if code == _STOPPED:
            self.trouble = "The scan was stopped: what it has found so far is shown"
        elif not self.is_whole:
            self.trouble = (
                self._told() or "The scan has ended without telling why; its messages are in the log"
            )
        elif self.tree is not None:
            self.desk.inventoried.emit(self.source, _files_by_study(self.tree))
        self.ended.emit()

    def _told(self) -> str:
        """What the command said last."""
        text = self._running.launched.messages() if self._running is not None else ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1].removeprefix("dicom_migrator: ") if lines else ""

    def _new_list(self) -> Path:
        """A file for the list; those that crashed windows have left are removed. Raises UsageError."""
        folder = self.desk.home / FOLDER
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{folder} cannot be made: {error.strerror or error}") from error
        ours = f"{os.getpid()}-"
        for old in folder.glob("*.jsonl"):
            with suppress(OSError):
                if not old.name.startswith(ours) and time.time() - old.stat().st_mtime > _OLD:
                    old.unlink()
        return folder / f"{ours}{secrets.token_hex(4)}.jsonl"


def _found(snapshot: Mapping[str, Any]) -> int:
    run = snapshot.get("run", {})
    return int(run.get("found", 0)) if isinstance(run, Mapping) else 0


def _files_by_study(tree: InventoryTree) -> dict[str, int]:
    """How many files each study has, by its UID: those that can be sent, and those that cannot."""
    files: Counter[str] = Counter()
    for patient in tree.root.children:
        for study in patient.children:
            files[study.about.uid] += study.instances + study.problems
    return dict(files)
