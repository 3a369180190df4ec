"""An inventory for people: tables on a terminal, plain lines elsewhere, and one JSON object."""

from __future__ import annotations

from collections import Counter
from typing import Any, TextIO

from rich.table import Table
from rich.text import Text

from migrator.cli.terminal import SteadyConsole, printable
from migrator.core.outcome import State
from migrator.jobs.scan import Inventory, name_of

_Section = tuple[str, list[tuple[str, str]]]


def as_json(inventory: Inventory, source: str) -> dict[str, Any]:
    """The inventory as plain values. Problems name at most five example paths each."""
    return {
        "source": printable(source),
        "found": inventory.paths,
        "patients": inventory.patients,
        "studies": inventory.studies,
        "series": inventory.series,
        "instances": inventory.instances,
        "bytes": inventory.bytes,
        "modalities": dict(inventory.modalities.most_common()),
        "transfer_syntaxes": _named(inventory.transfer_syntaxes),
        "sop_classes": _named(inventory.sop_classes),
        "states": {state.value: inventory.states[state] for state in State if inventory.states[state]},
        "problems": [
            {
                "reason": problem.reason.value,
                "state": problem.state.value,
                "count": problem.count,
                "examples": [printable(path) for path in problem.examples],
            }
            for problem in inventory.by_count()
        ],
    }


def _named(counts: Counter[str]) -> list[dict[str, Any]]:
    return [{"uid": uid, "name": name_of(uid), "instances": count} for uid, count in counts.most_common()]


def show(inventory: Inventory, stream: TextIO) -> None:
    """Print the inventory."""
    console = SteadyConsole(file=stream, highlight=False)
    for title, rows in _sections(inventory):
        if console.is_terminal:
            console.print(_table(title, rows))
        else:
            stream.write("".join(f"{line}\n" for line in _lines(title, rows)))


def _table(title: str, rows: list[tuple[str, str]]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    return table


def _lines(title: str, rows: list[tuple[str, str]]) -> list[str]:
    return [f"{title}:", *(f"  {name}: {value}" if value else f"  {name}" for name, value in rows)]


def _sections(inventory: Inventory) -> list[_Section]:
    sections: list[_Section] = [("Inventory", _totals(inventory))]
    if inventory.instances:
        sections += [
            ("Modalities", [(name or "(none)", f"{n:,}") for name, n in inventory.modalities.most_common()]),
            ("Transfer syntaxes", _uid_rows(inventory.transfer_syntaxes)),
            ("SOP classes", _uid_rows(inventory.sop_classes)),
        ]
    if inventory.problems:
        sections.append(("Problems", _problem_rows(inventory)))
    return sections


def _totals(inventory: Inventory) -> list[tuple[str, str]]:
    return [
        ("paths", f"{inventory.paths:,}"),
        ("patients", f"{inventory.patients:,}"),
        ("studies", f"{inventory.studies:,}"),
        ("series", f"{inventory.series:,}"),
        ("instances", f"{inventory.instances:,}"),
        ("bytes", f"{inventory.bytes:,}"),
    ]


def _uid_rows(counts: Counter[str]) -> list[tuple[str, str]]:
    return [
        (printable(uid if name_of(uid) == uid else f"{name_of(uid)} ({uid})"), f"{count:,}")
        for uid, count in counts.most_common()
    ]


def _problem_rows(inventory: Inventory) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for problem in inventory.by_count():
        rows.append((f"{problem.state.value}: {problem.reason.value}", f"{problem.count:,}"))
        rows += [(f"    {printable(path)}", "") for path in problem.examples]
    return rows
