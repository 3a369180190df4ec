"""A command that was launched by another face: what it is at can be watched, and how it ended is kept.

`jobs/launch.py` names the folder for that in the environment. What goes to stderr is also kept as lines.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, cast

from migrator.cli import running
from migrator.jobs.launch import VARIABLE, note_end
from migrator.jobs.steering import steering
from migrator.jobs.watched import LINES, KeepLines, Stage


def watched(run: Callable[[], int]) -> int:
    """Run a command so that it can be watched, if whoever started it wants that; returns its exit code."""
    folder = os.environ.pop(VARIABLE, None)
    if folder is None:
        with _kept_log():  # a destination's run tells it to whoever looks on
            return run()
    return _watched(Path(folder), run)


def _watched(folder: Path, run: Callable[[], int]) -> int:
    stage = Stage()
    code: int | None = None
    with _kept_lines(), steering(folder, stage):
        running.STAGE = stage
        try:
            code = run()
        except SystemExit as ended:  # of the parser: what was asked for is no command
            code = ended.code if isinstance(ended.code, int) else None
            raise
        finally:
            running.STAGE = None
            note_end(folder, 1 if code is None else code, stage.snapshots())
    return code


@contextmanager
def _kept_log() -> Iterator[None]:
    handler = KeepLines()
    log = logging.getLogger("migrator")
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


@contextmanager
def _kept_lines() -> Iterator[None]:
    log = logging.getLogger("migrator")
    if log.level == logging.NOTSET:
        log.setLevel(logging.INFO)
    plain, sys.stderr = sys.stderr, cast(TextIO, _Teller(sys.stderr))
    try:
        with _kept_log():
            yield
    finally:
        sys.stderr = plain


class _Teller:
    """A stream whose lines are kept too."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in filter(str.strip, lines):
            # Without the name, so that an error that is also logged is the same line.
            words = line.removeprefix("dicom_migrator: ")
            LINES.add("info" if words == line else "error", words)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)
