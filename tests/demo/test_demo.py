"""The demo gives exactly what its archive must give, and notices when it does not."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from migrator.cli.main import main
from migrator.core.control import Control
from migrator.dicom.receiver_index import Index, Record
from migrator.jobs.demo_serving import DemoPlace, demo_place, forget_demo, serve_demo
from migrator.jobs.home import job_folder


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
    add, number = Index.add, itertools.count()

    def lose_the_first(self: Index, record: Record) -> None:
        if next(number):  # of several associations only one is the first
            add(self, record)

    monkeypatch.setattr(Index, "add", lose_the_first)
    assert main(["demo"]) == 1
    out = capsys.readouterr().out
    assert "1 missing" in out
    assert "NOT what this archive must give" in out


def test_a_demo_to_play_with_is_served_until_it_is_told_to_stop_and_then_removed(
    tmp_path: Path, data_directory: Path
) -> None:
    control, folder = Control(), tmp_path / "demo"
    codes: list[int] = []

    def play(place: DemoPlace) -> None:
        assert demo_place(folder) == place
        codes.append(main(["migrate", place.source, "--to", str(place.node), "--settle", "0"]))
        codes.append(main(["verify", place.source, "--to", str(place.node)]))
        assert list((data_directory / "jobs").iterdir())
        control.cancel()

    serve_demo(folder, control, play)
    assert codes == [1, 0]  # some of the archive's odd files are damaged, and held
    place = demo_place(folder)
    assert place is None
    assert not folder.exists()


def test_what_a_demo_has_left_is_forgotten_and_nothing_else(tmp_path: Path) -> None:
    place = DemoPlace(str(tmp_path / "demo" / "archive"), "127.0.0.1", 11112, "DEMO_PACS")
    other = job_folder(tmp_path, "/mnt/archive", place.node)
    own = job_folder(tmp_path, place.source, place.node)
    for folder in (other, own, tmp_path / "demo"):
        folder.mkdir(parents=True)
    forget_demo(tmp_path, tmp_path / "demo", place)
    assert [folder.exists() for folder in (other, own, tmp_path / "demo")] == [True, False, False]


def test_a_demo_is_not_served_in_a_folder_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    assert main(["demo", "--serve", str(tmp_path)]) == 2
    assert (tmp_path / "mine").read_text() == "precious"
