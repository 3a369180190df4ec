"""A delayed start: set before a run, counted down while one waits, and set off at once."""

from __future__ import annotations

import time
from datetime import datetime

from PyQt5.QtCore import QDateTime, Qt
from PyQt5.QtWidgets import QDateTimeEdit, QFrame

from migrator.core.settings import PaceSettings
from migrator.jobs.countdown import Waiting, countdown, proposed_start, waiting_of, waiting_run
from migrator.ui.desk import Desk
from migrator.ui.running import Migration, Sight
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import button, card, column, label, row
from migrator.ui.widgets.fields_editors import keep_still

_FORM = "%Y-%m-%dT%H:%M"


class CountdownBanner(QFrame):
    """Shown while a run waits for its time: how long it still is, and a way not to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "banner")
        self._migration: Migration | None = None
        self._waiting: Waiting | None = None
        sign = label()
        sign.setPixmap(icon("timer-sand", tokens.ACCENT).pixmap(32, 32))
        self.figure = label("", "figure")
        self._words = label("", "muted", wraps=True)
        self.now = button("Start now", "play", kind="primary")
        self.now.setToolTip("Send at once: for this run the start time and the window count no more")
        self.now.clicked.connect(self._start)
        layout = row(sign, tokens.SMALL, spacing=tokens.SMALL)
        layout.setContentsMargins(tokens.LARGE, tokens.SMALL, tokens.MEDIUM, tokens.SMALL)
        layout.addLayout(column(self.figure, self._words, spacing=0), 1)
        layout.addWidget(self.now)
        self.setLayout(layout)
        self.hide()

    def show_sight(self, migration: Migration | None, sight: Sight) -> None:
        """Take what the run waits for, if there is one and it does."""
        self._migration = migration
        self._waiting = waiting_run(sight.paces) if sight.is_live else None
        self.setVisible(self._waiting is not None)
        self.tick()

    def tick(self) -> None:
        """Show how long it still is."""
        if self._waiting is not None:
            left = countdown(self._waiting.left(time.time()))
            self.figure.setText(left)
            words = self._waiting.words
            self._words.setText(words[:1].upper() + words[1:])
            self.setAccessibleName(f"Starts in {left}: {words}")

    def _start(self) -> None:
        if self._migration is not None:
            for name in ("start_at", "window"):
                self._migration.ask({"do": "set", "name": name, "value": "off"})
            if self._migration.sight.is_paused:
                self._migration.do("resume")


class StartCard(QFrame):
    """Sets when a run that is begun later is to send; and says what is set."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        frame, inside = card("Delayed start")
        self.moment = QDateTimeEdit()
        self.moment.setDisplayFormat("yyyy-MM-dd HH:mm")
        self.moment.setCalendarPopup(True)
        self.moment.setAccessibleName("When to start")
        self.moment.setToolTip("The workstation's local time")
        keep_still(self.moment)
        self.set = button("Set", "timer-outline", tip="Runs that are begun from now on wait until then")
        self.off = button("Off", "timer-off-outline", tip="Runs that are begun from now on start at once")
        self.set.clicked.connect(self._set)
        self.off.clicked.connect(lambda: self._keep(""))
        self.words = label("", "muted", wraps=True)
        self.error = label("", "error", wraps=True)
        self.error.hide()
        inside.addWidget(self.words)
        inside.addWidget(self.moment)
        inside.addWidget(self.error)
        inside.addLayout(row(self.set, self.off, None))
        self.setLayout(column(frame, spacing=0))
        desk.configuration_changed.connect(self.tick)
        self._proposed = QDateTime()
        self._propose()
        self.tick()

    def _propose(self) -> None:
        proposed = proposed_start(time.time())
        self._proposed = QDateTime.fromString(proposed.strftime(_FORM), Qt.DateFormat.ISODate)
        self.moment.setDateTime(self._proposed)

    def tick(self) -> None:
        """Say what is set, and how long it still is; propose no moment that has passed meanwhile."""
        if not self.moment.hasFocus() and self.moment.dateTime() == self._proposed:
            self._propose()
        pace = self._desk.configuration.settings.pace
        waiting = waiting_of(pace)
        self.off.setEnabled(bool(pace.start_at))
        if waiting is None:
            self.words.setText("A run sends as soon as it is begun.")
        else:
            left = countdown(waiting.left(time.time()))
            self.words.setText(f"A run that is begun now waits: {waiting.words}. That is in {left}.")

    def _set(self) -> None:
        self._keep(
            datetime.fromisoformat(self.moment.dateTime().toString(Qt.DateFormat.ISODate)).strftime(_FORM)
        )

    def _keep(self, start_at: str) -> None:
        configuration = self._desk.configuration
        is_past = bool(start_at) and waiting_of(PaceSettings(start_at=start_at)) is None
        self.error.setText("This moment is past: choose a later one." if is_past else "")
        self.error.setVisible(is_past)
        if not is_past:
            pace = configuration.settings.pace.model_copy(update={"start_at": start_at})
            self._desk.update(settings=configuration.settings.model_copy(update={"pace": pace}))
