"""Running `migrate` and reading what it says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from migrator.cli.main import main
from migrator.core.model import Node

STATES = ("sent", "warned", "skipped", "held", "failed", "quarantined", "unknown", "pending")


@dataclass(frozen=True, slots=True)
class Ran:
    """One finished run: its exit code, its JSON, what it told people."""

    code: int
    json: dict[str, Any]
    told: str

    def counts(self, *states: str) -> tuple[int, ...]:
        return tuple(self.json[state] for state in states)


class Command:
    """`migrate` in this process, against one node, or those that the options name."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *, settle: float = 0) -> None:
        self._capsys = capsys
        self._settle = settle

    def __call__(self, source: Path, node: Node | None, *options: str) -> Ran:
        settle = ("--settle", str(self._settle), "--wave-wait", "0.1", "--breaker-wait", "0.2")
        to = () if node is None else ("--to", str(node))
        code = main(["migrate", str(source), *to, "--json", *settle, *options])
        captured = self._capsys.readouterr()
        told = captured.err
        if not captured.out:
            return Ran(code, {}, told)
        result = json.loads(captured.out)
        for ledger in (result, result["job"], *(one["run"] for one in result["destinations"])):
            assert ledger["found"] == sum(ledger[state] for state in STATES)
        return Ran(code, result, told)


@pytest.fixture
def migrate(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)
