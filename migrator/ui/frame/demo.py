"""The demo in the window: a sample archive is migrated to a PACS of its own, in the very pages.

What was configured before is kept beside, and is back as soon as the demo is over.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from migrator.core.errors import UsageError
from migrator.core.settings import ScanSettings, Settings
from migrator.jobs.demo_serving import DemoPlace, demo_place, forget_demo, is_served
from migrator.jobs.launch import Launched
from migrator.ui.configuration import Configuration, Destination, load, save
from migrator.ui.desk import Desk, Selection
from migrator.ui.running import Running

_SLOWLY = ("--bandwidth", "0.8", "--workers", "2")
"""So that there is something to see: on the loopback interface it would be over at once."""
_LIMIT = 15_000  # milliseconds in which what serves the demo must have ended


class DemoStage(QObject):
    """Begins the demo, finds the one that an earlier window has left, and ends it."""

    changed = pyqtSignal(bool)
    """Whether the demo is on."""

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.folder = desk.home / "demo" / "here"
        self._before = desk.home / "demo" / "before"
        self._server: Running | None = None
        self._place: DemoPlace | None = None
        self._kept: Configuration | None = None
        self._is_ending = False
        self._is_stopping = False
        self._after: Callable[[], None] = lambda: None
        self._limit = QTimer(self)
        self._limit.setSingleShot(True)
        self._limit.timeout.connect(self._too_long)

    @property
    def is_on(self) -> bool:
        return self._server is not None

    @property
    def was_left(self) -> bool:
        """Whether an earlier window's demo was not ended in order."""
        return self._before.exists() and not self.is_on

    def begin(self) -> None:
        """Serve the demo, and migrate it as soon as its PACS answers. Raises UsageError."""
        if self.is_on:
            return
        if is_served(self._desk.home):
            raise UsageError("another window shows it already")
        forget_demo(self._desk.home, self.folder, demo_place(self.folder))
        try:
            self._before.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise UsageError(f"the demo cannot be made: {error.strerror}") from error
        self._kept = self._desk.configuration
        save(self._before, self._kept)
        self._serve(self._desk.run(["demo", "--serve", str(self.folder)]))
        self._desk.notice("Making a sample archive, and a PACS on this machine")

    def adopt(self, command: Launched) -> None:
        """Go on with the demo that an earlier window has begun."""
        self._place = demo_place(self.folder)
        self._serve(self._desk.adopt(command))

    def _serve(self, server: Running) -> None:
        self._server = server
        server.looked.connect(lambda look: self._served())
        server.ended.connect(lambda code: self._over())
        self.changed.emit(True)

    def _served(self) -> None:
        """Begin once the PACS answers."""
        if self._place is not None or self._is_ending:
            return
        self._place = demo_place(self.folder)
        if self._place is None:
            return
        node, desk = self._place.node, self._desk
        destination = Destination(name="Demo", host=node.host, port=node.port, ae_title=node.ae_title)
        settings = Settings(scan=ScanSettings(settle=0.0))
        kept = desk.configuration
        desk.change(
            Configuration(
                source=self._place.source,
                recent=kept.recent,
                destinations=(destination,),
                settings=settings,
                minimise_to_tray=kept.minimise_to_tray,
                chime=kept.chime,
            )
        )
        desk.select(Selection())
        desk.go("upload")
        try:
            desk.migrate(*_SLOWLY)
        except UsageError as error:
            desk.notice(f"The demo cannot be migrated: {error}", "error")

    def end(self, after: Callable[[], None] = lambda: None) -> None:
        """Stop its run and its PACS, remove both, bring back what was configured; then call `after`."""
        self._after = after
        if self._server is None:
            self._end()
            return
        self._is_ending = True
        migration = self._desk.migration
        if migration is not None and migration.sight.is_live and self._is_of_demo(migration.source):
            migration.ended.connect(lambda code: self._stop())
            if migration.running is not None and migration.running.is_on:
                migration.running.cancel()
            else:
                migration.do("cancel")
            self._limit.start(_LIMIT)
        else:
            self._stop()

    def _stop(self) -> None:
        if self._server is not None and not self._is_stopping:
            self._is_stopping = True
            self._server.cancel()
            self._limit.start(_LIMIT)

    def _too_long(self) -> None:
        """Its run does not end: then its PACS is to. That neither: it is let go."""
        if self._is_stopping:
            self._end()
        else:
            self._stop()

    def _over(self) -> None:
        """Its PACS has ended: as wanted, or of itself."""
        if not self._is_ending:
            self._desk.notice("The demo's PACS has ended", "warning")
        self._end()

    def _end(self) -> None:
        self._limit.stop()
        self._server, self._is_ending, self._is_stopping = None, False, False
        desk = self._desk
        place = self._place or demo_place(self.folder) or self._configured_place()
        self._place = None
        if desk.migration is not None and self._is_of_demo(desk.migration.source):
            desk.show_none()
        self._bring_back()
        forget_demo(desk.home, self.folder, place)
        self.changed.emit(False)
        after, self._after = self._after, lambda: None
        after()

    def _bring_back(self) -> None:
        """What was configured before the demo."""
        desk, kept, self._kept = self._desk, self._kept, None
        if self._is_of_demo(desk.configuration.source):
            # Another window may have ended the demo, and have put back what was before.
            desk.change(kept or load(self._before if self._before.exists() else desk.home))
            desk.save()
        with suppress(OSError):
            for file in self._before.iterdir():
                file.unlink()
            self._before.rmdir()

    def _configured_place(self) -> DemoPlace | None:
        """Where the demo was, as far as the configuration still tells."""
        configuration = self._desk.configuration
        if not self._is_of_demo(configuration.source) or not configuration.destinations:
            return None
        node = configuration.destinations[0].node
        return DemoPlace(configuration.source, node.host, node.port, node.ae_title)

    def _is_of_demo(self, source: str) -> bool:
        return bool(source) and self.folder in Path(source).parents
