"""More checks: whether the destination takes what the source holds, what is wrong with the source, and
whether it is still the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QGridLayout, QWidget

from migrator.core.settings import Settings
from migrator.records.words import counted, moment, size
from migrator.ui.desk import Desk
from migrator.ui.pages.verify.job import Job, State
from migrator.ui.pages.verify.statement import StatementCard
from migrator.ui.pages.verify.table import TextTable
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, card, column, label

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """A result for people: a statement's parts, and a table's columns, rows and tones."""

    word: str
    text: str
    tone: str
    columns: tuple[str, ...] = ()
    lines: tuple[tuple[str, ...], ...] = ()
    tones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Other:
    """One of the checks. `words` are the command's, before the source."""

    title: str
    icon: str
    meaning: str
    words: tuple[str, ...]
    is_about_node: bool
    tell: Callable[[Values], Told]

    def command(self, job: Job, settings: Settings) -> list[str]:
        """The command line; those that are not about a node take no file of settings."""
        if self.is_about_node:
            options = ["--to", str(job.node)]
        elif self.words == ("quality",):
            options = [f"--settle={settings.scan.settle:g}", f"--readers={settings.scan.readers}"]
        else:
            options = []
        return [*self.words, job.source, *options, "--json"]


def _compat(values: Values) -> Told:
    tones = {"accepted": "good", "no way": "bad"}
    cells = [one for one in values["cells"] if one["files"]]
    lines = tuple(
        (
            str(one["way"]).capitalize(),
            f"{one['files']:,}",
            size(one["bytes"]),
            str(one["sop_class"]),
            str(one["transfer_syntax"]),
            "; ".join(filter(None, (_sent_as(one), str(one["over"]), str(one["reason"])))),
        )
        for one in cells
    )
    stuck = values["ways"]["no_way"]["files"]
    word = "Everything can be sent" if values["compatible"] else "Not everything can be sent"
    text = f"{values['node']} was asked over {counted(values['associations'], 'association')}."
    if stuck:
        text += f" {counted(stuck, 'file')} of the source {'has' if stuck == 1 else 'have'} no way to it."
    if values["hang_ups"]:
        text += " It ends associations because of what they propose: such a migration is held up by that."
    columns = ("What becomes of it", "Files", "Size", "Kind", "Transfer syntax", "Remark")
    tone = "good" if values["compatible"] else "bad"
    return Told(word, text, tone, columns, lines, tuple(tones.get(str(one["way"]), "warn") for one in cells))


def _sent_as(cell: Values) -> str:
    is_other = cell["sent_as"] and cell["sent_as_uid"] != cell["transfer_syntax_uid"]
    return f"sent as {cell['sent_as']}" if is_other else ""


def _quality(values: Values) -> Told:
    tones = {"error": "bad", "warning": "warn", "notice": "none"}
    lines = tuple(
        (
            str(one["severity"]).capitalize(),
            counted(one["count"], one["unit"]),
            str(one["title"]),
            str(one["migration"]),
            str(one["examples"][0]["path"]) if one["examples"] else "",
        )
        for one in values["findings"]
    )
    counts = ", ".join(
        counted(values[name], name.removesuffix("s")) for name in ("errors", "warnings", "notices")
    )
    word = "Errors were found" if values["errors"] else "No errors were found"
    text = (
        f"{counted(values['instances'], 'instance')} of {counted(values['studies'], 'study')} looked at. "
        f"Kinds of findings: {counts}."
    )
    tone = "bad" if values["errors"] else "warn" if values["warnings"] else "good"
    columns = ("Severity", "How many", "Finding", "What a migration does", "For example")
    return Told(
        word, text, tone, columns, lines, tuple(tones[str(one["severity"])] for one in values["findings"])
    )


def _snapshot(values: Values) -> Told:
    text = (
        f"The SHA-256 of {counted(values['files'], 'file')}, {size(values['bytes'])}, was taken on "
        f"{moment(values['at'])[:19]} and is kept. That of the whole list is {values['list_sha256']}."
    )
    if values.get("unreadable"):
        text += f" {counted(values['unreadable'], 'file or folder')} could not be read."
    return Told("Snapshot made", text, "warn" if values.get("unreadable") else "good")


def _integrity(values: Values) -> Told:
    is_intact = bool(values["intact"])
    word = "The source is intact" if is_intact else "The source is not as it was"
    told = ", ".join(
        f"{values[name]:,} {name}"
        for name in ("changed", "corrupted", "vanished", "unreadable", "new")
        if values.get(name)
    )
    text = (
        f"Compared with the snapshot of {moment(values['before']['at'])[:19]}: "
        f"{counted(values['unchanged'], 'file')} unchanged" + (f", {told}." if told else ".")
    )
    lines = tuple(
        (str(one["finding"]).capitalize(), str(one["path"]), str(one["detail"])) for one in values["findings"]
    )
    tones = tuple("none" if one["finding"] == "new" else "bad" for one in values["findings"])
    tone = "good" if is_intact else "bad"
    return Told(word, text, tone, ("Finding", "File", "Detail"), lines, tones)


OTHERS = (
    Other(
        "Compatibility",
        "connection",
        "Asks the destination whether it takes every kind of object that the source holds. Sends nothing.",
        ("compat",),
        True,
        _compat,
    ),
    Other(
        "Quality",
        "clipboard-search-outline",
        "Looks for what is wrong in the source: damaged files, missing identities, contradictions.",
        ("quality",),
        False,
        _quality,
    ),
    Other(
        "Integrity snapshot",
        "fingerprint",
        "Takes the SHA-256 of every file in the source, and keeps the list for a later check.",
        ("integrity", "snapshot"),
        False,
        _snapshot,
    ),
    Other(
        "Integrity check",
        "shield-search",
        "Reads every file again, and tells whether all are as they were at the snapshot.",
        ("integrity", "check"),
        False,
        _integrity,
    ),
)


class OthersTab(QWidget):
    """Four checks, and the result of the one that was made last."""

    wanted = pyqtSignal(object)
    """An Other that is to be made."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.buttons = {}
        frame, inside = card()
        grid = QGridLayout()
        grid.setHorizontalSpacing(tokens.LARGE)
        grid.setVerticalSpacing(tokens.SMALL)
        grid.setColumnStretch(1, 1)
        for place, one in enumerate(OTHERS):
            made = button(one.title, one.icon, tip=one.meaning)
            made.clicked.connect(lambda checked=False, one=one: self.wanted.emit(one))
            self.buttons[one.title] = made
            grid.addWidget(made, place, 0)
            grid.addWidget(label(one.meaning, "muted", wraps=True), place, 1)
        inside.addLayout(grid)
        self.card = StatementCard()
        self._room = QWidget()
        self._room.setLayout(column())
        self.table: TextTable | None = None
        self._job: Job | None = None
        layout = column(frame, self.card, spacing=tokens.MEDIUM)
        layout.addWidget(self._room, 1)
        self.setLayout(layout)
        self.card.hide()
        self._room.hide()

    def show_state(self, state: State) -> None:
        """Whether the checks can be made; a result is on view with the job that it is about."""
        why_not = "Choose a source and a destination first" if state.job is None else ""
        why_not = why_not or ("Another check is on" if state.is_on else "")
        for one in OTHERS:
            self.buttons[one.title].setEnabled(not why_not)
            self.buttons[one.title].setToolTip(why_not or one.meaning)
        is_its = self._job is not None and self._job == state.job
        self.card.setVisible(is_its)
        self._room.setVisible(is_its)

    def show_result(self, other: Other, values: object, job: Job) -> None:
        """Show what a check of this job printed."""
        self._job = job
        try:
            if not isinstance(values, dict):
                raise TypeError("no result")
            told = other.tell(values)
        except (KeyError, TypeError, ValueError):
            self._tell(other.title, "The result cannot be read; the log may tell more.", "warn")
            return
        about = f"{job.source}  to  {job.node}" if other.is_about_node else job.source
        self._tell(told.word, told.text, told.tone, f"{other.title} of {about} · {moment(time.time())[:19]}")
        if told.columns:
            self.table = TextTable(f"{other.title}: findings", told.columns)
            self._room.layout().addWidget(self.table)
            self.table.show_lines(told.lines, told.tones)

    def _tell(self, word: str, text: str, tone: str, facts: str = "") -> None:
        """Show words alone."""
        if self.table is not None:
            self.table.hide()
            self.table.deleteLater()
            self.table = None
        self.card.tell(word, text, tone, facts)
