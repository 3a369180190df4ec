"""Migrating to an archive that lies, and verifying deeply."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migrator.cli.main import main
from migrator.core.model import Node
from tests.conftest import Start
from tests.migrate.running import migrate as migrate
from tests.peers.retrieving import Lies, RetrievingPacs

Verify = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def retrieving(start_peer: Start) -> Callable[..., RetrievingPacs]:
    """Start an archive: `retrieving(sent=…, cut=100)`."""
    return lambda **lies: start_peer(RetrievingPacs, Lies(**lies))


@pytest.fixture
def deep(capsys: pytest.CaptureFixture[str]) -> Verify:
    """Run `verify --deep --json` of everything; its exit code and result."""

    def run(source: Path, node: Node, *options: str) -> tuple[int, dict[str, Any]]:
        arguments = ["verify", str(source), "--to", str(node), "--json", "--settle", "0", "--deep", "100%"]
        code = main([*arguments, *options])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else {}

    return run
