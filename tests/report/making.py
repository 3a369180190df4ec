"""Synthetic manifests of any size, written as the engine writes them; for tests and for measuring.

`python -m tests.report.making HOME STUDIES` makes one in a data directory.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from migrator.core.edits import Change
from migrator.core.model import Instance, Node, Patient, Reason, Series, Study
from migrator.core.outcome import Cause, Fidelity, Outcome, Problem, State
from migrator.engine.manifest_lines import VERSION, encode, outcome_line, problem_line, series_line
from migrator.jobs.home import job_folder

NODE = Node("pacs.example", 104, "PACS")
BEGUN = 1_790_000_000.0
_CLASSES = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.1.1")
_MODALITIES = ("CT", "MR", "DX")
_NAMES = ("MUSTERMANN^ERIKA", "DOE^JOHN^^^DR", "GARCÍA MÁRQUEZ^GABRIEL", "NGUYỄN^ANH", "O'BRIEN^SIOBHÁN")
_STUDIES = ("CT Abdomen with contrast", "MR knee left", "Thorax pa + lateral", "MR brain without contrast")


@dataclass(frozen=True, slots=True)
class Trouble:
    """An outcome for one of so many instances (0: none)."""

    every: int
    outcome: Outcome


def refused(status: int, words: str) -> Outcome:
    return Outcome(State.FAILED, status=status, reason=words)


TROUBLES = (
    Trouble(997, refused(0x0122, "refused: SOP class not supported")),
    Trouble(811, refused(0xC123, "the destination cannot understand the data set")),
    Trouble(1409, Outcome(State.UNKNOWN, Cause.ASSOCIATION, reason="the answer never came")),
    Trouble(331, Outcome(State.WARNED, status=0xB000, reason="stored, but data elements were coerced")),
    Trouble(
        61,
        Outcome(
            State.SENT,
            status=0,
            fidelity=Fidelity.REMAPPED,
            healed=True,
            attempts=2,
            changes=(Change("PatientID", "ID000017", "HIS-17"), Change("IssuerOfPatientID", "", "HIS")),
        ),
    ),
    Trouble(41, Outcome(State.SENT, status=0, fidelity=Fidelity.DECOMPRESSED, healed=True)),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the manifest is to tell of. `names` are patients' names, taken in turn."""

    studies: int = 30
    instances: int = 12
    runs: int = 3
    troubles: tuple[Trouble, ...] = TROUBLES
    problems: int = 10
    names: tuple[str, ...] = _NAMES
    descriptions: tuple[str, ...] = _STUDIES
    is_killed: bool = False
    settings: dict[str, Any] = field(default_factory=lambda: {"send": {"workers": 2}})
    source: str = "/mnt/archive"
    begun: float = BEGUN


def make_manifest(home: Path, plan: Plan, node: Node = NODE) -> Path:
    """Write the manifest of a job into this data directory; return its file."""
    folder = job_folder(home, plan.source, node)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "manifest.jsonl"
    with file.open("wb") as stream:
        _write(stream, plan, node)
    return file


def _write(stream: BinaryIO, plan: Plan, node: Node) -> None:
    def line(values: dict[str, Any]) -> None:
        stream.write(encode(values))

    line({"t": "manifest", "version": VERSION, "source": plan.source, "destination": str(node)})
    job = {"found": 0} | {state.value: 0 for state in State}
    at, items = plan.begun, list(range(plan.studies))
    chunk = -(-plan.studies // plan.runs) if plan.studies else 1
    for number in range(plan.runs):
        line(_run_line(plan, at))
        if not number:
            line({"t": "settings", "settings": 1, "digest": "d1", "values": {"recovery.remap": None}})
            at = _problems(stream, plan, at, job)
        own, begun = dict.fromkeys(job, 0), at
        for study in items[number * chunk : (number + 1) * chunk]:
            at = _study(stream, plan, study, at, own)
        for name, count in own.items():
            job[name] += count
        if number < plan.runs - 1 or not plan.is_killed:
            end = {"t": "ended", "at": at + 2, "run": own, "job": dict(job), "bytes": 0}
            line(end | {"seconds": at - begun, "interrupted": False, "scanned": True})
        at += 3600 * (number + 1)


def _run_line(plan: Plan, at: float) -> dict[str, Any]:
    return {
        "t": "run",
        "at": at,
        "version": "6.0.0",
        "source": plan.source,
        "who": "admin@migration-host",
        "calling": "DICOM_MIGRATOR",
        "tls": True,
        "settings": plan.settings,
    }


def _problems(stream: BinaryIO, plan: Plan, at: float, job: dict[str, int]) -> float:
    reasons = (Reason.DICOMDIR, Reason.NOT_DICOM, Reason.EMPTY, Reason.TRUNCATED)
    for number in range(plan.problems):
        reason = reasons[number % len(reasons)]
        state = State.QUARANTINED if reason is Reason.TRUNCATED else State.SKIPPED
        problem = Problem(f"odd/thing{number}.bin", 10, 1, state, reason)
        stream.write(encode(problem_line(problem, None, at)))
        job["found"] += 1
        job[state.value] += 1
    return at + 1


def _study(stream: BinaryIO, plan: Plan, number: int, at: float, counts: dict[str, int]) -> float:
    for instance in _instances(plan, number):
        if instance.path.endswith("/0"):
            stream.write(encode(series_line(number + 1, instance.series)))
        seed = int(instance.uid.rpartition(".")[2]) + number * plan.instances
        outcome = next(
            (one.outcome for one in plan.troubles if one.every and seed % one.every == one.every - 1),
            Outcome(State.SENT, status=0),
        )
        line = outcome_line(instance, outcome, number + 1, at) | {"settings": 1}
        stream.write(encode(line))
        counts["found"] += 1
        counts[outcome.state.value] += 1
        at += 0.01 + (seed * 2654435761 % 1000) / 50_000
    return at


def _instances(plan: Plan, number: int) -> Iterator[Instance]:
    pick = random.Random(number)
    kind = pick.randrange(len(_MODALITIES))
    name = plan.names[number % len(plan.names)]
    patient = Patient(f"ID{number // 2:06}", "", name, "19700101", "F")
    description = plan.descriptions[number % len(plan.descriptions)]
    root = f"1.2.826.0.1.3680043.8.498.{number + 1}"
    study = Study(root, f"20{number % 26:02}0{number % 9 + 1}15", description, f"A{number}", patient)
    series = Series(f"{root}.1", _MODALITIES[kind], "axial 5 mm", "1", study)
    for item in range(plan.instances):
        yield Instance(
            path=f"{number:06}/{item}",
            size=pick.randrange(100_000, 600_000),
            mtime_ns=1_700_000_000_000_000_000,
            offset=350,
            transfer_syntax="1.2.840.10008.1.2.1",
            sop_class=_CLASSES[kind],
            uid=f"{root}.1.{item + 1}",
            series=series,
        )


if __name__ == "__main__":
    print(make_manifest(Path(sys.argv[1]), Plan(studies=int(sys.argv[2]), instances=int(sys.argv[3]))))
