"""Output survives every encoding, every file name, and a reader that leaves."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from migrator.cli.progress import ProgressReport
from migrator.cli.terminal import printable
from migrator.engine.accounting import Accounting
from tests.scan.making import aged, dataset, write


class Gone(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError


def test_control_characters_and_undecodable_bytes_are_replaced() -> None:
    assert printable("a\x1b[2Jb\nc\udcffd Ü") == "a\ufffd[2Jb\ufffdc\ufffdd Ü"


def test_progress_that_nobody_reads_any_more_does_not_disturb_the_job() -> None:
    with ProgressReport(lambda: (Accounting("").snapshot(),), Gone()) as report:
        report.say("something")
        report.say("and more")


def started(*arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    command = [sys.executable, "-m", "migrator", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_names_that_the_streams_cannot_encode_are_told_all_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "Ä\u4e2d.dcm", dataset(1))
    path.write_bytes(path.read_bytes()[:-10])
    aged(path)
    child = started("scan", str(tmp_path))
    out, err = child.communicate(timeout=60)
    assert child.returncode == 1, err.decode()
    assert b"\\xc4\\u4e2d.dcm" in out


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_reader_that_leaves_early_does_not_change_the_exit_code(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    aged(tmp_path / "notes.txt")
    child = started("scan", str(tmp_path), *options)
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    err = child.stderr.read()
    child.stderr.close()
    assert child.wait(60) == 0, err.decode()
    assert b"Traceback" not in err
    assert b"Broken" not in err
