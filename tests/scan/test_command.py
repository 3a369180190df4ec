"""The scan command: its inventory, its JSON, its table, its exit codes."""

from __future__ import annotations

import csv
import json
import os
import signal
import stat
from pathlib import Path

import pytest

from migrator.cli.main import main
from tests.scan.making import aged, dataset, write


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    write(root / "a" / "1.dcm", dataset(1))
    write(root / "a" / "2.dcm", dataset(2))
    write(root / "b" / "3.dcm", dataset(3, StudyInstanceUID="1.9", SeriesInstanceUID="1.9.1", Modality="MR"))
    write(root / "b" / "copy.dcm", dataset(1))
    (root / "notes.txt").write_text("nothing")
    aged(root / "notes.txt")
    return root


def test_the_json_counts_everything(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", str(source), "--json"]) == 0
    output = capsys.readouterr()
    result = json.loads(output.out)
    assert {key: result[key] for key in ("found", "patients", "studies", "series", "instances")} == {
        "found": 5,
        "patients": 1,
        "studies": 2,
        "series": 2,
        "instances": 4,
    }
    assert result["bytes"] == sum(path.stat().st_size for path in source.rglob("*.dcm"))
    assert result["modalities"] == {"CT": 3, "MR": 1}
    assert result["transfer_syntaxes"][0]["name"] == "Explicit VR Little Endian"
    assert result["sop_classes"][0]["name"] == "CT Image Storage"
    assert sum(result["states"].values()) == result["found"]
    assert {problem["reason"].split(":")[0]: problem["examples"] for problem in result["problems"]} == {
        "duplicate": [str(Path("b", "copy.dcm"))],
        "not a DICOM object": ["notes.txt"],
    }


def test_damaged_and_conflicting_files_spoil_the_exit_code(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(source / "b" / "4.dcm", dataset(4))
    path.write_bytes(path.read_bytes()[:-10])
    aged(path)
    assert main(["scan", str(source)]) == 1
    text = capsys.readouterr().out
    assert "quarantined: truncated" in text
    assert str(Path("b", "4.dcm")) in text
    path.unlink()
    write(source / "b" / "5.dcm", dataset(1, PatientID="P2"))
    assert main(["scan", str(source)]) == 1
    assert "held: conflict" in capsys.readouterr().out


def test_an_unusable_source_and_wrong_options_have_their_exit_codes(tmp_path: Path) -> None:
    assert main(["scan", str(tmp_path / "none")]) == 4
    assert main(["scan", str(tmp_path), "--settle", "-1"]) == 2


def test_the_table_holds_one_row_per_instance(source: Path, tmp_path: Path) -> None:
    write(source / "b" / "6.dcm", dataset(6, PatientName="=HYPERLINK(1)", SpecificCharacterSet="ISO_IR 192"))
    file = tmp_path / "table.csv"
    assert main(["scan", str(source), "--csv", str(file), "--json"]) == 0
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 5
    by_path = {row["path"]: row for row in rows}
    assert by_path[str(Path("b", "6.dcm"))]["patient_name"] == "'=HYPERLINK(1)"
    assert by_path[str(Path("b", "copy.dcm"))]["state"] == "skipped"
    assert by_path[str(Path("a", "1.dcm"))]["sop_instance_uid"] == "1.2.3.1"
    if os.name != "nt":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".*tmp"))


def test_nothing_is_written_inside_the_source(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(source.rglob("*"))
    assert main(["scan", str(source), "--csv", str(source / "table.csv")]) == 2
    (source / "link.csv").symlink_to(tmp_path / "outside.csv")
    before = sorted(source.rglob("*"))
    assert main(["scan", str(source), "--csv", str(source / "link.csv")]) == 2
    assert main(["scan", str(source), "--csv", str(tmp_path / "none" / "table.csv")]) == 2
    assert sorted(source.rglob("*")) == before
    assert "inside the source" in capsys.readouterr().err


def test_a_scan_that_fails_leaves_the_older_table(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "table.csv"
    file.write_text("older")

    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("migrator.cli.scan._add_row", interrupt)
    assert main(["scan", str(source), "--csv", str(file)]) == 130
    assert file.read_text() == "older"
    assert not list(tmp_path.glob(".*tmp"))


def test_a_limit_on_studies_leaves_out_the_others(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", str(source), "--json", "--limit-studies", "1"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["studies"] == 1
    assert "beyond the limit on studies" in {problem["reason"] for problem in result["problems"]}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_scan_leaves_no_unfinished_table(
    source: Path, tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "table.csv"
    monkeypatch.setattr("migrator.cli.scan._add_row", lambda table, item: signal.raise_signal(number))
    assert main(["scan", str(source), "--csv", str(file)]) == 130
    assert not file.exists()
    assert not list(tmp_path.glob(".*tmp"))
