"""A job with a kept verification, as the engine leaves it, for tests that need no engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from migrator.checks.deep import DeepReport, ObjectReport
from migrator.checks.verify_attributes import AttributeDifference, AttributeResult
from migrator.checks.verify_report import SeriesResult, StudyResult, Verdict, VerifyReport
from migrator.core.comparison import Difference, Fate, Kind
from migrator.core.model import Node, Proof
from migrator.jobs.verify_json import as_json
from tests.report.making import NODE, Plan, make_manifest

LATER = 2_000_000_000.0
SOURCE = "/mnt/archive"
STUDIES = 4
INSTANCES = 3
_ROOT = "1.2.826.0.1.3680043.8.498"


def study_uid(number: int) -> str:
    return f"{_ROOT}.{number + 1}"


def instance_uid(study: int, number: int) -> str:
    return f"{study_uid(study)}.1.{number + 1}"


def study(number: int, verdict: Verdict = Verdict.MATCH, **other: Any) -> StudyResult:
    """One study of the manifest; `missing` are numbers of instances."""
    missing = tuple(instance_uid(number, one) for one in other.pop("missing", ()))
    series = SeriesResult(
        f"{study_uid(number)}.1",
        "CT",
        "axial 5 mm",
        verdict,
        Proof.UID_SET,
        INSTANCES,
        INSTANCES - len(missing),
        len(missing),
        missing=missing,
    )
    return StudyResult(
        study_uid(number),
        verdict,
        Proof.UID_SET,
        INSTANCES,
        INSTANCES - len(missing),
        len(missing),
        len(other.get("extra", ())),
        missing=missing,
        series=(series,),
        **other,
    )


def report() -> VerifyReport:
    """A match, a mismatch, a study that is missing, and one with another birth date."""
    attributes = AttributeResult(
        ("PatientName",), (), (AttributeDifference("PatientBirthDate", "19700101", "19710101"),)
    )
    objects = (
        ObjectReport(
            instance_uid(0, 0),
            study_uid(0),
            "",
            Fate.DIFFERENT,
            differences=(Difference("(0008,0050)", "AccessionNumber", Kind.CHANGED, "A0", "B0"),),
        ),
        ObjectReport(instance_uid(1, 0), study_uid(1), "", Fate.UNRETRIEVED, "not found there"),
    )
    deep = DeepReport(50.0, 7, identical=1, different=1, unretrieved=1, objects=objects)
    return VerifyReport(
        (
            study(0),
            study(1, Verdict.MISMATCH, missing=(0,), extra=("9.9.9",)),
            study(2, Verdict.MISSING, missing=(0, 1, 2)),
            study(3, attributes=attributes),
        ),
        deep=deep,
    )


def keep(home: Path, found: VerifyReport | None = None, node: Node = NODE) -> Path:
    """Write the manifest and the verification; return the job's folder."""
    plan = Plan(studies=STUDIES, instances=INSTANCES, runs=1, troubles=())
    folder = make_manifest(home, plan, node).parent
    if found is not None:
        values = {"at": LATER, "who": "admin", "version": "6"} | as_json(found)
        (folder / "verification.json").write_text(json.dumps(values), "utf-8")
    return folder


__all__ = ["NODE", "SOURCE", "instance_uid", "keep", "report", "study", "study_uid"]
