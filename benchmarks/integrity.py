"""The case that hashes every file: our snapshot, and sha256sum over the same files in the cache."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from corpora import Ground
from measure import RunFailed, Together, run
from results import Goal, Result, Run
from senders import OUR_PROGRAM
from turns import Contender, Load, in_turn

_PER_PROCESS = 64  # files, so that two processes have the same to do


@dataclass(frozen=True)
class IntegrityCase:
    """A warm cache; the time is that of the whole process, with our start and the list that we keep."""

    name: str
    title: str
    corpus: str
    goals: tuple[Goal, ...]

    def run(self, ground: Ground, rounds: int) -> Result:
        archive = ground.archive(self.corpus)
        measures: dict[str, Callable[[], Run]] = {
            "sha256sum": partial(_sums, archive.folder, archive.files, "-P1"),
            "sha256sum x2": partial(_sums, archive.folder, archive.files, f"-P2 -n{_PER_PROCESS}"),
            "ours": partial(_ours, archive.folder, archive.files),
        }
        contenders = [Contender(name, measure) for name, measure in measures.items()]
        rows = in_turn(contenders, Load(archive.files, archive.bytes), rounds)
        return Result(self.name, self.title, rows, tuple(goal.judge(rows) for goal in self.goals))


def _sums(folder: Path, files: int, how: str) -> Run:
    command = f"find '{folder}' -type f -print0 | xargs -0r {how} sha256sum --"
    together = run([["sh", "-c", command]])
    together.ended[0].must_succeed()
    return _checked(together.ended[0].output.count("\n"), files, together)


def _ours(folder: Path, files: int) -> Run:
    home = tempfile.mkdtemp(prefix="migrator-bench-home-")
    try:
        together = run([[*OUR_PROGRAM, "integrity", "snapshot", str(folder), "--home", home, "--json"]])
        together.ended[0].must_succeed()
    finally:
        shutil.rmtree(home, ignore_errors=True)
    told = json.loads(together.ended[0].output)
    note = f"without our start: {told['at'] - told['began']:.2f} s"
    return replace(_checked(told["files"], files, together), note=note)


def _checked(count: int, files: int, together: Together) -> Run:
    if count != files:
        raise RunFailed(f"{count} of {files} files hashed")
    seconds = together.seconds
    return Run(seconds, seconds, together.cpu_seconds, together.peak_bytes, "")
