"""Verification as a job: from the manifest, as sent; without one, from a scan of the source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migrator.checks.verify import Verdict, by_study, verify
from migrator.checks.verify import VerifyReport as VerifyReport  # the faces' too
from migrator.core.control import Control
from migrator.core.events import Emit, Notice
from migrator.core.model import Instance, Node
from migrator.core.settings import SendSettings, Settings
from migrator.dicom.header import read_header, same_dataset
from migrator.dicom.query import StudyFinder
from migrator.engine.duplicates import UidRegister
from migrator.engine.manifest_rows import stored
from migrator.engine.scanner import Scanner
from migrator.jobs.home import job_folder, source_folder


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

    Raises SourceError, DestinationError, Cancelled.
    """
    manifest = manifest_of(request)
    if manifest is None:
        emit(Notice("There is no manifest of this migration: the source is scanned instead", "info"))
        pairs = _scanned(request, control)
    else:
        pairs = _sent(manifest)
    return verify_pairs(pairs, request.node, request.settings.send, control, asked)


def manifest_of(request: VerifyRequest) -> Path | None:
    """The job's manifest; None when there is none. Raises SourceError when there is no source either."""
    known_as = request.same_source
    if known_as is None:
        # A verification from the manifest does not need the source, which may be unmounted by now.
        known_as = str(Path(request.source).resolve())
    file = job_folder(request.home, known_as, request.node) / "manifest.jsonl"
    if file.exists():
        return file
    source_folder(request.source)
    return None


def verify_manifest(
    manifest: Path, node: Node, settings: SendSettings, control: Control, asked: Callable[[int], None]
) -> VerifyReport:
    """Compare what this manifest says was stored with what the destination holds."""
    return verify_pairs(_sent(manifest), node, settings, control, asked)


def verify_pairs(
    pairs: Iterable[tuple[str, str]],
    node: Node,
    settings: SendSettings,
    control: Control,
    asked: Callable[[int], None],
) -> VerifyReport:
    """Compare (study UID, SOP instance UID) pairs with what the node holds. Raises DestinationError."""
    finder = StudyFinder(node, settings)
    try:
        return verify(by_study(pairs), finder, control, asked)
    finally:
        finder.close()


def _sent(manifest: Path) -> Iterator[tuple[str, str]]:
    for row in stored(manifest):
        yield (row.series.study.uid if row.series else ""), row.uid


def _scanned(request: VerifyRequest, control: Control) -> Iterator[tuple[str, str]]:
    root = str(source_folder(request.source))
    scan = request.settings.scan
    register = UidRegister(root, scan, read_header, same_dataset)
    for block in Scanner(root, scan, read_header, control).blocks():
        for item in block:
            if isinstance(item, Instance) and register.judge(item) is None:
                yield item.study.uid, item.uid


def words(report: VerifyReport) -> str:
    """The report in a line or a few."""
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
    """Counts of instances, and every study with its proof and what it lacks."""
    return {
        "studies": len(report.studies),
        "expected": report.expected,
        "matched": report.matched,
        "missing": report.missing,
        "extra": report.extra,
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
