"""What a command keeps of what it tells, for who looks on."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from migrator.cli.watched import watched
from migrator.jobs.launch import VARIABLE
from migrator.jobs.watched import LINES

LOG = logging.getLogger("migrator")


def last(number: int) -> list[tuple[str, str]]:
    return [(line.level, line.text) for line in LINES.last(number)[0]]


def test_a_command_of_a_terminal_keeps_what_it_logs() -> None:
    def run() -> int:
        LOG.warning("the destination of test_lines is left alone")
        return 3

    assert watched(run) == 3
    assert last(1) == [("warning", "the destination of test_lines is left alone")]
    LOG.warning("told when it is over")
    assert last(1) == [("warning", "the destination of test_lines is left alone")]


def test_an_error_that_is_logged_and_told_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))

    def run() -> int:
        LOG.warning("before")
        LOG.error("nothing listens at test_lines")
        print("dicom_migrator: nothing listens at test_lines", file=sys.stderr)
        return 2

    assert watched(run) == 2
    assert last(2) == [("warning", "before"), ("error", "nothing listens at test_lines")]
