"""A dry run sends nothing, and says what the real run then comes to."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import (
    MPEG4HP41,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from migrator.engine.manifest_rows import stored
from tests.dry_run.running import Rehearsal, assert_foretold, counts, fingerprint
from tests.migrate.running import Command
from tests.peers import KeepingScp, Orthanc, Rule, ScriptedPacs
from tests.peers.archives import Archive

Make = Callable[..., Archive]
Keep = Callable[..., KeepingScp]
MANY = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    MPEG4HP41,
)


def spoil(source: Archive) -> None:
    """A copy, a conflict, a truncated file, an empty one, one that is no image."""
    shutil.copy(source.files[0].path, source.folder / "copy.dcm")
    other = dcmread(source.files[1].path)
    other.PatientComments = "not the same"
    other.save_as(source.folder / "zz-other.dcm")
    whole = source.files[2].path.read_bytes()
    (source.folder / "damaged.dcm").write_bytes(whole[:-100])
    (source.folder / "empty.dcm").touch()
    (source.folder / "notes.txt").write_text("about these")


def test_nothing_reaches_orthanc_and_the_real_run_is_as_foretold(
    archive: Make, orthanc: Orthanc, migrate: Command, rehearse: Rehearsal
) -> None:
    source = archive(studies=3, instances=4, side=64, syntaxes=(ExplicitVRLittleEndian, JPEG2000Lossless))
    spoil(source)
    dry = rehearse(source.folder, orthanc.node)
    assert orthanc.count() == 0
    assert "nothing was sent" in dry.told
    real = migrate(source.folder, orthanc.node)
    assert orthanc.count() == real.json["sent"] == 12
    assert_foretold(dry, real)


@pytest.mark.parametrize("options", [(), ("--recovery", "strict"), ("--no-decompress",)])
def test_an_implicit_only_peer_gets_what_was_foretold(
    archive: Make, keeping_scp: Keep, migrate: Command, rehearse: Rehearsal, options: tuple[str, ...]
) -> None:
    source = archive(studies=2, instances=9, side=64, syntaxes=MANY)
    spoil(source)
    peer = keeping_scp(syntaxes=(ImplicitVRLittleEndian,))
    options = (*options, "--workers", "1")  # what is learnt, and when, is the same then
    dry = rehearse(source.folder, peer.node, *options)
    assert peer.associations > 0
    assert not peer.kept
    real = migrate(source.folder, peer.node, *options)
    assert dry.json["failed"] > 0
    assert_foretold(dry, real)
    # The record tells in which syntax each object went.
    recorded = {
        row.uid: row.sent_syntax or row.transfer_syntax for row in stored(Path(real.json["manifest"]))
    }
    assert recorded == {kept.uid: kept.transfer_syntax for kept in peer.kept}


def test_rules_are_applied_and_their_changes_told_for_each_file(
    archive: Make, keeping_scp: Keep, migrate: Command, rehearse: Rehearsal, tmp_path: Path
) -> None:
    source = archive(studies=2, instances=3, syntaxes=(ExplicitVRLittleEndian, RLELossless))
    (tmp_path / "rules").write_text('InstitutionName set "North"\n')
    (tmp_path / "table.csv").write_text("old_id,new_id\nP1,=N1\n")
    peer = keeping_scp(syntaxes=(ExplicitVRLittleEndian,))
    options = ("--rules", str(tmp_path / "rules"), "--crosswalk", str(tmp_path / "table.csv"))
    table = tmp_path / "dry.csv"
    dry = rehearse(source.folder, peer.node, *options, "--csv", str(table))
    assert not peer.kept
    with table.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["path"] for row in rows} == {str(one.path.relative_to(source.folder)) for one in source.files}
    assert os.name == "nt" or table.stat().st_mode & 0o777 == 0o600
    assert all("InstitutionName: '' to 'North'" in row["changes"] for row in rows)
    assert sum("PatientID: 'P1' to '=N1'" in row["changes"] for row in rows) == 3
    packed = [row for row in rows if row["syntax"] == "RLE Lossless"]
    assert {(row["sent_as"], row["steps"]) for row in packed} == {
        ("Explicit VR Little Endian", "uncompressed")
    }
    assert {row["action"] for row in rows} == {"sent edited", "sent edited, in another transfer syntax"}
    assert_foretold(dry, migrate(source.folder, peer.node, *options))
    assert {one.uid for one in peer.kept} == {row["sop_instance_uid"] for row in rows}


def test_what_earlier_runs_did_counts_and_their_record_stays_as_it_is(
    archive: Make, scripted_pacs: Callable[..., ScriptedPacs], migrate: Command, rehearse: Rehearsal
) -> None:
    source = archive(studies=3, instances=3)
    bad = source.files[0].uid
    peer = scripted_pacs(Rule(0x0106, uids=(bad,)))
    first = migrate(source.folder, peer.node, "--limit-studies", "2")
    home = Path(first.json["manifest"]).parent.parent.parent
    arrived, before = len(peer.arrived), fingerprint(home / "jobs")

    dry = rehearse(source.folder, peer.node)
    failed = rehearse(source.folder, peer.node, "--retry-failed")
    assert len(peer.arrived) == arrived
    assert fingerprint(home / "jobs") == before
    assert sorted(path.name for path in home.iterdir()) == ["jobs", "logs"]
    assert counts(dry) == {
        "sent as it is": 3,
        "nothing: sent by an earlier run": 5,
        "left alone: failed in an earlier run (--retry-failed)": 1,
    }
    assert (failed.json["sent"], failed.json["job"]["failed"]) == (1, 0)
    assert_foretold(dry, migrate(source.folder, peer.node))


def test_a_migration_that_begins_anew_is_foretold(
    archive: Make, keeping_scp: Keep, migrate: Command, rehearse: Rehearsal
) -> None:
    source, peer = archive(), keeping_scp()
    ran = migrate(source.folder, peer.node)
    before = fingerprint(Path(ran.json["manifest"]).parent)
    dry = rehearse(source.folder, peer.node, "--restart")
    assert fingerprint(Path(ran.json["manifest"]).parent) == before
    assert dry.counts("sent", "skipped") == (6, 0)
    assert_foretold(dry, migrate(source.folder, peer.node, "--restart"))


def test_a_run_that_is_on_is_no_hindrance(
    archive: Make, keeping_scp: Keep, migrate: Command, rehearse: Rehearsal
) -> None:
    from migrator.engine.manifest import Manifest

    source, peer = archive(), keeping_scp()
    ran = migrate(source.folder, peer.node)
    folder = Path(ran.json["manifest"]).parent
    busy = Manifest(folder, str(source.folder), str(peer.node))
    try:
        dry = rehearse(source.folder, peer.node)
    finally:
        busy.close()
    assert (dry.code, *dry.counts("sent", "skipped")) == (0, 0, 6)


def test_another_mount_of_the_source_is_known(
    archive: Make, keeping_scp: Keep, migrate: Command, rehearse: Rehearsal, tmp_path: Path
) -> None:
    source, peer = archive(), keeping_scp()
    migrate(source.folder, peer.node)
    moved = source.folder.rename(tmp_path / "elsewhere")
    assert rehearse(moved, peer.node).json["sent"] == 6
    dry = rehearse(moved, peer.node, "--same-source", str(source.folder))
    assert dry.counts("sent", "skipped") == (0, 6)
    assert_foretold(dry, migrate(moved, peer.node, "--same-source", str(source.folder)))


def test_what_was_under_way_at_an_interruption_is_asked_about(
    archive: Make, scripted_pacs: Callable[..., ScriptedPacs], migrate: Command, rehearse: Rehearsal
) -> None:
    source = archive(studies=2, instances=2)
    peer = scripted_pacs()
    lost = {source.files[0].uid, source.files[3].uid}
    ran = migrate(source.folder, peer.node, "--limit-studies", "1")
    manifest = Path(ran.json["manifest"])
    lines = [line for line in manifest.read_text().splitlines() if source.files[0].uid not in line]
    lines.append(json.dumps({"t": "begin", "uids": sorted(lost)}))
    manifest.write_text("".join(f"{line}\n" for line in lines))
    arrived = len(peer.arrived)
    dry = rehearse(source.folder, peer.node)
    assert len(peer.arrived) == arrived
    assert counts(dry)["nothing: under way at an interruption, and found there"] == 1
    assert counts(dry)["sent as it is"] == 2
    assert_foretold(dry, migrate(source.folder, peer.node))


@pytest.mark.parametrize("options", [(), ("--skip-existing",)])
def test_what_the_destination_holds_already_is_told(
    archive: Make,
    orthanc: Orthanc,
    migrate: Command,
    rehearse: Rehearsal,
    tmp_path: Path,
    options: tuple[str, ...],
) -> None:
    source = archive(studies=3, instances=2)
    migrate(source.folder, orthanc.node, "--limit-studies", "2", "--home", str(tmp_path / "another"))
    held = orthanc.uids()
    assert len(held) == 4
    table = tmp_path / "dry.csv"
    dry = rehearse(source.folder, orthanc.node, "--csv", str(table), *options)
    assert orthanc.uids() == held
    with table.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    if options:
        assert dry.counts("sent", "skipped") == (2, 4)
        assert dry.json["already_there"] == 0
        assert {row["sop_instance_uid"] for row in rows if row["state"] == "skipped"} == held
    else:
        assert dry.counts("sent", "skipped") == (6, 0)
        assert dry.json["already_there"] == 4
        assert {row["sop_instance_uid"] for row in rows if row["at_destination"] == "yes"} == held
    assert_foretold(dry, migrate(source.folder, orthanc.node, *options))


def test_a_destination_without_c_find_is_said_to_tell_nothing(
    archive: Make, scripted_pacs: Callable[..., ScriptedPacs], rehearse: Rehearsal
) -> None:
    source, peer = archive(), scripted_pacs(finds=False)
    dry = rehearse(source.folder, peer.node)
    assert (dry.code, dry.json["already_there"], dry.json["unknown_whether_there"]) == (0, 0, 6)
    assert "does not offer C-FIND" in dry.told
