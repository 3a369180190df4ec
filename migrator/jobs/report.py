"""The report of a migration: gathered from its record alone, then set as HTML and as PDF."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrator import __version__
from migrator.core.control import Control
from migrator.core.outcome import State
from migrator.core.paths import encodable
from migrator.core.settings import Settings
from migrator.engine.manifest_runs import Journal, Record, Run, records, unfinished
from migrator.jobs.dry_run_folder import throw_away_home
from migrator.jobs.history import RecordedManifest, read_journal
from migrator.jobs.recorded import SPEED_TEST
from migrator.jobs.report_statements import audit, judge, speed
from migrator.jobs.report_studies import study_lines
from migrator.jobs.report_tally import Tally, tally_of
from migrator.jobs.report_verdict import Standing
from migrator.records.charts import Stretch
from migrator.records.report import document_of
from migrator.records.report_html import as_html
from migrator.records.report_model import (
    Causes,
    Contents,
    Headline,
    Report,
    RunLine,
    SettingLine,
    Setup,
)
from migrator.records.report_pdf import as_pdf
from migrator.records.writing import write_whole

_LAID_OUT = ".report-"
_LOOK_EVERY = 512  # records between two looks at whether to stop
_MOST_RUNS = 100  # listed, the newest ones
_MOST_STRETCHES = 12  # in the chart, those in which most was sent
_PACKAGES = ("pydicom", "pynetdicom", "pylibjpeg", "typst")


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Where the documents go; None for not wanted."""

    html: Path | None = None
    pdf: Path | None = None


def write_report(
    manifest: RecordedManifest, files: ReportFiles, room: Path, control: Control
) -> tuple[Report, str]:
    """Gather the report and write its documents; with what is to be told of the PDF, if anything.

    `room` is the data directory, in which the PDF is set. Raises UsageError, Cancelled, and, when the HTML
    is written already, CannotTypeset.
    """
    report = gather(manifest, control)
    document = document_of(report)
    if files.html is not None:
        write_whole(files.html, as_html(document).encode("utf-8", "replace"))
    if files.pdf is None:
        return report, ""
    with throw_away_home(room, _LAID_OUT) as folder:
        data, told = as_pdf(document, folder, control)
    write_whole(files.pdf, data)
    return report, told


def gather(manifest: RecordedManifest, control: Control) -> Report:
    """The report of what is recorded now; the manifest may be in use. Raises UsageError, Cancelled.

    Memory: about a hundred bytes a path, and a kilobyte a study.
    """
    journal = read_journal(manifest)
    tally = tally_of(_checked(records(manifest.file, journal), control))
    ledger = _ledger(journal, tally)
    newest = journal.runs[-1] if journal.runs else None
    standing = Standing(ledger, unfinished(journal.runs), tally.left_out)
    judged = judge(manifest.kept, standing, journal.runs, journal.last)
    stretches = _stretches(journal.runs)
    studies, patients = study_lines(tally.studies.values(), judged.proof)
    runs = [_run_line(number, run) for number, run in enumerate(journal.runs, 1)]
    return Report(
        id=manifest.id,
        source=encodable(manifest.job.source),
        destination=encodable(manifest.job.destination),
        made=time.time(),
        begun=journal.begun,
        last=max(journal.last, newest.ended or 0.0 if newest else 0.0),
        is_aside=manifest.is_aside,
        who=tuple(dict.fromkeys(run.who for run in journal.runs if run.who)),
        headline=Headline(judged.verdict.word, judged.verdict.sentence, judged.verdict.tone),
        is_whole=not standing.unfinished,
        found=sum(ledger.values()),
        ledger=ledger,
        stored_bytes=tally.stored_bytes,
        left_out=tally.left_out,
        runs=tuple(runs[-_MOST_RUNS:]),
        runs_left_out=max(0, len(runs) - _MOST_RUNS),
        stretches=stretches[0],
        stretches_left_out=stretches[1],
        contents=Contents(dict(tally.fidelity), tally.healed, tally.changed, tally.edits()),
        causes=_causes(tally),
        studies=studies,
        patients=patients,
        without_study=dict(tally.without_study),
        setup=_setup(journal),
        statements=(*judged.checks, audit(journal), speed(manifest.kept(SPEED_TEST))),
        copy_only=judged.copy_only,
    )


def _causes(tally: Tally) -> Causes:
    return Causes(
        warned=tally.causes(State.WARNED),
        failed=tally.causes(State.FAILED, State.QUARANTINED, State.UNKNOWN),
        held=tally.causes(State.HELD),
        skipped=tally.causes(State.SKIPPED),
    )


def _checked(every: Iterable[Record], control: Control) -> Iterator[Record]:
    for number, record in enumerate(every):
        if number % _LOOK_EVERY == 0:
            control.checkpoint()
        yield record


def _ledger(journal: Journal, tally: Tally) -> dict[str, int]:
    """The job's paths by state. What has no outcome yet is known from how the newest run ended."""
    ledger = {state.value: tally.states[state.value] for state in State}
    newest = journal.runs[-1] if journal.runs else None
    if newest is not None and newest.job is not None:
        without = int(newest.job.get("found", 0)) - sum(ledger.values())
        ledger[State.PENDING.value] += max(0, min(without, int(newest.job.get("pending", 0))))
    return ledger


def _run_line(number: int, run: Run) -> RunLine:
    if run.ledger is None:
        how, counts = "no end is recorded: it goes on, was killed, or could not begin", dict(run.recorded)
    else:
        how = "interrupted" if run.is_interrupted else f"stopped: {run.stopped}" if run.stopped else "ended"
        counts = {name: count for name, count in run.ledger.items() if name != "found"}
    parts = [f"{count:,} {name}" for name, count in counts.items() if count]
    return RunLine(
        number=number,
        begun=run.at,
        ended=run.ended,
        how=how,
        who=run.who,
        version=run.version,
        calling=run.calling + (" (TLS)" if run.is_tls else ""),
        ledger=", ".join(parts) or "nothing to do",
        bytes=sum(run.flow.bytes),
        seconds=run.seconds,
        source_check=_source_words(run.source_check),
    )


def _source_words(check: Mapping[str, Any]) -> str:
    if not check:
        return ""
    if check.get("trouble"):
        return "the source could not be looked at again"
    return f"source: {check.get('modified', 0):,} modified, {check.get('deleted', 0):,} deleted"


def _stretches(runs: list[Run]) -> tuple[tuple[Stretch, ...], int]:
    """The runs for the chart, those in which most was stored, and how many are left out."""
    found = [
        Stretch(f"run {number}", run.flow.begin, run.flow.width, tuple(run.flow.files), tuple(run.flow.bytes))
        for number, run in enumerate(runs, 1)
        if run.flow.files
    ]
    most = sorted(found, key=lambda one: -sum(one.files))[:_MOST_STRETCHES]
    return tuple(sorted(most, key=lambda one: one.begin)), len(found) - len(most)


def _setup(journal: Journal) -> Setup:
    return Setup(
        settings=tuple(_settings(journal.runs)),
        shaping=tuple(_shaping(journal)),
        versions=tuple(_versions(journal)),
        runs=len(journal.runs),
        encrypted_runs=sum(run.is_tls for run in journal.runs),
    )


def _settings(runs: list[Run]) -> Iterator[SettingLine]:
    """Every setting that was not at its default, with the runs in which it was so."""
    seen: dict[tuple[str, str], list[int]] = {}
    for number, run in enumerate(runs, 1):
        for group, values in run.settings.items():
            for name, value in values.items() if isinstance(values, dict) else ():
                shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                seen.setdefault((f"{group}.{name}", shown), []).append(number)
    for (name, shown), numbers in sorted(seen.items()):
        yield SettingLine(name, shown, _meaning(name), _ranges(numbers))


def _meaning(name: str) -> str:
    group, _, field = name.partition(".")
    model = getattr(Settings(), group, None)
    known = type(model).model_fields.get(field) if model is not None else None
    return (known.description or "") if known is not None else ""


def _ranges(numbers: list[int]) -> str:
    """1, 2, 3, 7 as 1-3, 7."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(f"{first}-{last}" if first != last else f"{first}" for first, last in parts)


def _shaping(journal: Journal) -> Iterator[tuple[str, str]]:
    """What shaped the contents beside switches: the rules' digest, each time that it changed."""
    for number, values in journal.shaping.items():
        if digest := values.get("rule.digest"):
            yield f"Rules in force from settings {number} on, by their SHA-256", str(digest)


def _versions(journal: Journal) -> Iterator[tuple[str, str]]:
    used = dict.fromkeys(run.version for run in journal.runs if run.version)
    yield "DICOM PACS Migrator, of the runs", ", ".join(used) or "not recorded"
    yield "DICOM PACS Migrator, of this report", __version__
    yield "Python", platform.python_version()
    for name in _PACKAGES:
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield name, "not installed"
    yield "Operating system", platform.platform()
