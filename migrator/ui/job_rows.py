"""The rows of the migration on view: one feed for each destination's manifest, shared by all pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt5.QtCore import QObject, pyqtSignal

from migrator.jobs.tail import Tail
from migrator.ui.feed import Feed


class JobRows(QObject):
    """`feeds` are in the order of the migration's destinations. Read in the event loop only."""

    renewed = pyqtSignal()
    """Other files are followed now: everything is to be read anew from `feeds`."""
    grew = pyqtSignal(int, object)
    """(number of the destination, Growth)"""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.feeds: list[Feed] = []

    @property
    def tails(self) -> list[Tail]:
        return [feed.tail for feed in self.feeds]

    @property
    def is_all(self) -> bool:
        """Whether everything that is in the files was read."""
        return all(feed.is_all for feed in self.feeds)

    def follow(self, manifests: Sequence[Path]) -> None:
        """Follow these files; the same ones are not read again."""
        if [feed.tail.file for feed in self.feeds] == list(manifests):
            return
        self.close()
        for number, manifest in enumerate(manifests):
            feed = Feed(manifest, self)
            feed.grew.connect(lambda growth, number=number: self.grew.emit(number, growth))
            self.feeds.append(feed)
        self.renewed.emit()
        for feed in self.feeds:
            feed.start()

    def close(self) -> None:
        """Follow nothing any more."""
        for feed in self.feeds:
            feed.stop()
            feed.deleteLater()
        self.feeds = []
