"""export: what is recorded of a migration, one row per path."""

from __future__ import annotations

import csv
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migrator.cli.main import main
from migrator.core.edits import Change
from migrator.core.errors import ManifestError
from migrator.core.outcome import Fidelity, Outcome, State
from migrator.engine.manifest_rows import compact
from migrator.engine.manifest_runs import journal_of, records
from tests.migrate.running import Command
from tests.peers import Orthanc
from tests.peers.archives import Archive
from tests.report.making import NODE, Plan, Trouble, make_manifest, refused

REMAPPED = Outcome(
    State.SENT,
    status=0,
    fidelity=Fidelity.REMAPPED,
    healed=True,
    changes=(Change("PatientID", "ID1", "HIS-1"), Change("PatientName", "OLD^NAME", "NEW^NAME")),
)
COPY = Outcome(State.SENT, status=0, fidelity=Fidelity.RECLASSIFIED, healed=True, sent_uid="2.25.4711")
PLAN = Plan(
    studies=4,
    instances=5,
    troubles=(Trouble(7, refused(0xA900, "it does not fit")), Trouble(5, REMAPPED), Trouble(6, COPY)),
)


def export(home: Path, *options: str, node: str = str(NODE), source: str = "/mnt/archive") -> int:
    return main(["export", source, "--to", node, "--home", str(home), *options])


def read_csv(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_path_of_a_real_migration_is_one_row(
    orthanc: Orthanc, archive: Callable[..., Archive], migrate: Command, tmp_path: Path
) -> None:
    made = archive(studies=2, series=1, instances=3)
    (made.folder / "notes.txt").write_text("not DICOM")
    assert migrate(made.folder, orthanc.node).code == 0
    file = tmp_path / "out.csv"
    home = Path(os.environ["DICOM_MIGRATOR_HOME"])
    assert export(home, "--csv", str(file), node=str(orthanc.node), source=str(made.folder)) == 0
    rows = read_csv(file)
    sent = [row for row in rows if row["state"] == "sent"]
    assert {row["sop_instance_uid"] for row in sent} == made.uids
    assert {row["sop_class"] for row in sent} == {"CT Image Storage"}
    assert all(row["word"] == "OK" and row["status"] == "0000" for row in sent)
    assert [row["path"] for row in rows if row["state"] == "skipped"] == ["notes.txt"]


def test_csv_and_json_lines_tell_the_same(
    data_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_manifest(data_directory, PLAN)
    table, lines = tmp_path / "a.csv", tmp_path / "a.jsonl"
    assert export(data_directory, "--csv", str(table), "--jsonl", str(lines)) == 0
    assert "protected health information" in capsys.readouterr().err
    rows = read_csv(table)
    objects = [json.loads(line) for line in lines.read_text().splitlines()]
    assert len(rows) == len(objects) == 30
    for row, one in zip(rows, objects, strict=True):
        assert {name: str(value) for name, value in one.items() if name != "changes"} == {
            name: value for name, value in row.items() if name != "changes"
        }
        assert bool(row["changes"]) == bool(one["changes"])
    assert {stat.S_IMODE(file.stat().st_mode) for file in (table, lines)} == {0o600}


def test_a_row_tells_who_was_sent_where_that_is_another_than_in_the_file(
    data_directory: Path, tmp_path: Path
) -> None:
    make_manifest(data_directory, PLAN)
    file = tmp_path / "a.jsonl"
    export(data_directory, "--jsonl", str(file))
    objects = [json.loads(line) for line in file.read_text().splitlines()]
    remapped = next(one for one in objects if one["fidelity"] == "remapped")
    assert remapped["word"] == "REMAP"
    assert (remapped["patient_name_sent"], remapped["patient_id_sent"]) == ("NEW^NAME", "HIS-1")
    assert remapped["patient_name"] in PLAN.names
    assert remapped["changes"][0] == {"attribute": "PatientID", "before": "ID1", "after": "HIS-1"}
    copy = next(one for one in objects if one["fidelity"] == "reclassified")
    assert copy["sop_instance_uid"] == "2.25.4711"
    assert copy["sop_instance_uid_of_file"].startswith("1.2.826.")
    failed = next(one for one in objects if one["state"] == "failed")
    assert (failed["status"], failed["word"], failed["detail"]) == ("A900", "FAIL", "it does not fit")


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
)
def test_no_cell_is_a_formula_to_a_spreadsheet(data_directory: Path, tmp_path: Path, start: str) -> None:
    name = f"{start}cmd|' /C calc'!A0"
    make_manifest(data_directory, Plan(studies=2, instances=1, names=(name,), descriptions=(name,)))
    file = tmp_path / "a.csv"
    export(data_directory, "--csv", str(file))
    rows = [row for row in read_csv(file) if row["state"] == "sent"]
    assert {row["patient_name"] for row in rows} == {"'" + name}
    assert {row["study_description"] for row in rows} == {"'" + name}


def test_json_lines_can_go_to_stdout_alone(
    data_directory: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    make_manifest(data_directory, PLAN)
    assert export(data_directory, "--jsonl", "-") == 0
    lines = capfdbinary.readouterr().out.splitlines()
    assert len(lines) == 30
    assert all(json.loads(line)["destination"] == str(NODE) for line in lines)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_json_lines_that_stdout_could_not_take_are_no_success(data_directory: Path) -> None:
    make_manifest(data_directory, PLAN)
    root = str(Path(__file__).resolve().parent.parent.parent)
    command = [sys.executable, "-m", "migrator", "export", "/mnt/archive", "--to", str(NODE)]
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [*command, "--jsonl", "-"], cwd=root, stdout=full, stderr=subprocess.PIPE, timeout=60
        )
    assert done.returncode == 1
    assert b"cannot write" in done.stderr
    assert b"exported" not in done.stderr


def test_only_the_last_outcome_of_a_path_is_exported(data_directory: Path, tmp_path: Path) -> None:
    file = make_manifest(data_directory, Plan(studies=1, instances=3, problems=0, troubles=()))
    failed = file.read_text().replace('"state":"sent"', '"state":"failed"').splitlines()
    sent = [line for line in file.read_text().splitlines() if '"t":"o"' in line]
    file.write_text("\n".join([*failed, *sent]) + "\n")
    export(data_directory, "--jsonl", str(tmp_path / "a.jsonl"))
    states = [json.loads(line)["state"] for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert states == ["sent"] * 3


def test_nothing_is_ever_written_inside_the_source(
    data_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "archive"
    source.mkdir()
    make_manifest(data_directory, Plan(studies=1, source=str(source)))
    assert export(data_directory, "--csv", str(source / "a.csv"), source=str(source)) == 2
    assert "inside the source" in capsys.readouterr().err
    assert list(source.iterdir()) == []


def test_a_link_inside_the_source_that_leads_out_is_not_replaced(
    data_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "archive"
    source.mkdir()
    link = source / "a.csv"
    link.symlink_to(tmp_path / "elsewhere.csv")
    make_manifest(data_directory, Plan(studies=1, source=str(source)))
    assert export(data_directory, "--csv", str(link), source=str(source)) == 2
    assert "inside the source" in capsys.readouterr().err
    assert link.is_symlink()


@pytest.mark.parametrize("options", [[], ["--csv", "a", "--jsonl", "a"], ["--csv", "a", "--jsonl", "./a"]])
def test_where_nothing_can_be_written_nothing_is_begun(data_directory: Path, options: list[str]) -> None:
    make_manifest(data_directory, PLAN)
    assert export(data_directory, *options) == 2


def test_a_job_that_does_not_exist_is_a_wrong_usage(
    data_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_manifest(data_directory, PLAN)
    assert export(data_directory, "--csv", str(tmp_path / "a.csv"), source="/mnt/other") == 2
    assert "/mnt/archive" in capsys.readouterr().err, "the sources that are known are named"
    assert not (tmp_path / "a.csv").exists()


def test_a_manifest_that_is_rewritten_meanwhile_is_not_read_by_the_old_lines_numbers(
    data_directory: Path,
) -> None:
    file = make_manifest(data_directory, Plan(studies=1, instances=3, problems=0, troubles=()))
    journal = journal_of(file)
    compact(file, ())
    with pytest.raises(ManifestError, match="try again"):
        list(records(file, journal))


def test_lines_that_are_added_meanwhile_change_nothing_in_what_was_begun(data_directory: Path) -> None:
    file = make_manifest(data_directory, Plan(studies=1, instances=3, problems=0, troubles=()))
    journal = journal_of(file)
    text = file.read_text()
    again = next(line for line in text.splitlines() if '"t":"o"' in line)
    new = again.replace("000000/0", "000000/99")
    file.write_text(text + again.replace("sent", "failed") + "\n" + new + "\n")
    found: list[Any] = list(records(file, journal))
    assert sorted((one.row.path, one.row.state.value) for one in found) == [
        (f"000000/{number}", "sent") for number in range(3)
    ]
