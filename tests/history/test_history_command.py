"""history: all migrations of the data directory, each leading to its report."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migrator.cli.main import main
from migrator.core.model import Node
from migrator.engine.manifest_runs import journal_of, records
from migrator.engine.manifest_summary import summary_of
from migrator.jobs.report_tally import tally_of
from tests.migrate.running import Command
from tests.peers import KeepingScp
from tests.peers.archives import Archive
from tests.report.making import BEGUN, Plan, make_manifest

History = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def history(data_directory: Path, capsys: pytest.CaptureFixture[str]) -> History:
    def listed() -> list[dict[str, Any]]:
        capsys.readouterr()
        assert main(["history", "--home", str(data_directory), "--json"]) == 0
        found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["migrations"]
        return found

    return listed


def verified(manifest: Path, at: float, **totals: Any) -> None:
    """Keep a verification of every study of the manifest."""
    uids = {line["study"] for line in map(json.loads, manifest.read_text().splitlines()) if "study" in line}
    studies = [{"study": uid, "verdict": "match", "proof": "uid set"} for uid in uids]
    value = {"at": at, "proven": True, "missing": 0, "per_study": studies} | totals
    (manifest.parent / "verification.json").write_text(json.dumps(value))


def test_migrations_are_listed_the_newest_first_without_patients(
    data_directory: Path, history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    make_manifest(data_directory, Plan(studies=2, source="/mnt/old"))
    make_manifest(data_directory, Plan(studies=3, source="/mnt/new", begun=BEGUN + 1e6))
    assert [one["source"] for one in history()] == ["/mnt/new", "/mnt/old"]
    assert main(["history", "--home", str(data_directory)]) == 0
    told = capsys.readouterr().out
    assert "36 stored" in told
    assert "MUSTERMANN" not in told


def test_an_empty_data_directory_has_no_history(data_directory: Path, history: History) -> None:
    assert history() == []


def test_totals_are_those_that_the_records_add_up_to(data_directory: Path, history: History) -> None:
    file = make_manifest(data_directory, Plan(studies=60, instances=20))
    counted = tally_of(records(file, journal_of(file))).states
    totals = history()[0]["totals"]
    assert {name: count for name, count in totals.items() if count and name != "found"} == dict(counted)
    assert totals["found"] == sum(counted.values())


def test_totals_of_an_ended_job_are_read_without_its_outcomes(data_directory: Path) -> None:
    file = make_manifest(data_directory, Plan(studies=3, troubles=()))
    totals = summary_of(file).totals
    damaged = [
        line if '"t":"o"' not in line else '{"t":"o","garbled' for line in file.read_text().splitlines()
    ]
    file.write_text("\n".join(damaged) + "\n")
    assert summary_of(file).totals == totals


def test_a_killed_run_is_told_as_not_ended_and_counted(data_directory: Path, history: History) -> None:
    make_manifest(data_directory, Plan(studies=6, runs=2, is_killed=True, problems=0, troubles=()))
    one = history()[0]
    assert one["ended"] is None
    assert one["verdict"] == "INCOMPLETE"
    assert one["totals"]["sent"] == 72


@pytest.mark.parametrize(
    ("later", "totals", "verdict", "proof"),
    [
        (1e6, {}, "COMPLETE AND PROVEN", "proven"),
        (-10, {}, "COMPLETE, NOT PROVEN", "verified before the newest outcomes were recorded"),
        (1e6, {"proven": False}, "COMPLETE, NOT PROVEN", "verified, not proven"),
        (1e6, {"proven": False, "missing": 2}, "INCOMPLETE", "verified: 2 missing"),
    ],
)
def test_a_verdict_claims_no_more_than_the_proof_bears_out(
    data_directory: Path,
    history: History,
    later: float,
    totals: dict[str, Any],
    verdict: str,
    proof: str,
) -> None:
    file = make_manifest(data_directory, Plan(studies=2, runs=1, problems=3, troubles=()))
    last = summary_of(file).last
    verified(file, last + later if later > 0 else (BEGUN + last) / 2, **totals)
    one = history()[0]
    assert (one["verdict"], one["proof"]) == (verdict, proof)


def test_each_migration_leads_to_its_report(
    data_directory: Path, history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_manifest(data_directory, Plan(studies=2, source="/mnt/vanished"))
    monkeypatch.chdir(tmp_path)
    command = shlex.split(history()[0]["report"])
    assert main(command[: command.index("--pdf")]) == 0
    assert "/mnt/vanished" in (tmp_path / "report.html").read_text()


def test_a_migration_that_was_begun_anew_keeps_its_own_entry_and_proof(
    keeping_scp: Callable[..., KeepingScp],
    archive: Callable[..., Archive],
    migrate: Command,
    history: History,
    tmp_path: Path,
) -> None:
    peer, made = keeping_scp(), archive(studies=2)
    assert migrate(made.folder, peer.node).code == 0
    first = history()[0]
    verified(Path(first["manifest"]), time.time())
    assert history()[0]["proof"] == "proven"
    assert migrate(made.folder, peer.node, "--restart").code == 0
    newest, aside = history()
    assert (newest["set_aside"], aside["set_aside"]) == (False, True)
    assert newest["id"] == first["id"] != aside["id"]
    assert aside["proof"] == "proven", "it was verified while it was the newest"
    assert newest["proof"] == "not verified", "another manifest's verification proves nothing"
    file = tmp_path / "aside.jsonl"
    home = os.environ["DICOM_MIGRATOR_HOME"]
    assert main(["export", "--job", aside["id"], "--home", home, "--jsonl", str(file)]) == 0
    assert len(file.read_text().splitlines()) == len(made.files)


@pytest.mark.parametrize("text", ["", "zzzz", "abc"])
def test_an_id_that_is_none_is_refused(
    data_directory: Path, tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make_manifest(data_directory, Plan(studies=1))
    file = tmp_path / "a.csv"
    assert main(["export", "--job", text, "--home", str(data_directory), "--csv", str(file)]) == 2
    assert "history" in capsys.readouterr().err
    assert not file.exists()


def test_an_id_may_be_shortened_as_long_as_it_is_one_migrations(
    data_directory: Path, tmp_path: Path, history: History
) -> None:
    make_manifest(data_directory, Plan(studies=1), Node("a.example"))
    make_manifest(data_directory, Plan(studies=2), Node("b.example"))
    wanted = next(one for one in history() if "b.example" in one["destination"])
    file = tmp_path / "a.jsonl"
    options = ["--home", str(data_directory), "--jsonl", str(file)]
    assert main(["export", "--job", wanted["id"][:6].upper(), *options]) == 0
    assert "b.example" in file.read_text().splitlines()[0]
