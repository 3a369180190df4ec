"""What the table is to show: a text, statuses, one patient, one state of the ledger, one destination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from PyQt5.QtCore import Qt, QTimer, pyqtSignal
from PyQt5.QtWidgets import QLineEdit, QProgressBar, QPushButton, QSizePolicy, QToolButton, QWidget

from migrator.core.model import Patient
from migrator.core.outcome import State
from migrator.jobs.tail import STATES, WORDS
from migrator.records.words import count, counted, person
from migrator.ui.models.row_view import Wanted
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import button, column, label, row
from migrator.ui.widgets.flow import FlowLayout

_TYPED = 250  # milliseconds after the last letter

_MEANINGS = {
    "OK": "stored as they should be",
    "WARN": "stored with a warning of the destination",
    "HEALED": "stored after a recovery step",
    "REMAP": "stored under the patient that the destination has",
    "SKIP": "not sent, for a reason",
    "HELD": "waiting for a decision",
    "FAIL": "not stored",
}


class RowFilter(QWidget):
    """Says what is wanted by `changed`; is told what there is by `show_counts`."""

    changed = pyqtSignal(object)
    """A Wanted."""
    follow_wanted = pyqtSignal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.wanted = Wanted()
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search name, ID, UID, path, reason …")
        self.search.setAccessibleName("Search the instances")
        self.search.setToolTip(
            "Patient, study, series, SOP class, path, SOP instance UID, and what was said of it (Ctrl+F)"
        )
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(220)
        self.search.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._typed = QTimer(self)
        self._typed.setSingleShot(True)
        self._typed.setInterval(_TYPED)
        self._typed.timeout.connect(self._take)
        self.search.textChanged.connect(lambda text: self._typed.start())
        self.search.returnPressed.connect(self._take)
        self._busy = _busy()
        self._count = label("", "muted")
        self.follow = QToolButton()
        self.follow.setText("Newest")
        self.follow.setIcon(icon("arrow-collapse-down", tokens.TEXT))
        self.follow.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.follow.setCheckable(True)
        self.follow.setToolTip("Keep the newest row in view; scrolling up ends it")
        self.follow.toggled.connect(self.follow_wanted)
        self.words = {word: _word_button(word) for word in WORDS if word}
        for each in self.words.values():
            each.toggled.connect(self._take)
        self._tags = {name: _tag() for name in ("patient", "state")}
        self._tags["patient"].clicked.connect(lambda: self.show_patient(None))
        self._tags["state"].clicked.connect(lambda: self.show_state(None))
        self._all = button("Show all", kind="link", tip="End every filter")
        self._all.clicked.connect(lambda: self.clear())
        below = QWidget()
        below.setLayout(
            FlowLayout(*self.words.values(), *self._tags.values(), self._all, spacing=tokens.TIGHT)
        )
        above = row(self.search, self._busy, self._count, self.follow)
        layout = column(spacing=tokens.TIGHT)
        layout.addLayout(above)
        layout.addWidget(below)
        self.setLayout(layout)
        self._show_tags()

    # What is wanted

    def show_patient(self, patient: Patient | None) -> None:
        """The rows of this patient alone; None ends that."""
        self._want(replace(self.wanted, patient=patient))

    def show_state(self, state: State | None) -> None:
        """The rows that the ledger counts under this state; None ends that."""
        states = frozenset() if state is None else frozenset({STATES.index(state)})
        self._want(replace(self.wanted, states=states))

    def show_destination(self, at: int | None) -> None:
        self._want(replace(self.wanted, at=at))

    def clear(self) -> None:
        """Show everything."""
        for each in (self.search, *self.words.values()):
            each.blockSignals(True)
        self.search.clear()
        for each in self.words.values():
            each.setChecked(False)
        for each in (self.search, *self.words.values()):
            each.blockSignals(False)
        self._want(Wanted(at=self.wanted.at))

    def _take(self) -> None:
        self._typed.stop()
        words = frozenset(WORDS.index(word) for word, each in self.words.items() if each.isChecked())
        self._want(replace(self.wanted, text=self.search.text().strip(), words=words))

    def _want(self, wanted: Wanted) -> None:
        if wanted != self.wanted:
            self.wanted = wanted
            self._show_tags()
            self.changed.emit(wanted)

    def _show_tags(self) -> None:
        patient, states = self.wanted.patient, self.wanted.states
        if patient is not None:
            name = " ".join(filter(None, (person(patient.name), f"({patient.id})" if patient.id else "")))
            self._tags["patient"].setText(f"Patient: {name or 'without a name'}".replace("&", "&&"))
        if states:
            self._tags["state"].setText(f"Ledger: {', '.join(STATES[one].value for one in states)}")
        self._tags["patient"].setVisible(patient is not None)
        self._tags["state"].setVisible(bool(states))
        self._all.setVisible(not self.wanted.is_everything)

    # What there is

    def show_counts(self, shown: int, total: int, is_searching: bool) -> None:
        self._busy.setVisible(is_searching)
        if self.wanted.is_everything:
            self._count.setText(counted(total, "row") if total else "")
        else:
            self._count.setText(f"{count(shown)} of {counted(total, 'row')}")

    def show_words(self, counts: Mapping[str, int]) -> None:
        """How many rows have each status."""
        for word, each in self.words.items():
            number = counts.get(word, 0)
            each.setText(f"{word} {count(number)}" if number else word)


def _word_button(word: str) -> QToolButton:
    made = QToolButton()
    made.setText(word)
    made.setCheckable(True)
    made.setToolTip(f"Show those {_MEANINGS[word]}; several can be chosen")
    made.setAccessibleName(f"Show {word}")
    made.setProperty("status", word)
    return made


def _tag() -> QPushButton:
    made = button("", "close", tip="End this filter")
    made.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    return made


def _busy() -> QProgressBar:
    bar = QProgressBar()
    bar.setRange(0, 0)
    bar.setFixedWidth(48)
    bar.setTextVisible(False)
    bar.setAccessibleName("Searching")
    bar.hide()
    return bar
