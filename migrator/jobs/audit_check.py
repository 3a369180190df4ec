"""Checking an audit log against the heads that the manifests of the data directory keep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from migrator.jobs.recorded import job_in
from migrator.records.audit import Head
from migrator.records.audit_check import AuditReport as AuditReport  # the faces' too
from migrator.records.audit_check import Witness, check_log

_MARK = b'{"t":"audit"'


def check_audit(file: Path, home: Path) -> AuditReport:
    """Whether this audit log is as it was written, as far as anything tells.

    Raises UsageError where there is no audit log.
    """
    return check_log(file, list(witnesses(home)))


def witnesses(home: Path) -> Iterator[Witness]:
    """The last head of each run and audit log in each manifest, also in those that were set aside."""
    for folder in sorted((home / "jobs").glob("*")):
        for manifest in sorted(folder.glob("manifest*.jsonl")):
            job = job_in(folder)
            where = f"the manifest of {job.source} to {job.destination}" if job else str(manifest)
            if manifest.name != "manifest.jsonl":
                where += f" ({manifest.name})"
            for run, head in _heads_in(manifest):
                yield Witness(where, head, run)


def _heads_in(manifest: Path) -> list[tuple[str, Head]]:
    """Of each run the last: the next one may have gone on, unaware, where the end had been cut off."""
    heads: dict[tuple[str, str], Head] = {}
    try:
        with manifest.open("rb") as stream:
            for raw in stream:
                if raw.startswith(_MARK) and (line := _parsed(raw)) is not None:
                    head = Head(str(line["file"]), str(line["log"]), int(line["seq"]), str(line["hash"]))
                    heads[head.log, str(line["run"])] = head
    except (OSError, ValueError, KeyError):
        pass  # what cannot be read confirms nothing
    return [(run, head) for (_, run), head in heads.items()]


def _parsed(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except ValueError:
        return None


def head_line(head: Head, run: str) -> dict[str, Any]:
    """A head as a line of a manifest."""
    return {"t": "audit", **asdict(head), "run": run}


def as_json(report: AuditReport) -> dict[str, Any]:
    """The report; `fault` names the first line that is wrong, and is null where none is."""
    return {**asdict(report), "intact": report.is_intact}


def words(report: AuditReport) -> list[str]:
    """The report in a few lines."""
    span = f", from {report.first} to {report.last}" if report.events else ""
    files = "1 file" if report.files == 1 else f"{report.files:,} files"
    lines = [f"{report.file}: {report.events:,} events in {files}{span}"]
    if report.fault is not None:
        fault = report.fault
        place = f"{fault.file}, line {fault.line:,}" if fault.line else fault.file
        lines[0] += " are as they were written; then:"
        return [*lines, f"  WRONG: {place}: {fault.what}", *_confirmation(report)]
    lines[0] += ": the chain is whole"
    lines += _confirmation(report)
    if report.last_event != "run_ended":
        lines.append("  the last run has not ended in order: it is still on, or was killed")
    if report.is_torn:
        lines.append("  a piece of a line follows: it is just being written, or a crash has torn it")
    return lines


def _confirmation(report: AuditReport) -> list[str]:
    if not report.confirmed:
        return ["  no manifest in this data directory confirms it: that its end is there, nobody can tell"]
    lines = [f"  confirmed up to event {report.confirmed:,} by {one}" for one in report.witnesses]
    if report.adopted:
        lines.append(
            f"  {report.adopted:,} of these events only a later run confirms, not the one that they name: it "
            "was killed just then, its data directory is another, or they were added"
        )
    if report.confirmed < report.events:
        lines.append(f"  {report.events - report.confirmed:,} events after that are not confirmed")
    return lines
