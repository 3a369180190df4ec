"""What a migration does stands in its audit log, and the manifest vouches for it."""

from __future__ import annotations

import getpass
import os
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from migrator.cli.main import main
from migrator.engine.manifest_rows import compact, read_lines
from migrator.records.audit import Writer
from migrator.records.audit_log import AuditLog
from tests.audit.conftest import Checked, Log
from tests.migrate.running import Command
from tests.peers import KeepingScp, Known, Rule, ScriptedPacs
from tests.peers.archives import Archive
from tests.peers.scripted_rules import Arrived, patient_is_not

Make = Callable[..., Archive]
Start = Callable[..., ScriptedPacs]
Keep = Callable[..., KeepingScp]


def test_a_run_is_told_from_its_begin_to_its_ledger(
    archive: Make, scripted_pacs: Start, migrate: Command, log: Log, checked: Checked
) -> None:
    source, scp = archive(studies=2, instances=3), scripted_pacs()
    began = datetime.now(timezone.utc)
    assert migrate(source.folder, scp.node, *log.option, "--verify").code == 0
    lines = log.lines()
    assert log.names()[:2] == ["log_opened", "run_started"]
    assert log.names()[-3:] == ["verified", "source_checked", "run_ended"]
    assert log.names().count("file_sent") == 6
    assert log.sent() == source.uids
    times = [
        datetime.strptime(line["timestamp"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
        for line in lines
    ]
    assert began <= times[0]
    assert times[-1] <= datetime.now(timezone.utc)
    assert {line["who"].partition("@")[0] for line in lines} == {getpass.getuser()}
    assert len({line["run"] for line in lines}) == 1
    sent = log.events("file_sent")[0]
    made = next(one for one in source.files if one.uid == sent["sop_uid"])
    assert sent["patient"].startswith("Test^Patient")
    assert sent["patient_id"] in ("P1", "P2")
    assert (sent["status"], sent["fidelity"]) == ("success", "verbatim")
    assert sent["destination"] == str(scp.node)
    assert sent["detail"] == {"path": str(made.path.relative_to(source.folder)), "study": made.study_uid}
    (started,) = log.events("run_started")
    (to,) = started["detail"]["destinations"]
    assert started["detail"]["source"] == os.path.realpath(source.folder)
    assert (to["node"], to["calling"], to["tls"]) == (str(scp.node), "DICOM_MIGRATOR", False)
    assert to["settings"]["scan"] == {"settle": 0.0}
    (ended,) = log.events("run_ended")
    assert ended["status"] == "success"
    assert ended["detail"]["destinations"][0]["run"]["sent"] == 6
    assert ended["detail"]["interrupted"] is False
    code, report = checked()
    assert (code, report["intact"], report["fault"]) == (0, True, None)
    assert report["confirmed"] == report["events"] == len(lines)
    assert (report["adopted"], report["is_torn"]) == (0, False)


def test_a_run_that_has_nothing_to_do_tells_no_file_again(
    archive: Make, keeping_scp: Keep, migrate: Command, log: Log, checked: Checked
) -> None:
    source, scp = archive(), keeping_scp()
    for _ in range(2):
        assert migrate(source.folder, scp.node, *log.option).code == 0
    runs = [line["run"] for line in log.events("run_started")]
    assert len(set(runs)) == 2
    second = [line["event"] for line in log.lines() if line["run"] == runs[1]]
    assert second == ["run_started", "source_checked", "run_ended"]
    assert checked()[0] == 0


def test_several_destinations_share_a_log_and_vouch_for_it(
    archive: Make, keeping_scp: Keep, log: Log, checked: Checked
) -> None:
    source, first, second = archive(), keeping_scp(), keeping_scp()
    to = ("--to", str(first.node), "--to", str(second.node))
    assert main(["migrate", str(source.folder), *to, "--settle", "0", *log.option]) == 0
    for scp in (first, second):
        events = [line for line in log.events("file_sent") if line["destination"] == str(scp.node)]
        assert {line["sop_uid"] for line in events} == source.uids
    code, report = checked()
    assert code == 0
    assert len(report["witnesses"]) == 2


def test_a_log_that_grows_beyond_its_size_goes_on_in_further_files(
    archive: Make, keeping_scp: Keep, migrate: Command, log: Log, checked: Checked
) -> None:
    source, scp = archive(studies=4, instances=10), keeping_scp()
    assert migrate(source.folder, scp.node, *log.option, "--audit-size", "0.008").code == 0
    code, report = checked()
    assert (code, report["confirmed"], report["adopted"]) == (0, report["events"], 0)
    assert report["files"] > 3
    assert log.sent() == source.uids


def test_a_log_that_is_removed_while_it_is_written_stops_the_run(
    archive: Make, scripted_pacs: Start, migrate: Command, log: Log, checked: Checked
) -> None:
    source = archive(studies=40, instances=5)
    taken = [log.file.unlink]

    def remove(arrived: Arrived) -> bool:
        if arrived.number == 5 and log.file.exists():
            taken.pop()()
        return True

    pacs = scripted_pacs(Rule(when=remove, delay=0.05))
    ran = migrate(source.folder, pacs.node, *log.option, "--workers", "1")
    assert ran.code == 1
    assert "cannot write the audit log" in ran.told
    assert not taken
    assert len(pacs.arrived) < len(source.files), "nothing is sent for long that nobody can read of"
    code, report = checked()
    assert code == 1
    assert "it was removed" in report["fault"]["what"]


def test_what_was_skipped_held_and_failed_is_told_with_its_reason(
    archive: Make, scripted_pacs: Start, migrate: Command, log: Log, tmp_path: Path
) -> None:
    source = archive(studies=1, instances=6)
    first, second, third, fourth = (one.path for one in source.files[:4])
    (source.folder / "again.dcm").write_bytes(first.read_bytes())
    other = dcmread(second)
    other.StudyDescription = "another one"
    other.save_as(source.folder / "z-conflict.dcm")
    third.write_bytes(third.read_bytes()[:-100])
    (source.folder / "notes.txt").write_text("not an image")
    pacs = scripted_pacs(Rule(0xC123, uids=(source.files[3].uid,), comment="no such bed"))
    ran = migrate(source.folder, pacs.node, *log.option, "--no-clean", "--no-strip-private")
    assert ran.code == 1

    def of(path: Path) -> list[tuple[str, str, str]]:
        name = str(path.relative_to(source.folder))
        return [
            (line["event"], line["status"], line["detail"].get("reason", ""))
            for line in log.lines()
            if line["detail"].get("path") == name
        ]

    assert sorted(of(source.folder / "again.dcm") + of(first)) == [
        ("file_sent", "success", ""),
        ("file_skipped", "success", "duplicate: the same SOP instance with the same content"),
    ]
    conflicts = of(source.folder / "z-conflict.dcm") + of(second)
    assert sorted((name, status) for name, status, _ in conflicts) == [
        ("file_held", "warning"),
        ("file_sent", "success"),
    ]
    ((name, status, reason),) = of(third)
    assert (name, status) == ("file_failed", "failed")
    assert "truncated" in reason
    (failed,) = (line for line in log.events("file_failed") if line["detail"]["path"] == rel(source, fourth))
    assert failed["detail"]["dimse_status"] == "C123"
    assert failed["detail"]["comment"] == "no such bed"
    assert of(source.folder / "notes.txt") == [("file_skipped", "success", "not a DICOM object")]
    assert log.events("run_ended")[0]["status"] == "failed"


def test_trouble_that_is_gone_from_the_source_is_told(
    archive: Make, keeping_scp: Keep, migrate: Command, log: Log
) -> None:
    source, scp = archive(studies=1, instances=2), keeping_scp()
    broken = source.files[0].path
    broken.write_bytes(broken.read_bytes()[:-100])
    assert migrate(source.folder, scp.node, *log.option).code == 1
    broken.unlink()
    assert migrate(source.folder, scp.node, *log.option).code == 0
    (told,) = log.events("file_skipped")
    assert told["detail"]["path"] == rel(source, broken)
    assert told["detail"]["reason"] == "no longer there, or no longer in the way"


def test_a_run_that_a_limit_ended_is_a_warning(
    archive: Make, keeping_scp: Keep, migrate: Command, log: Log
) -> None:
    source, scp = archive(studies=4, instances=20), keeping_scp(delay=0.1)
    assert migrate(source.folder, scp.node, *log.option, "--max-duration", "1s", "--workers", "1").code == 5
    assert log.events("run_ended")[0]["status"] == "warning"


def rel(source: Archive, path: Path) -> str:
    return str(path.relative_to(source.folder))


def test_what_a_filter_leaves_out_is_told_by_the_ledger_alone(
    archive: Make, keeping_scp: Keep, migrate: Command, log: Log
) -> None:
    source, scp = archive(studies=3, instances=2), keeping_scp()
    assert migrate(source.folder, scp.node, *log.option, "--patient", "P1").code == 0
    assert len(log.events("file_sent")) == 2
    assert log.events("file_skipped") == []
    assert log.events("run_ended")[0]["detail"]["destinations"][0]["run"]["skipped"] == 4


def test_another_patient_is_told_with_both_identities(
    archive: Make, scripted_pacs: Start, migrate: Command, log: Log
) -> None:
    source = archive(studies=1, instances=2)
    known = Known("X-77", "Test^Patient1", "19700101", "O", "HOSPITAL")
    pacs = scripted_pacs(
        Rule(0xFFFB, when=patient_is_not("X-77")), patients={source.files[0].study_uid: (known,)}
    )
    ran = migrate(source.folder, pacs.node, *log.option)
    assert ran.code == 0, ran.told
    assert ran.json["fidelity"] == {"remapped": 2}
    events = [line for line in log.lines() if line["sop_uid"]]
    assert [line["event"] for line in events] == ["file_remapped", "file_sent"] * 2
    remapped = events[0]
    assert (remapped["status"], remapped["patient_id"]) == ("warning", "P1")
    assert remapped["detail"]["before"] == {"PatientID": "P1", "IssuerOfPatientID": ""}
    assert remapped["detail"]["after"] == {"PatientID": "X-77", "IssuerOfPatientID": "HOSPITAL"}


def test_a_crosswalk_is_told_as_another_identity_and_rules_by_their_attributes(
    archive: Make, keeping_scp: Keep, migrate: Command, log: Log, tmp_path: Path
) -> None:
    source, scp = archive(studies=2, instances=1), keeping_scp()
    (tmp_path / "rules").write_text('InstitutionName set "North"\nstrip_private\n')
    (tmp_path / "table.csv").write_text("old_id,new_id\nP1,N1\n")
    options = ("--rules", str(tmp_path / "rules"), "--crosswalk", str(tmp_path / "table.csv"))
    assert migrate(source.folder, scp.node, *log.option, *options).code == 0
    (remapped,) = log.events("file_remapped")
    assert remapped["detail"]["before"] == {"PatientID": "P1"}
    assert remapped["detail"]["after"] == {"PatientID": "N1"}
    (edited,) = log.events("file_edited")
    assert edited["patient_id"] == "P2"
    for line in (remapped, edited):
        assert line["detail"]["attributes_by_rules"] == ["InstitutionName", "private attributes"]


def test_what_was_decompressed_or_made_a_secondary_capture_is_told(
    archive: Make, scripted_pacs: Start, migrate: Command, log: Log
) -> None:
    source = archive(studies=1, instances=2, syntaxes=(RLELossless, ExplicitVRLittleEndian))
    compressed, plain = source.files
    pacs = scripted_pacs(Rule(0xA900, uids=(plain.uid,)), syntaxes=(ExplicitVRLittleEndian,))
    ran = migrate(source.folder, pacs.node, *log.option)
    assert ran.code == 0, ran.told
    (edited,) = log.events("file_edited")
    assert (edited["sop_uid"], edited["fidelity"]) == (compressed.uid, "decompressed")
    (made,) = log.events("file_reclassified")
    assert (made["sop_uid"], made["status"]) == (plain.uid, "warning")
    assert "SOPClassUID" in made["detail"]["attributes"]
    assert made["detail"]["sent_uid"] in pacs.uids


def test_studies_that_are_not_proven_are_told_one_by_one(
    archive: Make, scripted_pacs: Start, migrate: Command, log: Log
) -> None:
    source = archive(studies=3, instances=2)
    lost = source.files[0]
    pacs = scripted_pacs(Rule(0x0000, uids=(lost.uid,), keeps=False))
    assert migrate(source.folder, pacs.node, *log.option, "--verify").code == 1
    study, whole = log.events("verified")
    assert (study["status"], study["detail"]["study"]) == ("failed", lost.study_uid)
    assert study["detail"]["missing"] == [lost.uid]
    assert (whole["status"], whole["detail"]["missing"], whole["detail"]["studies"]) == ("failed", 1, 3)
    assert log.events("run_ended")[0]["status"] == "failed"


def test_settings_that_shape_what_is_sent_are_told_when_they_change(
    archive: Make, keeping_scp: Keep, migrate: Command, log: Log
) -> None:
    source, scp = archive(), keeping_scp()
    migrate(source.folder, scp.node, *log.option)
    migrate(source.folder, scp.node, *log.option, "--workers", "2")
    assert log.events("settings_changed") == []
    migrate(source.folder, scp.node, *log.option, "--no-remap", "--conflict-suffix", "_X")
    (changed,) = log.events("settings_changed")
    detail = changed["detail"]
    assert detail["recovery.conflict_suffix"] == {"before": "_MIG", "after": "_X"}
    assert set(detail) == {"by", "recovery.conflict_suffix", "recovery.remap"}


def test_a_destination_that_is_not_there_ends_the_run_in_the_log_too(
    archive: Make, keeping_scp: Keep, migrate: Command, log: Log, checked: Checked
) -> None:
    source, scp = archive(), keeping_scp()
    node = scp.node
    scp.stop()
    assert migrate(source.folder, node, *log.option).code == 3
    (ended,) = log.events("run_ended")
    assert ended["status"] == "failed"
    assert str(node.port) in ended["detail"]["stopped"]
    assert checked()[0] == 0


def test_no_log_is_put_into_the_source(
    archive: Make, keeping_scp: Keep, migrate: Command, tmp_path: Path
) -> None:
    source, scp = archive(), keeping_scp()
    (tmp_path / "link").symlink_to(source.folder)
    for place in (source.folder, tmp_path / "link"):
        ran = migrate(source.folder, scp.node, "--audit", str(place / "log.jsonl"))
        assert ran.code == 2
        assert "lies inside the source" in ran.told
    assert scp.associations == 0
    assert list(source.folder.glob("*.jsonl*")) == []


def test_a_log_that_another_run_writes_or_that_is_none_is_refused_at_once(
    archive: Make, keeping_scp: Keep, migrate: Command, log: Log
) -> None:
    source, scp = archive(), keeping_scp()
    other = AuditLog(log.file, Writer("somebody@else", "f" * 12))
    ran = migrate(source.folder, scp.node, *log.option)
    other.close()
    assert (ran.code, "written by another run" in ran.told) == (2, True)
    log.file.write_text("my shopping list\n")
    ran = migrate(source.folder, scp.node, *log.option)
    assert (ran.code, "no audit log" in ran.told) == (2, True)
    assert log.file.read_text() == "my shopping list\n"
    assert scp.associations == 0


def test_destinations_cannot_name_different_logs(archive: Make, keeping_scp: Keep, log: Log) -> None:
    source, one, other = archive(), keeping_scp(), keeping_scp()
    for name, scp in (("one", one), ("other", other)):
        own = log.file.with_name(f"{name}.jsonl")
        assert main(["profile", "save", name, "--to", str(scp.node), "--audit", str(own)]) == 0
    assert main(["migrate", str(source.folder), "--to", "one", "--to", "other", "--settle", "0"]) == 2
    assert main(["migrate", str(source.folder), "--to", "one", "--settle", "0"]) == 0
    assert Log(log.file.with_name("one.jsonl")).sent() == source.uids


def test_a_rehearsal_writes_no_log(archive: Make, keeping_scp: Keep, log: Log) -> None:
    source, scp = archive(), keeping_scp()
    assert main(["profile", "save", "pacs", "--to", str(scp.node), *log.option]) == 0
    assert main(["dry-run", str(source.folder), "--to", "pacs", "--settle", "0"]) == 0
    assert not log.file.exists()


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_cut_off_end_is_found_even_when_another_run_has_gone_on_from_it(
    archive: Make, keeping_scp: Keep, migrate: Command, log: Log, checked: Checked, cut: int
) -> None:
    source, scp = archive(), keeping_scp()
    migrate(source.folder, scp.node, *log.option)
    lines = log.file.read_bytes().splitlines(keepends=True)
    log.file.write_bytes(b"".join(lines[:-cut]))
    code, report = checked()
    assert code == 1
    assert report["fault"]["line"] == len(lines) - cut + 1
    migrate(source.folder, scp.node, *log.option)
    code, report = checked()
    assert code == 1
    assert "written anew" in report["fault"]["what"]


def test_an_altered_line_is_named(
    archive: Make, keeping_scp: Keep, migrate: Command, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    source, scp = archive(), keeping_scp()
    migrate(source.folder, scp.node, *log.option)
    raw = log.file.read_bytes()
    log.file.write_bytes(raw.replace(b'"patient_id":"P1"', b'"patient_id":"P9"', 1))
    assert main(["audit", "check", str(log.file)]) == 1
    told = capsys.readouterr().out
    line = next(n for n, one in enumerate(log.file.read_bytes().splitlines(), 1) if b"P9" in one)
    assert f"WRONG: {log.file}, line {line}: the line was altered" in told


def test_without_the_data_directory_nobody_confirms_the_end(
    archive: Make, keeping_scp: Keep, migrate: Command, log: Log, checked: Checked, tmp_path: Path
) -> None:
    source, scp = archive(), keeping_scp()
    migrate(source.folder, scp.node, *log.option)
    code, report = checked("--home", str(tmp_path / "nowhere"))
    assert (code, report["confirmed"], report["witnesses"]) == (0, 0, [])
    assert not (tmp_path / "nowhere").exists()


def test_a_manifest_that_is_compacted_or_set_aside_still_vouches(
    archive: Make, keeping_scp: Keep, migrate: Command, log: Log, checked: Checked
) -> None:
    source, scp = archive(), keeping_scp()
    for _ in range(3):
        ran = migrate(source.folder, scp.node, *log.option)
    manifest = Path(ran.json["manifest"])
    compact(manifest, ())
    heads = Counter(line["run"] for line in read_lines(manifest) if line["t"] == "audit")
    assert list(heads) == [line["run"] for line in log.events("run_started")]
    assert max(heads.values()) <= 2
    assert checked()[1]["confirmed"] == len(log.lines())
    last = len(log.lines())
    migrate(source.folder, scp.node, "--restart")
    assert (checked()[1]["confirmed"], checked()[1]["adopted"]) == (last, 0)
