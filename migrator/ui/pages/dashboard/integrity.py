"""The integrity checkpoint: SHA-256 of every file of the source, now; and whether they are still the same."""

from __future__ import annotations

from PyQt5.QtWidgets import QFrame, QProgressBar

from migrator.core.errors import UsageError
from migrator.jobs.integrity_kept import Kept, kept_of, told_of
from migrator.jobs.launch import Look
from migrator.records.words import counted, moment, size
from migrator.ui.desk import Desk
from migrator.ui.running import Running
from migrator.ui.widgets.basics import button, card, column, label, row, set_role

_INTERRUPTED = 130


class IntegrityCard(QFrame):
    """Makes a checkpoint, checks against the last one, and tells of both."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._running: Running | None = None
        self._running_source = ""
        self._has_last = False
        frame, inside = card("Integrity checkpoint")
        self.last = label("", "muted", wraps=True)
        self.words = label("", "", wraps=True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the integrity checkpoint")
        self.make = button(
            "Make", "fingerprint", tip="Read and hash every file of the source; nothing is changed"
        )
        self.check = button(
            "Check", "shield-search", tip="Read every file again, and compare with the checkpoint"
        )
        self.stop = button("Stop", "stop", tip="What is hashed by then counts when it goes on")
        self.make.clicked.connect(lambda: self._start("snapshot"))
        self.check.clicked.connect(lambda: self._start("check"))
        self.stop.clicked.connect(self._stop)
        inside.addWidget(self.last)
        inside.addWidget(self.bar)
        inside.addWidget(self.words)
        inside.addLayout(row(self.make, self.check, self.stop, None))
        self.setLayout(column(frame, spacing=0))
        desk.configuration_changed.connect(lambda configuration: self._look_up())
        desk.started.connect(self._watch)
        self._source: str | None = None
        self._show()
        self._look_up()

    def _look_up(self) -> None:
        """See what is kept of this source, where it is another one now."""
        source = self._desk.configuration.source
        if source == self._source:
            return
        self._source = source
        if self._running is None:
            self.words.setText("")
        self._has_last = False
        self._show()
        self._ask()

    def _ask(self) -> None:
        source, home = self._source, self._desk.home
        if not source:
            self._know(source, None)
            return
        self._desk.later(lambda: kept_of(home, source), lambda kept: self._know(source, kept))

    def _know(self, source: str | None, kept: object) -> None:
        if source != self._source:
            return
        last = kept.checkpoint if isinstance(kept, Kept) else None
        self._has_last = last is not None
        if last is not None:
            self.last.setText(
                f"Last made {moment(last.at)[:16]} by {last.who}: "
                f"{counted(last.files, 'file')}, {size(last.bytes)}."
            )
        elif isinstance(kept, Exception):
            self.last.setText(f"Whether there is one cannot be seen: {kept}")
        elif not source:
            self.last.setText("Choose a source first.")
        else:
            self.last.setText(
                "None was made of this source yet. It proves later that nothing there has changed."
            )
        if isinstance(kept, Kept) and kept.check is not None and not self.words.text():
            self._say(
                f"Checked {moment(kept.checked_at)[:16]}. {kept.check.text}",
                "good" if kept.check.is_good else "error",
            )
        self._show()

    def _show(self) -> None:
        is_on = self._running is not None
        self.make.setEnabled(bool(self._source) and not is_on)
        self.check.setEnabled(self._has_last and not is_on)
        self.stop.setVisible(is_on)
        self.bar.setVisible(is_on)
        self.words.setVisible(bool(self.words.text()))

    def _say(self, text: str, role: str = "") -> None:
        self.words.setText(text)
        set_role(self.words, role)
        self._show()

    def _start(self, action: str) -> None:
        assert self._source is not None
        try:
            self._desk.run(["integrity", action, self._source, "--json"])
        except UsageError as error:
            self._say(f"It cannot be started: {error}", "error")

    def _watch(self, running: Running) -> None:
        """Show a checkpoint that is being made or checked, also where an earlier window has begun it."""
        if running.name != "integrity" or self._running is not None:
            return
        self._running, self._running_source = running, running.launched.arguments[2]
        self.bar.setRange(0, 0)
        self._say("Looking for the files")
        self._running.looked.connect(self._look)
        self._running.ended.connect(self._end)

    def _stop(self) -> None:
        if self._running is not None:
            self._running.do("cancel")

    def _look(self, look: Look) -> None:
        if look.progress is not None:
            self.bar.setRange(0, look.progress.total)
            self.bar.setValue(look.progress.done)
            self._say(look.progress.words)

    def _end(self, code: int) -> None:
        running, self._running = self._running, None
        assert running is not None
        if self._running_source != self._source:
            self._say("")  # it was of another source than the one that is configured now
            self._ask()
            return
        result = running.result()
        if isinstance(result, dict):
            told = told_of(result)
            self._say(told.text, "good" if told.is_good else "error")
        elif code == _INTERRUPTED:
            self._say("Stopped. The next one goes on from here.", "warning")
        else:
            lines = running.launched.messages().strip().splitlines()
            self._say(
                lines[-1].removeprefix("dicom_migrator: ") if lines else "It ended without a word", "error"
            )
        self._ask()
