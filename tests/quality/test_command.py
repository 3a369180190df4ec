"""What the command writes and prints, for whom, and its exit codes."""

from __future__ import annotations

import csv
import json
import os
import signal
import stat
from html.parser import HTMLParser
from pathlib import Path

import pytest

from migrator.cli.main import main
from migrator.records.quality_page import quality_page
from tests.quality.making import (
    ACCESSION,
    NAME,
    PATIENT_ID,
    STUDY_DATE,
    Command,
    clean,
    part_10,
    put,
)


@pytest.fixture
def faulty(source: Path) -> Path:
    """Two patients under one ID, a missing patient ID, a truncated file."""
    put(source / "1.dcm", part_10(clean()))
    put(source / "2.dcm", part_10(clean(study=2) | {NAME: (b"PN", b"Secret^Name ")}))
    put(source / "3.dcm", part_10(clean(patient=2) | {PATIENT_ID: (b"LO", b"")}))
    put(source / "cut.dcm", part_10(clean(patient=3))[:-2])
    return source


CODES = {"truncated": "error", "missing-patient-id": "warning", "patient-names-differ": "warning"}


def test_the_json_is_one_object_with_errors_first(faulty: Path, quality: Command) -> None:
    result = quality(faulty)
    assert result.code == 1
    assert {code: finding["severity"] for code, finding in result.findings.items()} == CODES
    assert result.json["findings"][0]["code"] == "truncated"
    assert (result.json["errors"], result.json["warnings"], result.json["found"]) == (1, 2, 4)
    for finding in result.json["findings"]:
        assert finding["meaning"]
        assert finding["migration"]


def test_warnings_alone_leave_the_exit_code_at_0(faulty: Path, quality: Command) -> None:
    (faulty / "cut.dcm").unlink()
    assert quality(faulty).code == 0


def test_the_console_tells_no_patient_data(faulty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(faulty / "4.dcm", part_10(clean(patient=4) | {STUDY_DATE: (b"DA", b"1776.07.")}))
    assert main(["quality", str(faulty), "--settle", "0"]) == 1
    captured = capsys.readouterr()
    assert "warning: One patient ID, several names: 1 patient\n    2.dcm" in captured.out
    assert "Malformed dates" in captured.out
    for secret in ("Secret", "1776", "Doe^"):
        assert secret not in captured.out + captured.err


def test_the_table_holds_one_row_per_finding_and_file(faulty: Path, quality: Command, tmp_path: Path) -> None:
    for number in range(10, 40):  # more than there are examples in the JSON
        put(faulty / f"{number}.dcm", part_10(clean(patient=number) | {PATIENT_ID: (b"LO", b"")}))
    file = tmp_path / "findings.csv"
    result = quality(faulty, "--csv", str(file))
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == sum(result.counts.values()) == 33
    assert len(result.findings["missing-patient-id"]["examples"]) == 20
    assert {row["code"]: row["severity"] for row in rows} == CODES
    (names,) = [row for row in rows if row["code"] == "patient-names-differ"]
    assert (names["path"], names["patient_id"]) == ("2.dcm", "P1")
    assert "Secret^Name and Doe^J1" in names["detail"]


def test_no_cell_of_the_table_is_a_formula(source: Path, quality: Command, tmp_path: Path) -> None:
    elements = clean() | {
        PATIENT_ID: (b"LO", b"=HYPERLINK(1)    "),
        ACCESSION: (b"SH", b"+1+1+1+1+1+1+1+1+1+1"),
    }
    put(source / "=cmd.dcm", part_10(elements))
    file = tmp_path / "findings.csv"
    assert set(quality(source, "--csv", str(file)).counts) == {"odd-length", "value-unfit"}
    with file.open(encoding="utf-8", newline="") as stream:
        (row, *_) = csv.DictReader(stream)
    assert row["path"] == "'=cmd.dcm"
    assert row["patient_id"] == "'=HYPERLINK(1)"


@pytest.mark.skipif(os.name == "nt", reason="modes mean nothing there")
def test_files_are_for_their_owner_only(faulty: Path, quality: Command, tmp_path: Path) -> None:
    table, page = tmp_path / "a.csv", tmp_path / "a.html"
    quality(faulty, "--csv", str(table), "--html", str(page))
    assert [stat.S_IMODE(file.stat().st_mode) for file in (table, page)] == [0o600, 0o600]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.html", "source"]


@pytest.mark.parametrize("option", ["--csv", "--html"])
def test_nothing_is_written_inside_the_source(
    option: str, faulty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(faulty.rglob("*"))
    assert main(["quality", str(faulty), option, str(faulty / "x")]) == 2
    assert "inside the source" in capsys.readouterr().err
    assert main(["quality", str(faulty), "--settle", "0", option, str(faulty.parent / "none" / "x")]) == 2
    assert sorted(faulty.rglob("*")) == before


@pytest.mark.parametrize("option", ["--csv", "--html"])
def test_a_file_that_cannot_be_written_is_told_before_the_look(
    faulty: Path, quality: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    looked: list[object] = []
    monkeypatch.setattr("migrator.cli.quality.QualityJob.run", looked.append)
    assert quality(faulty, option, str(tmp_path / "nowhere" / "a")).code == 2
    assert not looked


def test_a_table_and_a_page_are_two_files(faulty: Path, quality: Command, tmp_path: Path) -> None:
    assert quality(faulty, "--csv", str(tmp_path / "a"), "--html", str(tmp_path / "a")).code == 2
    assert not (tmp_path / "a").exists()


def test_an_unusable_source_and_wrong_options_have_their_exit_codes(tmp_path: Path) -> None:
    assert main(["quality", str(tmp_path / "none")]) == 4
    put(tmp_path / "file", b"x")
    assert main(["quality", str(tmp_path / "file")]) == 4
    assert main(["quality", str(tmp_path), "--settle", "-1"]) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_look_leaves_no_half_result(
    number: signal.Signals,
    faulty: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table, page = tmp_path / "a.csv", tmp_path / "a.html"
    table.write_text("older")
    monkeypatch.setattr("migrator.cli.quality.table_row", lambda *found: signal.raise_signal(number) or ())
    arguments = ["quality", str(faulty), "--settle", "0", "--json"]
    assert main([*arguments, "--csv", str(table), "--html", str(page)]) == 130
    assert table.read_text() == "older"
    assert not page.exists()
    assert capsys.readouterr().out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "source"]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_escapes_whatever_files_hold(source: Path, quality: Command, tmp_path: Path) -> None:
    put(source / "1.dcm", part_10(clean()))
    script = b"<script>alert(1)</script>^X "
    put(source / "<img src=x onerror=y>.dcm", part_10(clean(study=2) | {NAME: (b"PN", script)}))
    file = tmp_path / "page.html"
    assert set(quality(source, "--html", str(file)).counts) == {"patient-names-differ"}
    parsed = _Tags()
    parsed.feed(file.read_text("utf-8"))
    assert "script" not in parsed.tags
    assert "img" not in parsed.tags
    assert "<script>alert(1)</script>^X" in parsed.text
    assert "<img src=x onerror=y>.dcm" in parsed.text


def test_the_page_says_what_it_is_and_who_may_read_it(faulty: Path, quality: Command, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    result = quality(faulty, "--html", str(file))
    text = file.read_text("utf-8")
    assert "protected health information" in text
    for finding in result.json["findings"]:
        assert finding["title"] in text
        assert f'id="{finding["code"]}"' in text
    assert "http" not in text.replace("http-equiv", "")


def test_the_page_of_a_clean_archive_says_so(source: Path, quality: Command, tmp_path: Path) -> None:
    put(source / "1.dcm", part_10(clean()))
    file = tmp_path / "page.html"
    result = quality(source, "--html", str(file))
    assert "was found to be wrong" in file.read_text("utf-8")
    assert file.read_text("utf-8").splitlines()[:1] == quality_page(result.json).splitlines()[:1]


@pytest.mark.skipif(os.name != "posix", reason="file names are text there")
def test_names_that_are_no_text_are_borne(source: Path, quality: Command, tmp_path: Path) -> None:
    path = os.fsencode(source) + b"/\xff\xfe.dcm"
    try:
        Path(os.fsdecode(path)).write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes only text")
    table, page = tmp_path / "a.csv", tmp_path / "a.html"
    result = quality(source, "--csv", str(table), "--html", str(page))
    assert result.counts == {"zero-byte": 1}
    assert json.dumps(result.json).isascii()
    assert b"\xff\xfe.dcm" in table.read_bytes()


def test_of_a_folder_without_dicom_objects_nothing_good_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "empty"
    source.mkdir()
    page = tmp_path / "page.html"
    assert main(["quality", str(source), "--html", str(page)]) == 0
    assert "there is no DICOM object in it" in capsys.readouterr().out
    assert "There is no DICOM object in this folder" in page.read_text("utf-8")
    assert "was found to be wrong" not in page.read_text("utf-8")
