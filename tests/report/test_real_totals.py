"""The totals of a report and of the history are those of the migration's own ledger, whatever happened."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migrator.cli.main import main
from migrator.core.control import Control
from migrator.core.outcome import State
from migrator.engine import manifest_rows
from migrator.jobs.export import ExportTargets, export
from migrator.jobs.history import RecordedManifest, all_manifests, history
from migrator.jobs.report import gather
from tests.migrate.running import Command
from tests.peers import KeepingScp, Rule, Script, ScriptedPacs
from tests.peers.archives import Archive


def recorded(manifest: RecordedManifest, folder: Path) -> dict[str, int]:
    """What report, history and export all say of a manifest, by state, but for what is pending."""
    entry = next(one for one in history(data()) if one.manifest.id == manifest.id)
    report = gather(manifest, Control())
    ledger = {name: count for name, count in report.ledger.items() if count}
    assert ledger == {name: count for name, count in entry.totals.items() if count and name != "found"}
    assert report.headline.word == entry.verdict.word
    table = folder / "all.csv"
    assert export(manifest, ExportTargets(table), Control()) == report.found - ledger.get("pending", 0)
    with table.open(encoding="utf-8", newline="") as stream:
        rows = Counter(row["state"] for row in csv.DictReader(stream))
    assert rows == {name: count for name, count in ledger.items() if name != "pending"}
    return ledger


def data() -> Path:
    return Path(os.environ["DICOM_MIGRATOR_HOME"])


def job_of(told: dict[str, Any]) -> dict[str, int]:
    return {state.value: told["job"][state.value] for state in State if told["job"][state.value]}


@pytest.fixture(autouse=True)
def compacting_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_rows, "_COMPACT_FROM", 20)


def test_refusals_waves_repeats_and_a_new_beginning(
    scripted_pacs: Callable[..., ScriptedPacs],
    archive: Callable[..., Archive],
    migrate: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("migrator.engine.remedies.connection.FIRST_WAIT", 0.02)
    made = archive(studies=4, series=1, instances=6)
    (made.folder / "notes.txt").write_text("not DICOM")
    peer = scripted_pacs(Rule(status=0xA700, every=11), Rule(status=0x0117, every=7))
    for options in (("--modality", "XX"), ("--modality", "YY"), (), ("--retry-failed",)):
        told = migrate(made.folder, peer.node, *options).json
        (manifest,) = all_manifests(data())
        assert recorded(manifest, tmp_path) == job_of(told)
    outcomes = manifest.file.read_bytes().count(b'"t":"o"')
    assert outcomes < 2 * 25, "what was superseded is gone"
    peer.script = Script()
    older = recorded(manifest, tmp_path)
    told = migrate(made.folder, peer.node, "--restart").json
    newest, aside = all_manifests(data())
    assert recorded(newest, tmp_path) == job_of(told) == {"sent": 24, "skipped": 1}
    assert recorded(aside, tmp_path) == older


def test_two_destinations_each_have_their_own_totals(
    scripted_pacs: Callable[..., ScriptedPacs],
    keeping_scp: Callable[..., KeepingScp],
    archive: Callable[..., Archive],
    migrate: Command,
    tmp_path: Path,
) -> None:
    made = archive(studies=2, series=1, instances=6)
    peer, other = scripted_pacs(Rule(status=0x0117, every=3)), keeping_scp()
    told = migrate(made.folder, peer.node, "--to", str(other.node)).json
    manifests = {one.job.destination: one for one in all_manifests(data())}
    for one in told["destinations"]:
        assert recorded(manifests[one["node"]], tmp_path) == job_of(one)
    assert len(manifests) == 2


def test_a_run_that_is_killed_is_counted_as_far_as_it_came(
    scripted_pacs: Callable[..., ScriptedPacs],
    archive: Callable[..., Archive],
    migrate: Command,
    tmp_path: Path,
) -> None:
    made = archive(studies=4, series=1, instances=10)
    peer = scripted_pacs(Rule(delay=600.0, when=lambda arrived: arrived.number > 12))
    root = str(Path(__file__).resolve().parent.parent.parent)
    command = [sys.executable, "-m", "migrator", "migrate", str(made.folder), "--to", str(peer.node)]
    process = subprocess.Popen([*command, "--settle", "0"], cwd=root, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 60
    while len(peer.arrived) < 12:
        assert process.poll() is None and time.monotonic() < limit
        time.sleep(0.01)
    (manifest,) = all_manifests(data())
    assert gather(manifest, Control()).headline.word == "INCOMPLETE", "it is on"
    process.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    process.wait()
    killed = recorded(manifest, tmp_path)
    assert 0 < killed["sent"] < 40
    peer.script = Script()
    told = migrate(made.folder, peer.node).json
    assert recorded(manifest, tmp_path) == job_of(told)
    assert sum(job_of(told).values()) == 40
    assert main(["report", "--job", manifest.id, "--html", str(tmp_path / "r.html")]) == 0
    assert "COMPLETE, NOT PROVEN" in (tmp_path / "r.html").read_text("utf-8")
