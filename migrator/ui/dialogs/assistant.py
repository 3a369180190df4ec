"""The Connection Assistant: looks for DICOM nodes, and only where it is told to look.

It asks before it contacts anything. What it finds comes while it looks; a click takes it.
"""

from __future__ import annotations

import queue

from PyQt5.QtCore import QModelIndex, Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QKeyEvent
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from migrator.core.control import Control
from migrator.core.errors import Cancelled, MigratorError
from migrator.core.model import Node, Tls
from migrator.jobs.discover import DiscoverJob, Finding, Kind
from migrator.records.words import count, counted
from migrator.ui.desk import Desk
from migrator.ui.dialogs.assistant_form import PlacesForm
from migrator.ui.dialogs.assistant_model import FindingsModel
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, column, label, row, set_role
from migrator.ui.widgets.cells import dress_table
from migrator.ui.widgets.fields_words import sentence

_DRAIN = 100  # milliseconds
_ABOUT = (
    "Looks for systems that speak DICOM: it opens a connection to each address and port below and, where "
    "something listens, asks by C-ECHO whether it is a DICOM node. No patient data is sent."
)
_CAUTION = (
    "Nothing else is contacted. Some networks report such a look around: ask whoever looks after yours if in "
    "doubt."
)
_WIDTHS = (120, 64, 92, 120, 150, 96)


class _Look:
    """One look around; its findings wait here for the event loop."""

    def __init__(self, job: DiscoverJob, control: Control, places: int) -> None:
        self.job = job
        self.control = control
        self.places = places
        self.found: queue.SimpleQueue[Finding] = queue.SimpleQueue()

    def run(self) -> None:
        """In a thread. Raises Cancelled."""
        self.job.run(self.found.put)

    def new(self) -> list[Finding]:
        """What was found since it was last asked."""
        found = []
        while not self.found.empty():
            found.append(self.found.get())
        return found


class ConnectionAssistant(QDialog):
    """Finds nodes; asks before it contacts anything, and ends with the dialog."""

    chosen = pyqtSignal(object)
    """The Node that was clicked, or taken by Enter. It carries a Tls where it was found to speak TLS."""

    def __init__(self, desk: Desk, parent: QWidget | None = None, calling_ae_title: str = "") -> None:
        """`calling_ae_title` is how we call ourselves; without one that can be, as usual."""
        super().__init__(parent)
        self._desk = desk
        self._look: _Look | None = None
        self.setWindowTitle("Connection Assistant")
        self.resize(860, 620)
        self.form = PlacesForm(desk, calling_ae_title)
        self.model = FindingsModel()
        self.table = self._table()
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Progress")
        self.words = label("", "muted", wraps=True)
        self.asks = button("Look around…", "radar", kind="primary", tip="Asks once more before it begins")
        self.asks.clicked.connect(self.ask)
        self.stops = button("Stop", "stop", tip="Stop looking; what was found stays")
        self.stops.clicked.connect(self.stop)
        self.confirmation, self._question = self._confirmation()
        self.takes = button("Use this one", "check", tip="Fill the destination's form with the chosen row")
        self.takes.clicked.connect(self.take)
        closes = button("Close")
        closes.clicked.connect(self.reject)
        self._arrange(closes)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._drain)
        self.form.changed.connect(self._judge)
        self._judge()
        self._turn(is_on=False)
        desk.leaving.connect(self._leave)
        self.form.addresses.setFocus(Qt.FocusReason.OtherFocusReason)

    def _arrange(self, closes: QWidget) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(tokens.LARGE, tokens.LARGE, tokens.LARGE, tokens.LARGE)
        layout.setSpacing(tokens.MEDIUM)
        layout.addWidget(label("Connection Assistant", "heading"))
        layout.addWidget(label(_ABOUT, "muted", wraps=True))
        layout.addWidget(self.form)
        actions = row(self.asks, self.stops, self.words, spacing=tokens.MEDIUM)
        actions.setStretch(2, 1)
        layout.addLayout(actions)
        layout.addWidget(self.confirmation)
        layout.addWidget(self.progress)
        layout.addWidget(self.table, 1)
        layout.addLayout(row(None, self.takes, closes))

    def _confirmation(self) -> tuple[QFrame, QWidget]:
        """The question before anything is contacted."""
        frame = QFrame()
        frame.setProperty("role", "card")
        question = label("", wraps=True)
        self.begins = button("Begin", "radar", kind="primary")
        self.begins.clicked.connect(self.begin)
        back = button("Back")
        back.clicked.connect(lambda: self._turn(is_on=False))
        inner = QHBoxLayout(frame)
        inner.setContentsMargins(tokens.LARGE, tokens.MEDIUM, tokens.LARGE, tokens.MEDIUM)
        inner.addLayout(
            column(
                question,
                label(_CAUTION, "caption", wraps=True),
                spacing=tokens.TIGHT,
            ),
            1,
        )
        inner.addWidget(self.begins)
        inner.addWidget(back)
        return frame, question

    def _table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.model)
        dress_table(table, "What was found", _WIDTHS)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.horizontalHeader().setStretchLastSection(True)
        table.clicked.connect(self._clicked)
        table.doubleClicked.connect(lambda _: self.take())
        table.selectionModel().selectionChanged.connect(lambda *_: self._offer())
        return table

    # What its user does

    def ask(self) -> None:
        """Say what would be contacted, and wait for a yes."""
        request = self.form.request
        if request is None:
            return
        place = counted(request.places, "place")
        self._question.setText(f"Contact {place} in {self.form.addresses.text().strip()} now?")
        self.confirmation.show()
        self.asks.setEnabled(False)
        self.begins.setFocus(Qt.FocusReason.OtherFocusReason)

    def begin(self) -> None:
        """Look, at what stands in the form and nothing else."""
        request = self.form.request
        if request is None or self._look is not None:
            return
        self.model.clear()
        control = Control()
        look = self._look = _Look(DiscoverJob(request, control), control, request.places)
        self.progress.setRange(0, look.places)
        self._turn(is_on=True)
        self._drain()
        self.stops.setFocus(Qt.FocusReason.OtherFocusReason)
        self._desk.later(look.run, lambda answer: self._over(look, answer))

    def stop(self) -> None:
        if self._look is not None:
            self._look.control.cancel()
            self.stops.setEnabled(False)

    def take(self) -> None:
        """Choose the row that is selected, and close."""
        if self._choose():
            self.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if is_enter and self.table.hasFocus():
            self.take()
        elif is_enter and self.form.isAncestorOf(self.focusWidget()):
            self.ask()
        else:
            super().keyPressEvent(event)

    def done(self, result: int) -> None:
        """Whatever closes it ends the look."""
        self._leave()
        super().done(result)

    def _leave(self) -> None:
        """Look no further: nothing is contacted without a dialog that says so."""
        look, self._look = self._look, None
        if look is not None:
            look.control.cancel()
        self._timer.stop()

    # What comes of it

    def _clicked(self, index: QModelIndex) -> None:
        if self._choose():
            finding = self.model.findings[index.row()]
            self._say(f"{finding.host}:{finding.port} was filled in as the destination.", "good")

    def _choose(self) -> bool:
        finding = self._selected()
        if finding is None:
            return False
        calling = self.form.calling_ae_title
        tls = Tls() if finding.kind is Kind.TLS else None
        self.chosen.emit(Node(finding.host, finding.port, finding.ae_title or "ANY-SCP", calling, tls))
        return True

    def _selected(self) -> Finding | None:
        """The row that is selected, if it can be a destination."""
        rows = self.table.selectionModel().selectedRows()
        finding = self.model.findings[rows[0].row()] if rows else None
        return finding if finding is not None and finding.kind is not Kind.OTHER else None

    def _offer(self) -> None:
        self.takes.setEnabled(self._selected() is not None)

    def _drain(self) -> None:
        look = self._look
        if look is None:
            return
        self.model.add(look.new())
        self.progress.setValue(look.job.probed)
        self._say(self._progress_words(look))

    def _progress_words(self, look: _Look) -> str:
        found = len(self.model.findings)
        answered = f"{counted(found, 'place')} answered" if found else "nothing answered"
        return f"{count(look.job.probed)} of {counted(look.places, 'place')} looked at, {answered}"

    def _over(self, look: _Look, answer: object) -> None:
        if self._look is not look:
            return
        self._drain()
        self._look = None
        self._turn(is_on=False)
        if isinstance(answer, Cancelled):
            self._say(f"Stopped. {self._progress_words(look)}")
        elif isinstance(answer, BaseException):
            is_known = isinstance(answer, MigratorError)
            self._say(sentence(str(answer)) if is_known else "The look around failed.", "error")
        else:
            self._say(f"Done. {self._progress_words(look)}")
        if self.model.findings:
            self.table.setFocus(Qt.FocusReason.OtherFocusReason)
            self.table.selectRow(0)

    def _judge(self) -> None:
        self.confirmation.hide()
        self.asks.setEnabled(self.form.request is not None and self._look is None)
        if self._look is None:
            self._say(self.form.words)

    def _turn(self, *, is_on: bool) -> None:
        """Look like looking around, or like waiting for it."""
        self.confirmation.hide()
        self.form.setEnabled(not is_on)
        self.asks.setVisible(not is_on)
        self.asks.setEnabled(self.form.request is not None)
        self.stops.setVisible(is_on)
        self.stops.setEnabled(is_on)
        self.progress.setVisible(is_on)
        self._offer()
        if is_on:
            self._timer.start(_DRAIN)
        else:
            self._timer.stop()

    def _say(self, words: str, role: str = "muted") -> None:
        set_role(self.words, role)
        self.words.setText(words)
