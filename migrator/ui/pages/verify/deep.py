"""The deep check: a sample is retrieved back and compared, element by element, with what was sent."""

from __future__ import annotations

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QDoubleSpinBox, QWidget

from migrator.jobs.verified import Verified
from migrator.records.words import counted
from migrator.ui.desk import Desk
from migrator.ui.pages.verify.job import State
from migrator.ui.pages.verify.statement import StatementCard
from migrator.ui.pages.verify.table import TextTable
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, card, column, label, row

_MEANING = (
    "Retrieves a random sample back by C-GET or C-MOVE and compares it, element by element and pixel by "
    "pixel, with what was sent. Every modality, transfer syntax and study gets its turn. The audit of all "
    "studies is made along with it. An archive that can only C-MOVE needs to reach this machine: see Storage "
    "Commitment, How it answers."
)
_USUAL = 5.0
_MOST_ROWS = 5_000  # on view; the table that is saved has all


class DeepTab(QWidget):
    """The action with its percentage, the verdict, what differs, and what did not come back."""

    wanted = pyqtSignal(float)
    """How many percent are to be compared."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.percent = QDoubleSpinBox()
        self.percent.setRange(0.01, 100.0)
        self.percent.setDecimals(2)
        self.percent.setSuffix(" %")
        self.percent.setAccessibleName("Percent of the instances to compare")
        self.percent.setValue(desk.configuration.settings.proof.deep or _USUAL)
        self.check = button("Deep check", "microscope", kind="primary")
        self.check.clicked.connect(lambda: self.wanted.emit(self.percent.value()))
        self.card = StatementCard()
        self.differences = TextTable("What differs", ("Attribute", "How", "Sent", "There", "Instance"))
        self.failures = TextTable("What was not compared", ("Instance", "What became of it", "Reason"))
        self._added = label("", "muted", wraps=True)
        frame, inside = card()
        inside.addWidget(label(_MEANING, wraps=True))
        sample = label("Sample")
        sample.setBuddy(self.percent)
        inside.addLayout(row(sample, self.percent, self.check, None))
        self._titles = {
            one: label(one.accessibleName(), "title") for one in (self.differences, self.failures)
        }
        layout = column(frame, self.card, self._added, spacing=tokens.MEDIUM)
        for table, title in self._titles.items():
            layout.addWidget(title)
            layout.addWidget(table, 1)
        layout.addStretch(0)
        self.setLayout(layout)
        self._shown: object = self

    def show_state(self, state: State) -> None:
        """Show what is known of the job."""
        self.check.setEnabled(not state.why_not)
        self.check.setToolTip(state.why_not or "Retrieve a sample back and compare it")
        if self._shown is not state.verified:
            self._shown = state.verified
            self._show_kept(state.verified)

    def _show_kept(self, verified: Verified) -> None:
        statement = verified.statement("Comparison")
        deep = verified.deep
        if deep is None or statement is None:
            self.card.tell("Not done", "The last verification retrieved nothing back.")
        else:
            self.card.show_statement(statement)
        objects = deep.objects if deep is not None else ()
        differing = [
            (one.name or "the whole object", one.kind.value, one.ours, one.theirs, each.uid)
            for each in objects
            for one in each.differences
        ]
        failed = [(each.uid, each.fate.value, each.reason) for each in objects if each.reason]
        for table, lines in ((self.differences, differing), (self.failures, failed)):
            table.show_lines(lines[:_MOST_ROWS])
            rest = f": the first {_MOST_ROWS:,} of {len(lines):,}" if len(lines) > _MOST_ROWS else ""
            self._titles[table].setText(table.accessibleName() + rest)
            self._titles[table].setVisible(bool(lines))
        added = (
            ", ".join(
                f"{name} (in {counted(count, 'object')})" for name, count in deep.additions.most_common(8)
            )
            if deep is not None
            else ""
        )
        self._added.setText(f"Added by the destination, which is no difference: {added}" if added else "")
        self._added.setVisible(bool(added))
