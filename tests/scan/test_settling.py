"""Young files wait, so that a copy in progress is not sent torn. Time is the tests' own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from migrator.core.control import Control
from migrator.core.settings import ScanSettings
from migrator.dicom.header import read_header
from migrator.engine.scanner import Scanner
from tests.scan.making import reason, write

NOW = 2_000_000_000.0


class Clock(Control):
    """A control whose waits pass at once, and the clock that they move on."""

    def __init__(self) -> None:
        super().__init__()
        self.time = NOW
        self.waits: list[float] = []
        self.while_waiting: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        self.checkpoint()
        assert len(self.waits) < 100, "waits for ever"
        self.waits.append(seconds)
        self.while_waiting()
        self.time += seconds


def scan(root: Path, clock: Clock, **settings: Any) -> list[str]:
    scanner = Scanner(
        str(root), ScanSettings(readers=1, **settings), read_header, clock, now=clock.now, elapsed=clock.now
    )
    return [f"{item.path}: {reason(item)}" for block in scanner.blocks() for item in block]


def touched(path: Path, time: float) -> Path:
    os.utime(path, (time, time))
    return path


def test_a_young_file_is_read_last_when_it_has_settled(tmp_path: Path) -> None:
    touched(write(tmp_path / "a.dcm"), NOW - 1)
    touched(write(tmp_path / "b.dcm"), NOW - 60)
    clock = Clock()
    assert scan(tmp_path, clock) == ["b.dcm: Instance", "a.dcm: Instance"]
    assert 3.9 < sum(clock.waits) < 4.2


def test_without_young_files_nothing_waits(tmp_path: Path) -> None:
    touched(write(tmp_path / "a.dcm"), NOW - 60)
    clock = Clock()
    assert scan(tmp_path, clock) == ["a.dcm: Instance"]
    assert not clock.waits


def test_settle_0_reads_at_once(tmp_path: Path) -> None:
    touched(write(tmp_path / "a.dcm"), NOW + 5)
    clock = Clock()
    assert scan(tmp_path, clock, settle=0) == ["a.dcm: Instance"]
    assert not clock.waits


def test_a_copy_in_progress_is_read_when_it_is_whole(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.dcm").read_bytes()
    path = tmp_path / "a.dcm"
    path.write_bytes(whole[:300])
    touched(path, NOW - 1)
    clock = Clock()

    def copy_on() -> None:
        if len(clock.waits) == 1:
            path.write_bytes(whole)
            touched(path, clock.time)

    clock.while_waiting = copy_on
    assert scan(tmp_path, clock) == ["a.dcm: Instance"]
    assert len(clock.waits) == 2


def test_a_time_in_the_future_does_not_wait_for_it(tmp_path: Path) -> None:
    touched(write(tmp_path / "a.dcm"), NOW + 86400)
    clock = Clock()
    assert scan(tmp_path, clock) == ["a.dcm: Instance"]
    assert sum(clock.waits) < 6


def test_a_file_that_never_settles_is_left_for_a_later_run(tmp_path: Path) -> None:
    path = touched(write(tmp_path / "a.dcm"), NOW)
    clock = Clock()
    clock.while_waiting = lambda: os.utime(path, (clock.time, clock.time + 1))
    assert scan(tmp_path, clock) == ["a.dcm: FAILED CHANGING"]
    assert sum(clock.waits) < 60


def test_a_file_that_vanishes_while_it_settles_is_recorded(tmp_path: Path) -> None:
    path = touched(write(tmp_path / "a.dcm"), NOW)
    clock = Clock()
    clock.while_waiting = path.unlink
    assert scan(tmp_path, clock) == ["a.dcm: FAILED VANISHED"]


def test_a_file_that_changes_while_it_is_read_settles_first(tmp_path: Path) -> None:
    path = touched(write(tmp_path / "a.dcm"), NOW - 60)
    whole = path.read_bytes()
    clock = Clock()
    opened = []

    def read(root: str, name: str, size: int, mtime_ns: int) -> Any:
        opened.append(name)
        if len(opened) == 1:
            path.write_bytes(whole[:-10])
            touched(path, NOW)
        return read_header(root, name, size, mtime_ns)

    def finish() -> None:
        path.write_bytes(whole)
        touched(path, clock.time)

    clock.while_waiting = lambda: finish() if len(clock.waits) == 1 else None
    scanner = Scanner(str(tmp_path), ScanSettings(readers=1), read, clock, now=clock.now, elapsed=clock.now)
    assert [reason(item) for block in scanner.blocks() for item in block] == ["Instance"]


def test_an_empty_block_tells_that_the_scan_waits(tmp_path: Path) -> None:
    touched(write(tmp_path / "a.dcm"), NOW)
    clock = Clock()
    scanner = Scanner(
        str(tmp_path), ScanSettings(readers=1), read_header, clock, now=clock.now, elapsed=clock.now
    )
    assert next(scanner.blocks()) == []
