"""Ctrl-C and SIGTERM stop a run quickly, with its state saved."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.peers import KeepingScp, wait_until
from tests.peers.archives import Archive


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay", [0.1, 60.0])  # seconds; all 200 files would take five at the least
def test_a_signal_ends_the_run_within_seconds_and_the_next_goes_on(
    archive: Callable[..., Archive],
    keeping_scp: Callable[..., KeepingScp],
    tmp_path: Path,
    number: signal.Signals,
    delay: float,
) -> None:
    source = archive(studies=20, instances=10, side=4)
    peer = keeping_scp(delay=delay)
    command = [
        *(sys.executable, "-m", "migrator", "migrate", str(source.folder), "--to", str(peer.node)),
        *("--settle", "0", "--json", "--home", str(tmp_path / "home")),
    ]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: len(peer.kept) >= 2, "two were sent", 60)
    child.send_signal(number)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130, err.decode()
    result = json.loads(out)
    assert result["interrupted"]
    states = ("sent", "warned", "skipped", "held", "failed", "quarantined", "unknown", "pending")
    assert result["found"] == sum(result[state] for state in states) == 200
    assert result["pending"] > 0

    peer.manners = type(peer.manners)()
    again = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert again.returncode == 0, again.stderr.decode()
    assert b"Resume: " in again.stderr
    assert json.loads(again.stdout)["job"]["sent"] == 200
    assert set(peer.datasets) == source.uids
