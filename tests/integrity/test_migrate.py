"""migrate --integrity: the source is vouched for before, and checked after, whatever happens in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migrator.cli.main import main
from migrator.core.model import Node
from tests.integrity.running import Command as Integrity
from tests.integrity.running import Interrupted, flip
from tests.migrate.running import Command, migrate
from tests.peers import KeepingScp, ScriptedPacs, wait_until
from tests.peers.archives import Archive
from tests.peers.scripted_rules import Arrived, Rule

__all__ = ["migrate"]

Make = Callable[..., Archive]
Start = Callable[..., ScriptedPacs]


def kept(home: Path) -> list[dict[str, Any]]:
    """What stands beside each job's manifest."""
    return [json.loads(file.read_bytes()) for file in sorted(home.glob("jobs/*/integrity.json"))]


def during(act: Callable[[], object]) -> Rule:
    """Do something to the source while the first object is sent."""

    def fits(arrived: Arrived) -> bool:
        if arrived.number == 1:
            act()
        return False

    return Rule(0xA700, when=fits)


def test_a_source_left_alone_is_proven_so_and_the_proof_is_kept(
    archive: Make, scripted_pacs: Start, migrate: Command, data_directory: Path
) -> None:
    source = archive(studies=2, instances=3)
    (source.folder / "report.txt").write_text("no image, but part of the source")
    ran = migrate(source.folder, scripted_pacs().node, "--integrity")
    proof = ran.json["integrity"]
    assert (ran.code, proof["verdict"], proof["unchanged"], proof["files"]) == (0, "intact", 7, 7)
    assert proof["before"]["list_sha256"] == proof["after"]["list_sha256"]
    assert kept(data_directory) == [proof]
    assert proof["before"]["at"] < proof["after"]["began"]
    assert f"vouched for before, by the SHA-256 of their list, {proof['before']['list_sha256']}" in ran.told


def test_what_others_do_to_the_source_meanwhile_shows(
    archive: Make, scripted_pacs: Start, migrate: Command, data_directory: Path
) -> None:
    source = archive(studies=2, instances=3)
    rotten, gone = source.files[0].path, source.files[5].path

    def act() -> None:
        flip(rotten)
        gone.unlink()
        (source.folder / "late.txt").write_text("new")

    ran = migrate(source.folder, scripted_pacs(during(act)).node, "--integrity", "--workers", "1")
    proof = ran.json["integrity"]
    assert (ran.code, proof["verdict"]) == (1, "not intact")
    assert [proof[kind] for kind in ("corrupted", "changed", "vanished", "new")] == [1, 0, 1, 1]
    assert proof["before"]["list_sha256"] != proof["after"]["list_sha256"]
    assert {(one["finding"], one["path"]) for one in proof["findings"]} == {
        ("corrupted", str(rotten.relative_to(source.folder))),
        ("vanished", str(gone.relative_to(source.folder))),
        ("new", "late.txt"),
    }
    assert kept(data_directory)[0]["verdict"] == "not intact"


def test_without_the_option_nothing_is_hashed(
    archive: Make, scripted_pacs: Start, migrate: Command, data_directory: Path
) -> None:
    ran = migrate(archive().folder, scripted_pacs().node)
    assert (ran.json["integrity"], kept(data_directory)) == (None, [])
    assert not (data_directory / "integrity").exists()


def test_several_destinations_share_one_proof(
    archive: Make, scripted_pacs: Start, migrate: Command, data_directory: Path
) -> None:
    source = archive()
    second = scripted_pacs()
    ran = migrate(source.folder, scripted_pacs().node, "--to", str(second.node), "--integrity")
    assert (ran.code, ran.json["integrity"]["unchanged"]) == (0, 6)
    assert kept(data_directory) == [ran.json["integrity"]] * 2
    assert len(list(data_directory.glob("integrity/*/snapshot-*.list"))) == 1


def test_the_snapshots_of_migrations_do_not_pile_up(
    archive: Make, scripted_pacs: Start, migrate: Command, integrity: Integrity, data_directory: Path
) -> None:
    source = archive(studies=1, instances=1)
    asked_for = integrity("snapshot", source.folder).json["snapshot"]
    proving = migrate(source.folder, scripted_pacs().node, "--integrity").json["integrity"]["snapshot"]
    other = scripted_pacs().node
    later = [migrate(source.folder, other, "--integrity").json["integrity"]["snapshot"] for _ in range(5)]
    left = {str(file) for file in data_directory.glob("integrity/*/snapshot-*.list")}
    assert left == {asked_for, proving, *later[-3:]}, "what was asked for, what proves a job, the newest"


def test_a_source_that_goes_away_is_told_and_no_proof(
    archive: Make, scripted_pacs: Start, migrate: Command, data_directory: Path
) -> None:
    source = archive()
    moved = source.folder.with_name("unmounted")
    node = scripted_pacs(during(lambda: source.folder.rename(moved))).node
    ran = migrate(source.folder, node, "--integrity", "--waves", "0")
    assert (ran.code, ran.json["integrity"]["verdict"]) == (1, "unknown")
    assert "does not exist" in ran.json["integrity"]["trouble"]


def test_an_unreachable_destination_costs_no_hashing(archive: Make, data_directory: Path) -> None:
    node = Node("127.0.0.1", 1)
    assert main(["migrate", str(archive().folder), "--to", str(node), "--integrity"]) == 3
    assert not (data_directory / "integrity").exists()


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_an_interrupted_migration_goes_on_with_the_snapshot_that_it_began_with(
    archive: Make, keeping_scp: Callable[..., KeepingScp], migrate: Command, data_directory: Path
) -> None:
    source = archive(studies=4, instances=5)
    peer = keeping_scp(delay=1.0)
    command = [
        *(sys.executable, "-m", "migrator", "migrate", str(source.folder), "--to", str(peer.node)),
        *("--settle", "0", "--json", "--integrity", "--workers", "1"),
    ]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: len(peer.kept) >= 2, "some are sent", 60)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 130, err.decode()
    assert json.loads(out)["integrity"]["verdict"] == "unfinished"
    (before,) = kept(data_directory)
    assert (before["verdict"], before["after"]) == ("unfinished", None)

    source.files[-1].path.unlink()
    peer.manners = type(peer.manners)()
    ran = migrate(source.folder, peer.node, "--integrity")
    proof = ran.json["integrity"]
    assert (ran.code, proof["before"], proof["vanished"]) == (1, before["before"], 1)

    again = migrate(source.folder, peer.node, "--integrity")
    assert again.json["integrity"]["verdict"] == "intact", "a finished one is not gone on with"
    assert again.json["integrity"]["before"]["files"] == 19


def test_a_migration_that_a_limit_ended_is_checked_by_the_run_that_ends_it(
    archive: Make, keeping_scp: Callable[..., KeepingScp], migrate: Command, data_directory: Path
) -> None:
    source, peer = archive(studies=3, instances=5), keeping_scp(delay=0.1)
    limited = migrate(source.folder, peer.node, "--integrity", "--workers", "1", "--max-duration", "1s")
    assert (limited.code, limited.json["integrity"]["verdict"]) == (5, "unfinished")
    peer.manners = type(peer.manners)()
    proof = migrate(source.folder, peer.node, "--integrity").json["integrity"]
    assert (proof["verdict"], proof["before"]) == ("intact", limited.json["integrity"]["before"])


def test_what_an_interrupted_check_had_read_before_proves_nothing_about_the_migration(
    archive: Make,
    scripted_pacs: Start,
    migrate: Command,
    integrity: Integrity,
    interrupted: Interrupted,
    data_directory: Path,
) -> None:
    source = archive(studies=1, instances=6, side=256)
    rotten = source.files[0].path
    integrity("snapshot", source.folder)
    interrupted("check", source.folder, 1)
    (partial,) = data_directory.glob("integrity/*/check.partial")
    assert str(rotten.relative_to(source.folder)).encode() in partial.read_bytes()

    node = scripted_pacs(during(lambda: flip(rotten))).node
    proof = migrate(source.folder, node, "--integrity", "--workers", "1").json["integrity"]
    assert (proof["verdict"], proof["corrupted"]) == ("not intact", 1)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_while_hashing_sends_nothing_and_the_hashing_goes_on(
    archive: Make, keeping_scp: Callable[..., KeepingScp], migrate: Command, data_directory: Path
) -> None:
    source = archive(studies=1, instances=2)
    # A pipe of which the other end hangs would do the same: the file is too large to be hashed in time.
    with (source.folder / "huge.bin").open("wb") as stream:
        stream.truncate(20_000_000_000)
    peer = keeping_scp()
    command = [
        *(sys.executable, "-m", "migrator", "migrate", str(source.folder), "--to", str(peer.node)),
        *("--settle", "0", "--json", "--integrity"),
    ]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: bool(list(data_directory.glob("integrity/*/*.partial"))), "it hashes", 60)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 130, err.decode()
    assert (json.loads(out)["interrupted"], json.loads(out)["found"], len(peer.kept)) == (True, 0, 0)
    (source.folder / "huge.bin").unlink()
    assert migrate(source.folder, peer.node, "--integrity").json["integrity"]["verdict"] == "intact"
