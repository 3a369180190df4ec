"""The command under test, for every test here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.cli.main import main
from migrator.core.model import Node
from tests.migrate.running import STATES, Ran

Fan = Callable[..., Ran]


@pytest.fixture
def fan(capsys: pytest.CaptureFixture[str]) -> Fan:
    """`migrate` to several nodes: `fan(folder, [one.node, other.node], "--verify")`."""

    def run(source: Path, nodes: list[Node], *options: str) -> Ran:
        to = [word for node in nodes for word in ("--to", str(node))]
        code = main(["migrate", str(source), *to, "--json", "--settle", "0", *options])
        captured = capsys.readouterr()
        ran = Ran(code, json.loads(captured.out) if captured.out else {}, captured.err)
        if ran.json:
            check_sums(ran)
        return ran

    return run


def check_sums(ran: Ran) -> None:
    """Every ledger balances, and the top level is the sum of the destinations'."""
    parts = ran.json["destinations"]
    for ledger in (ran.json, ran.json["job"], *(one["run"] for one in parts), *(one["job"] for one in parts)):
        assert ledger["found"] == sum(ledger[state] for state in STATES)
    for name in ("found", *STATES):
        assert ran.json[name] == sum(one["run"][name] for one in parts)
        assert ran.json["job"][name] == sum(one["job"][name] for one in parts)
