"""A verification's result as one JSON object."""

from __future__ import annotations

from typing import Any

from migrator.checks.deep import DeepReport
from migrator.checks.verify_attributes import AttributeResult
from migrator.checks.verify_report import SeriesResult, StudyResult, VerifyReport


def as_json(report: VerifyReport) -> dict[str, Any]:
    """Totals, every study with its series, its proof, what it lacks and what differs, and the sample that was
    retrieved.

    Totals count instances, but for `studies`, `unsent` (paths) and `attribute_differences` (attributes).
    """
    return {
        "studies": len(report.studies),
        "expected": report.expected,
        "matched": report.matched,
        "missing": report.missing,
        "extra": report.extra,
        "elsewhere": report.elsewhere,
        "narrowed": report.narrowed,
        "attribute_differences": report.attribute_differences,
        "unsent": report.unsent,
        "proven": report.is_proven,
        "clean": report.is_clean,
        "per_study": [_study(study) for study in report.studies],
        "deep": None if report.deep is None else _deep(report.deep),
    }


def _study(study: StudyResult) -> dict[str, Any]:
    return {
        "study": study.study_uid,
        "verdict": study.verdict.value,
        "proof": study.proof.value,
        "expected": study.expected,
        "matched": study.matched,
        "missing_count": study.missing_count,
        "missing": list(study.missing),
        "extra_count": study.extra_count,
        "extra": list(study.extra),
        "elsewhere_count": study.elsewhere_count,
        "narrowed": study.narrowed,
        "differences": study.difference_count,
        "reason": study.reason,
        "per_series": [_series(one) for one in study.series],
        "attributes": None if study.attributes is None else _attributes(study.attributes),
    }


def _series(one: SeriesResult) -> dict[str, Any]:
    return {
        "series": one.series_uid,
        "modality": one.modality,
        "description": one.description,
        "verdict": one.verdict.value,
        "proof": one.proof.value,
        "expected": one.expected,
        "matched": one.matched,
        "missing_count": one.missing_count,
        "missing": list(one.missing),
        "extra_count": one.extra_count,
        "elsewhere": [{"uid": uid, "series": place} for uid, place in one.elsewhere],
        "reason": one.reason,
    }


def _attributes(result: AttributeResult) -> dict[str, Any]:
    return {
        "compared": list(result.compared),
        "unknown": list(result.unknown),
        "differences": [
            {"attribute": one.attribute, "ours": one.ours, "theirs": one.theirs} for one in result.differences
        ],
    }


def _deep(deep: DeepReport) -> dict[str, Any]:
    return {
        "percent": deep.percent,
        "seed": deep.seed,
        "asked": deep.asked,
        "compared": deep.compared,
        "identical": deep.identical,
        "different": deep.different,
        "unretrieved": deep.unretrieved,
        "uncompared": deep.uncompared,
        "by": dict(deep.by),
        "differences": [
            {
                "uid": one.uid,
                "study": one.study_uid,
                "attribute": difference.tag,
                "name": difference.name,
                "kind": difference.kind.value,
                "ours": difference.ours,
                "theirs": difference.theirs,
            }
            for one in deep.objects
            for difference in one.differences
        ],
        "failures": [
            {"uid": one.uid, "study": one.study_uid, "fate": one.fate.value, "reason": one.reason}
            for one in deep.objects
            if one.reason
        ],
        "additions": dict(deep.additions),
    }
