"""A migration that is audited, and its log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migrator.cli.main import main
from tests.migrate.running import migrate as migrate  # a fixture
from tests.peers import wait_until as wait_until

Checked = Callable[..., "tuple[int, dict[str, Any]]"]


class Log:
    """An audit log as tests read it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.option = ("--audit", str(file))

    def lines(self) -> list[dict[str, Any]]:
        """Every event, through all files."""
        parts = sorted(self.file.parent.glob(f"{self.file.name}.[0-9]*"), key=lambda one: int(one.suffix[1:]))
        return [json.loads(line) for one in (*parts, self.file) for line in one.read_bytes().splitlines()]

    def events(self, *names: str) -> list[dict[str, Any]]:
        """Events of these names, in order; all without any."""
        return [line for line in self.lines() if not names or line["event"] in names]

    def names(self) -> list[str]:
        return [line["event"] for line in self.lines()]

    def sent(self) -> set[str]:
        return {line["sop_uid"] for line in self.events("file_sent")}


@pytest.fixture
def log(tmp_path: Path) -> Log:
    (tmp_path / "audit").mkdir()
    return Log(tmp_path / "audit" / "log.jsonl")


@pytest.fixture
def checked(log: Log, capsys: pytest.CaptureFixture[str]) -> Checked:
    """`audit check` of the log: its exit code and its JSON."""

    def check(*options: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = main(["audit", "check", str(log.file), "--json", *options])
        captured = capsys.readouterr()
        return code, json.loads(captured.out) if captured.out else {"told": captured.err}

    return check
