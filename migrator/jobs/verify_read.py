"""A kept verification, read back as if another version had written it: what is not there is empty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from migrator.checks.deep import DeepReport, ObjectReport
from migrator.checks.verify_attributes import AttributeDifference, AttributeResult
from migrator.checks.verify_report import SeriesResult, StudyResult, Verdict
from migrator.core.comparison import Difference, Fate, Kind
from migrator.core.errors import UsageError
from migrator.core.model import Proof

Values = Mapping[str, Any]


_DAMAGE = (ValueError, KeyError, TypeError, AttributeError)
_UNREADABLE = "the result of the verification cannot be read"


def study_of(values: Values) -> StudyResult:
    """The study of which `verify_json.as_json` made these values. Raises UsageError for others."""
    try:
        return _study(values)
    except _DAMAGE as error:
        raise UsageError(_UNREADABLE) from error


def deep_of(values: Values | None) -> DeepReport | None:
    """The same of the sample, if there was one. Raises UsageError."""
    try:
        return _deep(values) if values else None
    except _DAMAGE as error:
        raise UsageError(_UNREADABLE) from error


def _study(one: Values) -> StudyResult:
    attributes = one.get("attributes")
    return StudyResult(
        study_uid=str(one["study"]),
        verdict=Verdict(one["verdict"]),
        proof=Proof(one["proof"]),
        expected=int(one["expected"]),
        matched=int(one["matched"]),
        missing_count=int(one["missing_count"]),
        extra_count=int(one["extra_count"]),
        missing=_texts(one.get("missing")),
        extra=_texts(one.get("extra")),
        reason=str(one.get("reason", "")),
        series=tuple(_series(each) for each in one.get("per_series", ())),
        narrowed=int(one.get("narrowed", 0)),
        attributes=_attributes(attributes) if attributes else None,
    )


def _series(one: Values) -> SeriesResult:
    return SeriesResult(
        series_uid=str(one["series"]),
        modality=str(one.get("modality", "")),
        description=str(one.get("description", "")),
        verdict=Verdict(one["verdict"]),
        proof=Proof(one["proof"]),
        expected=int(one["expected"]),
        matched=int(one["matched"]),
        missing_count=int(one["missing_count"]),
        extra_count=int(one["extra_count"]),
        missing=_texts(one.get("missing")),
        elsewhere=tuple((str(each["uid"]), str(each["series"])) for each in one.get("elsewhere", ())),
        reason=str(one.get("reason", "")),
    )


def _attributes(result: Values) -> AttributeResult:
    return AttributeResult(
        _texts(result.get("compared")),
        _texts(result.get("unknown")),
        tuple(
            AttributeDifference(str(one["attribute"]), str(one["ours"]), str(one["theirs"]))
            for one in result.get("differences", ())
        ),
    )


def _deep(deep: Values) -> DeepReport:
    return DeepReport(
        percent=float(deep["percent"]),
        seed=int(deep["seed"]),
        identical=int(deep["identical"]),
        different=int(deep["different"]),
        unretrieved=int(deep["unretrieved"]),
        uncompared=int(deep["uncompared"]),
        by=Counter(deep.get("by", {})),
        additions=Counter(deep.get("additions", {})),
        objects=tuple(_objects(deep)),
    )


def _objects(deep: Values) -> Iterable[ObjectReport]:
    """The objects that are not identical; in which series they are, was not kept."""
    differing: dict[tuple[str, str], list[Difference]] = {}
    for one in deep.get("differences", ()):
        difference = Difference(
            str(one["attribute"]), str(one["name"]), Kind(one["kind"]), str(one["ours"]), str(one["theirs"])
        )
        differing.setdefault((str(one["uid"]), str(one["study"])), []).append(difference)
    for (uid, study), found in differing.items():
        yield ObjectReport(uid, study, "", Fate.DIFFERENT, differences=tuple(found))
    for one in deep.get("failures", ()):
        yield ObjectReport(str(one["uid"]), str(one["study"]), "", Fate(one["fate"]), str(one["reason"]))


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value or ()))
