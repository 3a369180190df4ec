"""Storage Commitment: asking the destination to take over responsibility, and what it answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QWidget

from migrator.core.addresses import listen_address
from migrator.core.settings import ProofSettings
from migrator.records.words import counted, moment, span
from migrator.ui.desk import Desk
from migrator.ui.pages.verify.job import State
from migrator.ui.pages.verify.statement import StatementCard
from migrator.ui.pages.verify.table import TextTable
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import Fold, button, card, column, label, row, scrolled
from migrator.ui.widgets.fields import SettingsForm

_MEANING = (
    "“Committed” means that the destination promised, by the DICOM service Storage Commitment, to keep an "
    "instance safely from now on; an instance that is merely found there was promised by nobody."
)
_LISTENING = (
    "Many archives answer over a connection of their own, minutes later. For that they need to reach this "
    "machine: name a port here, and enter this machine, the port and our AE title in the archive."
)
_MOST_ROWS = 10  # of a table, before it scrolls by itself
_STATES = {"answered": "good", "refused": "bad"}


class CommitmentTab(QWidget):
    """The action with its settings, the verdict, and what came of it."""

    wanted = pyqtSignal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.ask = button("Ask for commitment", "handshake-outline", kind="primary")
        self.ask.clicked.connect(self.wanted)
        self.form = SettingsForm(ProofSettings, ["listen", "commit_wait"], {"listen": check_listen})
        self.form.changed.connect(self._configure)
        self.card = StatementCard()
        self.reasons = TextTable("Why instances are not committed", ("Instances", "Reason", "Code"))
        self.failures = TextTable("Instances that are not committed", ("Instance", "Reason", "Code"))
        self.transactions = TextTable(
            "Transactions",
            ("State", "Asked", "Answered after", "Requested", "Committed", "Failed", "Unanswered", "Remark"),
        )
        self._notes = label("", "muted", wraps=True)
        self._titles = {
            one: label(one.accessibleName(), "title")
            for one in (self.reasons, self.failures, self.transactions)
        }
        inner = QWidget()
        inner.setLayout(self._arranged())
        self.setLayout(column(scrolled(inner)))
        self._shown: object = self

    def _arranged(self) -> Any:
        frame, inside = card()
        inside.addWidget(label(_MEANING, wraps=True))
        inside.addLayout(row(self.ask, None))
        content = QWidget()
        content.setLayout(column(label(_LISTENING, "muted", wraps=True), self.form, spacing=tokens.MEDIUM))
        self.options = Fold("How it answers", content)
        inside.addWidget(self.options)
        layout = column(frame, self.card, self._notes, spacing=tokens.MEDIUM)
        for table, title in self._titles.items():
            layout.addWidget(title)
            layout.addWidget(table)
        layout.addStretch(1)
        layout.setContentsMargins(0, 0, tokens.SMALL, 0)
        return layout

    def _configure(self, proof: ProofSettings) -> None:
        settings = self._desk.configuration.settings
        self._desk.update(settings=settings.model_copy(update={"proof": proof}))

    def show_state(self, state: State) -> None:
        """Show what is known of the job."""
        proof = self._desk.configuration.settings.proof
        self.form.load(proof)
        self.options.note(f"reached at {proof.listen}" if proof.listen else "over our own connection only")
        self.ask.setEnabled(not state.why_not)
        self.ask.setToolTip(state.why_not or "Ask about everything that was stored there; nothing is sent")
        if self._shown is not state.verified:
            self._shown = state.verified
            self._show_kept(state)

    def _show_kept(self, state: State) -> None:
        statement, kept = state.verified.statement("Storage Commitment"), state.verified.commitment
        if kept is None or statement is None:
            self.card.tell("Not asked yet", "The destination has promised nothing so far.")
        else:
            self.card.show_statement(statement)
        kept = kept or {}
        self._fill(self.reasons, [_reason(one) for one in _dicts(kept, "reasons")])
        self._fill(self.failures, [_failure(one) for one in _dicts(kept, "failures")])
        lines = list(_dicts(kept, "transactions"))
        tones = [_STATES.get(str(one.get("state", "")), "warn") for one in lines]
        self._fill(self.transactions, [_transaction(one) for one in lines], tones)
        notes = "\n".join(_notes(kept))
        self._notes.setText(notes)
        self._notes.setVisible(bool(notes))

    def _fill(self, table: TextTable, lines: list[tuple[str, ...]], tones: list[str] | None = None) -> None:
        table.show_lines(lines, tones or ())
        table.fit(_MOST_ROWS)
        self._titles[table].setVisible(bool(lines))


def check_listen(text: str) -> None:
    """Raise UsageError for what is no place to listen at; nothing is allowed too."""
    if text:
        listen_address(text)


def _dicts(kept: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    value = kept.get(name)
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def _reason(one: Mapping[str, Any]) -> tuple[str, ...]:
    return f"{int(one.get('count', 0)):,}", str(one.get("reason", "")), str(one.get("code", ""))


def _failure(one: Mapping[str, Any]) -> tuple[str, ...]:
    return str(one.get("uid", "")), str(one.get("reason", "")), str(one.get("code", ""))


def _transaction(one: Mapping[str, Any]) -> tuple[str, ...]:
    asked, answered = one.get("asked_at"), one.get("answered_at")
    seconds = answered - asked if isinstance(asked, float) and isinstance(answered, float) else None
    counts = (f"{int(one.get(name, 0)):,}" for name in ("requested", "committed", "failed", "unanswered"))
    trouble = str(one.get("trouble") or "")
    status = f"status {one['status']}" if one.get("status") not in (None, "0000") else ""
    return (
        str(one.get("state", "")),
        moment(asked)[:19] if isinstance(asked, int | float) else "",
        span(seconds) if seconds is not None else "",
        *counts,
        ", ".join(filter(None, (trouble, status))),
    )


def _notes(kept: Mapping[str, Any]) -> Iterator[str]:
    """What else is to be told of a call."""
    if not kept:
        return
    if kept.get("offered") is False:
        yield "The destination does not offer Storage Commitment."
    where = str(kept.get("listened") or "")
    yield (
        f"Answers were awaited on our own connection and at {where}."
        if where
        else "Answers were awaited on our own connection only."
    )
    if late := int(kept.get("late", 0)):
        yield f"{counted(late, 'instance')} by answers that came late, to requests of earlier calls."
    if waiting := int(kept.get("earlier_unanswered_transactions", 0)):
        yield f"{counted(waiting, 'transaction')} of earlier calls had no answer before this one."
    trouble = kept.get("trouble")
    for text in trouble if isinstance(trouble, list) else ():
        yield f"{str(text)[:1].upper()}{str(text)[1:]}."
