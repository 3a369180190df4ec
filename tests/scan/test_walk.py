"""Which paths a scan finds, and what it says of those it cannot read."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrator.core.control import Control
from migrator.core.errors import Cancelled, SourceError
from migrator.core.model import Instance
from migrator.core.outcome import Problem, State
from migrator.core.settings import ScanSettings
from migrator.dicom.header import read_header
from migrator.engine import tree
from migrator.engine.scanner import Scanner, Settled, restat
from tests.scan.making import aged, dataset, items, reason, scan, write

needs_posix = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX file system")


def reasons(root: Path, **changes: Any) -> dict[str, str]:
    return {path: reason(item) for path, item in scan(root, **changes).items()}


def forbidden(*arguments: object) -> Any:
    raise AssertionError("a file was opened")


def test_every_file_is_found_once_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b/2.dcm", "b/1.dcm", "a/c/3.dcm", "z.dcm"):
        write(tmp_path / name)
    paths = [str(Path(name)) for name in ("z.dcm", "a/c/3.dcm", "b/1.dcm", "b/2.dcm")]
    assert list(scan(tmp_path)) == paths
    assert [path for path, _, _ in restat(str(tmp_path))] == paths


def test_a_source_that_is_missing_or_no_folder_is_an_error(tmp_path: Path) -> None:
    file = write(tmp_path / "a.dcm")
    for root in (tmp_path / "none", file):
        with pytest.raises(SourceError):
            scan(root)
        with pytest.raises(SourceError):
            list(restat(str(root)))


@needs_posix
def test_links_are_followed_inside_the_source_only_and_never_in_circles(tmp_path: Path) -> None:
    root = tmp_path / "source"
    write(root / "real" / "a.dcm")
    outside = write(tmp_path / "outside" / "secret.dcm")
    (root / "to_file").symlink_to(root / "real" / "a.dcm")
    (root / "to_folder").symlink_to(root / "real")
    (root / "real" / "up").symlink_to(root)
    (root / "to_outside").symlink_to(outside)
    (root / "to_outside_folder").symlink_to(outside.parent)
    (root / "broken").symlink_to(root / "nothing")
    (root / "circle").symlink_to(root / "circle")
    assert reasons(root) == {
        "real/a.dcm": "Instance",
        "to_file": "Instance",
        "to_folder": "SKIPPED NOT_A_FILE",
        "real/up": "SKIPPED LINK_OUTSIDE",
        "to_outside": "SKIPPED LINK_OUTSIDE",
        "to_outside_folder": "SKIPPED LINK_OUTSIDE",
        "broken": "SKIPPED LINK_OUTSIDE",
        "circle": "SKIPPED LINK_OUTSIDE",
    }
    assert sorted(path for path, _, _ in restat(str(root))) == ["real/a.dcm", "to_file"]


@needs_posix
def test_a_source_that_is_a_link_itself_is_walked(tmp_path: Path) -> None:
    write(tmp_path / "real" / "a.dcm")
    (tmp_path / "real" / "b.dcm").symlink_to("a.dcm")
    (tmp_path / "link").symlink_to("real")
    assert set(reasons(tmp_path / "link").values()) == {"Instance"}


@needs_posix
def test_fifos_and_sockets_are_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(tmp_path)  # a socket's address is short
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
        assert reasons(tmp_path, read=forbidden) == dict.fromkeys(("fifo", "socket"), "SKIPPED NOT_A_FILE")


@needs_posix
def test_names_in_any_encoding_are_found_and_read(tmp_path: Path) -> None:
    name = os.fsdecode(b"M\xfcller \xff.dcm")
    try:
        write(tmp_path / name)
    except OSError:
        pytest.skip("the file system insists on UTF-8")
    assert reasons(tmp_path) == {name: "Instance"}


def test_an_unreadable_folder_is_recorded_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a/1.dcm", "b/2.dcm", "c/3.dcm"):
        write(tmp_path / name)
    listed = os.scandir

    def refuse_b(path: str) -> Any:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(tree.os, "scandir", refuse_b)
    found = scan(tmp_path)
    assert {path: reason(item) for path, item in found.items()} == {
        str(Path("a", "1.dcm")): "Instance",
        "b": "FAILED UNREADABLE_FOLDER",
        str(Path("c", "3.dcm")): "Instance",
    }
    problem = found["b"]
    assert isinstance(problem, Problem)
    assert problem.may_retry


class _Failing:
    """A folder on a share that goes away after its first entries."""

    def __init__(self, entries: Any, count: int) -> None:
        self._entries = entries
        self._count = count

    def __enter__(self) -> Iterator[Any]:
        return self

    def __exit__(self, *arguments: object) -> None:
        self._entries.close()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if not self._count:
            raise OSError(5, "Input/output error")
        self._count -= 1
        return next(self._entries)


def test_a_share_that_vanishes_half_way_is_recorded_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        write(tmp_path / "share" / f"{number}.dcm")
    write(tmp_path / "z" / "last.dcm")
    listed = os.scandir

    def fail_share(path: str) -> Any:
        entries = listed(path)
        return _Failing(entries, 2) if Path(path).name == "share" else entries

    monkeypatch.setattr(tree.os, "scandir", fail_share)
    found = reasons(tmp_path)
    assert found["share"] == "FAILED UNREADABLE_FOLDER"
    assert found[str(Path("z", "last.dcm"))] == "Instance"
    assert list(found.values()).count("Instance") == 3


@needs_posix
def test_a_source_that_vanishes_while_it_is_walked_is_recorded(tmp_path: Path) -> None:
    root = tmp_path / "source"
    for folder in ("a", "b"):
        write(root / folder / "1.dcm")
    scanner = Scanner(str(root), ScanSettings(readers=1), read_header, Control())
    blocks = scanner.blocks()
    first = next(blocks)
    root.rename(tmp_path / "away")
    rest = [item for block in blocks for item in block]
    assert [reason(item) for item in (*first, *rest)] == ["Instance", "FAILED UNREADABLE_FOLDER"]


def test_a_file_that_vanishes_before_it_is_read_may_be_tried_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm")

    def read_late(*arguments: Any) -> Any:
        path.unlink()
        return read_header(*arguments)

    assert reasons(tmp_path, read=read_late) == {"a.dcm": "FAILED VANISHED"}


def test_settled_paths_are_not_opened(tmp_path: Path) -> None:
    write(tmp_path / "a.dcm")
    status = (tmp_path / "a.dcm").stat()
    asked = []

    def known(path: str, size: int, mtime_ns: int) -> State:
        asked.append((path, size, mtime_ns))
        return State.WARNED

    assert scan(tmp_path, read=forbidden, known=known) == {"a.dcm": Settled("a.dcm", State.WARNED)}
    assert asked == [("a.dcm", status.st_size, status.st_mtime_ns)]


@pytest.mark.parametrize("readers", [0, 1, 4])
def test_a_large_flat_folder_comes_in_blocks(tmp_path: Path, readers: int) -> None:
    content = write(tmp_path / "0000.dcm").read_bytes()
    for number in range(1, 1300):
        (tmp_path / f"{number:04}.dcm").write_bytes(content)
        aged(tmp_path / f"{number:04}.dcm")
    scanner = Scanner(str(tmp_path), ScanSettings(readers=readers), read_header, Control())
    blocks = [block for block in scanner.blocks() if block]
    assert len(blocks) >= 3
    paths = [item.path for block in blocks for item in block]
    assert paths == [f"{number:04}.dcm" for number in range(1300)]
    assert all(isinstance(item, Instance) for block in blocks for item in block)


def test_a_folder_too_large_to_sort_is_still_found_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "_MOST_SORTED", 10)
    for number in range(25):
        write(tmp_path / f"{number}.dcm")
    assert len(scan(tmp_path)) == 25


def test_cancelling_stops_the_scan_between_files(tmp_path: Path) -> None:
    for number in range(50):
        write(tmp_path / f"{number}.dcm")
    control = Control()
    read = []

    def cancel_at_ten(*arguments: Any) -> Any:
        read.append(arguments)
        if len(read) == 10:
            control.cancel()
        return read_header(*arguments)

    with pytest.raises(Cancelled):
        scan(tmp_path, read=cancel_at_ten, control=control)
    assert len(read) == 10


def test_nothing_is_kept_of_what_was_scanned(tmp_path: Path) -> None:
    """Streaming needs memory for a block, not for the source."""
    write(tmp_path / "a.dcm", dataset())
    scanner = Scanner(str(tmp_path), ScanSettings(readers=1), read_header, Control())
    assert len(list(items(scanner))) == 1
    assert not scanner._late
