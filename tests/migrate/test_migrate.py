"""The main job from the command line, against peers that keep every byte."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from migrator.core.model import Node
from migrator.dicom.sample import write_as
from tests.migrate.running import Command
from tests.peers import KeepingScp, Manners, free_port
from tests.peers.archives import Archive

Make = Callable[..., Archive]
Start = Callable[..., KeepingScp]
MANY_SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    JPEG2000Lossless,
    JPEGLSLossless,
)


def test_everything_arrives_byte_for_byte(archive: Make, keeping_scp: Start, migrate: Command) -> None:
    source = archive(studies=6, series=2, instances=7, side=64, syntaxes=MANY_SYNTAXES)
    peer = keeping_scp()
    ran = migrate(source.folder, peer.node)
    assert ran.code == 0
    assert ran.counts("found", "sent", "healed") == (84, 84, 0)
    assert peer.datasets == source.datasets
    assert {one.uid: one.transfer_syntax for one in peer.kept} == {
        made.uid: made.transfer_syntax for made in source.files
    }
    assert ran.json["bytes_sent"] == sum(map(len, source.datasets.values()))
    assert ran.json["fidelity"] == {"verbatim": 84}
    assert "Source: 0 modified, 0 deleted - all originals intact" in ran.told
    assert 0 < ran.json["seconds"] < 60
    assert ran.json["files_per_second"] > 0
    assert Path(ran.json["manifest"]).is_file()


def test_private_classes_travel_unchanged(archive: Make, keeping_scp: Start, migrate: Command) -> None:
    source = archive(sop_classes=("1.2.840.113619.4.26", "1.3.12.2.1107.5.9.1", "1.2.3.4.5.6.7"))
    peer = keeping_scp()
    assert migrate(source.folder, peer.node).code == 0
    assert peer.datasets == source.datasets


def test_more_than_128_presentation_contexts_are_no_hindrance(
    archive: Make, keeping_scp: Start, migrate: Command
) -> None:
    classes = tuple(f"1.2.826.0.1.3680043.8.498.77.{number}" for number in range(150))
    source = archive(studies=1, instances=300, side=2, sop_classes=classes)
    peer = keeping_scp()
    ran = migrate(source.folder, peer.node)
    assert (ran.code, ran.json["sent"]) == (0, 300)
    assert peer.datasets == source.datasets


def test_what_the_destination_does_not_take_compressed_is_decompressed_and_told(
    archive: Make, keeping_scp: Start, migrate: Command
) -> None:
    source = archive(studies=3, instances=5, side=64, syntaxes=MANY_SYNTAXES)
    peer = keeping_scp(syntaxes=(ImplicitVRLittleEndian,))
    ran = migrate(source.folder, peer.node)
    assert (ran.code, ran.json["sent"]) == (0, 15)
    assert ran.json["fidelity"] == {"verbatim": 3, "decompressed": 9, "reencoded": 3}
    assert ran.json["healed"] == 12
    assert set(peer.datasets) == source.uids
    for made in source.files:
        original = dcmread(made.path)
        arrived = keep_as_file(peer, made.uid, made.path.parent.parent.parent.parent / "arrived.dcm")
        assert (arrived.pixel_array == original.pixel_array).all()
        assert arrived.SOPInstanceUID == original.SOPInstanceUID


def keep_as_file(peer: KeepingScp, uid: str, path: Path):  # type: ignore[no-untyped-def]
    from pydicom.dataset import FileMetaDataset
    from pydicom.filebase import DicomBytesIO
    from pydicom.filereader import read_dataset

    ds = read_dataset(DicomBytesIO(peer.datasets[uid]), is_implicit_VR=True, is_little_endian=True)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    ds.save_as(path, enforce_file_format=True)
    return dcmread(path)


@pytest.mark.parametrize("options", [(), ("--stream",)])
def test_a_second_run_sends_nothing_and_a_third_only_what_is_new_or_changed(
    archive: Make, keeping_scp: Start, migrate: Command, options: tuple[str, ...]
) -> None:
    source = archive(studies=4, instances=5)
    peer = keeping_scp()
    assert migrate(source.folder, peer.node, *options).json["sent"] == 20
    again = migrate(source.folder, peer.node, *options)
    assert again.code == 0
    assert again.counts("found", "skipped", "sent", "bytes_sent") == (20, 20, 0, 0)
    assert again.json["job"]["sent"] == 20
    assert "Resume: 20 already sent" in again.told
    assert len(peer.kept) == 20

    new = source.files[0].path.with_name("new.dcm")
    ds = dcmread(source.files[0].path)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.999"
    ds.save_as(new)
    changed = source.files[7].path
    stat = changed.stat()
    os.utime(changed, ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**10))
    third = migrate(source.folder, peer.node, *options)
    assert third.counts("found", "sent", "skipped") == (21, 2, 19)
    assert third.json["job"]["sent"] == 21
    assert {one.uid for one in peer.kept[20:]} == {"1.2.3.4.999", source.files[7].uid}


def test_beginning_anew_sends_everything_again_and_keeps_the_old_record(
    archive: Make, keeping_scp: Start, migrate: Command
) -> None:
    source = archive()
    peer = keeping_scp()
    first = migrate(source.folder, peer.node)
    assert migrate(source.folder, peer.node, "--restart").json["sent"] == len(source.files)
    assert len(peer.kept) == 2 * len(source.files)
    assert len(list(Path(first.json["manifest"]).parent.glob("manifest-*.jsonl"))) == 1


def test_only_what_failed_is_sent_when_asked(archive: Make, keeping_scp: Start, migrate: Command) -> None:
    source = archive(studies=2, instances=5)
    bad = {made.uid for made in source.files[:3]}
    peer = keeping_scp(status=lambda kept: 0x0106 if kept.uid in bad else 0x0000)
    ran = migrate(source.folder, peer.node, "--retries", "0")
    assert (ran.code, *ran.counts("sent", "failed", "problem_count")) == (1, 7, 3, 3)
    assert {problem["state"] for problem in ran.json["problems"]} == {"failed"}
    assert all(problem["reason"] for problem in ran.json["problems"])
    sent_before = len(peer.kept)

    plain = migrate(source.folder, peer.node)
    assert (plain.code, plain.json["job"]["failed"]) == (1, 3)
    assert len(peer.kept) == sent_before
    assert "--retry-failed" in plain.told

    peer.manners = Manners()
    new = source.files[0].path.with_name("new.dcm")
    shutil.copy(source.files[4].path, new)
    retried = migrate(source.folder, peer.node, "--retry-failed")
    assert (retried.code, retried.json["sent"]) == (0, 3)
    assert {one.uid for one in peer.kept[sent_before:]} == bad
    assert retried.counts("found", "sent", "skipped") == (11, 3, 8)
    lines = Path(retried.json["destinations"][0]["manifest"]).read_text("utf-8").splitlines()
    assert [json.loads(line)["path"] for line in lines if "NOT_TRIED" in line] == [
        str(new.relative_to(source.folder))
    ]


def test_warnings_are_kept_with_their_status(archive: Make, keeping_scp: Start, migrate: Command) -> None:
    source = archive(studies=1, instances=4)
    peer = keeping_scp(status=lambda kept: 0xB000)
    ran = migrate(source.folder, peer.node)
    assert (ran.code, *ran.counts("warned", "sent")) == (0, 4, 0)


def test_a_pilot_and_filters_leave_the_rest_for_later(
    archive: Make, keeping_scp: Start, migrate: Command
) -> None:
    source = archive(studies=10, instances=3)
    peer = keeping_scp()
    pilot = migrate(source.folder, peer.node, "--limit-studies", "2")
    assert (pilot.code, *pilot.counts("sent", "skipped")) == (0, 6, 24)
    one = migrate(source.folder, peer.node, "--patient", "P7")
    assert one.counts("sent", "skipped") == (3, 27)
    shards = [migrate(source.folder, peer.node, "--shard", f"{part}/3").json["sent"] for part in (1, 2, 3)]
    assert sum(shards) == 21
    whole = migrate(source.folder, peer.node)
    assert (whole.code, *whole.counts("sent", "skipped")) == (0, 0, 30)
    assert whole.json["job"]["sent"] == 30
    assert peer.counts.most_common(1)[0][1] == 1


def test_streaming_sends_everything_once(archive: Make, keeping_scp: Start, migrate: Command) -> None:
    source = archive(studies=20, series=3, instances=6, side=4)
    peer = keeping_scp()
    ran = migrate(source.folder, peer.node, "--stream", "--workers", "3")
    assert (ran.code, ran.json["sent"]) == (0, 360)
    assert peer.datasets == source.datasets
    assert len(peer.kept) == 360


def test_duplicates_are_sent_once_and_conflicts_are_held(
    archive: Make, keeping_scp: Start, migrate: Command
) -> None:
    source = archive(studies=2, instances=3)
    shutil.copy(source.files[0].path, source.folder / "copy.dcm")
    other = dcmread(source.files[1].path)
    other.PatientComments = "not the same"
    other.save_as(source.folder / "zz-other.dcm")
    peer = keeping_scp()
    ran = migrate(source.folder, peer.node)
    assert (ran.code, *ran.counts("sent", "skipped", "held")) == (1, 6, 1, 1)
    assert "other content" in ran.json["problems"][0]["reason"]
    sent = migrate(source.folder, peer.node, "--conflicts", "send")
    assert (sent.code, sent.json["sent"]) == (0, 1)
    assert len(peer.kept) == 7


def test_a_file_that_changes_during_the_run_is_named(
    archive: Make, keeping_scp: Start, migrate: Command
) -> None:
    source = archive(studies=2, instances=3)
    victim, gone = source.files[0].path, source.files[1].path

    def meddle(kept: object) -> int:
        if gone.exists():
            victim.write_bytes(victim.read_bytes() + b"\0\0")
            gone.unlink()
        return 0

    peer = keeping_scp(status=meddle)
    ran = migrate(source.folder, peer.node, "--workers", "1", "--order", "newest")
    assert ran.code == 1
    assert ran.json["source"]["modified_paths"] == [str(victim.relative_to(source.folder))]
    assert ran.json["source"]["deleted"] == 1
    assert "all originals intact" not in ran.told
    assert ran.json["failed"] == 2


def test_a_destination_that_is_not_there_ends_with_exit_code_3(archive: Make, migrate: Command) -> None:
    ran = migrate(archive().folder, Node("127.0.0.1", free_port()))
    assert ran.code == 3
    assert "refused" in ran.told


def test_a_destination_that_does_not_know_us_ends_with_exit_code_3(
    archive: Make, keeping_scp: Start, migrate: Command
) -> None:
    ran = migrate(archive().folder, keeping_scp(reject=(1, 1, 3)).node)
    assert ran.code == 3
    assert "calling AE title" in ran.told


def test_another_mount_of_the_source_goes_on_with_the_same_job(
    archive: Make, keeping_scp: Start, migrate: Command, tmp_path: Path
) -> None:
    source = archive()
    peer = keeping_scp()
    migrate(source.folder, peer.node)
    moved = tmp_path / "mounted elsewhere"
    source.folder.rename(moved)
    ran = migrate(moved, peer.node, "--same-source", str(source.folder))
    assert ran.counts("sent", "skipped") == (0, len(source.files))


def test_the_data_directory_must_not_lie_in_the_source(archive: Make, migrate: Command) -> None:
    source = archive()
    before = sorted(source.folder.rglob("*"))
    ran = migrate(source.folder, Node("127.0.0.1", 1), "--home", str(source.folder / "data"))
    assert ran.code == 2
    assert sorted(source.folder.rglob("*")) == before


def test_deflated_and_big_endian_objects_are_sent_as_they_are(
    archive: Make, keeping_scp: Start, migrate: Command, tmp_path: Path
) -> None:
    source = tmp_path / "syntaxes"
    source.mkdir()
    expected = {}
    for number, syntax in enumerate((ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)):
        made = archive(studies=1, instances=1, seed=number + 5).files[0]
        ds = dcmread(made.path)
        write_as(source / f"{number}.dcm", ds, syntax)
        expected[made.uid] = str(syntax)
    peer = keeping_scp()
    assert migrate(source, peer.node).code == 0
    assert {one.uid: one.transfer_syntax for one in peer.kept} == expected


def test_the_negotiation_is_written_when_asked(
    archive: Make, keeping_scp: Start, migrate: Command, tmp_path: Path
) -> None:
    source = archive(studies=1, instances=2)
    peer = keeping_scp(status=lambda kept: 0xC123)
    trace = tmp_path / "trace.txt"
    migrate(source.folder, peer.node, "--trace-association", str(trace), "--retries", "0")
    text = trace.read_text()
    assert "association accepted" in text
    assert "C-STORE-RSP" in text
    assert source.files[0].uid in text
    assert "Test^Patient" not in text
