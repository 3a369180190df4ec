"""Whole starts of the launcher, in a process of their own."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.bootstrap import locking
from migrator.bootstrap.environment import environment_for
from tests.launcher.making import TinyClone, make_wheel

PROGRAM_EXIT = 17


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_the_first_start_sets_up_offline_and_hands_over(clone: TinyClone) -> None:
    code, output, errors = clone.start_offline("demo", "--keep", "x y")
    told = json.loads(output)
    assert code == PROGRAM_EXIT
    assert told["arguments"] == ["demo", "--keep", "x y"]
    assert told["packages"] == "1.0"
    assert Path(told["prefix"]) == clone.environments()[0]
    assert "setting up" in errors


def test_the_second_start_says_nothing(clone: TinyClone) -> None:
    clone.start_offline()
    code, output, errors = clone.start("scan")
    assert (code, errors) == (PROGRAM_EXIT, "")
    assert json.loads(output)["arguments"] == ["scan"]


def test_the_program_of_the_clone_runs_also_through_a_link_from_another_folder(clone: TinyClone) -> None:
    link = clone.home / "dm"
    try:
        link.symlink_to(clone.launcher)
    except OSError:
        pytest.skip("this system lets this user make no links")
    code, output, _ = clone.start("--wheelhouse", str(clone.wheelhouse), launcher=link)
    path = json.loads(output)["path"]
    assert code == PROGRAM_EXIT
    assert Path(path[0]) == clone.root.resolve()
    assert "" not in path
    assert str(clone.home) not in path


def test_packages_on_the_python_path_do_not_reach_the_program(clone: TinyClone) -> None:
    (clone.home / "tiny_a.py").write_text("VERSION = 'a stranger'")
    _, output, _ = clone.start_offline(PYTHONPATH=str(clone.home))
    assert json.loads(output)["packages"] == "1.0"


def test_without_bootstrap_the_interpreter_at_hand_is_used(clone: TinyClone) -> None:
    code, output, errors = clone.start("scan", DICOM_MIGRATOR_NO_BOOTSTRAP="1")
    assert (code, errors) == (PROGRAM_EXIT, "")
    assert json.loads(output)["prefix"] == sys.prefix
    assert not clone.cache.exists()


def test_a_second_start_waits_for_the_first_and_says_so(clone: TinyClone) -> None:
    clone.cache.mkdir()
    lock_file = environment_for("base", clone.lock, clone.cache).lock_file
    claim = locking.claim(lock_file, lambda: None)
    with clone.popen("--wheelhouse", str(clone.wheelhouse)) as process:
        assert process.stderr is not None
        assert "waiting" in process.stderr.readline()
        claim.release()
        output, _ = process.communicate(timeout=60)
    assert json.loads(output)["packages"] == "1.0"


def test_of_two_starts_at_once_only_one_sets_up(clone: TinyClone) -> None:
    with (
        clone.popen("--wheelhouse", str(clone.wheelhouse)) as first,
        clone.popen("--wheelhouse", str(clone.wheelhouse)) as second,
    ):
        told = [process.communicate(timeout=60) for process in (first, second)]
    assert (first.returncode, second.returncode) == (PROGRAM_EXIT, PROGRAM_EXIT)
    assert sum("set up in" in errors for _, errors in told) == 1


def test_a_start_that_was_killed_repairs_itself(clone: TinyClone) -> None:
    # It is not done before it is killed, and ends with its parent.
    slow = (
        "import os, sys, time\n"
        "parent, end = os.getppid(), time.monotonic() + 60\n"
        "while '--version' not in sys.argv and os.getppid() == parent and time.monotonic() < end:\n"
        "    time.sleep(0.05)\n"
    )
    pip = make_wheel(clone.wheelhouse, "pip", "99.0", slow, "__main__")
    with clone.popen("--wheelhouse", str(clone.wheelhouse)) as process:
        wait_until(clone.environments)
        process.kill()
        process.communicate(timeout=60)
    pip.unlink()
    assert not list(clone.cache.glob("env-*/complete"))
    code, _, _ = clone.start_offline()
    assert code == PROGRAM_EXIT


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to one process")
def test_an_interrupted_set_up_leaves_nothing_and_exits_130(clone: TinyClone) -> None:
    slow = "import sys, time\n'--version' in sys.argv or time.sleep(60)\n"
    make_wheel(clone.wheelhouse, "pip", "99.0", slow, "__main__")
    with clone.popen("--wheelhouse", str(clone.wheelhouse)) as process:
        wait_until(lambda: list(clone.cache.glob("env-*/tmp")))
        assert process.poll() is None
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert clone.environments() == []


def test_a_wheelhouse_that_is_no_folder_is_wrong_usage(clone: TinyClone) -> None:
    code, _, errors = clone.start(f"--wheelhouse={clone.home / 'nowhere'}", "demo")
    assert code == 2
    assert "--wheelhouse needs a folder" in errors
