"""A full disk under the data directory ends the run in words, damages nothing, and the next one goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.engine.manifest_rows import rows
from tests.peers import ScriptedPacs
from tests.peers.archives import Archive

pytestmark = pytest.mark.skipif(os.name == "nt", reason="file size limits and mounts are those of POSIX")

FILES = 600
# Room for about a third of the manifest of so many files; the log stays far below it.
ROOM = 64 * 1024

# The limit is set in the child itself, since between fork and exec nothing may run in a threaded program.
LIMITED = (
    "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}));"
    "from migrator.cli.main import main; sys.exit(main())"
)


class Migration:
    """`migrate` as a process, with its data in `home`."""

    def __init__(self, source: Archive, pacs: ScriptedPacs, home: Path) -> None:
        self.home = home
        self._arguments = [
            *("migrate", str(source.folder), "--to", str(pacs.node), "--home", str(home)),
            *("--settle", "0", "--json", "--workers", "2"),
        ]

    def run(self, room: int = 0) -> subprocess.CompletedProcess[bytes]:
        start = ["-c", LIMITED.format(room=room)] if room else ["-m", "migrator"]
        command = [sys.executable, *start, *self._arguments]
        return subprocess.run(command, capture_output=True, timeout=60, check=False)

    @property
    def manifest(self) -> Path:
        (file,) = self.home.glob("jobs/*/manifest.jsonl")
        return file


@pytest.fixture
def source(archive: Callable[..., Archive]) -> Archive:
    return archive(studies=30, instances=20, side=2)


def must_have_stopped_in_order(
    ran: subprocess.CompletedProcess[bytes], migration: Migration, pacs: ScriptedPacs, words: str
) -> None:
    told = ran.stderr.decode()
    assert ran.returncode == 1, told
    assert "cannot write the manifest" in told
    assert words in told
    assert "Traceback" not in told
    assert 0 < len(pacs.arrived) < FILES
    raw = migration.manifest.read_bytes()
    assert raw.endswith(b"\n")
    lines = [json.loads(line) for line in raw.splitlines()]
    begun = {uid for line in lines if line["t"] == "begin" for uid in line["uids"]}
    assert set(pacs.received) <= begun, "whatever was sent must be in the record"
    stored = {row.uid for row in rows(migration.manifest) if row.state.is_stored}
    assert stored <= pacs.uids


def must_complete(migration: Migration, source: Archive, pacs: ScriptedPacs) -> None:
    settled = {row.uid for row in rows(migration.manifest) if row.state.is_stored}
    ran = migration.run()
    assert ran.returncode == 0, ran.stderr.decode()
    assert json.loads(ran.stdout)["job"]["sent"] == FILES
    assert pacs.uids == source.uids
    assert {uid: count for uid, count in pacs.counts.items() if count > 1 and uid in settled} == {}


def test_a_file_that_may_not_grow_ends_the_run_and_the_next_one_completes_it(
    source: Archive, scripted_pacs: Callable[..., ScriptedPacs], tmp_path: Path
) -> None:
    pacs = scripted_pacs()
    migration = Migration(source, pacs, tmp_path / "home")
    must_have_stopped_in_order(migration.run(ROOM), migration, pacs, "File too large")
    must_complete(migration, source, pacs)


def test_a_full_disk_ends_the_run_and_with_room_the_next_one_completes_it(
    source: Archive, scripted_pacs: Callable[..., ScriptedPacs], small_disk: Callable[[int], Path]
) -> None:
    pacs = scripted_pacs()
    disk = small_disk(ROOM)
    migration = Migration(source, pacs, disk / "home")
    must_have_stopped_in_order(migration.run(), migration, pacs, "No space left on device")
    # Again without room: nothing is made worse.
    again = migration.run()
    assert again.returncode == 1
    assert "Traceback" not in again.stderr.decode()
    subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)
    must_complete(migration, source, pacs)
