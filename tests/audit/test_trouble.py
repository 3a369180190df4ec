"""An audit log survives what runs do not: kills, full disks; and tells who meddled with a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.cli.main import main
from migrator.engine.manifest_rows import compact, rows
from tests.audit.conftest import Checked, Log, wait_until
from tests.migrate.running import Command
from tests.peers import KeepingScp, ScriptedPacs, hold
from tests.peers.archives import Archive

Make = Callable[..., Archive]
Keep = Callable[..., KeepingScp]


class Migration:
    """An audited `migrate` as a process, with its data in `home`."""

    def __init__(self, source: Archive, node: object, home: Path, log: Log) -> None:
        self.home = home
        self._arguments = [
            *("migrate", str(source.folder), "--to", str(node), "--home", str(home), *log.option),
            *("--settle", "0", "--json", "--workers", "2"),
        ]

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "migrator", *self._arguments, *options]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "migrator", *self._arguments]
        return subprocess.run(command, capture_output=True, timeout=60, check=False)

    def stored(self) -> set[str]:
        """What the manifest tells of as stored."""
        (file,) = self.home.glob("jobs/*/manifest.jsonl")
        return {row.uid for row in rows(file) if row.state.is_stored}


def until_sent(scp: KeepingScp, count: int, child: subprocess.Popen[bytes]) -> None:
    wait_until(lambda: len(scp.kept) >= count or child.poll() is not None, "enough was sent", 60)
    assert child.poll() is None, "the run ended before it was interrupted"


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_killed_run_leaves_a_whole_log_and_the_next_one_completes_it(
    archive: Make, keeping_scp: Keep, log: Log, checked: Checked, tmp_path: Path
) -> None:
    source, scp = archive(studies=20, instances=5, side=4), keeping_scp(delay=0.03)
    migration = Migration(source, scp.node, tmp_path / "home", log)
    home = ("--home", str(migration.home))
    for count in (15, 60):
        is_killed = hold([scp], lambda count=count: len(scp.kept) >= count)
        child = migration.start()
        try:
            until_sent(scp, count, child)
        finally:
            child.send_signal(signal.SIGKILL)
            child.communicate()
            is_killed.set()
        code, report = checked(*home)
        assert code == 0, report
        assert report["last_event"] != "run_ended"
        assert 0 < report["confirmed"] <= report["events"]
        assert len(migration.stored() - log.sent()) <= 34, "a group of 32, and one for each worker"
    assert migration.run().returncode == 0
    code, report = checked(*home)
    assert (code, report["confirmed"], report["last_event"]) == (0, report["events"], "run_ended")
    assert log.sent() | {line["sop_uid"] for line in log.events("file_skipped")} == source.uids
    assert migration.stored() <= log.sent(), "what the manifest has, the log has too"
    assert len({line["run"] for line in log.lines()}) == 3


@pytest.mark.parametrize("is_compacted", [False, True])
def test_events_that_a_killed_run_did_not_write_are_written_by_the_next(
    archive: Make, keeping_scp: Keep, migrate: Command, log: Log, checked: Checked, is_compacted: bool
) -> None:
    """As if it had been killed between the records of its last outcomes and their events."""
    source, scp = archive(studies=1, instances=6), keeping_scp()
    manifest = Path(migrate(source.folder, scp.node, *log.option).json["manifest"])
    lines = log.file.read_bytes().splitlines(keepends=True)
    records = manifest.read_bytes().splitlines(keepends=True)
    known = [number for number, line in enumerate(records) if line.startswith(b'{"t":"audit"')]
    ended = next(number for number, line in enumerate(records) if line.startswith(b'{"t":"ended"'))
    # The log ends after two files; of the manifest, all but the heads after the first one is there.
    sent = [number for number, line in enumerate(lines) if b'"event":"file_sent"' in line]
    log.file.write_bytes(b"".join(lines[: sent[2]]))
    kept = [line for number, line in enumerate(records) if number not in known[1:] and number < ended]
    manifest.write_bytes(b"".join(kept))
    if is_compacted:
        compact(manifest, ())
    assert migrate(source.folder, scp.node, *log.option).code == 0
    assert len(scp.kept) == 6, "nothing is sent again"
    belated = [line for line in log.events("file_sent") if line["detail"].get("belated")]
    assert len(belated) == 4
    assert log.sent() == source.uids
    assert {line["patient_id"] for line in belated} == {"P1"}
    assert checked()[0] == 0
    # Once is enough.
    assert migrate(source.folder, scp.node, *log.option).code == 0
    assert len(log.events("file_sent")) == 6


@pytest.mark.skipif(os.name == "nt", reason="needs SIGINT")
def test_an_interrupted_run_says_so_at_its_end(
    archive: Make, keeping_scp: Keep, log: Log, checked: Checked, tmp_path: Path
) -> None:
    source, scp = archive(studies=10, instances=5, side=4), keeping_scp(delay=0.2)
    migration = Migration(source, scp.node, tmp_path / "home", log)
    child = migration.start()
    until_sent(scp, 5, child)
    child.send_signal(signal.SIGINT)
    child.communicate()
    assert child.returncode == 130
    last = log.lines()[-1]
    assert (last["event"], last["status"], last["detail"]["interrupted"]) == ("run_ended", "warning", True)
    assert checked("--home", str(migration.home))[1]["confirmed"] == last["seq"]


def test_steering_a_run_is_told(
    archive: Make, keeping_scp: Keep, log: Log, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    source, scp = archive(studies=20, instances=5, side=64), keeping_scp()
    migration = Migration(source, scp.node, tmp_path / "home", log)
    where = (str(source.folder), "--to", str(scp.node), "--home", str(migration.home))
    child = migration.start("--bandwidth", "0.1")
    try:
        until_sent(scp, 3, child)
        for words in (["pause"], ["resume"], ["set", "workers=1", "bandwidth=0.2"], ["cancel"]):
            assert main(["control", *where, *words]) == 0
        child.communicate(timeout=30)
    finally:
        if child.poll() is None:
            child.kill()
            child.communicate()
    capsys.readouterr()
    told = [
        (line["event"], line["destination"], line["detail"].get("set"))
        for line in log.lines()
        if line["detail"].get("by") == "control"
    ]
    to = str(scp.node)
    assert told == [
        ("paused", to, None),
        ("resumed", to, None),
        ("settings_changed", to, "workers=1"),
        ("settings_changed", to, "bandwidth=0.2"),
        ("cancelled", to, None),
    ]


ROOM = 32 * 1024


def test_a_log_on_a_full_disk_stops_the_run_and_with_room_the_next_one_completes_both(
    archive: Make,
    scripted_pacs: Callable[..., ScriptedPacs],
    migrate: Command,
    small_disk: Callable[[int], Path],
    checked: Checked,
    log: Log,
) -> None:
    source, pacs = archive(studies=20, instances=10, side=2), scripted_pacs()
    disk = small_disk(ROOM)
    log.file = disk / "log.jsonl"
    options = ("--audit", str(log.file), "--workers", "2")
    ran = migrate(source.folder, pacs.node, *options)
    assert ran.code == 1, ran.told
    assert "cannot write the audit log" in ran.told
    assert "No space left on device" in ran.told
    sent = len(pacs.arrived)
    assert 0 < sent < len(source.files)
    stored = {row.uid for row in rows(Path(ran.json["manifest"])) if row.state.is_stored}
    assert stored == pacs.uids, "the manifest is safe"
    assert len(pacs.uids - log.sent()) <= 96, (
        "a group of 32, what came while it was written, what was under way"
    )
    code, report = checked()
    assert code == 0, report
    # Again without room: nothing is sent at all.
    again = migrate(source.folder, pacs.node, *options)
    assert again.code == 1
    assert "cannot write the audit log" in again.told
    assert len(pacs.arrived) == sent
    subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)
    done = migrate(source.folder, pacs.node, *options)
    assert done.code == 0, done.told
    assert done.json["job"]["sent"] == len(source.files)
    assert log.sent() == source.uids == pacs.uids
    assert max(pacs.counts.values()) == 1
    code, report = checked()
    assert (code, report["confirmed"]) == (0, report["events"])
