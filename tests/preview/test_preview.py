"""preview RULES FILE: before and after of everything that would change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator.cli.main import main
from tests.edits.making import a_dataset, write


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "image.dcm", a_dataset())


def rules(tmp_path: Path, text: str) -> str:
    path = tmp_path / "rules.txt"
    path.write_text(text, "utf-8")
    return str(path)


def test_every_attribute_that_would_change_is_shown(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = file.read_bytes()
    text = 'PatientID prefix "A-"\nPatientID suffix "-Z"\nPatientSex delete\nstrip_private\n'
    text += 'StudyDescription set "Thorax"'
    assert main(["preview", rules(tmp_path, text), str(file), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    changes = {change["attribute"]: (change["before"], change["after"]) for change in result["changes"]}
    assert changes["PatientID"] == ("P1", "A-P1-Z")
    assert changes["PatientSex"] == ("F", "")
    assert changes["(0009,1001)"] == ("private element of ACME 1.1", "")
    assert "StudyDescription" not in changes
    assert result["file"] == str(file) and result["rules_digest"]
    assert file.read_bytes() == before


def test_a_crosswalk_shows_the_new_identity_and_what_tells_of_the_old(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("old_id,new_id,new_name\nP1,N1,New^Name\n")
    assert main(["preview", rules(tmp_path, ""), str(file), "--crosswalk", str(table)]) == 0
    out = capsys.readouterr().out
    lines = dict(line.split(maxsplit=1) for line in out.splitlines()[1:])
    assert lines["PatientID"] == "P1 → N1"
    assert lines["PatientName"] == "Doe^Jane → New^Name"
    assert lines["OriginalAttributesSequence"] == "(none) → 1 item"


def test_nothing_to_change_is_said(tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", rules(tmp_path, "AccessionNumber delete"), str(file)]) == 0
    assert "nothing would change" in capsys.readouterr().out


def test_wrong_rules_are_wrong_usage(tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", rules(tmp_path, "\nNothing delete\nPatientID chop"), str(file)]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "line 2" in first and "line 3" in second


@pytest.mark.parametrize("content", [None, b"", b"no DICOM" * 100])
def test_a_file_that_is_no_object_gives_exit_code_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    path = tmp_path / "other"
    if content is not None:
        path.write_bytes(content)
    assert main(["preview", rules(tmp_path, ""), str(path)]) == 4
    assert str(path) in capsys.readouterr().err


def test_a_rule_that_cannot_be_applied_gives_exit_code_1(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f'StudyDescription prefix "{"x" * 60}"'
    assert main(["preview", rules(tmp_path, text), str(file)]) == 1
    assert "rule in line 1" in capsys.readouterr().err
