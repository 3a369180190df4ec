"""A source that goes away half-way and comes back: nothing is given up for good, the next run completes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.migrate.running import Command
from tests.peers import Arrived, Rule, ScriptedPacs
from tests.peers.archives import Archive

FILES = 100
Start = Callable[..., ScriptedPacs]


@pytest.fixture
def source(archive: Callable[..., Archive]) -> Archive:
    return archive(studies=10, instances=10, side=4)


class At:
    """A rule's condition that never fits: it calls `happen` when the request of this number has come."""

    def __init__(self, number: int, happen: Callable[[], object]) -> None:
        self._number = number
        self._happen = happen

    def __call__(self, arrived: Arrived) -> bool:
        if arrived.number == self._number:
            self._happen()
        return False


def must_be_open(ran: object, sent: int) -> None:
    """Some were sent; everything else failed for now or is pending: nothing was skipped."""
    code, ledger = ran.code, ran.json  # type: ignore[attr-defined]
    assert code == 1
    assert 0 < sent <= ledger["sent"] < FILES
    assert ledger["skipped"] == ledger["quarantined"] == ledger["held"] == 0
    assert ledger["sent"] + ledger["failed"] + ledger["pending"] == FILES


def must_complete(migrate: Command, source: Archive, pacs: ScriptedPacs) -> None:
    ran = migrate(source.folder, pacs.node)
    assert (ran.code, ran.json["job"]["sent"], ran.json["job"]["found"]) == (0, FILES, FILES)
    assert pacs.uids == source.uids
    assert set(pacs.counts.values()) == {1}


def test_a_source_that_is_renamed_away_while_it_is_sent(
    source: Archive, scripted_pacs: Start, migrate: Command
) -> None:
    away = source.folder.with_name("away")
    pacs = scripted_pacs(Rule(when=At(30, lambda: source.folder.rename(away))))
    must_be_open(migrate(source.folder, pacs.node, "--workers", "2", "--waves", "0"), 25)
    while_away = migrate(source.folder, pacs.node)
    assert while_away.code == 4, "a source that is not there is no empty source"
    away.rename(source.folder)
    must_complete(migrate, source, pacs)


def test_a_folder_that_is_away_for_one_run(source: Archive, scripted_pacs: Start, migrate: Command) -> None:
    folder, away = source.folder / "study7", source.folder.with_name("study7-away")
    pacs = scripted_pacs(Rule(when=At(5, lambda: folder.rename(away))))
    first = migrate(source.folder, pacs.node, "--workers", "1", "--waves", "0")
    assert (first.code, first.json["sent"], first.json["failed"]) == (1, 90, 10)
    away.rename(folder)
    must_complete(migrate, source, pacs)


@pytest.fixture
def mounted(source: Archive, tmp_path: Path) -> Iterator[Path]:
    """The source under a mount point, as a share is; only root may mount."""
    place = tmp_path / "mount"
    place.mkdir()
    if not hasattr(os, "geteuid") or os.geteuid() or not _mount(source.folder, place):
        pytest.skip("only root may mount a folder")
    with ExitStack() as stack:
        stack.callback(subprocess.run, ["umount", "-l", str(place)], capture_output=True)
        yield place


def _mount(folder: Path, place: Path) -> bool:
    return subprocess.run(["mount", "--bind", str(folder), str(place)], capture_output=True).returncode == 0


def test_a_share_that_is_unmounted_while_it_is_sent_leaves_an_empty_folder_and_nothing_is_given_up(
    source: Archive, mounted: Path, scripted_pacs: Start, migrate: Command
) -> None:
    pacs = scripted_pacs(
        Rule(when=At(30, lambda: subprocess.run(["umount", "-l", str(mounted)], check=True)))
    )
    must_be_open(migrate(mounted, pacs.node, "--workers", "2", "--waves", "0"), 25)
    # The mount point is there, and empty: what is known of its files stands.
    empty = migrate(mounted, pacs.node)
    assert empty.json["job"]["sent"] < FILES
    assert empty.code != 0, "an archive of which nothing is left is not a job that is done"
    assert _mount(source.folder, mounted)
    ran = migrate(mounted, pacs.node)
    assert (ran.code, ran.json["job"]["sent"], ran.json["job"]["found"]) == (0, FILES, FILES)
    assert pacs.uids == source.uids


def test_a_share_that_is_unmounted_while_it_is_scanned(
    source: Archive, mounted: Path, scripted_pacs: Start, migrate: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    pacs = scripted_pacs()
    real, looked = os.scandir, [0]

    def unmount_later(path: str) -> object:
        looked[0] += 1
        if looked[0] == 8:
            subprocess.run(["umount", "-l", str(mounted)], check=True)
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", unmount_later)
        first = migrate(mounted, pacs.node, "--workers", "1", "--waves", "0")
    assert first.code == 1
    assert first.json["skipped"] == 0
    assert _mount(source.folder, mounted)
    ran = migrate(mounted, pacs.node)
    # Folders that could not be read are counted on their own, and trouble no more.
    job = ran.json["job"]
    assert (ran.code, job["sent"], job["found"] - job["skipped"]) == (0, FILES, FILES)
    assert pacs.uids == source.uids
