"""The demo gives exactly what its archive must give, and notices when it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.cli.main import main
from migrator.dicom.receiver_index import Index, Record


def test_the_demo_succeeds_and_says_what_to_try_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--keep", str(tmp_path / "sample")]) == 0
    out = capsys.readouterr().out
    assert "Source: 0 modified, 0 deleted - all originals intact" in out
    assert "Try next:" in out
    assert sum(path.is_file() for path in (tmp_path / "sample").rglob("*")) > 300


def test_the_demo_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["demo"]) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_to_keep_must_be_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").write_text("precious")
    assert main(["demo", "--keep", str(tmp_path)]) == 2
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_pacs_that_answers_success_and_loses_an_object_is_found_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add = Index.add
    lost: list[str] = []

    def lose_the_first(self: Index, record: Record) -> None:
        if lost:
            add(self, record)
        else:
            lost.append(record["SOPInstanceUID"])

    monkeypatch.setattr(Index, "add", lose_the_first)
    assert main(["demo"]) == 1
    out = capsys.readouterr().out
    assert "1 missing" in out
    assert "NOT what this archive must give" in out
