"""What people are told on each occasion of a run: no patient data, and no paths unless asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from migrator.core.errors import (
    AuditError,
    DestinationError,
    JobBusy,
    LimitReached,
    ManifestError,
    MigratorError,
    SourceError,
)
from migrator.core.paths import encodable
from migrator.core.words import span
from migrator.engine.accounting import Snapshot
from migrator.engine.manifest_runs import unfinished
from migrator.engine.manifest_summary import summary_of
from migrator.jobs.exit_codes import exit_code
from migrator.jobs.history import manifest_of
from migrator.jobs.integrity_around import INTACT, NOT_INTACT
from migrator.jobs.migrate_model import DestinationResult, MigrateResult
from migrator.jobs.notifying_failures import failures_of, paths_of
from migrator.jobs.recorded import job_in
from migrator.jobs.report_statements import judge
from migrator.jobs.report_verdict import Standing, Verdict
from migrator.jobs.verify import words as verification_words
from migrator.notify.message import Message, Part, Tone

_BAD = ("failed", "held", "quarantined", "unknown", "pending")
_TONES: dict[str, Tone] = {"good": "good", "warn": "warn", "bad": "bad"}
_PROGRAM = "dicom_migrator"


@dataclass(frozen=True, slots=True)
class About:
    """What all messages of one run share. `source` is empty where paths may not be named."""

    nodes: tuple[str, ...]
    started: float
    source: str = ""

    @property
    def where(self) -> str:
        return self.nodes[0] if len(self.nodes) == 1 else f"{len(self.nodes)} destinations"

    @property
    def seconds(self) -> float:
        return max(0.0, time.time() - self.started)


def ended(about: About, result: MigrateResult) -> Message:
    """A run came to its end: with everything done, or not."""
    code = exit_code(result)
    verdicts = [_verdict_of(one, about) for one in result.destinations]
    details = bool(about.source)
    is_alone = len(verdicts) == 1
    parts = tuple(
        replace(
            _part(one.snapshot),
            verification=_verified(one),
            lines=() if is_alone else (_sentence(verdict),),
            failures=failures_of(one.problems, one.problem_count),
        )
        for one, verdict in zip(result.destinations, verdicts, strict=True)
    )
    return Message(
        event="completion" if code == 0 else "failure",
        at=time.time(),
        subject=_subject(about, result, code),
        headline=_sentence(verdicts[0]) if is_alone else _headline(len(verdicts), code),
        tone=_tone(verdicts, code),
        lines=(*_source_lines(result), *_advice(code)),
        parts=parts,
        seconds=about.seconds,
        exit_code=code,
        look=_look(result),
        source=about.source,
        problems=tuple(path for one in result.destinations for path in paths_of(one.problems))
        if details
        else (),
    )


def broken_off(about: About, error: BaseException, snapshots: Callable[[], Sequence[Snapshot]]) -> Message:
    """A run ended by an error before it could come to any result."""
    code = error.exit_code if isinstance(error, MigratorError) else 1
    again = "What was done is recorded; the same command goes on from there."
    return Message(
        event="failure",
        at=time.time(),
        subject=f"Migration to {about.where} failed: {trouble_words(error, details=False)}"[:200],
        headline=f"The migration ended before its time: {trouble_words(error, details=bool(about.source))}.",
        tone="bad",
        lines=(again,),
        parts=tuple(_part(one) for one in snapshots()),
        seconds=about.seconds,
        exit_code=code,
        look=(f"{_PROGRAM} history",),
        source=about.source,
    )


def shut_down(about: About, snapshots: Sequence[Snapshot]) -> Message:
    """The system ended the run."""
    return Message(
        event="failure",
        at=time.time(),
        subject=f"Migration to {about.where} stopped: the system shut it down",
        headline="The system told the migration to end, as it does before a restart or a shutdown.",
        tone="warn",
        lines=("What was done is recorded; the same command goes on from there.",),
        parts=tuple(_part(one) for one in snapshots),
        seconds=about.seconds,
        exit_code=130,
        look=(f"{_PROGRAM} history",),
        source=about.source,
    )


def given_up(about: About, why: str, code: int, tries: int) -> Message:
    """The system goes on with a run no more, after so many starts that came to nothing."""
    return Message(
        event="failure",
        at=time.time(),
        subject=f"Migration to {about.where} is not gone on with after restarts any more",
        headline=f"{tries} starts of the system came to nothing; the last: {encodable(why)}.",
        tone="bad",
        lines=(f"What was done is recorded; {_PROGRAM} migrate with the same source goes on from there.",),
        seconds=about.seconds,
        exit_code=code,
        look=(f"{_PROGRAM} history",),
        source=about.source,
    )


def left_alone(about: About, snapshot: Snapshot, seconds: float) -> Message:
    """A destination fails again and again, and has been left alone for so long."""
    lines = [f"It is tried again by itself. {snapshot.run.pending:,} files wait for it."]
    if len(about.nodes) > 1:
        lines.append("The other destinations go on.")
    return Message(
        event="breaker",
        at=time.time(),
        subject=f"{snapshot.destination} does not take files: left alone for {span(seconds)}",
        headline=f"{snapshot.destination} failed again and again, and has been left alone for "
        f"{span(seconds)}: have it looked at.",
        tone="warn",
        lines=tuple(lines),
        parts=(_part(snapshot),),
        seconds=about.seconds,
        source=about.source,
    )


def back_again(about: About, snapshot: Snapshot, seconds: float) -> Message:
    """A destination of which people were told takes files again."""
    return Message(
        event="recovered",
        at=time.time(),
        subject=f"{snapshot.destination} takes files again, after {span(seconds)}",
        headline=f"{snapshot.destination} takes files again, after {span(seconds)}; the migration goes on.",
        parts=(_part(snapshot),),
        seconds=about.seconds,
        source=about.source,
    )


def disk_low(about: About, free: int, limit: float, folder: Path) -> Message:
    """The disk of the data directory is nearly full."""
    where = f" ({encodable(str(folder))})" if about.source else ""
    return Message(
        event="disk",
        at=time.time(),
        subject=f"Disk nearly full: {free / 1e9:,.1f} GB free for the record of the migration to "
        + about.where,
        headline=f"The disk of the data directory{where} has {free / 1e9:,.1f} GB free, less than "
        f"{limit:g} GB.",
        tone="warn",
        lines=("When it is full the migration stops, for what cannot be recorded is not sent: make room.",),
        seconds=about.seconds,
        source=about.source,
    )


def trouble_words(error: BaseException, *, details: bool) -> str:
    """What ended something, in words; those that name files only with `details`."""
    if isinstance(error, DestinationError | LimitReached) or (details and isinstance(error, MigratorError)):
        return encodable(str(error)).rstrip(".")
    if isinstance(error, SourceError):
        return "the source cannot be read"
    if isinstance(error, JobBusy):
        return "another process works on it already"
    if isinstance(error, ManifestError):
        return "its record cannot be written or read"
    if isinstance(error, AuditError):
        return "the audit log cannot be written, and what cannot be audited is not sent"
    return f"an error that its log tells more of ({type(error).__name__})"


def _part(snapshot: Snapshot) -> Part:
    return Part(
        node=snapshot.destination,
        run=snapshot.run.as_dict(),
        job=snapshot.job.as_dict(),
        bytes_sent=snapshot.bytes_sent,
        seconds=snapshot.send_seconds,
    )


def _verdict_of(one: DestinationResult, about: About) -> Verdict:
    """The verdict that `history` and the report give, without the paths that an error may name."""
    job = job_in(one.manifest.parent)
    if job is None:
        return Verdict("NOT RECORDED", "The record of this migration cannot be read.", "bad")
    summary = summary_of(one.manifest)
    why = unfinished(summary.runs)
    if one.stopped_by is not None and not about.source:
        why = f"The newest run was stopped: {trouble_words(one.stopped_by, details=False)}."
    standing = Standing(summary.totals, why, summary.left_out)
    return judge(manifest_of(job).kept, standing, summary.runs, summary.last).verdict


def _sentence(verdict: Verdict) -> str:
    return f"{verdict.word}: {verdict.sentence}"


def _headline(count: int, code: int) -> str:
    if code == 0:
        return f"All {count} destinations have what they were to get."
    return f"Not all of the {count} destinations have what they were to get; each is told of below."


def _tone(verdicts: Sequence[Verdict], code: int) -> Tone:
    tones = {verdict.tone for verdict in verdicts}
    if code and tones <= {"good"}:
        return "warn"
    return next(_TONES[tone] for tone in ("bad", "warn", "good") if tone in tones)


def _subject(about: About, result: MigrateResult, code: int) -> str:
    job = result.snapshot.job
    ledger = job.as_dict()
    bad = [f"{ledger[state]:,} {state}" for state in _BAD if ledger[state]] or ["0 failed"]
    bad += _doubts(result)
    done = {0: "finished", 1: "finished", 5: "stopped by a limit"}.get(code, "ended")
    if any(one.stopped_by is not None for one in result.destinations) and code == 1:
        done = "stopped"
    return f"Migration to {about.where} {done}: {job.stored:,} stored, {', '.join(bad)}"


def _doubts(result: MigrateResult) -> list[str]:
    """What speaks against a run beside its ledger."""
    reports = [one.verification for one in result.destinations if one.verification is not None]
    found: list[str] = []
    if missing := sum(report.missing for report in reports):
        found.append(f"{missing:,} missing there")
    elif not all(report.is_proven for report in reports):
        found.append("not proven")
    elif not all(report.is_clean for report in reports):
        found.append("with differences")
    is_left = result.source_check is None or result.source_check.is_intact
    is_left &= result.integrity is None or result.integrity.verdict != NOT_INTACT
    return found if is_left else [*found, "source changed"]


def _verified(one: DestinationResult) -> str:
    """What the verification came to, without what a PACS said of objects that it did not give back."""
    report = one.verification
    if report is None:
        return ""
    lines = [verification_words(replace(report, deep=None))]
    if (deep := report.deep) is not None:
        others = deep.unretrieved + deep.uncompared
        lines.append(
            f"Retrieved {deep.asked:,} instances back: {deep.identical:,} identical, {deep.different:,} "
            f"different, {others:,} that could not be compared"
        )
    return "\n".join(lines)


def _source_lines(result: MigrateResult) -> list[str]:
    """What became of the source: it is never written to, but others may."""
    lines: list[str] = []
    check = result.source_check
    if check is not None and check.trouble:
        lines.append("The source could not be looked at again.")
    elif check is not None and not check.is_intact:
        lines.append(
            f"Source: {check.modified:,} modified, {check.deleted:,} deleted since the scan, by others."
        )
    if result.integrity is not None and result.integrity.verdict == INTACT:
        lines.append("Every file of the source has the SHA-256 that it had before.")
    elif result.integrity is not None and result.integrity.verdict == NOT_INTACT:
        lines.append("Files of the source do not have the SHA-256 that they had before: see the report.")
    return lines


def _advice(code: int) -> list[str]:
    if code == 5:
        return ["What is pending is sent by the same command, later."]
    return []


def _look(result: MigrateResult) -> tuple[str, ...]:
    jobs = [job_in(one.manifest.parent) for one in result.destinations]
    ids = [manifest_of(job).id for job in jobs if job is not None]
    return (f"{_PROGRAM} history", *(f"{_PROGRAM} report --job {one} --html report.html" for one in ids))
