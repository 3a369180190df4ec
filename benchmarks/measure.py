"""Runs programs and says what they took.

The operating system counts the peak memory of a child from this process's own size on, so whatever imports
this module stays within the standard library.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parent.parent
LIMIT_SECONDS = 1200


class RunFailed(Exception):
    """A program ended badly or did not do all of its work: there is no time to report."""


@dataclass(frozen=True)
class Ended:
    """One finished program. `cpu_seconds` and `peak_bytes` include the children that it waited for."""

    command: tuple[str, ...]
    code: int
    output: str
    messages: str
    cpu_seconds: float
    peak_bytes: int

    def must_succeed(self) -> None:
        if self.code != 0:
            last = (self.messages.strip() or self.output.strip() or "(it said nothing)").splitlines()[-1]
            raise RunFailed(f"{' '.join(self.command[:4])} … ended with {self.code}: {last}")


@dataclass(frozen=True)
class Together:
    """Programs that ran at the same time; `seconds` from the first start to the last end."""

    ended: tuple[Ended, ...]
    seconds: float

    @property
    def cpu_seconds(self) -> float:
        return sum(one.cpu_seconds for one in self.ended)

    @property
    def peak_bytes(self) -> int:
        return sum(one.peak_bytes for one in self.ended)


def run(commands: Sequence[Sequence[str]], environment: Mapping[str, str] | None = None) -> Together:
    """Run programs side by side in the project's folder to their ends; `environment` replaces ours."""
    started = time.perf_counter()
    children = [_Child(command, environment) for command in commands]
    watch = threading.Timer(LIMIT_SECONDS, _kill, [children])
    watch.start()
    try:
        ended = tuple(child.wait() for child in children)
        return Together(ended, max(child.ended_at for child in children) - started)
    finally:
        watch.cancel()
        _kill(children)


def _kill(children: Sequence[_Child]) -> None:
    for child in children:
        child.kill()


class _Child:
    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None) -> None:
        self._command = tuple(map(str, command))
        self._output, self._messages = _capture(), _capture()
        self.ended_at = 0.0
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._messages,
            cwd=ROOT,
            env=None if environment is None else dict(environment),
        )

    def wait(self) -> Ended:
        _, status, usage = os.wait4(self._process.pid, 0)
        self.ended_at = time.perf_counter()
        self._process.returncode = os.waitstatus_to_exitcode(status)
        unit = 1 if sys.platform == "darwin" else 1024
        return Ended(
            self._command,
            self._process.returncode,
            _content(self._output),
            _content(self._messages),
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss * unit,
        )

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()


def _capture() -> TextIO:
    # A file, not a pipe: nobody has to read along. It closes with the run it belongs to.
    descriptor, name = tempfile.mkstemp()
    Path(name).unlink()
    return os.fdopen(descriptor, "w+", errors="replace")


def _content(file: TextIO) -> str:
    with file:
        file.seek(0)
        return file.read()
