"""Running `dry-run`, and comparing it with what a real run then comes to."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from migrator.cli.main import main
from migrator.core.model import Node
from tests.migrate.running import STATES, Ran

SAME = (*STATES, "found", "job", "fidelity", "healed", "remedies", "bytes_sent", "problem_count")


class Rehearsal:
    """`dry-run` in this process, against one node."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, source: Path, node: Node, *options: str) -> Ran:
        code = main(["dry-run", str(source), "--to", str(node), "--json", "--settle", "0", *options])
        captured = self._capsys.readouterr()
        if not captured.out:
            return Ran(code, {}, captured.err)
        result = json.loads(captured.out)
        for ledger in (result, result["job"]):
            assert ledger["found"] == sum(ledger[state] for state in STATES)
        return Ran(code, result, captured.err)


@pytest.fixture
def rehearse(capsys: pytest.CaptureFixture[str]) -> Rehearsal:
    return Rehearsal(capsys)


def assert_foretold(dry: Ran, real: Ran) -> None:
    """The dry run said what the real one came to."""
    for key in SAME:
        assert dry.json[key] == real.json[key], key
    assert by_path(dry) == by_path(real)
    assert dry.code == real.code


def by_path(ran: Ran) -> list[dict[str, object]]:
    """The problems; workers settle them in any order."""
    return sorted(ran.json["problems"], key=lambda problem: str(problem["path"]))


def fingerprint(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file below a folder: its content's digest and its time."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def counts(ran: Ran) -> dict[str, int]:
    """How many paths have which fate."""
    return {one["action"]: one["count"] for one in ran.json["actions"]}
