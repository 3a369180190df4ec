"""What stops processes of a test run lets them go on again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.peers import wait_until
from tests.stalls import stall, stoppable

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="reads the states of processes")


@pytest.fixture
def parent() -> Iterator[psutil.Process]:
    """A process with a child, both of which wait."""
    wait = "import subprocess, sys, time; {} time.sleep(600)"
    child = f"subprocess.Popen([sys.executable, '-c', {wait.format('')!r}]);"
    with subprocess.Popen([sys.executable, "-c", wait.format(child)], start_new_session=True) as process:
        one = psutil.Process(process.pid)
        try:
            wait_until(lambda: bool(one.children()), "it has a child", 60)
            yield one
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_what_runs_below_is_stopped_but_not_what_a_test_has_stopped(parent: psutil.Process) -> None:
    (child,) = stoppable(parent)
    child.suspend()
    wait_until(lambda: child.status() == psutil.STATUS_STOPPED, "it is stopped")
    assert stoppable(parent) == []


def test_who_is_stopped_goes_on(parent: psutil.Process) -> None:
    (child,) = parent.children()
    stall(child, 0.1)
    wait_until(lambda: child.status() != psutil.STATUS_STOPPED, "it goes on")


def test_it_stops_for_a_while_and_ends_with_what_it_stops(parent: psutil.Process) -> None:
    (child,) = parent.children()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.stalls", str(parent.pid), "0.3"], cwd=ROOT
    ) as stalling:
        wait_until(lambda: child.status() == psutil.STATUS_STOPPED, "it was stopped")
        wait_until(lambda: child.status() != psutil.STATUS_STOPPED, "it went on")
        parent.kill()
        assert stalling.wait(60) == 0
