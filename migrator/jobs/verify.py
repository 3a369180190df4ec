"""Verification as a job: from the manifest, as sent; without one, from a scan of the source."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from migrator import __version__
from migrator.checks.deep import DeepReport
from migrator.checks.verify import Manner, verify
from migrator.checks.verify_expected import Expectation
from migrator.checks.verify_report import StudyResult as StudyResult  # the faces' too
from migrator.checks.verify_report import Verdict
from migrator.checks.verify_report import VerifyReport as VerifyReport
from migrator.core.comparison import Fate
from migrator.core.control import Control
from migrator.core.errors import UsageError
from migrator.core.events import Emit, Notice
from migrator.core.model import Instance, Node
from migrator.core.outcome import Problem
from migrator.core.paths import encodable
from migrator.core.settings import Settings
from migrator.dicom.query import StudyFinder
from migrator.engine.manifest_rows import expected_there, rows
from migrator.jobs.home import job_folder, known_source, source_folder
from migrator.jobs.recorded import VERIFICATION, RecordedJob
from migrator.jobs.scan import ScanJob
from migrator.jobs.verify_deep import as_if_sent, deep_report
from migrator.jobs.verify_deep import check_listening as check_listening
from migrator.jobs.verify_json import as_json
from migrator.jobs.verify_proving import Proving as Proving  # the faces' too
from migrator.jobs.verify_sent import expectation_of, sent_rows, was_stored
from migrator.jobs.who import operator
from migrator.records.words import counted

_MOST_HELPERS = 3  # further associations that ask at the same time
_MOST_REASONS = 5  # told in words; JSON and CSV have all
_FAR_SECONDS = 0.05  # for a study; below, the destination is busy with one association already


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What is asked for. `same_source` is the path under which the job knows this source."""

    source: str
    node: Node
    home: Path
    settings: Settings = field(default_factory=Settings)
    same_source: str | None = None


def proving_of(request: VerifyRequest) -> Proving:
    return Proving(request.node, request.settings, request.home, os.path.realpath(request.source))


def verify_source(
    request: VerifyRequest, control: Control, emit: Emit, proving: Proving | None = None
) -> VerifyReport:
    """Compare what the destination should hold of this source with what it holds.

    Raises UsageError, SourceError, DestinationError, Cancelled.
    """
    proving = proving or proving_of(request)
    check_listening(request.settings.proof)
    manifest = manifest_of(request)
    if manifest is not None:
        return verify_recorded(RecordedJob(manifest.parent, "", ""), proving, control)
    emit(Notice("Nothing is recorded as sent from here to there: the source is scanned instead", "info"))
    job = ScanJob(request.source, request.settings, emit, control)
    expectation, found = Expectation(), list[Instance]()

    def expect(item: Instance | Problem) -> None:
        if isinstance(item, Instance):
            expectation.add(item.series, item.uid)
            if request.settings.proof.deep:
                found.append(item)

    job.run(expect)
    report = _ask(expectation, proving, control)
    unsent = sum(problem.count for problem in job.inventory.problems.values() if problem.state.spoils)
    return replace(report, unsent=unsent, deep=deep_report(lambda: map(as_if_sent, found), proving, control))


def verify_recorded(
    job: RecordedJob, proving: Proving, control: Control, *, tolerant: bool = False
) -> VerifyReport:
    """Compare what this job's record says should be there with what the destination holds; keep the result.

    Raises DestinationError unless `tolerant`, and Cancelled.
    """
    manifest, began = job.manifest, time.time()
    expectation = expectation_of(manifest, proving.root)
    report = _ask(expectation, proving, control, tolerant=tolerant)
    report = replace(
        report,
        unsent=sum(1 for row in rows(manifest, lambda state: state.spoils)),
        deep=deep_report(lambda: sent_rows(manifest, was_stored), proving, control),
    )
    job.keep(VERIFICATION, _kept(report, began))
    return report


def _kept(report: VerifyReport, began: float) -> dict[str, Any]:
    """`at` is when it began: what was recorded later, it may not have asked for."""
    return {"at": began, "who": encodable(operator()), "version": __version__, **as_json(report)}


def _ask(
    expectation: Expectation, proving: Proving, control: Control, *, tolerant: bool = False
) -> VerifyReport:
    send = proving.settings.send
    with ExitStack() as opened:

        def finder() -> StudyFinder:
            made = StudyFinder(proving.node, send)
            opened.callback(made.close)
            control.on_cancel(made.interrupt)
            return made

        def helpers(seconds: float) -> list[StudyFinder]:
            is_far = seconds >= _FAR_SECONDS
            return [finder() for _ in range(min(_MOST_HELPERS, send.workers - 1))] if is_far else []

        def asked(done: int) -> None:
            proving.asked(done, len(expectation.studies))

        manner = Manner(tolerant, proving.settings.proof.attributes, helpers)
        return verify(expectation.studies, finder(), control, asked, manner)


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


def words(report: VerifyReport) -> str:
    """The report in a line or a few."""
    if not report.studies:
        return "Verified: NOTHING, for there is nothing that the destination should hold"
    proofs: dict[str, int] = {}
    for study in report.studies:
        proofs[study.proof.value] = proofs.get(study.proof.value, 0) + 1
    shown = ", ".join(f"{count:,} by {name}" for name, count in sorted(proofs.items()))
    lines = [
        f"Verified: {counted(len(report.studies), 'study')} ({shown}): "
        f"{report.matched:,} of {report.expected:,} instances are at the destination, "
        f"{report.missing:,} missing, {report.extra:,} extra"
    ]
    for verdict in (Verdict.MISSING, Verdict.MISMATCH, Verdict.UNPROVEN):
        if count := report.count(verdict):
            lines.append(f"  {counted(count, 'study')} {verdict.value}")
    if report.elsewhere:
        lines.append(f"  {report.elsewhere:,} instances are there under another series than ours")
    if report.narrowed:
        lines.append(f"  {report.narrowed:,} instances were asked for by their UIDs: lists lacked them")
    if differing := [study for study in report.studies if study.difference_count]:
        lines.append(
            f"  {report.attribute_differences:,} attributes of patients or studies differ, in "
            + counted(len(differing), "study")
        )
    results = [study.attributes for study in report.studies if study.attributes is not None]
    if unknown := sum(not result.compared for result in results):
        studies = counted(unknown, "study")
        lines.append(f"  {studies}: patient and study could not be compared, for no answer tells them")
    if report.deep is not None:
        lines += _deep_words(report.deep)
    return "\n".join(lines)


def _deep_words(deep: DeepReport) -> Iterator[str]:
    """What came of the sample, and of what kind the trouble is."""
    if not deep.asked:
        yield "Retrieved nothing back, and so proved nothing: this job has stored nothing there itself"
        return
    by = ", ".join(f"{count:,} by {name}" for name, count in sorted(deep.by.items())) or "none came"
    yield (
        f"Retrieved {deep.asked:,} instances back ({deep.percent:g}%, seed {deep.seed}; {by}): "
        f"{deep.identical:,} identical, {deep.different:,} different"
    )
    for count, fate in ((deep.unretrieved, Fate.UNRETRIEVED), (deep.uncompared, Fate.UNCOMPARED)):
        reasons = Counter(one.reason for one in deep.objects if one.fate is fate)
        if count:
            reason = "; ".join(text for text, _ in reasons.most_common(_MOST_REASONS))
            yield f"  {count:,} instances not {fate.value.removeprefix('un')}: {reason}"
    names = Counter(difference.name for one in deep.objects for difference in one.differences)
    for name, count in names.most_common(_MOST_REASONS):
        yield f"  {name or 'the whole object'} differs in {count:,} of them"
