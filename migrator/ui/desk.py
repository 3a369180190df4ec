"""What all pages share: the configuration, the engine, the migration on view, the selection, the log.

Pages listen to the desk's signals and call its methods; they do not know each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PyQt5.QtCore import QObject, QSettings, QTimer, pyqtSignal

from migrator.core.errors import UsageError
from migrator.core.model import Node, Series
from migrator.jobs.launch import Launched, launch
from migrator.jobs.watched import Line
from migrator.ui.bridge import Bridge, Helper
from migrator.ui.configuration import Configuration, load, save
from migrator.ui.job_rows import JobRows
from migrator.ui.logbook import LogBook
from migrator.ui.running import Migration, Running

_SAVE_AFTER = 500  # milliseconds


@dataclass(frozen=True, slots=True)
class Selection:
    """What of the source is to be migrated; None means all of it.

    `studies` are instance UIDs of whole studies, `files` paths relative to the source, where parts of a study
    were chosen. `words` say it for people.
    """

    studies: tuple[str, ...] | None = None
    files: tuple[str, ...] | None = None
    words: str = "everything"

    @property
    def lists(self) -> dict[str, tuple[str, ...]]:
        """The filters that this makes, with their entries."""
        both = {"studies_from": self.studies, "files_from": self.files}
        return {name: entries for name, entries in both.items() if entries is not None}


class Desk(QObject):
    """Made once; used from the event loop only."""

    configuration_changed = pyqtSignal(object)
    """The new Configuration."""
    migration_changed = pyqtSignal(object)
    """The Migration that is on view now, or None."""
    selection_wanted = pyqtSignal()
    """A command is about to be started with the selection: who is still making one is to tell it now."""
    selection_changed = pyqtSignal(object)
    """The new Selection."""
    started = pyqtSignal(object)
    """A Running that was just started, of whatever kind."""
    page_wanted = pyqtSignal(str)
    """The name of the page to go to: configuration, browser, upload, verify, dashboard, log."""
    browse_wanted = pyqtSignal(object, str)
    """(Series, path relative to the source, or nothing): what the File Browser is to show."""
    inventoried = pyqtSignal(str, object)
    """(source, {study UID: files}): a scan of the whole source has ended."""
    leaving = pyqtSignal()
    """It is about to be closed: what is not kept yet is to be kept now, and what looks around is to stop."""
    closed = pyqtSignal()
    """All is kept: files are to be let go of."""
    noticed = pyqtSignal(str, str)
    """(level, text): something to show for a moment, whatever page is on view."""

    def __init__(self, home: Path) -> None:
        super().__init__()
        self.home = home
        self.configuration = self._kept = load(home)
        self.state = QSettings(str(home / "window.ini"), QSettings.Format.IniFormat)
        """Sizes and columns: what is remembered and means nothing."""
        self.log = LogBook()
        self.selection = Selection()
        self.migration: Migration | None = None
        self.is_closed = False
        self.bridge = Bridge()
        self.helper = Helper()
        self.rows = JobRows(self)
        """The rows of the migration on view, read once for all pages."""
        self.commands: list[Running] = []
        """Every command that is on."""
        self._jobs: dict[Running, tuple[str, tuple[Node, ...]]] = {}
        self._saver = QTimer(self)
        self._saver.setSingleShot(True)
        self._saver.timeout.connect(self.save)
        self.bridge.start()

    def close(self) -> None:
        """Save, and look at nothing any more; what runs goes on."""
        if self.is_closed:
            return
        self.is_closed = True
        self.leaving.emit()
        self.save()
        self.rows.close()
        self.bridge.stop()
        self.helper.close()
        for running in self.commands:
            running.launched.leave()
        self.closed.emit()

    # The configuration

    def change(self, configuration: Configuration) -> None:
        """Take a new configuration; it is saved a moment later."""
        if configuration != self.configuration:
            self.configuration = configuration
            self._saver.start(_SAVE_AFTER)
            self.configuration_changed.emit(configuration)

    def update(self, **values: Any) -> None:
        """Change some fields of the configuration."""
        self.change(self.configuration.model_copy(update=values))

    def set_source(self, source: str) -> None:
        self.select(Selection())
        self.change(self.configuration.with_source(source))

    def select(self, selection: Selection) -> None:
        if selection != self.selection:
            self.selection = selection
            self.selection_changed.emit(selection)

    def save(self) -> None:
        """Keep what this window has changed; what another one has changed meanwhile stays as it is."""
        self._saver.stop()
        fields = Configuration.model_fields
        new, old = self.configuration, self._kept
        changed = {name: getattr(new, name) for name in fields if getattr(new, name) != getattr(old, name)}
        kept = load(self.home)
        if kept == Configuration():
            kept = new
        if changed or kept is new:
            try:
                save(self.home, kept.model_copy(update=changed))
                self._kept = new
            except UsageError as error:
                self.notice(f"The configuration cannot be saved: {error}", "warning")
        self.state.sync()

    # The engine

    def run(self, arguments: Sequence[str], settings: dict[str, Any] | None = None) -> Running:
        """Start a command of the engine in a process of its own; `settings` go to it as `--settings`.

        Its lines go to the log. Raises UsageError where it cannot be started.
        """
        return self._watch(launch(self.home, arguments, settings))

    def run_configured(self, arguments: Sequence[str], *, is_for_selection: bool = True) -> Running:
        """The same with what is configured and selected. Raises UsageError."""
        if is_for_selection:
            self.selection_wanted.emit()
        lists = self.selection.lists if is_for_selection else {}
        return self._watch(launch(self.home, arguments, self.configuration.for_engine(), lists))

    def _watch(self, command: Launched) -> Running:
        running = Running(command, self.bridge)
        self.commands.append(running)
        running.told.connect(self.log.add)
        running.ended.connect(lambda code: self._over(running))
        self.started.emit(running)
        return running

    def _over(self, running: Running) -> None:
        self._jobs.pop(running, None)
        with suppress(ValueError):
            self.commands.remove(running)

    def migrate(self, *options: str) -> Migration:
        """Start a migration of what is configured and selected, and put it on view.

        Options are those of the command: --stream, --retry-failed, --resend-missing … Where the same is
        migrated already, here or by another process, that is what comes on view. Raises UsageError.
        """
        configuration = self.configuration
        nodes = [one.node for one in configuration.chosen]
        if self.migration is not None and self.migration.is_foreign_run_of(configuration.source, nodes):
            self.notice("Another process is migrating this already: its run is on view, live")
            return self.migration
        if self._run_of(configuration.source, nodes) is not None:
            self.notice("This is being migrated already: its run is on view, live")
            return self.open_job(configuration.source, nodes)
        words = ["migrate", configuration.source, "--json", *options]
        for name in ("verify", "resend_missing", "integrity", "resume_at_start"):
            option = "--" + name.replace("_", "-")
            if getattr(configuration, name) and option not in words:
                words.append(option)
        running = self.run_configured(words)
        return self.show(Migration(configuration.source, nodes, self.home, self.bridge, running))

    def show(self, migration: Migration) -> Migration:
        """Put a job on view in place of the one that was; that one goes on."""
        if self.migration is not None:
            self.migration.let_go()
        self.migration = migration
        if migration.running is None:
            migration.told.connect(self.log.add)
        elif migration.running.is_on:
            self._jobs[migration.running] = (migration.source, migration.nodes)
        self.rows.follow(migration.manifests)
        self.migration_changed.emit(migration)
        return migration

    def show_none(self) -> None:
        """Take the job that is on view off it; where it runs, it goes on."""
        if self.migration is not None:
            self.migration.let_go()
            self.migration = None
            self.rows.follow(())
            self.migration_changed.emit(None)

    def open_job(self, source: str, nodes: Sequence[Node]) -> Migration:
        """Put a job on view that may be running here, elsewhere, or not at all."""
        return self.show(Migration(source, nodes, self.home, self.bridge, self._run_of(source, nodes)))

    def _run_of(self, source: str, nodes: Sequence[Node]) -> Running | None:
        """The run of this job that this desk watches, if one is on."""
        job = (source, tuple(nodes))
        return next((one for one in self.commands if one.is_on and self._jobs.get(one) == job), None)

    @property
    def watched(self) -> set[Path]:
        """The folders of the commands that this desk watches."""
        return {one.launched.folder for one in self.commands}

    def adopt(self, command: Launched) -> Running:
        """Watch a command that an earlier window has started."""
        return self._watch(command)

    def attach(self, command: Launched, nodes: Sequence[Node]) -> Migration:
        """Put a migration that an earlier window has started on view."""
        running = self._watch(command)
        return self.show(Migration(command.arguments[1], nodes, self.home, self.bridge, running))

    def later(self, work: Callable[[], object], then: Callable[[object], None]) -> None:
        """Do short work of the jobs room in a thread; `then` gets its result, or the exception."""
        self.helper.later(work, then)

    # Telling

    def notice(self, text: str, level: str = "info") -> None:
        """Show something for a moment, and keep it in the log."""
        self.log.say(text, level)
        self.noticed.emit(level, text)

    def tell(self, lines: Sequence[Line]) -> None:
        self.log.add(lines)

    def browse(self, series: Series, path: str = "") -> None:
        """Show a series, or one file of it, in the File Browser."""
        self.browse_wanted.emit(series, path)
        self.go("browser")

    def go(self, page: str) -> None:
        self.page_wanted.emit(page)
