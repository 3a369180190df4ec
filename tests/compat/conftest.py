"""The command under test, as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from migrator.cli.main import main
from migrator.core.model import Node
from tests.migrate.running import migrate

__all__ = ["migrate"]


@dataclass(frozen=True)
class Compared:
    """One finished comparison: exit code, JSON, what it told people."""

    code: int
    json: dict[str, Any]
    told: str

    def cell(self, syntax: str) -> dict[str, Any]:
        """The only one in this transfer syntax."""
        (found,) = (cell for cell in self.json["cells"] if cell["transfer_syntax_uid"] == syntax)
        return dict(found)

    def files(self) -> dict[str, int]:
        return {way: amount["files"] for way, amount in self.json["ways"].items() if amount["files"]}


class Compat:
    """`compat` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, source: Path, node: Node, *options: str) -> Compared:
        code = main(["compat", str(source), "--to", str(node), "--json", "--settle", "0", *options])
        captured = self._capsys.readouterr()
        return Compared(code, json.loads(captured.out) if captured.out else {}, captured.err)

    def words(self, source: Path, node: Node, *options: str) -> str:
        """What people read."""
        main(["compat", str(source), "--to", str(node), "--settle", "0", *options])
        return self._capsys.readouterr().out


@pytest.fixture
def compat(capsys: pytest.CaptureFixture[str]) -> Compat:
    return Compat(capsys)
