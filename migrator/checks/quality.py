"""Looking at everything that a scan finds, for what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from migrator.checks.quality_directory import DirectoryCheck
from migrator.checks.quality_findings import Example, Findings, example_of
from migrator.checks.quality_identity import IdentityCheck
from migrator.checks.quality_kinds import OF_REASON
from migrator.core.control import Control
from migrator.core.inspection import Inspection, Kind
from migrator.core.model import Instance, Reason
from migrator.core.outcome import Problem
from migrator.core.paths import long_path
from migrator.engine.duplicates import UidRegister
from migrator.engine.ports import ReadHeader


@dataclass(frozen=True, slots=True)
class ReadAgain:
    """Reads the header of a file under `root` once more."""

    root: str
    read: ReadHeader
    control: Control

    def __call__(self, path: str) -> Instance | None:
        """The instance at this relative path; None where there is none any more. Raises Cancelled."""
        self.control.checkpoint()
        try:
            status = Path(long_path(self.root), path).stat()
        except OSError:
            return None
        item = self.read(self.root, path, status.st_size, status.st_mtime_ns)
        return item if isinstance(item, Instance) else None


class QualityCheck:
    """Takes what the scan found, in its order; `finish` says what only the whole can tell."""

    def __init__(
        self, register: UidRegister, directories: DirectoryCheck, read_again: ReadAgain, findings: Findings
    ) -> None:
        self._register = register
        self._directories = directories
        self._read_again = read_again
        self._findings = findings
        self._identity = IdentityCheck(findings, read_again)

    def take(self, item: Instance | Problem, inspection: Inspection) -> Problem | None:
        """Look at one path; returns why it would not be sent, None where it would. Raises Cancelled."""
        problem = item if isinstance(item, Problem) else self._register.judge(item)
        example = example_of(item) if isinstance(item, Instance) else Example(item.path)
        for fault in inspection.faults:
            self._findings.add(fault.kind, _detailed(example, fault.detail))
        if isinstance(item, Instance):
            self._identity.take(item, inspection.number)
        if problem is not None:
            self._take_problem(problem, example, {fault.kind for fault in inspection.faults})
        return problem

    def finish(self) -> None:
        """Look at what only the whole can tell. Raises Cancelled."""
        self._identity.finish()

    def _take_problem(self, problem: Problem, example: Example, told: set[Kind]) -> None:
        if problem.reason is Reason.DICOMDIR:
            self._directories.check(problem.path)
            return
        kind = OF_REASON.get(problem.reason)
        if kind is None or kind in told:
            return
        if kind is Kind.CONFLICT and problem.instance is not None and self._is_elsewhere(problem.instance):
            kind = Kind.UID_IN_TWO_SERIES
        self._findings.add(kind, _detailed(example, problem.detail))

    def _is_elsewhere(self, instance: Instance) -> bool:
        """Whether the first object of this UID belongs to another series."""
        path = self._register.first(instance.uid)
        first = self._read_again(path) if path is not None else None
        if first is None or first.uid != instance.uid:
            return False
        return (first.series.uid, first.study.uid) != (instance.series.uid, instance.study.uid)


def _detailed(example: Example, detail: str) -> Example:
    return Example(
        example.path, example.uid, example.series_uid, example.study_uid, example.patient_id, detail
    )
