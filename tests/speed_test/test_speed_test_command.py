"""speed-test: what it stores, what it measures and advises, and that a migration goes on from it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
    RLELossless,
)

from migrator.cli.main import main
from migrator.core.model import Node
from migrator.core.outcome import State
from migrator.engine.manifest_rows import rows
from migrator.jobs.speed_test import estimate
from tests.migrate.running import Command as Migrate
from tests.migrate.running import migrate
from tests.patient_clock import PatientClock
from tests.peers import KeepingScp, Orthanc, ScriptedPacs, free_port, wait_until
from tests.peers.archives import Archive
from tests.peers.scripted_rules import Act, Rule

__all__ = ["migrate"]

Make = Callable[..., Archive]
Keeping = Callable[..., KeepingScp]
Scripted = Callable[..., ScriptedPacs]


@dataclass(frozen=True, slots=True)
class Ran:
    """One finished test: its exit code, its JSON, what it told people."""

    code: int
    json: dict[str, Any]
    told: str

    @property
    def levels(self) -> set[int]:
        return {step["workers"] for step in self.json["steps"] if step["counts"]}


Command = Callable[..., Ran]


@pytest.fixture
def speed_test(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """`speed-test` in this process, with short steps, none of which is cut off on a busy machine."""
    monkeypatch.setattr("migrator.checks.speed_test_steps._OVERTIME", 200.0)

    def run(source: Path, node: Node, *options: str) -> Ran:
        common = ("--json", "--yes", "--settle", "0", "--step", "0.15")
        code = main(["speed-test", str(source), "--to", str(node), *common, *options])
        captured = capsys.readouterr()
        return Ran(code, json.loads(captured.out) if captured.out else {}, captured.err)

    return run


def kept(home: Path) -> dict[str, Any]:
    (file,) = home.glob("jobs/*/speed-test.json")
    return dict(json.loads(file.read_bytes()))


def test_samples_are_stored_measured_and_not_resent_by_a_migration(
    archive: Make, keeping_scp: Keeping, speed_test: Command, migrate: Migrate, data_directory: Path
) -> None:
    source, peer = archive(studies=10, instances=4), keeping_scp(delay=0.005)
    ran = speed_test(source.folder, peer.node)
    assert ran.code == 0, ran.told
    samples = {one.uid for one in peer.kept}
    assert len(samples) == len(ran.json["samples"]) == 8
    assert ran.levels == {1, 2, 4, 8}
    assert {kept.data for kept in peer.kept} <= set(source.datasets.values()), "every send is verbatim"
    assert ran.json["remaining"]["files"] == 32
    stored = kept(data_directory)
    assert stored == ran.json

    peer.kept.clear()
    result = migrate(source.folder, peer.node).json
    assert (result["sent"], result["skipped"], result["job"]["sent"]) == (32, 8, 40)
    assert {one.uid for one in peer.kept} == source.uids - samples


def test_the_samples_come_from_all_kinds_and_studies(
    archive: Make, keeping_scp: Keeping, speed_test: Command
) -> None:
    kinds = {
        "sop_classes": (CTImageStorage, MRImageStorage),
        "syntaxes": (ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless),
    }
    source, peer = archive(studies=8, instances=6, **kinds), keeping_scp()
    ran = speed_test(source.folder, peer.node, "--workers-up-to", "1")
    pairs = Counter((one["sop_class"], one["transfer_syntax"]) for one in ran.json["samples"])
    assert len(pairs) == 6, "each class in each syntax"
    studies = {Path(one["path"]).parts[0] for one in ran.json["samples"]}
    assert len(studies) == 8, "each from another study"


def test_a_slow_peer_that_serves_many_is_worth_many_workers(
    archive: Make,
    keeping_scp: Keeping,
    speed_test: Command,
    data_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "perf_counter", PatientClock(time.perf_counter, 0.15))
    source, peer = archive(studies=8, instances=2), keeping_scp(delay=0.1)
    ran = speed_test(source.folder, peer.node, "--workers-up-to", "4", "--step", "0.3")
    assert ran.levels == {1, 2, 4}
    assert ran.json["workers"] == 4
    assert 13 < ran.json["files_per_second"] < 42, "four workers at 100 ms"
    seconds = estimate(kept(data_directory), 1000, 1000 * 1000)
    assert seconds is not None
    # In so short a step the last turns weigh: no object goes over two associations at the same time.
    assert seconds[0] < 1000 / 4 * 0.1 * 1.4 < seconds[1] * 1.8


def test_a_peer_that_bears_two_associations_gets_no_more_recommended(
    archive: Make, scripted_pacs: Scripted, speed_test: Command
) -> None:
    source = archive(studies=8, instances=2)
    peer = scripted_pacs(most_associations=2, delay=0.02)
    ran = speed_test(source.folder, peer.node)
    assert (ran.code, ran.levels, ran.json["workers"]) == (0, {1, 2}, 2)
    assert {step["workers"] for step in ran.json["steps"] if step["unopened"]} == {4}
    assert "did not accept 2 of 4 associations" in ran.told


def test_refusals_are_told_and_do_not_count(
    archive: Make, scripted_pacs: Scripted, speed_test: Command
) -> None:
    source = archive(studies=8, instances=2, sop_classes=(CTImageStorage, MRImageStorage))
    peer = scripted_pacs(Rule(0x0110, sop_classes=(MRImageStorage,)))
    ran = speed_test(source.folder, peer.node, "--retries", "0", "--workers-up-to", "2")
    refused = [one for one in ran.json["samples"] if not one["stored"]]
    assert (ran.code, len(refused), {one["status"] for one in refused}) == (1, 4, {0x0110})
    assert ran.json["first"]["files"] == 4
    assert all(step["refused"] == 0 for step in ran.json["steps"]), "what was refused is not tried again"
    assert ran.json["remaining"]["files"] == 12
    assert "Not stored: 4 of 8 samples" in ran.told


def test_a_peer_that_refuses_everything_gives_no_estimate(
    archive: Make, scripted_pacs: Scripted, speed_test: Command, data_directory: Path
) -> None:
    ran = speed_test(archive().folder, scripted_pacs(Rule(0x0110)).node, "--retries", "0")
    assert (ran.code, ran.json["workers"], ran.json["estimate"]) == (1, None, None)
    assert not list(data_directory.glob("jobs/*/speed-test.json"))


def test_a_peer_that_takes_nothing_twice_is_measured_with_one_worker_and_a_wide_range(
    archive: Make, scripted_pacs: Scripted, speed_test: Command
) -> None:
    source = archive(studies=8, instances=2)
    peer = scripted_pacs(Rule(0x0111, when=lambda arrived: arrived.earlier > 0))
    ran = speed_test(source.folder, peer.node)
    assert (ran.code, ran.json["workers"], ran.levels) == (0, None, set())
    low, high = ran.json["range"]
    assert high / low > 4
    assert ran.json["per_file_seconds"] > 0


@pytest.mark.parametrize(("most", "levels"), [(0.47, {1, 2}), (0.01, set())])
def test_samples_that_take_long_are_not_stored_by_more_workers_for_ever(
    archive: Make,
    keeping_scp: Keeping,
    speed_test: Command,
    monkeypatch: pytest.MonkeyPatch,
    most: float,
    levels: set[int],
) -> None:
    monkeypatch.setattr("migrator.jobs.speed_test._MOST_SECONDS", most)
    ran = speed_test(archive(studies=8, instances=1).folder, keeping_scp(delay=0.06).node)
    assert (ran.code, ran.levels) == (0, levels)
    assert (ran.json["workers"] is None) == (not levels)
    assert levels or "take too long to be stored again" in ran.told


def test_where_all_that_is_there_was_a_sample_nothing_is_left(
    archive: Make, keeping_scp: Keeping, speed_test: Command
) -> None:
    ran = speed_test(archive(studies=1, instances=1).folder, keeping_scp().node, "--workers-up-to", "1")
    assert (ran.code, ran.json["remaining"]) == (0, {"files": 0, "bytes": 0})
    assert ran.json["estimate"] == {"low": 0.0, "high": 0.0}
    assert "Nothing is left to be sent" in ran.told


def test_a_sample_that_was_there_after_all_is_neither_refused_nor_left(
    archive: Make, scripted_pacs: Scripted, speed_test: Command
) -> None:
    source, peer = archive(studies=4, instances=2), scripted_pacs(Rule(act=Act.CLOSE, numbers=(1,)))
    ran = speed_test(source.folder, peer.node, "--workers-up-to", "1", "--samples", "4")
    assert (ran.code, ran.json["remaining"]["files"], len(ran.json["samples"])) == (0, 4, 4), ran.told


def test_a_peer_that_drops_connections_gives_no_wrong_numbers(
    archive: Make, scripted_pacs: Scripted, speed_test: Command
) -> None:
    source = archive(studies=8, instances=1)
    peer = scripted_pacs(Rule(act=Act.RESET, when=lambda arrived: arrived.earlier > 0, every=5))
    ran = speed_test(source.folder, peer.node)
    assert (ran.code, ran.levels, ran.json["workers"]) == (0, set(), None)
    assert [step["lost"] for step in ran.json["steps"]] == [1]
    assert "1 associations ended" in ran.told
    assert "could not be stored again" in ran.told


def test_first_storing_that_is_slower_than_storing_again_widens_the_range(
    archive: Make, scripted_pacs: Scripted, speed_test: Command
) -> None:
    source = archive(studies=8, instances=2)
    peer = scripted_pacs(Rule(when=lambda arrived: arrived.earlier == 0, delay=0.2), delay=0.005)
    ran = speed_test(source.folder, peer.node, "--workers-up-to", "2", "--samples", "3")
    assert ran.json["first_factor"] > 3
    assert ran.json["range"][1] > 3
    assert "for the first time took" in ran.told


def test_rules_are_applied_to_every_send(
    archive: Make, scripted_pacs: Scripted, speed_test: Command, tmp_path: Path
) -> None:
    source, peer = archive(studies=8, instances=1), scripted_pacs()
    rules = tmp_path / "rules"
    rules.write_text("AccessionNumber delete\n")
    ran = speed_test(source.folder, peer.node, "--rules", str(rules), "--workers-up-to", "2")
    assert ran.code == 0, ran.told
    assert len(peer.arrived) > 20
    assert not any("AccessionNumber" in arrived.dataset for arrived in peer.arrived)


def test_what_has_to_be_decompressed_is_so_in_every_send(
    archive: Make, scripted_pacs: Scripted, speed_test: Command
) -> None:
    source = archive(studies=8, instances=1, syntaxes=(RLELossless,))
    peer = scripted_pacs(syntaxes=(ExplicitVRLittleEndian, ImplicitVRLittleEndian))
    ran = speed_test(source.folder, peer.node, "--workers-up-to", "2")
    assert (ran.code, ran.levels) == (0, {1, 2}), ran.told
    assert RLELossless not in {arrived.transfer_syntax for arrived in peer.arrived}


def test_only_what_the_filters_leave_is_tested_and_estimated(
    archive: Make, keeping_scp: Keeping, speed_test: Command
) -> None:
    source, peer = archive(studies=6, instances=4), keeping_scp()
    ran = speed_test(source.folder, peer.node, "--patient", "P2", "--workers-up-to", "1", "--samples", "3")
    wanted = {made.uid for made in source.files if "study2" in str(made.path)}
    assert {one.uid for one in peer.kept} < wanted
    assert (len(ran.json["samples"]), ran.json["remaining"]["files"]) == (3, 1)


def test_what_is_settled_is_neither_tested_nor_estimated(
    archive: Make, keeping_scp: Keeping, speed_test: Command, migrate: Migrate
) -> None:
    source, peer = archive(studies=4, instances=4), keeping_scp()
    migrate(source.folder, peer.node, "--limit-studies", "3")
    sent = {one.uid for one in peer.kept}
    peer.kept.clear()
    ran = speed_test(source.folder, peer.node, "--workers-up-to", "1", "--samples", "2")
    assert (ran.code, ran.json["remaining"]["files"]) == (0, 2)
    assert not {one.uid for one in peer.kept} & sent
    migrate(source.folder, peer.node)
    again = speed_test(source.folder, peer.node)
    assert again.code == 2
    assert "nothing" in again.told


def test_trouble_that_a_migration_recorded_stays_recorded(
    archive: Make, keeping_scp: Keeping, speed_test: Command, migrate: Migrate, data_directory: Path
) -> None:
    source, peer = archive(studies=4, instances=4), keeping_scp()
    damaged = source.files[0].path
    damaged.write_bytes(damaged.read_bytes()[:-100])
    assert migrate(source.folder, peer.node, "--limit-studies", "2").json["job"]["quarantined"] == 1
    assert speed_test(source.folder, peer.node, "--workers-up-to", "1").code == 0
    (manifest,) = data_directory.glob("jobs/*/manifest.jsonl")
    assert [row.state for row in rows(manifest) if row.state is State.QUARANTINED] == [State.QUARANTINED]


def test_a_job_that_another_process_works_on_is_left_alone(
    archive: Make, keeping_scp: Keeping, speed_test: Command, migrate: Migrate, data_directory: Path
) -> None:
    source, peer = archive(studies=2, instances=2), keeping_scp()
    migrate(source.folder, peer.node, "--limit-studies", "1")
    (manifest,) = data_directory.glob("jobs/*/manifest.jsonl")
    before, count = manifest.read_bytes(), len(peer.kept)
    with FileLock(str(manifest.with_name("manifest.lock"))):
        ran = speed_test(source.folder, peer.node)
    assert (ran.code, ran.json) == (1, {})
    assert "another process" in ran.told
    assert (manifest.read_bytes(), len(peer.kept)) == (before, count)


def test_without_a_terminal_it_must_be_told_yes(
    archive: Make, keeping_scp: Keeping, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, peer = archive(), keeping_scp()
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert main(["speed-test", str(source.folder), "--to", str(peer.node)]) == 2
    assert "--yes" in capsys.readouterr().err
    assert not peer.kept


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("answer", "code"), [("n", 2), ("", 2), ("y", 0)])
def test_on_a_terminal_it_asks_first(archive: Make, keeping_scp: Keeping, answer: str, code: int) -> None:
    import pty

    source, peer = archive(studies=1, instances=2), keeping_scp()
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [
            *(sys.executable, "-m", "migrator", "speed-test", str(source.folder), "--to", str(peer.node)),
            *("--settle", "0", "--step", "0.1", "--workers-up-to", "1"),
        ],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    os.write(ours, f"{answer}\n".encode())
    _, err = child.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert b"for good" in err
    assert (child.returncode, bool(peer.kept)) == (code, code == 0), err


@pytest.mark.parametrize(
    "options", [("--samples", "0"), ("--samples", "11"), ("--workers-up-to", "17"), ("--step", "0")]
)
def test_a_bad_option_gives_2(archive: Make, speed_test: Command, options: tuple[str, str]) -> None:
    assert speed_test(archive().folder, Node("127.0.0.1", 1), *options).code == 2


def test_an_unreachable_destination_gives_3(archive: Make, speed_test: Command) -> None:
    assert speed_test(archive().folder, Node("127.0.0.1", free_port())).code == 3


def test_a_destination_that_rejects_us_gives_3(
    archive: Make, scripted_pacs: Scripted, speed_test: Command
) -> None:
    assert speed_test(archive().folder, scripted_pacs(reject=(1, 1, 7)).node).code == 3


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("sends", [1, 30])
def test_ctrl_c_ends_it_within_seconds_and_what_was_stored_is_recorded(
    archive: Make, keeping_scp: Keeping, migrate: Migrate, sends: int
) -> None:
    source, peer = archive(studies=8, instances=2), keeping_scp(delay=0.04)
    child = subprocess.Popen(
        [
            *(sys.executable, "-m", "migrator", "speed-test", str(source.folder), "--to", str(peer.node)),
            *("--settle", "0", "--yes", "--step", "20"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_until(lambda: len(peer.kept) >= sends, "it sends", 60)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 130, err
    wait_until(lambda: peer.is_idle, "the peer noticed")
    peer.manners = type(peer.manners)()
    before = len(peer.datasets)
    result = migrate(source.folder, peer.node).json
    assert result["job"]["sent"] == 16
    assert result["sent"] <= 16 - before + 1, "at most what was in flight goes twice"


def test_orthanc_holds_exactly_the_samples(archive: Make, orthanc: Orthanc, speed_test: Command) -> None:
    source = archive(studies=6, instances=2)
    ran = speed_test(source.folder, orthanc.node, "--workers-up-to", "4", "--samples", "5")
    assert (ran.code, ran.levels) == (0, {1, 2, 4}), ran.told
    assert orthanc.count() == 5
