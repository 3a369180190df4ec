"""What a run came to, as events of its audit log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from migrator.checks.verify_report import StudyResult, Verdict, VerifyReport
from migrator.core.errors import LimitReached
from migrator.jobs.integrity_around import INTACT, NOT_INTACT, SourceProof
from migrator.jobs.migrate_model import DestinationResult, MigrateResult
from migrator.records.audit import FAILED, SUCCESS, WARNING, AuditEvent

_MOST_MISSING = 100  # UIDs named per study
_STATUS = {Verdict.UNPROVEN: WARNING}


def results(result: MigrateResult) -> list[AuditEvent]:
    """The proofs, the second look at the source, and last the ledger."""
    proofs = list(_proofs(result))
    return [*proofs, _ended(result, any(proof.status == FAILED for proof in proofs))]


def _proofs(result: MigrateResult) -> Iterator[AuditEvent]:
    for one in result.destinations:
        if one.verification is not None:
            yield from _verified(one.verification, str(one.node))
    if result.integrity is not None:
        yield _integrity(result.integrity)
    check = result.source_check
    if check is not None:
        yield AuditEvent("source_checked", SUCCESS if check.is_intact else FAILED, detail=asdict(check))


def _integrity(proof: SourceProof) -> AuditEvent:
    """The source hashed before and after."""
    status = {INTACT: SUCCESS, NOT_INTACT: FAILED}.get(proof.verdict, WARNING)
    detail: dict[str, Any] = {"verdict": proof.verdict, "snapshot": str(proof.snapshot)}
    detail["statement"] = asdict(proof.before)
    if proof.trouble:
        detail["trouble"] = proof.trouble
    return AuditEvent("integrity_checked", status, detail=detail)


def _verified(report: VerifyReport, destination: str) -> Iterator[AuditEvent]:
    """The sum, and every study that is not proven."""
    for study in report.studies:
        if study.verdict is not Verdict.MATCH or study.difference_count or study.elsewhere_count:
            status = FAILED if study.verdict is Verdict.MATCH else _STATUS.get(study.verdict, FAILED)
            yield AuditEvent("verified", status, destination=destination, detail=_study(study))
    detail: dict[str, Any] = {
        "studies": len(report.studies),
        "expected": report.expected,
        "matched": report.matched,
        "missing": report.missing,
        "extra": report.extra,
        "unsent": report.unsent,
        "elsewhere": report.elsewhere,
        "attribute_differences": report.attribute_differences,
        "proven": report.is_proven,
    }
    if (deep := report.deep) is not None:
        detail["retrieved"] = {
            "percent": deep.percent,
            "identical": deep.identical,
            "different": deep.different,
            "unretrieved": deep.unretrieved,
            "uncompared": deep.uncompared,
        }
    status = SUCCESS if report.is_clean else WARNING if _is_only_unproven(report) else FAILED
    yield AuditEvent("verified", status, destination=destination, detail=detail)


def _is_only_unproven(report: VerifyReport) -> bool:
    """Whether nothing is known to be missing or to differ."""
    deep = report.deep
    differs = report.attribute_differences or report.elsewhere or (deep is not None and deep.different)
    return not report.missing and not differs


def _study(study: StudyResult) -> dict[str, Any]:
    return {
        "study": study.study_uid,
        "verdict": study.verdict.value,
        "proof": study.proof.value,
        "expected": study.expected,
        "matched": study.matched,
        "missing_count": study.missing_count,
        "missing": list(study.missing[:_MOST_MISSING]),
        "extra_count": study.extra_count,
        "elsewhere": study.elsewhere_count,
        "differing": _differing(study),
        "reason": study.reason,
    }


def _differing(study: StudyResult) -> list[str]:
    """The attributes of the study that the destination knows otherwise, by name."""
    return [] if study.attributes is None else [one.attribute for one in study.attributes.differences]


def _ended(result: MigrateResult, is_disproved: bool) -> AuditEvent:
    parts = [_part(one) for one in result.destinations]
    statuses = {_status_of(one) for one in result.destinations}
    if result.is_cancelled:
        status = WARNING
    elif is_disproved or FAILED in statuses:
        status = FAILED
    else:
        status = WARNING if WARNING in statuses else SUCCESS
    return AuditEvent("run_ended", status, detail={"interrupted": result.is_cancelled, "destinations": parts})


def _status_of(one: DestinationResult) -> str:
    """A limit that the user set is no failure, as long as nothing but what it left undone is open."""
    job = one.snapshot.job
    if isinstance(one.stopped_by, LimitReached) and job.spoiled == job.pending:
        return WARNING
    return FAILED if job.spoiled or one.stopped_by is not None else SUCCESS


def _part(one: DestinationResult) -> dict[str, Any]:
    snapshot = one.snapshot
    part: dict[str, Any] = {
        "node": str(one.node),
        "run": snapshot.run.as_dict(),
        "job": snapshot.job.as_dict(),
        "bytes": snapshot.bytes_sent,
        "seconds": round(snapshot.send_seconds, 3),
    }
    if one.stopped_by is not None:
        part["stopped"] = str(one.stopped_by)
    return part
