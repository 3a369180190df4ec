"""How each destination stands, in words, and the dials that can be turned while a run is on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QFrame, QGridLayout, QLabel, QWidget

from migrator.core.errors import MigratorError
from migrator.engine.accounting import Snapshot
from migrator.records.words import span
from migrator.ui.desk import Desk
from migrator.ui.pages.dashboard.dials import bandwidth_dial, workers_dial
from migrator.ui.running import Migration, Sight
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import button, column, label, row, set_role
from migrator.ui.widgets.elided import ElidedLabel

_MB = 1_000_000
_CIRCUITS = {
    "closed": ("Answering", "good"),
    "open": ("Not answering: left alone for a while", "error"),
    "probing": ("Being tried again", "warning"),
}
"""What the circuit breaker's states mean to people, and how they look."""
_NUMBERS = ("Files/s", "MB/s", "Time left", "Associations", "Workers now", "Answers after")

Ask = Callable[[Mapping[str, Any], Callable[[object], None]], None]


class DestinationCard(QFrame):
    """One destination of the migration on view. `ask` steers it; `pause` holds it, or lets it go on."""

    def __init__(self, node: str, ask: Ask, pause: Callable[[str], None]) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._ask = ask
        self._pause = pause
        self._is_paused = False
        self.state = label("", "muted")
        self.hold = label("", "warning", wraps=True)
        self.refusal = label("", "error", wraps=True)
        self.numbers = {name: label("-") for name in _NUMBERS}
        self.workers = workers_dial(partial(self._set, "workers"))
        self.bandwidth = bandwidth_dial(partial(self._set, "bandwidth"))
        self.pausing = button(
            "Pause", "pause", tip="Hold this destination; a file that is under way ends first"
        )
        self.pausing.clicked.connect(lambda: self._pause("resume" if self._is_paused else "pause"))
        self.setAccessibleName(f"Destination {node}")
        self._arrange(node)

    def _arrange(self, node: str) -> None:
        self._live = QWidget()
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(tokens.WIDE)
        grid.setVerticalSpacing(0)
        for place, (name, number) in enumerate(self.numbers.items()):
            grid.addWidget(label(name, "caption"), 0, place)
            grid.addWidget(number, 1, place)
        grid.setColumnStretch(len(self.numbers), 1)
        layout = column(spacing=tokens.SMALL)
        layout.setContentsMargins(tokens.LARGE, tokens.MEDIUM, tokens.LARGE, tokens.MEDIUM)
        name = ElidedLabel("title", Qt.TextElideMode.ElideMiddle)
        name.say(node)
        head = row(name, self.pausing)
        head.setStretch(0, 1)
        layout.addLayout(head)
        layout.addWidget(self.state)
        live = column(spacing=tokens.SMALL)
        live.addLayout(grid)
        live.addLayout(row(self.workers, tokens.MEDIUM, self.bandwidth, None))
        self._live.setLayout(live)
        layout.addWidget(self._live)
        layout.addWidget(self.hold)
        layout.addWidget(self.refusal)
        self.setLayout(layout)

    def show_snapshot(self, snapshot: Snapshot | None, pace: Mapping[str, Any], *, is_live: bool) -> None:
        """What it is at; `pace` is empty while it does not answer."""
        is_steered = is_live and bool(pace)
        self._live.setVisible(is_live)
        self.pausing.setVisible(is_live)
        for one in (self.workers, self.bandwidth, self.pausing):
            one.setEnabled(is_steered)
        self._show_state(snapshot, pace, is_live=is_live)
        self._show_numbers(snapshot if is_live else None, pace if is_live else {})
        hold = snapshot.hold if snapshot is not None and is_live else ""
        self._show_words(self.hold, "" if pace.get("is_paused") else hold)
        if is_steered:
            self.workers.show_value(pace["workers"])
            self.bandwidth.show_value(pace["bandwidth"])
            self._show_pausing(bool(pace["is_paused"]))
        else:
            self._show_words(self.refusal, "")

    def _show_state(self, snapshot: Snapshot | None, pace: Mapping[str, Any], *, is_live: bool) -> None:
        if not is_live:
            words, role = "No run is on", "muted"
        elif snapshot is None:
            words, role = "Starting", "muted"
        elif pace.get("is_paused") or pace.get("opens_at") is not None:
            words, role = ("Paused" if pace["is_paused"] else "Waiting"), "warning"
        elif snapshot.phase == "done":
            words, role = "Done", "good"
        else:
            words, role = _working(snapshot, pace)
        self.state.setText(f"● {words}")
        set_role(self.state, role)

    def _show_numbers(self, snapshot: Snapshot | None, pace: Mapping[str, Any]) -> None:
        texts = ["-"] * len(_NUMBERS)
        if snapshot is not None:
            texts[:4] = [
                f"{snapshot.files_per_second:,.1f}",
                f"{snapshot.bytes_per_second / _MB:,.1f}",
                span(snapshot.eta_seconds),
                f"{snapshot.associations}",
            ]
        if pace:
            texts[4] = f"{pace['allowed']} of {pace['workers']}"
            has_answered = pace["latency"] and (snapshot is None or snapshot.circuit == "closed")
            texts[5] = f"{pace['latency'] * 1000:,.0f} ms" if has_answered else "-"
        for one, text in zip(self.numbers.values(), texts, strict=True):
            one.setText(text)
        told = ", ".join(f"{name} {text}" for name, text in zip(_NUMBERS, texts, strict=True))
        self.setAccessibleDescription(f"{self.state.text().removeprefix('● ')}; {told}")

    def _show_words(self, where: QLabel, words: str) -> None:
        where.setText(words[:1].upper() + words[1:])
        where.setVisible(bool(words))

    def _show_pausing(self, is_paused: bool) -> None:
        if is_paused != self._is_paused:
            self._is_paused = is_paused
            self.pausing.setText("Resume" if is_paused else "Pause")
            self.pausing.setIcon(icon("play" if is_paused else "pause", tokens.TEXT))

    def _set(self, name: str, value: str) -> None:
        self._ask({"do": "set", "name": name, "value": value}, self._answered)

    def _answered(self, answer: object) -> None:
        self._show_words(self.refusal, str(answer) if isinstance(answer, MigratorError) else "")


class Destinations(QWidget):
    """A card for each destination of the migration on view."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.cards: list[DestinationCard] = []
        self._layout = column(spacing=tokens.SMALL)
        self.setLayout(self._layout)

    def follow(self, migration: Migration | None) -> None:
        """Show another migration's destinations."""
        for card in self.cards:
            self._layout.removeWidget(card)
            card.hide()
            card.deleteLater()
        self.cards = []
        for number, node in enumerate(migration.nodes if migration is not None else ()):
            assert migration is not None
            ask = partial(_ask, migration, number)
            card = DestinationCard(str(node), ask, partial(_pause, migration, number))
            self.cards.append(card)
            self._layout.addWidget(card)

    def show_sight(self, sight: Sight) -> None:
        snapshots: Sequence[Snapshot | None] = sight.snapshots or [None] * len(self.cards)
        paces = sight.paces or tuple({} for _ in self.cards)
        for card, snapshot, pace in zip(self.cards, snapshots, paces, strict=False):
            card.show_snapshot(snapshot, pace, is_live=sight.is_live)


def _working(snapshot: Snapshot, pace: Mapping[str, Any]) -> tuple[str, str]:
    """What a destination is at that nobody holds, and the role of the words."""
    phase = snapshot.phase + (f", wave {snapshot.wave}" if snapshot.wave else "")
    if snapshot.circuit != "closed":
        return _CIRCUITS.get(snapshot.circuit, (snapshot.circuit, "muted"))
    if not snapshot.associations and not pace.get("latency"):
        return phase[:1].upper() + phase[1:], "muted"  # nothing was asked of it yet
    words, role = _CIRCUITS["closed"]
    return f"{words} · {phase}", role


def _ask(
    migration: Migration, number: int, request: Mapping[str, Any], then: Callable[[object], None]
) -> None:
    migration.ask(request, then, at=number)


def _pause(migration: Migration, number: int, action: str) -> None:
    """One of several is held alone, and goes on alone."""
    if len(migration.nodes) == 1:
        migration.do(action)
    else:
        migration.ask({"do": action}, at=number)
