"""A verification as a table: a row for each study and series, and for whatever is not as it should be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from migrator.checks.deep import DeepReport, ObjectReport
from migrator.checks.verify_report import SeriesResult, StudyResult, VerifyReport
from migrator.records.table import Table

# `level` says what a row is about: study, series, instance (missing, extra or elsewhere), attribute (of the
# study), object (retrieved: different, unretrieved, uncompared).
COLUMNS = (
    "level",
    "study",
    "series",
    "instance",
    "verdict",
    "proof",
    "expected",
    "matched",
    "missing",
    "extra",
    "elsewhere",
    "modality",
    "description",
    "attribute",
    "ours",
    "theirs",
    "reason",
)


def write_csv(file: Path, report: VerifyReport) -> None:
    """Write the table, whole or not at all, for its owner only. Raises UsageError."""
    with Table(file, COLUMNS) as table:
        for cells in _rows(report):
            table.add([cells.get(column, "") for column in COLUMNS])


_Cells = dict[str, object]


def _rows(report: VerifyReport) -> Iterator[_Cells]:
    for study in report.studies:
        yield from _study(study)
    if report.deep is not None:
        yield from _deep(report.deep)


def _study(study: StudyResult) -> Iterator[_Cells]:
    yield {
        "level": "study",
        "study": study.study_uid,
        "verdict": study.verdict.value,
        "proof": study.proof.value,
        "expected": study.expected,
        "matched": study.matched,
        "missing": study.missing_count,
        "extra": study.extra_count,
        "elsewhere": study.elsewhere_count,
        "reason": study.reason,
    }
    for difference in study.attributes.differences if study.attributes is not None else ():
        yield {
            "level": "attribute",
            "study": study.study_uid,
            "verdict": "different",
            "attribute": difference.attribute,
            "ours": difference.ours,
            "theirs": difference.theirs,
        }
    for series in study.series:
        yield from _series(study, series)
    known = {uid for series in study.series for uid in series.missing}
    places = [(uid, "missing") for uid in study.missing if uid not in known]
    for uid, verdict in (*places, *((uid, "extra") for uid in study.extra)):
        yield {"level": "instance", "study": study.study_uid, "instance": uid, "verdict": verdict}


def _series(study: StudyResult, series: SeriesResult) -> Iterator[_Cells]:
    place: _Cells = {"study": study.study_uid, "series": series.series_uid}
    yield {
        **place,
        "level": "series",
        "verdict": series.verdict.value,
        "proof": series.proof.value,
        "expected": series.expected,
        "matched": series.matched,
        "missing": series.missing_count,
        "extra": series.extra_count,
        "elsewhere": len(series.elsewhere),
        "modality": series.modality,
        "description": series.description,
        "reason": series.reason,
    }
    for uid in series.missing:
        yield {**place, "level": "instance", "instance": uid, "verdict": "missing"}
    for uid, other in series.elsewhere:
        words = f"the destination has it in series {other}"
        yield {**place, "level": "instance", "instance": uid, "verdict": "elsewhere", "reason": words}


def _deep(deep: DeepReport) -> Iterator[_Cells]:
    for one in deep.objects:
        place: _Cells = {
            "level": "object",
            "study": one.study_uid,
            "series": one.series_uid,
            "instance": one.uid,
            "verdict": one.fate.value,
        }
        yield from _differences(one, place)


def _differences(one: ObjectReport, place: _Cells) -> Iterator[_Cells]:
    if one.reason or not one.differences:
        yield {**place, "reason": one.reason}
    for difference in one.differences:
        yield {
            **place,
            "attribute": f"{difference.name} {difference.tag}".strip(),
            "ours": difference.ours,
            "theirs": difference.theirs,
            "reason": difference.kind.value,
        }
