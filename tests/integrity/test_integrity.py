"""integrity snapshot and check: what they vouch for, and what they notice."""

from __future__ import annotations

import csv
import hashlib
import os
import stat
import subprocess
import sys
import time
import unicodedata
from datetime import datetime, timezone
from itertools import count
from pathlib import Path

import pytest

from migrator.checks.integrity import reasons_of
from migrator.checks.integrity_hashing import Unreadable
from tests.integrity.running import Command, flip

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX file systems")


def modes_under(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}


def test_an_untouched_source_is_intact(integrity: Command, source: Path) -> None:
    taken = integrity("snapshot", source)
    assert (taken.code, taken.json["files"]) == (0, 13)
    assert taken.json["bytes"] == sum(path.stat().st_size for path in source.rglob("*") if path.is_file())
    checked = integrity("check", source)
    assert (checked.code, checked.json["intact"], checked.json["unchanged"]) == (0, True, 13)
    assert checked.json["after"]["list_sha256"] == checked.json["before"]["list_sha256"]
    assert checked.json["before"] == {key: taken.json[key] for key in checked.json["before"]}


def test_a_flipped_bit_under_the_same_size_and_time_is_corruption(integrity: Command, source: Path) -> None:
    integrity("snapshot", source)
    flip(source / "study1" / "image4.dcm")
    checked = integrity("check", source)
    assert (checked.code, checked.found) == (1, {("corrupted", str(Path("study1", "image4.dcm")))})
    assert (checked.json["unchanged"], checked.json["changed"]) == (12, 0)


def test_what_somebody_wrote_is_changed_and_what_went_vanished(integrity: Command, source: Path) -> None:
    integrity("snapshot", source)
    (source / "notes.txt").write_text("another note")
    (source / "study0" / "image3.dcm").unlink()
    (source / "study2" / "image2.dcm").rename(source / "study2" / "renamed.dcm")
    checked = integrity("check", source)
    assert checked.code == 1
    assert checked.found == {
        ("changed", "notes.txt"),
        ("vanished", str(Path("study0", "image3.dcm"))),
        ("vanished", str(Path("study2", "image2.dcm"))),
        ("new", str(Path("study2", "renamed.dcm"))),
    }
    assert [checked.json[kind] for kind in ("changed", "vanished", "new")] == [1, 2, 1]


def test_a_source_that_only_grew_is_intact(integrity: Command, source: Path) -> None:
    integrity("snapshot", source)
    (source / "later.dcm").write_bytes(b"new")
    checked = integrity("check", source)
    assert (checked.code, checked.found) == (0, {("new", "later.dcm")})


def test_another_time_alone_is_no_change(integrity: Command, source: Path) -> None:
    integrity("snapshot", source)
    os.utime(source / "notes.txt", (1, 1))
    checked = integrity("check", source)
    assert (checked.code, checked.json["unchanged"], checked.json["touched"]) == (0, 13, 1)


def test_a_mount_with_coarser_times_still_shows_corruption(integrity: Command, source: Path) -> None:
    file = source / "study0" / "image9.dcm"
    os.utime(file, ns=(1_700_000_001_900_000_000, 1_700_000_001_900_000_000))
    integrity("snapshot", source)
    flip(file)
    os.utime(file, ns=(1_700_000_002_000_000_000, 1_700_000_002_000_000_000))
    assert integrity("check", source).found == {("corrupted", str(Path("study0", "image9.dcm")))}


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_what_cannot_be_read_is_told_and_not_called_vanished(integrity: Command, source: Path) -> None:
    integrity("snapshot", source)
    (source / "notes.txt").chmod(0)
    (source / "study1").chmod(0)
    checked = integrity("check", source)
    (source / "study1").chmod(0o700)
    assert (checked.code, checked.json["vanished"]) == (1, 0)
    assert ("unreadable", "notes.txt") in checked.found
    assert checked.json["unreadable"] == 6


@posix
def test_a_folder_that_cannot_be_listed_is_no_vanishing(
    integrity: Command, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    integrity("snapshot", source)
    plain = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("study1"):
            raise PermissionError(13, "Permission denied")
        return plain(path)

    monkeypatch.setattr(os, "scandir", scandir)
    checked = integrity("check", source)
    assert (checked.code, checked.json["vanished"]) == (1, 0)
    assert checked.json["unreadable"] == 5, "the folder, and the four files that were vouched for in it"

    taken = integrity("snapshot", source)
    assert (taken.code, taken.json["unreadable"]) == (1, 1), "a snapshot that lacks files says so"
    unchanged = integrity("check", source)
    assert (unchanged.code, unchanged.json["intact"]) == (0, True), "nobody vouched for what is in there"
    assert unchanged.found == {("unreadable", "study1")}


def test_a_file_that_goes_between_its_listing_and_its_reading_is_not_there(
    integrity: Command, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    integrity("snapshot", source)
    plain = os.open

    def gone(path: str, *more: int) -> int:
        if str(path).endswith("notes.txt"):
            raise FileNotFoundError(2, "No such file or directory")
        return plain(path, *more)

    monkeypatch.setattr(os, "open", gone)
    assert integrity("check", source).found == {("vanished", "notes.txt")}
    assert integrity("snapshot", source).code == 0


def test_a_share_that_goes_away_is_told_in_no_time() -> None:
    folders = [Unreadable(f"study{number}", "Stale file handle", is_folder=True) for number in range(20_000)]
    reasons = reasons_of(folders)
    looked_up = [reasons(f"study{number}{os.sep}series{os.sep}file") for number in range(20_000)]
    assert looked_up == ["its folder cannot be read: Stale file handle"] * 20_000
    assert reasons(f"study20000{os.sep}file") is None
    assert (
        reasons_of([Unreadable(".", "Stale", is_folder=True)])("file") == "its folder cannot be read: Stale"
    )
    assert reasons_of([Unreadable("file", "I/O error")])("file") == "I/O error"


@posix
def test_pipes_and_links_that_lead_out_hold_nothing_up(integrity: Command, source: Path) -> None:
    outside = source.parent / "outside"
    outside.write_bytes(b"not ours")
    os.mkfifo(source / "pipe")
    (source / "out").symlink_to(outside)
    (source / "loop").symlink_to(source)
    (source / "inside").symlink_to("notes.txt")
    taken = integrity("snapshot", source)
    assert (taken.code, taken.json["files"], taken.json["passed_over"]) == (0, 14, 3)
    (source / "inside").unlink()
    (source / "inside").symlink_to(outside)
    assert integrity("check", source).found == {("vanished", "inside")}


@posix
def test_sha256sum_verifies_the_list_whatever_the_names(
    integrity: Command, source: Path, tmp_path: Path
) -> None:
    names = [b"new\nline", b"back\\slash", b"return\r", b"\xff\xfe latin", b" space ", b"-dash", b"\\n"]
    for name in names:
        Path(os.fsdecode(os.fsencode(source) + b"/" + name)).write_bytes(name)
    written = tmp_path / "list"
    taken = integrity("snapshot", source, "--list", str(written))
    assert taken.code == 0
    done = subprocess.run(["sha256sum", "-c", "--strict", str(written)], cwd=source, capture_output=True)
    assert (done.returncode, done.stdout.count(b": OK\n")) == (0, 13 + len(names)), done.stderr
    assert stat.S_IMODE(written.stat().st_mode) == 0o600

    recomputed = subprocess.run(
        "find . -type f -printf '%P\\0' | xargs -0r sha256sum -- | LC_ALL=C sort | sha256sum",
        shell=True,
        cwd=source,
        capture_output=True,
    ).stdout.decode()
    assert recomputed.split()[0] == taken.json["list_sha256"]
    assert hashlib.sha256(written.read_bytes()).hexdigest() == taken.json["list_sha256"]

    assert integrity("check", source, "--list", str(written)).json["unchanged"] == 13 + len(names)
    Path(os.fsdecode(os.fsencode(source) + b"/new\nline")).unlink()
    flip(Path(os.fsdecode(os.fsencode(source) + b"/\xff\xfe latin")))
    checked = integrity("check", source, "--list", str(written))
    assert (checked.code, checked.json["vanished"], checked.json["changed"]) == (1, 1, 1)


@posix
@pytest.mark.parametrize("find", ["find .", "find", "find $PWD", "find . ."])
@pytest.mark.parametrize("form", ["--binary", "--tag"])
def test_a_list_that_sha256sum_wrote_is_read(
    integrity: Command, source: Path, tmp_path: Path, find: str, form: str
) -> None:
    (source / "line\n (feed) = ").write_bytes(b"awkward")
    listed = subprocess.run(
        f"{find} -type f -print0 | xargs -0 sha256sum {form}", shell=True, cwd=source, capture_output=True
    ).stdout
    (tmp_path / "list").write_bytes(listed)
    checked = integrity("check", source, "--list", str(tmp_path / "list"))
    assert (checked.code, checked.json["unchanged"], checked.found) == (0, 14, set())


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (f"{'a' * 64}  /elsewhere/notes.txt\n", "outside"),
        (f"{'a' * 64}  ../notes.txt\n", "outside"),
        (f"{'a' * 64}  notes.txt\n{'b' * 64}  ./notes.txt\n", "twice"),
    ],
)
def test_a_list_of_another_folder_or_that_contradicts_itself_is_refused(
    integrity: Command, source: Path, tmp_path: Path, lines: str, told: str
) -> None:
    (tmp_path / "list").write_text(lines)
    refused = integrity("check", source, "--list", str(tmp_path / "list"))
    assert refused.code == 2
    assert told in refused.told


def test_a_list_that_is_none_is_refused_by_its_line(integrity: Command, source: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"{'a' * 64}  notes.txt\n{'b' * 63}  notes.txt\n")
    refused = integrity("check", source, "--list", str(tmp_path / "list"))
    assert refused.code == 2
    assert "line 2" in refused.told


def test_an_altered_snapshot_vouches_for_nothing(
    integrity: Command, source: Path, data_directory: Path
) -> None:
    kept = Path(integrity("snapshot", source).json["snapshot"])
    (source / "notes.txt").unlink()
    content = kept.read_bytes()
    kept.write_bytes(b"".join(line for line in content.splitlines(True) if b"notes.txt" not in line))
    refused = integrity("check", source)
    assert refused.code == 2
    assert "altered" in refused.told


def test_nothing_is_written_into_or_beside_the_source(
    integrity: Command, source: Path, data_directory: Path
) -> None:
    before = sorted(source.parent.rglob("*"))
    integrity("snapshot", source)
    integrity("check", source)
    assert sorted(source.parent.rglob("*")) == before
    if os.name != "nt":
        assert modes_under(data_directory / "integrity") == {0o600}
    assert integrity("snapshot", source, "--list", str(source / "list")).code == 2
    assert integrity("check", source, "--csv", str(source / "csv")).code == 2
    assert integrity("snapshot", source, "--home", str(source / "home")).code == 2
    assert sorted(source.parent.rglob("*")) == before


@posix
def test_a_device_is_not_replaced_by_a_list(integrity: Command, source: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    refused = integrity("snapshot", source, "--list", str(tmp_path / "pipe"))
    assert (refused.code, (tmp_path / "pipe").is_fifo()) == (2, True)
    assert "no regular file" in refused.told


def test_every_finding_is_a_row_of_the_table(integrity: Command, source: Path, tmp_path: Path) -> None:
    (source / "=danger.txt").write_text("x")
    integrity("snapshot", source)
    (source / "=danger.txt").unlink()
    (source / "later").write_bytes(b"1")
    flip(source / "study2" / "image11.dcm")
    table = tmp_path / "findings.csv"
    assert integrity("check", source, "--csv", str(table)).code == 1
    with table.open(newline="", encoding="utf-8") as stream:
        rows = {row["path"]: row for row in csv.DictReader(stream)}
    assert {path: row["finding"] for path, row in rows.items()} == {
        "'=danger.txt": "vanished",
        "later": "new",
        str(Path("study2", "image11.dcm")): "corrupted",
    }
    row = rows[str(Path("study2", "image11.dcm"))]
    assert row["sha256_before"] != row["sha256_now"]
    assert row["modified_before"] == row["modified_now"] != ""


def test_another_mount_is_checked_against_what_the_old_one_vouched_for(
    integrity: Command, source: Path, tmp_path: Path
) -> None:
    integrity("snapshot", source)
    moved = source.rename(tmp_path / "elsewhere")
    assert integrity("check", moved).code == 2, "nothing is known of it under this path"
    checked = integrity("check", moved, "--same-source", str(source))
    assert (checked.code, checked.json["unchanged"]) == (0, 13)
    assert integrity("check", moved, "--same-source", str(tmp_path / "never")).code == 2


def test_the_newest_snapshot_counts_and_older_ones_stay(
    integrity: Command, source: Path, data_directory: Path
) -> None:
    integrity("snapshot", source)
    (source / "notes.txt").write_text("changed on purpose")
    assert integrity("check", source).code == 1
    integrity("snapshot", source)
    assert integrity("check", source).code == 0
    first = min(data_directory.glob("integrity/*/snapshot-*.list"))
    assert integrity("check", source, "--list", str(first)).found == {("changed", "notes.txt")}
    assert len(list(data_directory.glob("integrity/*/snapshot-*.list"))) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take both forms for one name")
def test_another_mount_may_write_names_in_another_normal_form(
    integrity: Command, source: Path, tmp_path: Path
) -> None:
    name = "M\u00fcller.dcm"
    (source / name).write_bytes(b"image")
    integrity("snapshot", source)
    (source / name).rename(source / unicodedata.normalize("NFD", name))
    renamed = integrity("check", source)
    assert (renamed.code, renamed.json["vanished"], renamed.json["new"]) == (1, 1, 1), "here somebody did it"
    moved = source.rename(tmp_path / "elsewhere")
    checked = integrity("check", moved, "--same-source", str(source))
    assert (checked.code, checked.json["unchanged"], checked.found) == (0, 14, set())


@posix
def test_the_newest_snapshot_is_the_newest_when_clocks_go_back(
    integrity: Command, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(count(datetime(2026, 10, 25, 0, 59, 59, tzinfo=timezone.utc).timestamp(), 0.5))
    monkeypatch.setattr("migrator.jobs.integrity.time.time", lambda: next(moments))
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        integrity("snapshot", source)
        (source / "notes.txt").write_text("changed on purpose, an hour later by the wall clock")
        integrity("snapshot", source)
        assert integrity("check", source).code == 0
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "options",
    [
        ("--readers", "17"),
        ("--readers", "-1"),
        ("--max-read", "-1"),
        ("--max-read", "nan"),
        ("--csv", "somewhere"),
        ("--list", "/nowhere/at/all"),
    ],
)
def test_a_bad_option_is_refused_before_anything_is_read(
    integrity: Command, source: Path, data_directory: Path, options: tuple[str, ...]
) -> None:
    assert integrity("snapshot", source, *options).code == 2
    assert not list(data_directory.glob("integrity/*/snapshot*"))


def test_a_source_that_is_none_gives_4(integrity: Command, tmp_path: Path) -> None:
    assert integrity("snapshot", tmp_path / "nowhere").code == 4
