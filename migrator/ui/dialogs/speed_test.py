"""The speed test: how fast the destination is, by how many workers, and how long the rest will take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QComboBox, QDialog, QProgressBar, QSpinBox, QWidget

from migrator.core.errors import UsageError
from migrator.jobs.launch import Look
from migrator.jobs.speed_test_kept import MOST_SAMPLES, MOST_WORKERS, Advice, advice_of, last_test
from migrator.jobs.watched import Line
from migrator.records.words import counted, moment
from migrator.ui.configuration import Destination
from migrator.ui.desk import Desk
from migrator.ui.dialogs.speed_test_table import LevelTable
from migrator.ui.running import Running
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, column, label, row, set_role
from migrator.ui.widgets.fields_editors import keep_still

_INTERRUPTED = 130
_STEP = 2.0  # seconds, as the command's own


class SpeedTestDialog(QDialog):
    """Asks, measures one of the chosen destinations, and offers the number of workers that it recommends."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.setWindowTitle("Speed test")
        self.setMinimumWidth(620)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._running: Running | None = None
        self.advice: Advice | None = None
        self.step = _STEP
        """Seconds that each step of the measurement takes."""
        self.where = QComboBox()
        self.samples = _number(1, MOST_SAMPLES, 8, "Files to store")
        self.workers = _number(1, MOST_WORKERS, 8, "Workers up to")
        self.ask = label("", "", wraps=True)
        self.bar = QProgressBar()
        self.line = label("", "muted", wraps=True)
        self.title = label("", "title")
        self.table = LevelTable()
        self.words = label("", "", wraps=True)
        self.trouble = label("", "error", wraps=True)
        self.begin = button("Store and measure", "speedometer", kind="primary")
        self.stop = button("Stop", "stop", tip="What was stored until then stays at the destination")
        self.use = button("", "check")
        self.close_ = button("Close")
        self._arrange()
        self._listen()
        self._offer()
        self._show()

    def _arrange(self) -> None:
        self.where.setAccessibleName("Destination to measure")
        self.where.addItems([str(one.node) for one in self._destinations])
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 0)
        self.bar.setAccessibleName("The speed test is running")
        places = row(label("Destination", "muted"), self.where)
        places.setStretch(1, 1)
        numbers = row(
            label("Files to store", "muted"),
            self.samples,
            tokens.LARGE,
            label("Workers up to", "muted"),
            self.workers,
            None,
        )
        layout = column(spacing=tokens.MEDIUM)
        layout.setContentsMargins(tokens.WIDE, tokens.LARGE, tokens.WIDE, tokens.LARGE)
        layout.addWidget(self.ask)
        layout.addLayout(places)
        layout.addLayout(numbers)
        for part in (self.bar, self.line, self.trouble, self.title, self.table, self.words):
            layout.addWidget(part)
        layout.addStretch(1)
        layout.addLayout(row(self.use, None, self.stop, self.begin, self.close_))
        self.setLayout(layout)

    @property
    def _destinations(self) -> tuple[Destination, ...]:
        return self.desk.configuration.chosen

    @property
    def _destination(self) -> Destination | None:
        number = self.where.currentIndex()
        return self._destinations[number] if 0 <= number < len(self._destinations) else None

    def _listen(self) -> None:
        self.where.currentIndexChanged.connect(lambda index: self._offer())
        self.begin.clicked.connect(self._start)
        self.stop.clicked.connect(self._stop)
        self.use.clicked.connect(self._use)
        self.close_.clicked.connect(self.reject)

    def _stop(self) -> None:
        if self._running is not None:
            self._running.do("cancel")
            self.line.setText("Stopping")
            self.stop.setEnabled(False)

    def reject(self) -> None:
        """Closing the dialog ends the test: nobody would see what comes of it."""
        self._stop()
        super().reject()

    def _explain(self) -> None:
        destination = self._destination
        if not self.desk.configuration.source:
            self.ask.setText("Choose the source on the Configuration page first.")
        elif destination is None:
            self.ask.setText("Name the destination on the Configuration page first.")
        else:
            self.ask.setText(
                f"A speed test really stores files of the source in {destination.node}: as many as "
                "are chosen below, for good, and as a migration does, which finds them there later. "
                "Then the same files are stored again many times, by more and more workers."
            )

    def _offer(self) -> None:
        """Explain, and show the last result of this destination."""
        self._explain()
        self.advice = None
        destination, source, home = self._destination, self.desk.configuration.source, self.desk.home
        if destination is not None and source:
            node = destination.node
            self.desk.later(
                lambda: last_test(home, source, node), lambda advice: self._take_last(destination, advice)
            )
        self._show()

    def _take_last(self, destination: Destination, advice: object) -> None:
        if isinstance(advice, Advice) and self._destination == destination and self._running is None:
            self.advice = advice
            self._show()

    def _start(self) -> None:
        destination = self._destination
        if destination is None:
            return
        words = [
            "speed-test",
            self.desk.configuration.source,
            "--to",
            str(destination.node),
            "--yes",
            "--json",
        ]
        words += ["--calling-aet", destination.calling_ae_title]
        words += ["--step", f"{self.step:g}"]
        words += ["--samples", str(self.samples.value()), "--workers-up-to", str(self.workers.value())]
        self.trouble.setText("")
        try:
            self._running = self.desk.run_configured(words)
        except UsageError as error:
            self.trouble.setText(f"It cannot be started: {error}")
            self._show()
            return
        self.advice = None
        self.stop.setEnabled(True)
        self.line.setText("Starting")
        self._running.told.connect(self._told)
        self._running.looked.connect(self._look)
        self._running.ended.connect(self._end)
        self._show()

    def _told(self, lines: Sequence[Line]) -> None:
        self.line.setText(lines[-1].text)

    def _look(self, look: Look) -> None:
        if look.progress is not None:
            self.line.setText(look.progress.words)

    def _end(self, code: int) -> None:
        running, self._running = self._running, None
        assert running is not None
        result = running.result()
        if isinstance(result, dict):
            self._take_result(result)
        elif code == _INTERRUPTED:
            self.trouble.setText("Stopped before it was measured. What was stored stays at the destination.")
        else:
            lines = running.launched.messages().strip().splitlines()
            last = lines[-1].removeprefix("dicom_migrator: ") if lines else "it ended without a word"
            self.trouble.setText(f"It could not be measured: {last}")
        self._show()

    def _take_result(self, result: dict[str, Any]) -> None:
        try:
            self.advice = advice_of(result)
        except (KeyError, TypeError, ValueError):
            self.trouble.setText("It was measured, but what it told cannot be read.")

    def _use(self) -> None:
        """Take the number of workers that is advised."""
        if self.advice is None or self.advice.workers is None:
            return
        settings = self.desk.configuration.settings
        send = settings.send.model_copy(update={"workers": self.advice.workers})
        self.desk.update(settings=settings.model_copy(update={"send": send}))
        self.desk.notice(f"Migrations use {counted(self.advice.workers, 'worker')} from now on", "success")
        self.accept()

    def _show(self) -> None:
        """What can be seen and done now."""
        is_on, advice = self._running is not None, self.advice
        is_ready = self.desk.configuration.is_ready
        for part in (self.where, self.samples, self.workers):
            part.setEnabled(not is_on and is_ready)
        self.begin.setVisible(not is_on)
        self.begin.setEnabled(is_ready)
        for part in (self.stop, self.bar, self.line):
            part.setVisible(is_on)
        self.trouble.setVisible(bool(self.trouble.text()))
        for part in (self.title, self.table, self.words):
            part.setVisible(advice is not None)
        self.use.setVisible(advice is not None and advice.workers is not None)
        if advice is not None:
            self._show_advice(advice)
        self.adjustSize()

    def _show_advice(self, advice: Advice) -> None:
        self.title.setText(f"Measured {moment(advice.at)[:16]}")
        self.table.show_levels(advice.levels, advice.workers)
        if advice.workers is None:
            told = "Too little could be measured to recommend a number of workers."
        else:
            told = f"Recommended: {counted(advice.workers, 'worker')}."
            self.use.setText(f"Use {counted(advice.workers, 'worker')}")
            self.use.setToolTip("Migrations that are begun from now on use so many; dials of a run stay")
        self.begin.setText("Measure again")
        untold = [
            f"{counted(one.workers, 'worker')} could not be measured: {one.trouble}."
            for one in advice.levels
            if one.trouble
        ]
        refused = [f"{advice.refused}."] if advice.refused else []
        self.words.setText(" ".join([told, advice.estimate, *untold, *refused]))
        set_role(self.words, "warning" if advice.refused else "")


def _number(least: int, most: int, usual: int, name: str) -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(least, most)
    spin.setValue(usual)
    spin.setAccessibleName(name)
    spin.setMinimumWidth(72)
    keep_still(spin)
    return spin
