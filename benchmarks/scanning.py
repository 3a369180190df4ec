"""The case that scans: our scanner, pydicom told which tags matter, and GDCM's scanner."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from corpora import HERE, Ground
from measure import Ended, RunFailed, run
from results import Goal, Result, Run
from turns import Contender, Load, in_turn

# What the scan of a migration needs to know of every file; the same for all contenders.
TAGS = (
    *("00080005", "00080016", "00080018", "00080020", "00080050", "00080060", "00081030", "0008103e"),
    *("00100010", "00100020", "00100021", "00100030", "00100040"),
    *("0020000d", "0020000e", "00200011"),
)


@dataclass(frozen=True)
class ScanCase:
    """A warm cache; the time is the scan's own where the program tells it, else its whole process."""

    name: str
    title: str
    corpus: str
    goals: tuple[Goal, ...]

    def run(self, ground: Ground, rounds: int) -> Result:
        archive = ground.archive(self.corpus)
        folder = str(archive.folder)
        programs = {
            "pydicom specific_tags": [sys.executable, str(HERE / "scan_pydicom.py"), folder, *TAGS],
            "gdcmscanner": ["gdcmscanner", "-r", "-d", folder, *_gdcm_tags()],
            "ours": [sys.executable, "-m", "benchmarks.scan_ours", folder],
        }
        contenders = [
            Contender(name, partial(_measure, command, _told(name), archive.files))
            for name, command in programs.items()
        ]
        rows = in_turn(contenders, Load(archive.files, archive.bytes), rounds)
        return Result(self.name, self.title, rows, tuple(goal.judge(rows) for goal in self.goals))


def _gdcm_tags() -> list[str]:
    return [word for tag in TAGS for word in ("-t", f"{tag[:4]},{tag[4:]}")]


Told = Callable[[Ended], tuple[int, float] | None]


def _told(name: str) -> Told:
    return _nothing if name == "gdcmscanner" else _result


def _result(ended: Ended) -> tuple[int, float]:
    result = json.loads(ended.output)
    return result["count"], result["seconds"]


def _nothing(ended: Ended) -> None:
    """GDCM's scanner tells neither; its start-up is a few hundredths of a second."""


def _measure(command: list[str], told: Told, files: int) -> Run:
    together = run([command])
    together.ended[0].must_succeed()
    result = told(together.ended[0])
    if result is not None and result[0] != files:
        raise RunFailed(f"{result[0]} of {files} files scanned")
    seconds, note = (result[1], "") if result else (together.seconds, "whole process")
    return Run(seconds, together.seconds, together.cpu_seconds, together.peak_bytes, note)
