"""Dry runs that are stopped, or have no destination, and what they leave."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from migrator.core.control import Control
from migrator.core.events import ignore
from migrator.core.model import Node
from migrator.core.settings import Settings
from migrator.jobs.dry_run import DryRunJob, DryRunRequest
from migrator.jobs.home import job_folder
from migrator.jobs.recorded import SPEED_TEST, RecordedJob
from tests.dry_run.running import Rehearsal, counts
from tests.peers import KeepingScp, ScriptedPacs, free_port, wait_until
from tests.peers.archives import Archive
from tests.peers.scripted_rules import Greeting, Proposal, Script

Make = Callable[..., Archive]
Pacs = Callable[..., ScriptedPacs]


def left_behind(home: Path) -> list[str]:
    return [path.name for path in home.iterdir() if path.name.startswith("dry-run")]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("moment", ["greeting", "reading", "asking"])
def test_a_signal_ends_it_within_seconds_and_nothing_stays(
    archive: Make, scripted_pacs: Pacs, tmp_path: Path, moment: str
) -> None:
    source, home, table = archive(studies=20), tmp_path / "home", tmp_path / "dry.csv"
    seconds = {"greeting": 60.0, "reading": 1.5, "asking": 0.0}[moment]
    peer = scripted_pacs(accept_delay=seconds, find_delay=60.0)
    command = [
        *(sys.executable, "-m", "migrator", "dry-run", str(source.folder), "--to", str(peer.node)),
        *("--settle", "0", "--json", "--csv", str(table), "--home", str(home), "--batch-size", "1"),
    ]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def is_that_moment() -> bool:
        if moment == "asking":
            return any(log.finds for log in peer.associations)
        return len(peer.associations) >= (4 if moment == "reading" else 1)

    wait_until(is_that_moment, "that moment has come", 60)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 130, err.decode()
    if moment != "greeting":
        result = json.loads(out)
        assert result["interrupted"]
        assert (result["pending"] > 0) == (moment == "reading")
    assert left_behind(home) == []
    assert not table.exists()
    assert not peer.arrived


def test_what_a_killed_one_has_left_is_removed_and_a_running_one_is_let_be(
    archive: Make, keeping_scp: Callable[..., KeepingScp], rehearse: Rehearsal, data_directory: Path
) -> None:
    for name in ("dry-run-dead", "dry-run-alive"):
        (data_directory / name / "jobs").mkdir(parents=True)
        (data_directory / f"{name}.lock").touch()
    with FileLock(str(data_directory / "dry-run-alive.lock")):
        assert rehearse(archive().folder, keeping_scp().node).code == 0
        assert sorted(left_behind(data_directory)) == ["dry-run-alive", "dry-run-alive.lock"]


def test_no_destination_gives_3_and_leaves_nothing(
    archive: Make, rehearse: Rehearsal, data_directory: Path
) -> None:
    assert rehearse(archive().folder, Node("127.0.0.1", free_port())).code == 3
    assert left_behind(data_directory) == []


def test_no_source_gives_4(rehearse: Rehearsal, tmp_path: Path) -> None:
    assert rehearse(tmp_path / "nowhere", Node("127.0.0.1", free_port())).code == 4


def test_a_table_in_the_source_and_a_source_that_no_job_knows_are_refused(
    archive: Make, keeping_scp: Callable[..., KeepingScp], rehearse: Rehearsal
) -> None:
    source, node = archive(), keeping_scp().node
    assert rehearse(source.folder, node, "--csv", str(source.folder / "dry.csv")).code == 2
    unknown = rehearse(source.folder, node, "--same-source", "/mnt/old")
    assert unknown.code == 2
    assert "nothing was migrated" in unknown.told


def test_a_destination_that_goes_away_ends_it_soon(
    archive: Make, scripted_pacs: Pacs, rehearse: Rehearsal
) -> None:
    source = archive(studies=30, instances=1)
    peer = scripted_pacs()

    def accepts(sop_class: str, syntax: str, proposal: Proposal) -> bool:
        if len(peer.associations) > 10:
            peer.script = Script(greeting=Greeting.CLOSE)
        return True

    peer.script = Script(accepts=accepts)
    options = ("--batch-size", "1", "--workers", "1", "--give-up-after", "0.3")
    dry = rehearse(source.folder, peer.node, *options)
    assert dry.code == 1
    assert counts(dry)["not looked at: the run was stopped before"] == dry.json["pending"] > 0
    assert "was not looked at" in dry.told
    assert not peer.arrived


def test_the_time_is_estimated_by_the_last_speed_test(
    archive: Make, keeping_scp: Callable[..., KeepingScp], rehearse: Rehearsal, data_directory: Path
) -> None:
    source, node = archive(studies=2, instances=5), keeping_scp().node
    dry = rehearse(source.folder, node)
    assert dry.json["estimate"] is None
    assert "no speed test was made" in dry.told
    folder = job_folder(data_directory, source.folder.resolve(), node)
    folder.mkdir(parents=True)
    kept = {"per_file_seconds": 2.0, "bytes_per_second_limit": None, "range": [0.5, 2.0]}
    RecordedJob(folder, str(source.folder), str(node)).keep(SPEED_TEST, kept)
    dry = rehearse(source.folder, node)
    assert dry.json["estimate"]["low_seconds"] == pytest.approx(10)
    assert dry.json["estimate"]["high_seconds"] == pytest.approx(40)
    assert "It would take 10 s to 40 s" in dry.told
    assert json.loads((folder / SPEED_TEST).read_text()) == kept


def test_it_neither_waits_nor_audits_as_a_profile_would_have_a_real_run_do(
    archive: Make, keeping_scp: Callable[..., KeepingScp], tmp_path: Path, data_directory: Path
) -> None:
    settings = Settings.model_validate(
        {
            "scan": {"settle": 0},
            "pace": {"start_at": "2999-01-01T00:00", "bandwidth": 0.000001},
            "recovery": {"wave_wait": 600},
            "audit": {"audit": str(tmp_path / "audit.jsonl")},
        }
    )
    source = archive()
    request = DryRunRequest(str(source.folder), keeping_scp().node, data_directory, settings)
    result = DryRunJob(request, Control(), ignore).run(lambda verdict: None)
    assert result.migration.snapshot.run.sent == 6
    assert not (tmp_path / "audit.jsonl").exists()
