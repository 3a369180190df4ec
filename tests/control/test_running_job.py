"""`control` and a real `migrate` in another process: the whole way through the socket to the association."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from migrator.cli.main import main
from migrator.jobs.home import job_folder
from migrator.jobs.steering import FILE
from tests.peers import KeepingScp
from tests.peers.archives import Archive

LIMIT = 30.0


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


class RunningJob:
    """A `migrate` in a process of its own, and `control` in this one."""

    def __init__(self, archive: Archive, scp: KeepingScp, capsys: pytest.CaptureFixture[str]) -> None:
        self._where = [str(archive.folder), "--to", str(scp.node)]
        self._capsys = capsys
        self.home = Path(os.environ["DICOM_MIGRATOR_HOME"])
        self.folder = job_folder(self.home, os.path.realpath(archive.folder), scp.node)
        self.process: subprocess.Popen[str] | None = None

    @contextmanager
    def running(self, *options: str) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-m", "migrator", "migrate", *self._where, "--settle", "0", "--json"]
        with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
            try:
                until(lambda: (self.folder / FILE).exists() or process.poll() is not None)
                yield process
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)

    def control(self, *words: str) -> tuple[int, dict[str, Any]]:
        code = main(["control", *self._where, *words, "--json"])
        told = self._capsys.readouterr().out
        return code, json.loads(told) if told else {}

    def settled(self) -> int:
        run = self.control("status")[1]["run"]
        return int(run["found"] - run["pending"])


@pytest.fixture
def job(
    archive: Callable[..., Archive],
    keeping_scp: Callable[..., KeepingScp],
    capsys: pytest.CaptureFixture[str],
) -> Iterator[tuple[RunningJob, Archive, KeepingScp]]:
    made, scp = archive(studies=20, instances=5, side=64), keeping_scp()
    yield RunningJob(made, scp, capsys), made, scp


SLOW = ("--workers", "1", "--bandwidth", "0.1")  # about ten files a second


def test_a_paused_run_sends_nothing_more_and_goes_on_when_resumed(
    job: tuple[RunningJob, Archive, KeepingScp],
) -> None:
    migration, made, scp = job
    with migration.running(*SLOW) as process:
        until(lambda: len(scp.kept) > 3)
        assert migration.control("pause")[0] == 0
        until(lambda: scp.is_idle)
        before = len(scp.kept)
        time.sleep(1)
        assert len(scp.kept) == before
        assert migration.control("status")[1]["hold"] == "paused"
        migration.control("set", "bandwidth=off")
        migration.control("resume")
        result = json.loads(process.communicate(timeout=LIMIT)[0])
    assert process.returncode == 0
    assert result["sent"] == len(made.files) == len(scp.kept)


def test_a_study_that_is_wanted_now_comes_before_the_others(
    job: tuple[RunningJob, Archive, KeepingScp],
) -> None:
    migration, made, scp = job
    with migration.running(*SLOW) as process:
        until(lambda: len(scp.kept) > 3)
        arrived = {kept.uid for kept in scp.kept}
        wanted = next(uid for uid in reversed(made.studies) if not made.studies[uid] & arrived)
        assert migration.control("prioritise", "--study", wanted) == (0, {"instances": 5})
        before = len(scp.kept)
        migration.control("set", "bandwidth=off")
        process.communicate(timeout=LIMIT)
    positions = [index for index, kept in enumerate(scp.kept) if kept.uid in made.studies[wanted]]
    assert max(positions) < before + 2 * 5 + 5  # behind the study under way and the one begun ahead


def test_cancelling_from_outside_saves_the_state_like_ctrl_c(
    job: tuple[RunningJob, Archive, KeepingScp],
) -> None:
    migration, made, scp = job
    with migration.running(*SLOW) as process:
        until(lambda: len(scp.kept) > 3)
        assert migration.control("cancel")[0] == 0
        result = json.loads(process.communicate(timeout=LIMIT)[0])
    assert process.returncode == 130
    assert 0 < result["sent"] < len(made.files)
    with migration.running("--workers", "2") as process:
        process.communicate(timeout=LIMIT)
    assert process.returncode == 0
    assert {kept.uid for kept in scp.kept} == made.uids
    # What a peer that is slow to answer left unknown is all that may come twice.
    assert len(scp.kept) <= len(made.files) + result["unknown"]


def test_more_workers_and_no_cap_count_at_once(job: tuple[RunningJob, Archive, KeepingScp]) -> None:
    migration, _, scp = job
    with migration.running(*SLOW) as process:
        until(lambda: len(scp.kept) > 3)
        code, dials = migration.control("set", "workers=3", "bandwidth=0.05")
        assert (code, dials["allowed"], dials["bandwidth"]) == (0, 3, 0.05)
        until(lambda: migration.control("status")[1]["associations"] == 3)
        migration.control("set", "bandwidth=off")
        process.communicate(timeout=LIMIT)
    assert process.returncode == 0


def test_outside_its_window_a_run_waits_and_says_so(job: tuple[RunningJob, Archive, KeepingScp]) -> None:
    migration, made, scp = job
    begin, end = (time.strftime("%H:%M", time.localtime(time.time() + hours * 3600)) for hours in (6, 8))
    with migration.running("--window", f"{begin}-{end}") as process:
        until(lambda: migration.control("status")[1]["run"]["found"] == len(made.files))
        assert migration.control("status")[1]["hold"] == f"waiting for the window: opens at {begin}"
        assert not scp.kept
        migration.control("set", "window=off")
        process.communicate(timeout=LIMIT)
    assert process.returncode == 0
    assert len(scp.kept) == len(made.files)


def test_the_time_that_the_user_allows_ends_a_run_with_5(
    job: tuple[RunningJob, Archive, KeepingScp],
) -> None:
    migration, made, scp = job
    with migration.running(*SLOW, "--max-duration", "1h") as process:
        until(lambda: len(scp.kept) > 3)
        assert migration.control("set", "max-duration=1s")[0] == 0
        result = json.loads(process.communicate(timeout=LIMIT)[0])
    assert process.returncode == 5
    assert 0 < result["sent"] < len(made.files)
    assert result["pending"] == len(made.files) - result["sent"]


def test_pausing_one_of_two_destinations_holds_up_the_other_in_nothing(
    job: tuple[RunningJob, Archive, KeepingScp], keeping_scp: Callable[..., KeepingScp]
) -> None:
    migration, made, paused = job
    other = keeping_scp()
    with migration.running(*SLOW, "--to", str(other.node)) as process:
        until(lambda: len(paused.kept) > 3)
        migration.control("pause")
        until(lambda: paused.is_idle)
        before = len(paused.kept)
        RunningJob(made, other, migration._capsys).control("set", "bandwidth=off", "workers=4")
        until(lambda: len(other.kept) == len(made.files))
        assert len(paused.kept) == before
        migration.control("set", "bandwidth=off")
        migration.control("resume")
        process.communicate(timeout=LIMIT)
    assert process.returncode == 0
    assert len(paused.kept) == len(made.files)
