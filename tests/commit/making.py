"""Recorded migrations without a migration, and `commit` with what it says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from migrator.cli.main import main
from migrator.core.model import Instance, Node, Patient, Series, Study
from migrator.core.outcome import Outcome, State
from migrator.engine.manifest import Manifest
from migrator.engine.manifest_lines import outcome_line
from migrator.jobs.home import job_folder

CT = "1.2.840.10008.5.1.4.1.1.2"
_EXPLICIT = "1.2.840.10008.1.2.1"


def study_uid(number: int) -> str:
    return f"1.2.3.{number}"


def record(home: Path, source: Path, node: Node, count: int, per_study: int = 100) -> list[str]:
    """A job in which so many instances were stored, and one failed; the UIDs of those stored."""
    source.mkdir(exist_ok=True)
    manifest = Manifest(job_folder(home, source, node), str(source), str(node))
    uids = []
    for number in range(count + 1):
        study = number // per_study + 1
        series = Series(
            f"{study_uid(study)}.1",
            "CT",
            "",
            "1",
            Study(study_uid(study), "", "", "", Patient("SECRET^ID", "", "", "", "")),
        )
        uid = f"{study_uid(study)}.1.{number + 1}"
        instance = Instance(
            path=f"{number}.dcm",
            size=1,
            mtime_ns=1,
            offset=0,
            transfer_syntax=_EXPLICIT,
            sop_class=CT,
            uid=uid,
            series=series,
        )
        outcome = Outcome(State.SENT if number < count else State.FAILED, status=0)
        manifest.append(outcome_line(instance, outcome, manifest.series_key(series), 1.0))
        uids.append(uid)
    manifest.close()
    return uids[:count]


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    json: dict[str, Any]
    told: str

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Requested, committed, failed, unanswered."""
        return tuple(self.json[name] for name in ("requested", "committed", "failed", "unanswered"))


class Command:
    """`commit` in this process."""

    def __init__(self, source: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.source = source
        self.home = home
        self._capsys = capsys

    def record(self, node: Node, count: int, per_study: int = 100) -> list[str]:
        return record(self.home, self.source, node, count, per_study)

    def journal(self, node: Node) -> Path:
        return job_folder(self.home, self.source, node) / "commitments.jsonl"

    def __call__(self, node: Node, *options: str, wait: float = 10) -> Ran:
        arguments = ["commit", str(self.source), "--to", str(node), "--json", "--commit-wait", str(wait)]
        code = main([*arguments, *options])
        captured = self._capsys.readouterr()
        if not captured.out:
            return Ran(code, {}, captured.err)
        ran = Ran(code, json.loads(captured.out), captured.err)
        requested, *places = ran.counts
        assert requested == sum(places)
        assert "SECRET" not in captured.out + captured.err
        return ran
