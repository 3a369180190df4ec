"""A migration that is killed again and again arrives, and sends twice only what was in flight."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migrator.core.model import Node
from migrator.dicom.receiver import Receiver
from migrator.engine.manifest_rows import rows
from tests.peers import KeepingScp, Manners, wait_until
from tests.peers.archives import Archive

KILLS = 20
WORKERS = 4

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")


class Migration:
    """`migrate` as a child process, started as often as need be."""

    def __init__(self, archive: Archive, node: Node, home: Path) -> None:
        self._command = [
            *(sys.executable, "-m", "migrator", "migrate", str(archive.folder)),
            *("--to", str(node), "--home", str(home), "--settle", "0", "--json"),
            *("--workers", str(WORKERS), "--batch-size", "10"),
        ]
        self._home = home

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self) -> dict[str, Any]:
        done = subprocess.run(self._command, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return dict(json.loads(done.stdout))

    def settled(self) -> set[str]:
        """The UIDs of which the manifest tells that they are stored."""
        (file,) = self._home.glob("jobs/*/manifest.jsonl")
        return {row.uid for row in rows(file) if row.state.is_stored}


def kill_while_sending(
    migration: Migration, sent: Callable[[], int], total: int, chance: random.Random
) -> None:
    """Kill a run with SIGKILL when it has sent some more, but not all."""
    before = sent()
    further = chance.randrange(1, max(2, (total - before) // 12))
    child = migration.start()
    try:
        wait_until(lambda: sent() >= before + further or child.poll() is not None, "more was sent", 60)
        assert child.poll() is None, "the run ended before it could be killed"
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
    assert before < sent() < total, "sends must be under way when the process is killed"


def test_twenty_kills_lose_nothing_and_resend_only_what_was_in_flight(
    archive: Callable[..., Archive], keeping_scp: Callable[..., KeepingScp], tmp_path: Path
) -> None:
    source = archive(studies=60, instances=10, side=4)
    peer = keeping_scp(delay=0.004)
    migration = Migration(source, peer.node, tmp_path / "home")
    chance = random.Random(20)
    in_flight: set[str] = set()
    for _ in range(KILLS):
        kill_while_sending(migration, lambda: len(peer.kept), len(source.files), chance)
        # What the killed process had handed to the system still arrives.
        wait_until(lambda: peer.is_idle, "the peer noticed")
        unanswered = set(peer.datasets) - migration.settled()
        assert len(unanswered) <= WORKERS
        in_flight |= unanswered
    peer.manners = Manners()
    result = migration.finish()

    assert set(peer.datasets) == source.uids
    assert peer.datasets == source.datasets
    assert {uid for uid, count in peer.counts.items() if count > 1} <= in_flight
    job = result["job"]
    assert job["found"] == job["sent"] == len(source.files)
    assert migration.settled() == source.uids


class CountingPacs(Receiver):
    """The embedded PACS, slowed down so that kills hit sends, counting every C-STORE that it stored."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.counts: Counter[str] = Counter()

    def _keep(self, uid: str, content: bytes) -> None:
        super()._keep(uid, content)
        self.counts[uid] += 1

    @property
    def is_idle(self) -> bool:
        return not self._server.active_associations


def test_a_destination_that_answers_queries_is_never_sent_anything_twice(
    archive: Callable[..., Archive], tmp_path: Path
) -> None:
    source = archive(studies=40, instances=10, side=4)
    chance = random.Random(7)
    with CountingPacs(str(tmp_path / "pacs")) as pacs:
        migration = Migration(source, pacs.node, tmp_path / "home")
        for _ in range(6):
            kill_while_sending(migration, lambda: len(pacs.counts), len(source.files), chance)
            # What it has read it stores, and no later question may come before that.
            wait_until(lambda: pacs.is_idle, "the PACS noticed")
        result = migration.finish()
        assert set(pacs.counts) == source.uids
        assert set(pacs.counts.values()) == {1}
    assert result["job"]["sent"] == len(source.files)
