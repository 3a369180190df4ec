"""The same SOP instance UID twice: duplicates, conflicts, and files that moved since an earlier run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from migrator.core.model import Instance
from migrator.core.settings import ScanSettings
from migrator.dicom.header import read_header, same_dataset
from migrator.engine import duplicates
from migrator.engine.duplicates import UidRegister
from tests.scan.making import dataset, read, reason, write


def register(root: Path, earlier: Any = duplicates.nothing_earlier, **settings: Any) -> UidRegister:
    return UidRegister(str(root), ScanSettings(**settings), read_header, same_dataset, earlier)


def judged(judge: UidRegister, *paths: Path) -> list[str]:
    words = []
    for path in paths:
        item = read(path)
        assert isinstance(item, Instance)
        problem = judge.judge(item)
        assert problem is None or problem.instance is item
        words.append(reason(problem) if problem else "send")
    return words


def test_the_same_dataset_twice_is_a_duplicate(tmp_path: Path) -> None:
    paths = [write(tmp_path / name) for name in ("a.dcm", "b.dcm", "c.dcm")]
    assert judged(register(tmp_path), *paths) == ["send", "SKIPPED DUPLICATE", "SKIPPED DUPLICATE"]


def test_other_content_under_the_same_uid_is_held_or_sent_as_the_settings_say(tmp_path: Path) -> None:
    paths = [write(tmp_path / "a.dcm"), write(tmp_path / "b.dcm", dataset(PatientID="P2"))]
    assert judged(register(tmp_path), *paths) == ["send", "HELD CONFLICT"]
    assert judged(register(tmp_path, conflicts="send"), *paths) == ["send", "send"]


def test_another_transfer_syntax_is_a_conflict(tmp_path: Path) -> None:
    paths = [write(tmp_path / "a.dcm"), write(tmp_path / "b.dcm", syntax="1.2.840.10008.1.2")]
    assert judged(register(tmp_path), *paths) == ["send", "HELD CONFLICT"]


def test_what_cannot_be_compared_is_held(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.dcm"), write(tmp_path / "b.dcm")
    judge = register(tmp_path)
    assert judged(judge, first) == ["send"]
    first.unlink()
    assert judged(judge, second) == ["HELD CONFLICT"]


def test_uids_that_share_a_hash_are_told_apart(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(duplicates, "hash", lambda text: 1, raising=False)
    paths = [write(tmp_path / "a.dcm", dataset(1)), write(tmp_path / "b.dcm", dataset(2))]
    assert judged(register(tmp_path), *paths) == ["send", "send"]


def test_the_same_path_again_is_no_duplicate_of_itself(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm")
    earlier = {"1.2.3.1": ("a.dcm", 7)}.get
    assert judged(register(tmp_path, earlier), path, path) == ["send", "send"]


def test_a_file_that_moved_since_it_was_sent_is_not_sent_again(tmp_path: Path) -> None:
    path = write(tmp_path / "new.dcm")
    moved = {"1.2.3.1": ("old.dcm", path.stat().st_size)}.get
    assert judged(register(tmp_path, moved), path) == ["SKIPPED ALREADY_SENT"]
    replaced = {"1.2.3.1": ("old.dcm", 7)}.get
    assert judged(register(tmp_path, replaced), path) == ["HELD CONFLICT"]


def test_a_copy_of_what_an_earlier_run_sent_is_a_duplicate(tmp_path: Path) -> None:
    old, copy = write(tmp_path / "old.dcm"), write(tmp_path / "copy.dcm")
    other = write(tmp_path / "other.dcm", dataset(PatientID="P2"))
    earlier = {"1.2.3.1": ("old.dcm", old.stat().st_size)}.get
    assert judged(register(tmp_path, earlier), other, copy) == ["HELD CONFLICT", "SKIPPED DUPLICATE"]
