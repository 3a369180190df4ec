"""How far the run is: phase, bar, rates, what holds it back, and the ledger."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtWidgets import QFrame, QLabel, QProgressBar, QWidget

from migrator.engine.accounting import Ledger, Snapshot
from migrator.records.words import percent
from migrator.ui.pages.upload.ledger import LedgerGrid
from migrator.ui.pages.upload.words import figures, holding, phase_words
from migrator.ui.running import Sight
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import card, label, row


class ProgressCard(QFrame):
    """Hidden until there is something to show."""

    def __init__(self) -> None:
        super().__init__()
        frame, layout = card()
        self.setLayout(row(frame))
        layout.setContentsMargins(tokens.MEDIUM, tokens.SMALL, tokens.MEDIUM, tokens.SMALL)
        layout.setSpacing(tokens.TIGHT)
        self._phase = label("", "title")
        self._percent = label("", "title")
        self._figures: list[tuple[QLabel, QLabel]] = [(label("0"), label("", "muted")) for _ in range(4)]
        head = row(self._phase, self._percent, None)
        for number, unit in self._figures:
            head.addSpacing(tokens.MEDIUM)
            head.addWidget(number)
            head.addWidget(unit)
        layout.addLayout(head)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setMaximum(1000)
        self._bar.setAccessibleName("Progress")
        layout.addWidget(self._bar)
        self._hold = label("", "warning", wraps=True)
        layout.addWidget(self._hold)
        self.ledger = LedgerGrid()
        layout.addWidget(self.ledger)

    def show_run(self, sight: Sight, snapshot: Snapshot | None) -> None:
        """A run that is on, or was, as this window has seen it."""
        self._phase.setText(_ended_phase(sight, snapshot) or phase_words(snapshot, sight.is_paused))
        share = snapshot.share if snapshot is not None else None
        self._percent.setText("" if share is None else f"{percent(share)} %")
        is_endless = share is None and sight.is_live and not sight.is_paused
        has_ended = bool(snapshot is not None and not sight.is_live and not snapshot.run.pending)
        self._bar.setMaximum(0 if is_endless else 1000)
        self._bar.setValue(round((share or 0) * 1000))
        told = holding(snapshot, sight.is_paused) if snapshot is not None and sight.is_live else []
        self._hold.setText("\n".join(told))
        if snapshot is not None:
            for (number, unit), (value, meaning) in zip(self._figures, figures(snapshot), strict=True):
                number.setText(value)
                unit.setText(meaning)
            self.ledger.show_ledgers(snapshot.run, snapshot.job)
        # A full bar would tell nothing, and the table needs the room; a rate of what has ended is none.
        figured = [
            snapshot is not None and (sight.is_live or unit.text() == "sent") for _, unit in self._figures
        ]
        self._show_parts(phase=True, bar=not has_ended, hold=bool(told), figured=figured)
        self.setVisible(True)

    def show_record(self, run: Ledger | None, job: Ledger) -> None:
        """A job that nobody works on, as its record has it."""
        self.ledger.show_ledgers(run, job)
        self._show_parts(phase=False, bar=False, hold=False, figured=[False] * len(self._figures))
        self.setVisible(bool(job.found))

    def _show_parts(self, *, phase: bool, bar: bool, hold: bool, figured: Sequence[bool]) -> None:
        """Each at most once: whatever comes or goes moves, and draws, all of the table below."""
        parts: list[tuple[QWidget, bool]] = [
            (self._phase, phase),
            (self._percent, bar),
            (self._bar, bar),
            (self._hold, hold),
        ]
        for pair, is_shown in zip(self._figures, figured, strict=True):
            parts += [(part, is_shown) for part in pair]
        for part, is_shown in parts:
            if part.isHidden() == is_shown:
                part.setVisible(is_shown)


def _ended_phase(sight: Sight, snapshot: Snapshot | None) -> str:
    if sight.is_live:
        return ""
    is_whole = snapshot is not None and not snapshot.run.pending
    return "Ended" if is_whole else "Ended before its end"
