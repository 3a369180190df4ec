"""One scan, several destinations: each gets everything once, and none holds up the others."""

from __future__ import annotations

import itertools
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from migrator.cli.migrate_words import exit_code
from migrator.core.control import Control
from migrator.core.errors import ManifestError
from migrator.core.events import ignore
from migrator.core.model import Node
from migrator.core.settings import ScanSettings, Settings
from migrator.jobs.migrate import MigrateJob, MigrateRequest, Target
from tests.migrate.running import Ran
from tests.peers import KeepingScp, Manners, Orthanc, free_port, wait_until
from tests.peers.archives import Archive

Make = Callable[..., Archive]
Start = Callable[..., KeepingScp]
Fan = Callable[..., Ran]
MIXED = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless, JPEG2000Lossless)


@pytest.mark.parametrize("options", [(), ("--stream",)])
def test_three_destinations_hold_every_byte_once(
    archive: Make, keeping_scp: Start, orthanc: Orthanc, fan: Fan, options: tuple[str, ...]
) -> None:
    source = archive(studies=8, series=2, instances=6, side=32, syntaxes=MIXED)
    one, other = keeping_scp(), keeping_scp()
    ran = fan(source.folder, [one.node, other.node, orthanc.node], "--workers", "2", *options)
    assert ran.code == 0, ran.told
    assert ran.counts("found", "sent", "pending") == (288, 288, 0)
    assert [part["run"]["sent"] for part in ran.json["destinations"]] == [96, 96, 96]
    for peer in (one, other):
        assert peer.datasets == source.datasets
        assert len(peer.kept) == 96
    held = orthanc.datasets()
    assert set(held) == source.uids
    assert all(held[uid].endswith(data) for uid, data in source.datasets.items())
    assert ran.told.count("all originals intact") == 1
    assert all(str(peer.node) in ran.told for peer in (one, other, orthanc))
    assert ran.json["bytes_sent"] == 3 * sum(map(len, source.datasets.values()))


def test_one_that_has_some_already_gets_only_the_rest(archive: Make, keeping_scp: Start, fan: Fan) -> None:
    source = archive(studies=6, instances=5)
    first, second = keeping_scp(), keeping_scp()
    assert fan(source.folder, [first.node], "--limit-studies", "3").json["sent"] == 15
    ran = fan(source.folder, [first.node, second.node])
    assert ran.code == 0
    assert [
        (part["run"]["sent"], part["run"]["skipped"], part["job"]["sent"])
        for part in ran.json["destinations"]
    ] == [(15, 15, 30), (30, 0, 30)]
    assert len(first.kept) == len(second.kept) == 30
    assert first.datasets == second.datasets == source.datasets
    again = fan(source.folder, [first.node, second.node])
    assert (again.code, *again.counts("found", "skipped", "sent")) == (0, 60, 60, 0)


@pytest.mark.parametrize("options", [(), ("--stream",)])
def test_duplicates_and_damage_count_for_each_destination(
    archive: Make, keeping_scp: Start, fan: Fan, options: tuple[str, ...]
) -> None:
    source = archive(studies=2, instances=3)
    shutil.copy(source.files[0].path, source.folder / "copy.dcm")
    other = dcmread(source.files[1].path)
    other.PatientComments = "not the same"
    other.save_as(source.folder / "zz-other.dcm")
    (source.folder / "notes.txt").write_text("nothing")
    (source.folder / "broken.dcm").write_bytes(source.files[2].path.read_bytes()[:-10])
    peers = [keeping_scp(), keeping_scp()]
    ran = fan(source.folder, [peer.node for peer in peers], *options)
    assert ran.code == 1
    for part in ran.json["destinations"]:
        run = part["run"]
        found = [run[state] for state in ("found", "sent", "skipped", "held", "quarantined")]
        assert found == [10, 6, 2, 1, 1]
        assert part["problem_count"] == 2
    again = fan(source.folder, [peer.node for peer in peers], *options)
    assert again.code == 1
    for part in again.json["destinations"]:
        assert part["job"]["found"] == 10
        assert (part["job"]["sent"], part["job"]["held"], part["job"]["quarantined"]) == (6, 1, 1)
    assert [len(peer.kept) for peer in peers] == [6, 6]


@pytest.mark.parametrize("options", [(), ("--stream",)])
def test_one_that_is_down_from_the_start_is_waited_for_while_the_others_are_served(
    archive: Make, keeping_scp: Start, fan: Fan, options: tuple[str, ...]
) -> None:
    source = archive(studies=4, instances=5)
    healthy, late = keeping_scp(), keeping_scp()
    late.stop()
    began = threading.Thread(target=lambda: (wait_until(lambda: len(healthy.kept) == 20, "20"), late.start()))
    began.start()
    quick = ("--breaker-wait", "0.2", "--breaker-failures", "2")
    ran = fan(source.folder, [late.node, healthy.node], *quick, *options)
    began.join()
    assert ran.code == 0, ran.told
    assert "cannot be reached now" in ran.told
    assert late.datasets == healthy.datasets == source.datasets
    assert len(late.kept) == len(healthy.kept) == 20


def test_one_that_stays_down_leaves_its_part_pending(archive: Make, keeping_scp: Start, fan: Fan) -> None:
    source = archive(studies=4, instances=5)
    healthy, dead = keeping_scp(), Node("127.0.0.1", free_port(), "NOBODY")
    impatient = ("--breaker-wait", "0.1", "--breaker-failures", "1", "--give-up-after", "0.5")
    ran = fan(source.folder, [healthy.node, dead], *impatient)
    assert ran.code == 5
    fine, down = ran.json["destinations"]
    assert (fine["run"]["sent"], fine["stopped"]) == (20, None)
    assert (down["run"]["pending"], down["run"]["failed"]) == (20, 0)
    assert down["stopped"]
    assert healthy.datasets == source.datasets


def test_one_that_does_not_know_us_is_given_up_with_words_and_the_others_are_served(
    archive: Make, keeping_scp: Start, fan: Fan
) -> None:
    source = archive(studies=4, instances=5)
    healthy, stranger = keeping_scp(), keeping_scp(reject=(1, 1, 3))
    ran = fan(source.folder, [stranger.node, healthy.node])
    assert ran.code == 1
    refused, fine = ran.json["destinations"]
    assert (refused["run"]["pending"], refused["run"]["failed"]) == (20, 0)
    assert "calling AE title" in refused["stopped"]
    assert (fine["run"]["sent"], fine["stopped"]) == (20, None)
    assert healthy.datasets == source.datasets


def test_a_record_that_cannot_be_kept_ends_its_own_destination_only(
    archive: Make, keeping_scp: Start, tmp_path: Path
) -> None:
    source = archive(studies=4, instances=5)
    peers = [keeping_scp(), keeping_scp()]
    targets = tuple(Target(peer.node, Settings(scan=ScanSettings(settle=0))) for peer in peers)
    job = MigrateJob(MigrateRequest(str(source.folder), targets, tmp_path), Control(), ignore)

    def full(*_: object) -> None:
        raise ManifestError("the disk is full")

    job.destinations[0].record.settle = full  # type: ignore[method-assign]
    result = job.run()
    broken, fine = result.destinations
    assert "disk is full" in str(broken.stopped_by)
    assert broken.snapshot.run.sent == 0
    assert fine.snapshot.run.sent == 20
    assert peers[1].datasets == source.datasets
    assert exit_code(result) == 1


def test_when_all_are_down_nothing_begins(archive: Make, fan: Fan) -> None:
    nodes = [Node("127.0.0.1", free_port(), name) for name in ("ONE", "TWO")]
    ran = fan(archive().folder, nodes)
    assert (ran.code, ran.json) == (3, {})
    assert all(str(node.port) in ran.told for node in nodes)


@pytest.mark.parametrize("options", [(), ("--stream",)])
def test_one_that_goes_down_in_the_middle_and_comes_back_loses_nothing(
    archive: Make, keeping_scp: Start, fan: Fan, options: tuple[str, ...]
) -> None:
    source = archive(studies=10, instances=6)
    steady, shaky = keeping_scp(), keeping_scp()
    number = itertools.count(1)
    lasted: list[int] = []

    def revive() -> None:
        shaky.stop()
        wait_until(lambda: len(steady.kept) == 60, "the steady one has everything")
        lasted.append(len(shaky.datasets))
        shaky.manners = Manners()
        shaky.start()
        is_back.set()

    is_back = threading.Event()
    death = threading.Thread(target=revive)

    def die(kept: object) -> int:
        answered = next(number)
        if answered == 15:
            death.start()
        if answered >= 15:
            is_back.wait(1)  # from here on nobody gets an answer in time
        return 0

    shaky.manners = Manners(status=die)
    quick = ("--breaker-wait", "0.2", "--breaker-failures", "2")
    ran = fan(source.folder, [shaky.node, steady.node], *quick, *options)
    death.join()
    assert ran.code == 0, ran.told
    assert lasted[0] < 60, "it must have been down before its end"
    assert shaky.datasets == steady.datasets == source.datasets
    assert len(steady.kept) == 60
    assert [part["run"]["failed"] for part in ran.json["destinations"]] == [0, 0]


def test_a_destination_cannot_be_named_twice(archive: Make, keeping_scp: Start, fan: Fan) -> None:
    node = keeping_scp().node
    ran = fan(archive().folder, [node, node])
    assert ran.code == 2
    assert "twice" in ran.told


def test_another_mount_is_recognised_by_those_that_know_the_source_and_new_to_the_others(
    archive: Make, keeping_scp: Start, fan: Fan, tmp_path: Path
) -> None:
    source = archive(studies=2, instances=3)
    old, new = keeping_scp(), keeping_scp()
    fan(source.folder, [old.node])
    moved = tmp_path / "mounted elsewhere"
    source.folder.rename(moved)
    again = ("--same-source", str(source.folder))
    first = fan(moved, [old.node, new.node], *again)
    assert [part["run"]["sent"] for part in first.json["destinations"]] == [0, 6]
    second = fan(moved, [old.node, new.node], *again)
    assert (second.code, second.json["sent"]) == (0, 0)
    assert fan(moved, [new.node], *again).code == 2


def test_each_destination_is_verified_and_completed_on_its_own(
    archive: Make, start_peer: Callable[..., Orthanc], fan: Fan
) -> None:
    source = archive(studies=3, instances=4)
    whole, lossy = start_peer(Orthanc), start_peer(Orthanc)
    nodes = [whole.node, lossy.node]
    assert fan(source.folder, nodes, "--verify").code == 0
    lossy.delete({made.uid for made in source.files[:3]})
    verified = fan(source.folder, nodes, "--verify")
    assert verified.code == 1
    assert [part["verify"]["missing"] for part in verified.json["destinations"]] == [0, 3]
    completed = fan(source.folder, nodes, "--resend-missing")
    assert completed.code == 0
    assert [part["run"]["sent"] for part in completed.json["destinations"]] == [0, 3]
    assert lossy.uids() == source.uids


def test_a_busy_job_of_one_destination_keeps_the_others_unlocked(
    archive: Make, keeping_scp: Start, fan: Fan, data_directory: Path
) -> None:
    from filelock import FileLock

    source = archive()
    first, second = keeping_scp(), keeping_scp()
    fan(source.folder, [first.node, second.node])
    locks = sorted(data_directory.glob("jobs/*/manifest.lock"))
    assert len(locks) == 2
    for lock in locks:
        with FileLock(str(lock)):
            busy = fan(source.folder, [first.node, second.node])
        assert busy.code == 1
        assert "another process" in busy.told
    assert fan(source.folder, [first.node, second.node]).code == 0
