"""Killed, stopped and resumed: with several destinations as with one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.core.control import Control
from migrator.core.events import Event, PhaseStarted, ignore
from migrator.core.settings import ScanSettings, Settings
from migrator.engine.manifest_rows import rows
from migrator.jobs.migrate import MigrateJob, MigrateRequest, Target
from tests.migrate.running import STATES
from tests.peers import KeepingScp, Manners, hold, wait_until
from tests.peers.archives import Archive

Make = Callable[..., Archive]
Start = Callable[..., KeepingScp]


def command(source: Archive, peers: list[KeepingScp], home: Path, *options: str) -> list[str]:
    to = [word for peer in peers for word in ("--to", str(peer.node))]
    where = ("--home", str(home), "--settle", "0", "--json", "--workers", "2")
    return [sys.executable, "-m", "migrator", "migrate", str(source.folder), *to, *where, *options]


def settled(home: Path, peer: KeepingScp) -> set[str]:
    """The UIDs of which this destination's manifest tells that they are stored."""
    (file,) = home.glob(f"jobs/*-{peer.port}-*/manifest.jsonl")
    return {row.uid for row in rows(file) if row.state.is_stored}


def kill_when(run: list[str], peers: list[KeepingScp], count: int) -> None:
    """Start a run, and kill it when the first of the peers has been sent so many files in all."""
    first = peers[0]
    is_killed = hold(peers, lambda: len(first.kept) >= count)
    child = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        wait_until(lambda: len(first.kept) >= count or child.poll() is not None, "some were sent", 60)
        assert child.poll() is None, "the run ended before it could be killed"
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
        is_killed.set()


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("options", [(), ("--stream",)])
def test_a_killed_run_is_resumed_for_each_destination(
    archive: Make, keeping_scp: Start, tmp_path: Path, options: tuple[str, ...]
) -> None:
    source = archive(studies=30, instances=6, side=4)
    quick, slow = keeping_scp(delay=0.004), keeping_scp(delay=0.02)
    peers = [quick, slow]
    in_flight: dict[int, set[str]] = {peer.port: set() for peer in peers}
    for more in (20, 90):
        kill_when(command(source, peers, tmp_path, *options), peers, more)
        wait_until(lambda: all(peer.is_idle for peer in peers), "the peers noticed")
        for peer in peers:
            in_flight[peer.port] |= set(peer.datasets) - settled(tmp_path, peer)
    assert len(slow.kept) < len(source.files)
    for peer in peers:
        peer.manners = Manners()
    done = subprocess.run(
        command(source, peers, tmp_path, *options), capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    for part, peer in zip(json.loads(done.stdout)["destinations"], peers, strict=True):
        assert part["job"]["found"] == part["job"]["sent"] == len(source.files)
        assert peer.datasets == source.datasets
        assert {uid for uid, count in peer.counts.items() if count > 1} <= in_flight[peer.port]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("options", [(), ("--stream",)])
def test_ctrl_c_stops_all_of_them(
    archive: Make, keeping_scp: Start, tmp_path: Path, options: tuple[str, ...]
) -> None:
    source = archive(studies=30, instances=6, side=4)
    peers = [keeping_scp(delay=0.02), keeping_scp(delay=0.05)]
    is_told = hold(peers, lambda: all(len(peer.kept) > 5 for peer in peers))
    child = subprocess.Popen(
        command(source, peers, tmp_path, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    wait_until(lambda: all(len(peer.kept) > 5 for peer in peers), "some were sent", 60)
    child.send_signal(signal.SIGINT)
    is_told.set()
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130, err.decode()
    result = json.loads(out)
    assert result["interrupted"]
    for part in result["destinations"]:
        assert part["run"]["found"] == sum(part["run"][state] for state in STATES)
        assert part["interrupted"]
        assert part["run"]["sent"] > 0


def test_one_destination_can_be_stopped_alone(archive: Make, keeping_scp: Start, tmp_path: Path) -> None:
    source = archive(studies=20, instances=5, side=4)
    stopped, other = keeping_scp(delay=0.02), keeping_scp()
    settings = Settings(scan=ScanSettings(settle=0))
    targets = tuple(Target(peer.node, settings) for peer in (stopped, other))
    job = MigrateJob(MigrateRequest(str(source.folder), targets, tmp_path), Control(), ignore)

    def stop(kept: object) -> int:
        if len(stopped.kept) >= 10:
            job.destinations[0].control.cancel()
        return 0

    stopped.manners = Manners(delay=0.02, status=stop)
    result = job.run()
    first, second = result.destinations
    assert (first.ending.is_cancelled, second.ending.is_cancelled) == (True, False)
    assert first.snapshot.run.pending > 0
    assert second.snapshot.run.sent == 100
    assert result.source_check is not None
    assert other.datasets == source.datasets
    assert result.snapshot.run.balances


def test_one_destination_stopped_while_the_source_is_read_takes_no_more(
    archive: Make, keeping_scp: Start, tmp_path: Path
) -> None:
    source = archive(studies=20, instances=5, side=4)
    stopped, other = keeping_scp(), keeping_scp()
    settings = Settings(scan=ScanSettings(settle=0))
    targets = tuple(Target(peer.node, settings) for peer in (stopped, other))

    def stop(event: Event) -> None:
        if event == PhaseStarted("scanning", str(stopped.node)):
            job.destinations[0].control.cancel()

    job = MigrateJob(MigrateRequest(str(source.folder), targets, tmp_path), Control(), stop)
    result = job.run()
    assert [one.snapshot.run.found for one in result.destinations] == [0, 100]
    assert [one.ending.is_cancelled for one in result.destinations] == [True, False]
    assert other.datasets == source.datasets


def test_one_destination_can_be_paused_while_the_other_goes_on(
    archive: Make, keeping_scp: Start, tmp_path: Path
) -> None:
    source = archive(studies=10, instances=5, side=4)
    paused, other = keeping_scp(), keeping_scp()
    settings = Settings(scan=ScanSettings(settle=0))
    targets = tuple(Target(peer.node, settings) for peer in (paused, other))
    job = MigrateJob(MigrateRequest(str(source.folder), targets, tmp_path), Control(), ignore)
    held: list[int] = []

    def resume_at_the_end(kept: object) -> int:
        if len(other.kept) == 50 and other.kept[-1] is kept:
            held.append(len(paused.kept))
            job.destinations[0].control.resume()
        return 0

    other.manners = Manners(status=resume_at_the_end)
    job.destinations[0].control.pause()
    result = job.run()
    assert held == [0]
    assert [one.snapshot.run.sent for one in result.destinations] == [50, 50]
    assert paused.datasets == other.datasets == source.datasets
