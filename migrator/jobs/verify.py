"""Verification as a job: from the manifest, as sent; without one, from a scan of the source."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from migrator.checks.verify import Verdict, by_study, verify
from migrator.checks.verify import VerifyReport as VerifyReport  # the faces' too
from migrator.core.control import Control
from migrator.core.errors import UsageError
from migrator.core.events import Emit, Notice
from migrator.core.model import Instance, Node
from migrator.core.outcome import Problem
from migrator.core.settings import SendSettings, Settings
from migrator.dicom.query import StudyFinder
from migrator.engine.manifest_rows import expected_there, rows
from migrator.engine.ports import Finder
from migrator.jobs.home import job_folder, known_source, source_folder
from migrator.jobs.scan import ScanJob


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What is asked for. `same_source` is the path under which the job knows this source."""

    source: str
    node: Node
    home: Path
    settings: Settings = field(default_factory=Settings)
    same_source: str | None = None


def verify_source(
    request: VerifyRequest, control: Control, emit: Emit, asked: Callable[[int], None]
) -> VerifyReport:
    """Compare what the destination should hold of this source with what it holds.

    Raises UsageError, SourceError, DestinationError, Cancelled.
    """
    manifest = manifest_of(request)
    if manifest is not None:
        with _asking(request.node, request.settings.send) as finder:
            return _with_unsent(manifest, verify_pairs(_sent(manifest), finder, control, asked))
    emit(Notice("Nothing is recorded as sent from here to there: the source is scanned instead", "info"))
    job = ScanJob(request.source, request.settings, emit, control)
    pairs: list[tuple[str, str]] = []

    def expect(item: Instance | Problem) -> None:
        if isinstance(item, Instance):
            pairs.append((item.study.uid, item.uid))

    job.run(expect)
    with _asking(request.node, request.settings.send) as finder:
        report = verify_pairs(pairs, finder, control, asked)
    unsent = sum(problem.count for problem in job.inventory.problems.values() if problem.state.spoils)
    return replace(report, unsent=unsent)


def manifest_of(request: VerifyRequest) -> Path | None:
    """The job's manifest, when it tells of anything that the destination should hold; else None.

    Raises UsageError for a `same_source` that no job knows, and SourceError when there is neither a
    manifest nor a source.
    """
    if request.same_source is not None:
        known_as = known_source(request.same_source, request.home, request.node)
    else:
        # A verification from the manifest does not need the source, which may be unmounted by now.
        known_as = os.path.realpath(request.source)
    file = job_folder(request.home, known_as, request.node) / "manifest.jsonl"
    if file.exists() and next(expected_there(file), None) is not None:
        return file
    source_folder(request.source)
    return None


def check_resendable(request: VerifyRequest) -> None:
    """Raise UsageError when nothing was sent yet: only what was sent can be sent again."""
    if manifest_of(request) is None:
        raise UsageError(
            f"nothing is recorded as sent from {request.source} to {request.node}, so nothing can be sent "
            "again: run migrate first"
        )


def verify_manifest(
    manifest: Path,
    node: Node,
    settings: SendSettings,
    control: Control,
    *,
    tolerant: bool = False,
) -> VerifyReport:
    """Compare what this manifest says should be there with what the destination holds.

    Raises DestinationError unless `tolerant`, and Cancelled.
    """
    with _asking(node, settings) as finder:
        report = verify_pairs(_sent(manifest), finder, control, lambda studies: None, tolerant=tolerant)
    return _with_unsent(manifest, report)


def _with_unsent(manifest: Path, report: VerifyReport) -> VerifyReport:
    return replace(report, unsent=sum(1 for row in rows(manifest, lambda state: state.spoils)))


def verify_pairs(
    pairs: Iterable[tuple[str, str]],
    finder: Finder,
    control: Control,
    asked: Callable[[int], None],
    *,
    tolerant: bool = False,
) -> VerifyReport:
    """Compare (study UID, SOP instance UID) pairs with what the destination holds.

    Raises DestinationError when it cannot be asked at all, unless `tolerant`; then every study is
    unproven, with the reason. Raises Cancelled.
    """
    return verify(by_study(pairs), finder, control, asked, tolerant=tolerant)


@contextmanager
def _asking(node: Node, settings: SendSettings) -> Iterator[StudyFinder]:
    finder = StudyFinder(node, settings)
    try:
        yield finder
    finally:
        finder.close()


def _sent(manifest: Path) -> Iterator[tuple[str, str]]:
    for row in expected_there(manifest):
        yield (row.series.study.uid if row.series else ""), row.uid


def words(report: VerifyReport) -> str:
    """The report in a line or a few."""
    if not report.studies:
        return "Verified: NOTHING, for there is nothing that the destination should hold"
    proofs: dict[str, int] = {}
    for study in report.studies:
        proofs[study.proof.value] = proofs.get(study.proof.value, 0) + 1
    shown = ", ".join(f"{count:,} by {name}" for name, count in sorted(proofs.items()))
    lines = [
        f"Verified: {len(report.studies):,} studies ({shown}): {report.matched:,} of {report.expected:,} "
        f"instances are at the destination, {report.missing:,} missing, {report.extra:,} extra"
    ]
    for verdict in (Verdict.MISSING, Verdict.MISMATCH, Verdict.UNPROVEN):
        if count := report.count(verdict):
            lines.append(f"  {count:,} studies {verdict.value}")
    return "\n".join(lines)


def as_json(report: VerifyReport) -> dict[str, Any]:
    """Counts of instances (`unsent`: of paths), and every study with its proof and what it lacks."""
    return {
        "studies": len(report.studies),
        "expected": report.expected,
        "matched": report.matched,
        "missing": report.missing,
        "extra": report.extra,
        "unsent": report.unsent,
        "proven": report.is_proven,
        "per_study": [
            {
                "study": study.study_uid,
                "verdict": study.verdict.value,
                "proof": study.proof.value,
                "expected": study.expected,
                "matched": study.matched,
                "missing_count": study.missing_count,
                "missing": list(study.missing),
                "extra_count": study.extra_count,
                "extra": list(study.extra),
                "reason": study.reason,
            }
            for study in report.studies
        ],
    }
