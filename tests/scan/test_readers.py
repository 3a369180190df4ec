"""How many threads read: by measured latency, with the same answers in the same order."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from migrator.core.model import Reason
from migrator.core.outcome import State
from migrator.engine import readers
from migrator.engine.readers import Readers
from migrator.engine.tree import Listing, problem_at, walk


class Storage:
    """Takes a set time for every entry, by a clock that nobody has to wait for."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.time = self.computed = 0.0
        self.threads: set[str] = set()

    def perf_counter(self) -> float:
        return self.time

    def thread_time(self) -> float:
        return self.computed

    def examine(self, listing: Listing) -> list[str]:
        self.time += self.seconds * len(listing.entries)
        self.threads.add(threading.current_thread().name.split("_")[0])
        return [problem.path for problem in listing.problems] + [entry.name for entry in listing.entries]


@pytest.fixture
def listings(tmp_path: Path) -> list[Listing]:
    for number in range(300):
        (tmp_path / f"{number:03}").touch()
    found = list(walk(str(tmp_path)))
    problem = problem_at("gone", State.FAILED, Reason.UNREADABLE_FOLDER)
    return [Listing(one.prefix, one.entries, [problem]) for one in found] * 4


@pytest.mark.parametrize(
    ("latency", "count", "threads"),
    [
        (0.00002, 0, {"MainThread"}),
        (0.002, 0, {"MainThread", "reader"}),
        (0.002, 1, {"MainThread"}),
        (0.00002, 3, {"reader"}),
    ],
)
def test_slow_storage_is_read_by_several_threads(
    listings: list[Listing], monkeypatch: pytest.MonkeyPatch, latency: float, count: int, threads: set[str]
) -> None:
    storage = Storage(latency)
    monkeypatch.setattr(readers, "time", storage)
    found = [item for block in Readers(storage.examine, count).blocks(listings) for item in block]
    assert found == ["gone", *(f"{number:03}" for number in range(300))] * 4
    assert storage.threads == threads


def test_one_hiccup_does_not_start_threads(listings: list[Listing], monkeypatch: pytest.MonkeyPatch) -> None:
    storage = Storage(0.002)
    monkeypatch.setattr(readers, "time", storage)

    def examine(listing: Listing) -> list[str]:
        found = storage.examine(listing)
        storage.seconds = 0.00002
        return found

    for _ in Readers(examine, 0).blocks(listings):
        pass
    assert storage.threads == {"MainThread"}


def test_an_error_in_a_reader_ends_the_scan_and_its_threads(listings: list[Listing]) -> None:
    def fail(listing: Listing) -> list[Any]:
        raise RuntimeError("broken")

    before = set(threading.enumerate())
    with pytest.raises(RuntimeError, match="broken"):
        list(Readers(fail, 4).blocks(listings))
    assert set(threading.enumerate()) <= before


def test_what_is_slow_to_compute_is_left_to_one_thread(
    listings: list[Listing], monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage(0.002)
    monkeypatch.setattr(readers, "time", storage)

    def examine(listing: Listing) -> list[str]:
        found = storage.examine(listing)
        storage.computed = storage.time
        return found

    for _ in Readers(examine, 0).blocks(listings):
        pass
    assert storage.threads == {"MainThread"}
