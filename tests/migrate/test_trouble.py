"""What a night can bring, from the command line: the record stays true and the totals balance."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.migrate.running import Command
from tests.peers import KeepingScp, Manners, wait_until
from tests.peers.archives import Archive

Make = Callable[..., Archive]
Start = Callable[..., KeepingScp]


def test_a_folder_that_can_be_read_again_troubles_no_more(
    archive: Make, keeping_scp: Start, migrate: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = archive(studies=3, instances=4)
    peer = keeping_scp()
    real = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("study2"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        first = migrate(source.folder, peer.node)
    assert (first.code, *first.counts("sent", "failed")) == (1, 8, 1)
    second = migrate(source.folder, peer.node)
    assert (second.code, *second.counts("sent", "skipped")) == (0, 4, 8)
    assert (second.json["job"]["sent"], second.json["job"]["failed"]) == (12, 0)


def test_a_damaged_file_that_was_removed_troubles_no_more(
    archive: Make, keeping_scp: Start, migrate: Command
) -> None:
    source = archive()
    peer = keeping_scp()
    broken = source.folder / "broken.dcm"
    broken.write_bytes(source.files[0].path.read_bytes()[:-10])
    assert migrate(source.folder, peer.node).json["quarantined"] == 1
    broken.unlink()
    assert migrate(source.folder, peer.node).code == 0


def test_a_filter_does_not_make_failures_forgotten(
    archive: Make, keeping_scp: Start, migrate: Command
) -> None:
    source = archive(studies=2, instances=3)
    peer = keeping_scp(status=lambda kept: 0xA700)
    once = ("--retries", "0", "--waves", "0", "--no-back-off")
    assert migrate(source.folder, peer.node, *once).json["failed"] == 6
    for option in (("--modality", "MR"), ("--shard", "1/99999"), ("--limit-studies", "1")):
        filtered = migrate(source.folder, peer.node, *once, *option)
        assert (filtered.code, filtered.json["job"]["failed"]) == (1, 6)
    peer.manners = Manners()
    retried = migrate(source.folder, peer.node, "--retry-failed")
    assert (retried.code, retried.json["sent"]) == (0, 6)


def test_a_limit_on_studies_counts_those_of_earlier_runs_and_never_cuts_one(
    archive: Make, keeping_scp: Start, migrate: Command
) -> None:
    source = archive(studies=6, instances=5)
    peer = keeping_scp()
    loose = ("--limit-studies", "2", "--no-study-batches")
    assert migrate(source.folder, peer.node, *loose).counts("sent", "skipped") == (10, 20)
    assert migrate(source.folder, peer.node, *loose).json["sent"] == 0
    assert len({one.uid.rsplit(".", 2)[0] for one in peer.kept}) == 2


def test_a_destination_that_dies_leaves_everything_pending_and_the_report_is_still_made(
    archive: Make, keeping_scp: Start, migrate: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrator.engine.worker._BACKOFF", (0.01, 0.01))
    source = archive(studies=10, instances=5)
    peer = keeping_scp()

    def die(kept: object) -> int:
        answered = next(number)
        if answered == 12:
            death.start()
        if answered >= 12:
            silence.wait(20)  # from here on nobody gets an answer
        return 0

    number, silence = itertools.count(1), threading.Event()
    death = threading.Thread(target=peer.stop)
    peer.manners = Manners(status=die)
    ran = migrate(source.folder, peer.node, "--verify", "--workers", "2", "--give-up-after", "1s")
    assert ran.code == 5
    assert ran.json["failed"] == 0
    assert ran.json["pending"] >= 30
    assert ran.json["stopped"]
    assert ran.json["partial_studies"]
    assert not ran.json["verify"]["proven"]
    assert "all originals intact" in ran.told

    silence.set()
    death.join()
    peer.manners = Manners()
    peer.start()
    assert migrate(source.folder, peer.node).code == 0
    assert set(peer.datasets) == source.uids


def test_a_source_that_vanishes_at_the_end_does_not_cost_the_report(
    archive: Make, keeping_scp: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=3)
    moved = source.folder.with_name("moved")

    def unmount(kept: object) -> int:
        if len(peer.kept) == 3:
            source.folder.rename(moved)
        return 0

    peer = keeping_scp(status=unmount)
    ran = migrate(source.folder, peer.node, "--workers", "1")
    assert (ran.code, ran.json["sent"]) == (1, 3)
    assert "could not be looked at again" in ran.told


def test_a_duplicate_is_sent_when_its_original_never_was(
    archive: Make, keeping_scp: Start, migrate: Command
) -> None:
    source = archive(studies=1, instances=2)
    copy = source.folder / "zz-copy.dcm"
    shutil.copy(source.files[0].path, copy)
    peer = keeping_scp(status=lambda kept: 0xA900)
    first = migrate(source.folder, peer.node, "--retries", "0")
    assert first.counts("failed", "skipped") == (2, 1)
    copy.unlink()  # what stands in the root is found first
    peer.manners = Manners()
    second = migrate(source.folder, peer.node)
    assert second.json["sent"] == 1
    assert peer.kept[-1].uid == source.files[0].uid


def test_a_source_with_an_undecodable_name_is_migrated(
    archive: Make, keeping_scp: Start, migrate: Command, tmp_path: Path
) -> None:
    strange = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    try:
        shutil.copytree(archive().folder, strange)
    except OSError:
        pytest.skip("the file system knows no such names")
    peer = keeping_scp()
    assert migrate(strange, peer.node).json["sent"] == 6
    assert migrate(strange, peer.node).json["skipped"] == 6


def test_another_spelling_of_the_known_source_is_recognised_and_a_typo_refused(
    archive: Make, keeping_scp: Start, migrate: Command
) -> None:
    source = archive()
    peer = keeping_scp()
    migrate(source.folder, peer.node)
    spelt = f"{source.folder}{os.sep}"
    assert migrate(source.folder, peer.node, "--same-source", spelt).json["skipped"] == 6
    typo = migrate(source.folder, peer.node, "--same-source", spelt + "x")
    assert typo.code == 2
    assert str(source.folder) in typo.told


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_stream_that_waits_for_room_ends_when_it_is_interrupted(
    archive: Make, keeping_scp: Start, tmp_path: Path
) -> None:
    source = archive(studies=40, instances=20, side=2)
    peer = keeping_scp(delay=0.05)
    program = (
        "import sys; import migrator.engine.upload as upload; upload.STREAM_WINDOW = 10\n"
        "from migrator.cli.main import main; sys.exit(main())"
    )
    command = [
        *(sys.executable, "-c", program, "migrate", str(source.folder), "--to", str(peer.node)),
        *("--stream", "--json", "--settle", "0", "--home", str(tmp_path / "home")),
    ]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: len(peer.kept) > 10, "some were sent")
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130, err.decode()
    result = json.loads(out)
    assert result["interrupted"]
    assert result["found"] == result["sent"] + result["pending"] + result["unknown"]
