"""Which job is on view: what an earlier window left running, else the one that is configured."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from migrator.core.model import Node
from migrator.jobs.left_running import LeftRunning, left_running
from migrator.records.words import moment
from migrator.ui.configuration import Configuration
from migrator.ui.desk import Desk
from migrator.ui.frame.words import GOES_ON, job_in_words
from migrator.ui.real_path import resolve
from migrator.ui.running import Migration, Sight

_AFTER = 600  # milliseconds without another change
_STEERED = frozenset({"migrate", "verify", "speed-test"})
"""Commands of ours that work on a job as a migration does."""

Job = tuple[str, list[Node]]
"""A source and its destinations."""

_log = logging.getLogger("migrator.window")


class Attending(QObject):
    """Puts jobs on view. `begin` looks for what is running; from then on the configuration is followed."""

    settled = pyqtSignal()
    """What was running is known."""
    several = pyqtSignal(object)
    """The LeftRunning migrations, where more than one is on; the newest is on view already."""
    found = pyqtSignal(object)
    """A LeftRunning of another kind."""

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._job = _job_of(desk.configuration)
        self._told_of: Migration | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._follow)

    def begin(self) -> None:
        """Ask what still is on, without waiting for the answers."""
        desk = self._desk
        known = frozenset(desk.watched)
        desk.later(lambda: left_running(desk.home, known), self._looked)

    def _looked(self, answer: object) -> None:
        desk = self._desk
        left: list[LeftRunning] = []
        if isinstance(answer, list):
            left = [one for one in answer if one.command.folder not in desk.watched]
        elif isinstance(answer, Exception):
            _log.warning("what is running cannot be told: %s", type(answer).__name__)
        migrations = [one for one in left if one.nodes and not one.is_lost]
        for one in left:
            if one.is_lost:
                self._lost(one)
            elif not one.nodes:
                self.found.emit(one)
        for one in reversed(migrations):
            desk.attach(one.command, one.nodes)
        desk.migration_changed.connect(self._watch)
        desk.configuration_changed.connect(self._changed)
        if migrations:
            self._greet(migrations)
        if desk.migration is None:
            self._follow()
        else:
            self._watch(desk.migration)
        self.settled.emit()

    def _lost(self, lost: LeftRunning) -> None:
        """Say that a run was broken off while no window was there to see it."""
        begun = moment(lost.command.begun)
        words = f"The run from {lost.source}, begun at {begun}, was broken off: its process was ended"
        self._desk.notice(f"{words}. {GOES_ON}", "warning")

    def _greet(self, migrations: Sequence[LeftRunning]) -> None:
        begun = moment(migrations[0].command.begun)
        words = job_in_words(self._desk.migration)
        self._desk.notice(f"This run was begun at {begun}, and has gone on: {words}", "success")
        self._desk.go("upload")
        if len(migrations) > 1:
            self.several.emit(migrations)

    def _changed(self, configuration: Configuration) -> None:
        if _job_of(configuration) != self._job:
            self._timer.start(_AFTER)

    def _follow(self) -> None:
        """Put the configured job on view, unless a run is."""
        desk = self._desk
        if desk.migration is not None and desk.migration.sight.is_live:
            return
        job = self._job = _job_of(desk.configuration)
        if job is None:
            desk.show_none()
        elif desk.migration is None or not desk.migration.is_of(*job):
            desk.later(lambda: resolve(job[0]), lambda answer: self._open(job))

    def _open(self, job: Job) -> None:
        """Put it on view, unless what is on view has changed since."""
        desk = self._desk
        is_live = desk.migration is not None and desk.migration.sight.is_live
        if job == _job_of(desk.configuration) and not is_live:
            desk.open_job(*job)

    def _watch(self, migration: Migration | None) -> None:
        if migration is not None:
            migration.sighted.connect(lambda sight: self._sighted(migration, sight))

    def _sighted(self, migration: Migration, sight: Sight) -> None:
        """Say once that another process is at work."""
        desk = self._desk
        if migration is not desk.migration or not migration.is_foreign or self._told_of is migration:
            return
        if not any(one.name in _STEERED for one in desk.commands):
            self._told_of = migration
            desk.notice("Another process is at work on this job: you see it live")


def _job_of(configuration: Configuration) -> Job | None:
    """What a migration would be from and to; None where that is not complete."""
    if not configuration.is_ready:
        return None
    return configuration.source, [one.node for one in configuration.chosen]
