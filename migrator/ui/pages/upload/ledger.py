"""The ledger that balances, as one sum in a line: found = sent + … ; each number filters the table."""

from __future__ import annotations

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from migrator.core.outcome import State
from migrator.engine.accounting import Ledger
from migrator.records.words import count
from migrator.ui.pages.upload.words import STATE_MEANINGS
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import button, label, set_look

SHOWN = (
    State.SENT,
    State.WARNED,
    State.SKIPPED,
    State.HELD,
    State.FAILED,
    State.QUARANTINED,
    State.UNKNOWN,
    State.PENDING,
)
_TONES = {
    State.SENT: "good",
    State.WARNED: "warning",
    State.SKIPPED: "skip",
    State.HELD: "held",
    State.FAILED: "error",
    State.QUARANTINED: "error",
    State.UNKNOWN: "error",
    State.PENDING: "",
}


_NO_ROWS = "they have no rows yet"


class _Line:
    """One ledger: its name, its numbers, and whether it balances."""

    def __init__(self, name: str, tip: str) -> None:
        self.name = label(name, "muted")
        self.name.setToolTip(tip)
        self.found = _number(f"{name}: all that was found; shows every row", State.PENDING)
        shows = "shows all of the job that stand so"
        self.states = {
            state: _number(
                f"{name}: {STATE_MEANINGS[state]}; {_NO_ROWS if state is State.PENDING else shows}", state
            )
            for state in SHOWN
        }
        self.balance = QLabel()
        self._balances: bool | None = None
        self.widgets: tuple[QWidget, ...] = (self.name, self.found, *self.states.values(), self.balance)

    def show(self, ledger: Ledger) -> None:
        self.found.setText(count(ledger.found))
        for state, each in self.states.items():
            number = int(getattr(ledger, state.value))
            each.setText(count(number))
            set_look(each, "tone", _TONES[state] if number else "none")
        if ledger.balances is not self._balances:
            self._balances = ledger.balances
            self._show_balance(ledger.balances)

    def _show_balance(self, balances: bool) -> None:
        sign, colour = ("check", tokens.GREEN) if balances else ("alert", tokens.RED)
        self.balance.setPixmap(icon(sign, colour).pixmap(16, 16))
        words = "Balances: every path found is in exactly one state" if balances else "Does not balance"
        self.balance.setToolTip(words)
        self.balance.setAccessibleName(words)

    def set_visible(self, is_visible: bool) -> None:
        for each in self.widgets:
            if each.isHidden() == is_visible:
                each.setVisible(is_visible)


class LedgerGrid(QWidget):
    """This run's ledger, and below it that of the job over all its runs, where it is another one."""

    chosen = pyqtSignal(object)
    """The State whose rows are wanted, or None for all."""

    def __init__(self) -> None:
        super().__init__()
        self.run = _Line("Run", "This run, or the last one")
        self.job = _Line("Job", "This source to this destination, over all runs")
        self._shown: tuple[Ledger | None, Ledger] | None = None
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(tokens.TIGHT)
        grid.setVerticalSpacing(0)
        heads = ["found", *(f"{'+' if number else '='} {one.value}" for number, one in enumerate(SHOWN))]
        for column, head in enumerate(heads, 1):
            caption = label(head, "caption")
            caption.setAlignment(Qt.AlignmentFlag.AlignRight)
            caption.setContentsMargins(0, 0, tokens.TIGHT, 0)
            grid.addWidget(caption, 0, column)
            grid.setColumnStretch(column, 1)
        for number, line in enumerate((self.run, self.job), 1):
            for column, widget in enumerate(line.widgets):
                grid.addWidget(widget, number, column)
            line.found.clicked.connect(lambda: self.chosen.emit(None))
            for state, each in line.states.items():
                each.clicked.connect(lambda checked, state=state: self.chosen.emit(state))

    def show_ledgers(self, run: Ledger | None, job: Ledger) -> None:
        """`run` is None where no run has been seen: only the job's is recorded."""
        if (run, job) == self._shown:
            return  # five times a second, most often
        self._shown = run, job
        if run is not None:
            self.run.show(run)
        self.job.show(job)
        self.run.set_visible(run is not None)
        self.job.set_visible(run is None or run != job)


def _number(tip: str, state: State) -> QPushButton:
    made = button("0", kind="number", tip=f"{tip[:1].upper()}{tip[1:]}")
    made.setAccessibleName(tip)
    made.setProperty("tone", "")
    made.setAccessibleDescription(state.value)
    return made
