"""A clock that is set anew while the migrator runs shortens or lengthens no wait and loses nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest

from migrator.core.control import Control
from migrator.core.model import Instance
from migrator.core.settings import ScanSettings
from migrator.dicom.header import read_header
from migrator.engine.scanner import Scanner
from tests.migrate.running import Command
from tests.peers import Rule, ScriptedPacs
from tests.peers.archives import Archive

DAY = 86400.0


class Clock:
    """The wall clock, which is set at every so many looks: a day ahead, a day back, and so on."""

    def __init__(self) -> None:
        self._real = time.time
        self.looks = 0
        self.jumps = 0

    def __call__(self) -> float:
        self.looks += 1
        if self.looks % 20 == 0:
            self.jumps += 1
        return self._real() + (0.0, DAY, 0.0, -DAY)[self.jumps % 4]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    monkeypatch.setattr(Scanner.__init__, "__defaults__", _with(clock))
    return clock


def _with(clock: Clock) -> tuple[object, ...]:
    """The scanner's defaults, which hold the real clock since its module was read."""
    defaults = Scanner.__init__.__defaults__ or ()
    real = clock._real
    assert real in defaults, "the scanner reads no wall clock: this test would prove nothing"
    return tuple(clock if value is real else value for value in defaults)


def test_a_run_goes_through_while_the_clock_jumps(
    archive: Callable[..., Archive],
    scripted_pacs: Callable[..., ScriptedPacs],
    migrate: Command,
    clock: Clock,
) -> None:
    source = archive(studies=10, instances=10, side=4)
    pacs = scripted_pacs(Rule(0xA700, first=2))
    began = time.monotonic()
    ran = migrate(source.folder, pacs.node, "--workers", "2", "--verify")
    assert clock.jumps > 4
    assert (ran.code, ran.json["sent"]) == (0, 100)
    assert pacs.uids == source.uids
    assert time.monotonic() - began < 60
    assert migrate(source.folder, pacs.node).json["skipped"] == 100


@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["ahead", "back"])
def test_a_young_file_waits_no_longer_than_it_must_when_the_clock_is_set(
    archive: Callable[..., Archive], jump: float
) -> None:
    source = archive(studies=1, instances=1)
    path = source.files[0].path
    os.utime(path)
    times = _set_once(jump)
    scanner = Scanner(
        str(source.folder), ScanSettings(settle=1.0), read_header, Control(), now=lambda: next(times)
    )
    began = time.monotonic()
    items = [item for block in scanner.blocks() for item in block]
    assert [type(item) for item in items] == [Instance]
    assert time.monotonic() - began < 60


def _set_once(jump: float) -> Iterator[float]:
    """The right time when the file is seen, and from then on another."""
    yield time.time()
    yield time.time()
    while True:
        yield time.time() + jump


def test_a_source_with_times_to_come_is_sent(
    archive: Callable[..., Archive], scripted_pacs: Callable[..., ScriptedPacs], migrate: Command
) -> None:
    source = archive(studies=1, instances=3)
    for made in source.files:
        os.utime(made.path, (time.time() + DAY, time.time() + DAY))
    pacs = scripted_pacs()
    assert migrate(source.folder, pacs.node, "--settle", "0.2").json["sent"] == 3
    assert migrate(source.folder, pacs.node, "--settle", "0.2").json["skipped"] == 3
