"""What is wrong with an archive, found before it is migrated. Sends nothing, writes nothing by itself."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from migrator.checks.quality import QualityCheck, ReadAgain
from migrator.checks.quality_directory import DirectoryCheck
from migrator.checks.quality_findings import Example, Findings, Row, keep_nothing
from migrator.checks.quality_findings import Finding as Finding  # the faces' too
from migrator.checks.quality_kinds import KINDS
from migrator.checks.quality_words import Severity
from migrator.core.control import Control
from migrator.core.inspection import Kind
from migrator.core.model import Instance
from migrator.core.outcome import Problem
from migrator.core.paths import encodable
from migrator.core.settings import ScanSettings
from migrator.dicom.header import read_header, same_dataset
from migrator.dicom.inspection.directory import directory_entries
from migrator.dicom.inspection.inspector import Inspector
from migrator.engine.accounting import Accounting, Ledger, Snapshot
from migrator.engine.duplicates import UidRegister
from migrator.engine.inventory import Inventory
from migrator.engine.scanner import Scanner, Settled
from migrator.jobs.home import source_folder

TABLE_COLUMNS = (
    *("severity", "code", "title", "path", "sop_instance_uid", "series_uid", "study_uid", "patient_id"),
    "detail",
)
"""The columns of `table_row`."""


@dataclass(frozen=True, slots=True)
class QualityReport:
    """What was found, errors first. `inventory` counts the source; `seconds` is how long it took."""

    source: str
    seconds: float
    inventory: Inventory
    findings: tuple[Finding, ...]

    @property
    def kinds(self) -> Counter[Severity]:
        """How many kinds of findings there are of each severity."""
        return Counter(finding.words.severity for finding in self.findings)

    @property
    def has_errors(self) -> bool:
        return self.kinds[Severity.ERROR] > 0


class QualityJob:
    """One look at a source. `snapshot` may be asked from any thread while `run` is on."""

    def __init__(
        self, source: str, settings: ScanSettings, control: Control, row: Row = keep_nothing
    ) -> None:
        """Check the request; `row` is told of every finding as it is made. Raises SourceError.

        The settings must hold conflicts, as they do by default: those are to be found, whatever a migration
        would do about them.
        """
        self._source = source
        self._control = control
        root = str(source_folder(source))
        self._findings = Findings(row)
        self._inspector = Inspector()
        self._scanner = Scanner(root, settings, self._inspector, control)
        register = UidRegister(root, settings, read_header, same_dataset)
        directories = DirectoryCheck(root, directory_entries, self._findings, control)
        again = ReadAgain(root, read_header, control)
        self._check = QualityCheck(register, directories, again, self._findings)
        self._inventory = Inventory()
        self._accounting = Accounting("")
        self._accounting.phase("scanning")

    def snapshot(self) -> Snapshot:
        """The numbers of this moment; all found instances are pending."""
        states = dict(self._inventory.states)
        ledger = Ledger.of(states, sum(states.values()))
        return replace(self._accounting.snapshot(), run=ledger, job=ledger)

    def run(self) -> QualityReport:
        """Look at everything. Raises SourceError, Cancelled."""
        started = time.monotonic()
        for block in self._scanner.blocks():
            for item in block:
                if not isinstance(item, Settled):
                    self._take(item)
        self._check.finish()
        self._control.checkpoint()
        findings = tuple(self._findings.ordered())
        return QualityReport(self._source, time.monotonic() - started, self._inventory, findings)

    def _take(self, item: Instance | Problem) -> None:
        problem = self._check.take(item, self._inspector.take(item.path))
        if problem is not None:
            self._inventory.add_problem(problem)
        elif isinstance(item, Instance):
            self._inventory.add_instance(item)


def table_row(kind: Kind, example: Example) -> tuple[str, ...]:
    """One finding in the order of TABLE_COLUMNS."""
    words = KINDS[kind]
    return (
        *(words.severity.value, kind.value, words.title, example.path, example.uid, example.series_uid),
        *(example.study_uid, example.patient_id, example.detail),
    )


def as_json(report: QualityReport) -> dict[str, Any]:
    """The report as plain values; details may hold patients' data. At most 20 examples of each kind."""
    inventory, kinds = report.inventory, report.kinds
    return {
        "source": encodable(report.source),
        "seconds": round(report.seconds, 3),
        "found": inventory.paths,
        "patients": inventory.patients,
        "studies": inventory.studies,
        "series": inventory.series,
        "instances": inventory.instances,
        "bytes": inventory.bytes,
        **{f"{severity.value}s": kinds[severity] for severity in Severity},
        "findings": [_finding_json(finding) for finding in report.findings],
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    words = finding.words
    return {
        "code": finding.kind.value,
        "severity": words.severity.value,
        "title": words.title,
        "count": finding.count,
        "unit": words.unit,
        "meaning": words.meaning,
        "migration": words.action,
        "examples": [_example_json(example) for example in finding.examples],
    }


def _example_json(example: Example) -> dict[str, str]:
    return {
        "path": encodable(example.path),
        "sop_instance_uid": example.uid,
        "series_uid": example.series_uid,
        "study_uid": example.study_uid,
        "patient_id": example.patient_id,
        "detail": encodable(example.detail),
    }
