"""All migrations of a data directory: also those begun anew, whose older manifests were kept aside."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from migrator.core.errors import UsageError
from migrator.core.paths import encodable
from migrator.engine.manifest_rows import header_of, read_lines
from migrator.engine.manifest_runs import Journal, Run, journal_of, run_of, unfinished
from migrator.engine.manifest_summary import runs_of, summary_of
from migrator.jobs.pieces import Makers
from migrator.jobs.recorded import RecordedJob, all_jobs
from migrator.jobs.report_statements import judge
from migrator.jobs.report_verdict import Standing, Verdict

_SHORTEST = 4  # letters of an id


@dataclass(frozen=True, slots=True)
class RecordedManifest:
    """One manifest of a job. `id` names it in the data directory.

    `until` is when the one that took its place was begun; None for the job's newest.
    """

    id: str
    job: RecordedJob
    file: Path
    until: float | None = None

    @property
    def is_aside(self) -> bool:
        return self.until is not None

    def kept(self, name: str, makers: Makers | None = None) -> tuple[dict[str, Any], float] | None:
        """What a later check kept of this very manifest, and when (seconds since the epoch)."""
        value = self.job.kept(name, makers)
        if value is None:
            return None
        at = value.get("at")
        if isinstance(at, bool) or not isinstance(at, int | float):
            at = (self.job.folder / name).stat().st_mtime
        first = _first_run(self.file)
        if (first is not None and at < first.at) or (self.until is not None and at >= self.until):
            return None  # of another manifest of the same job
        return value, float(at)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One migration in a line. Times are seconds since the epoch; `ended` is None where none was recorded."""

    manifest: RecordedManifest
    begun: float
    ended: float | None
    who: str
    runs: int
    totals: Mapping[str, int]
    verdict: Verdict
    proof: str
    bytes: int


def all_manifests(home: Path) -> Iterator[RecordedManifest]:
    """Every manifest of the data directory, of each job the newest first."""
    for job in all_jobs(home):
        newest = RecordedManifest(_id_of(job), job, job.manifest)
        yield newest
        follower = newest
        for file in sorted(job.folder.glob("manifest-*.jsonl"), reverse=True):
            header = header_of(file)
            if header is None:
                continue
            first = _first_run(follower.file)
            until = first.at if first is not None else follower.file.stat().st_mtime
            own = RecordedJob(job.folder, str(header.get("source", "")), str(header.get("destination", "")))
            follower = RecordedManifest(_digest(f"{job.folder.name}/{file.name}"), own, file, until)
            yield follower


def manifest_of(job: RecordedJob) -> RecordedManifest:
    """A job's newest manifest."""
    return RecordedManifest(_id_of(job), job, job.manifest)


def manifest_by_id(home: Path, text: str) -> RecordedManifest:
    """The manifest that `history` lists by this id, or by its beginning. Raises UsageError."""
    wanted = text.strip().lower()
    found = [one for one in all_manifests(home) if one.id.startswith(wanted)]
    if len(wanted) < _SHORTEST or not found:
        raise UsageError(f"there is no migration with the id {text}; history lists all")
    if len(found) > 1:
        raise UsageError(f"{text} could be {', '.join(one.id for one in found)}: write more of it")
    return found[0]


def read_journal(manifest: RecordedManifest) -> Journal:
    """What the manifest tells besides where its paths stand. Raises UsageError when it cannot be read."""
    try:
        return journal_of(manifest.file)
    except OSError as error:
        raise UsageError(f"the record {manifest.file} cannot be read: {error.strerror}") from error


def sources_of(manifest: RecordedManifest) -> list[Path]:
    """Every folder that this job is known to have read: nothing is ever written there."""
    named = {manifest.job.source}
    named.update(run.source for run in runs_of(manifest.file))
    return [Path(os.path.realpath(name)) for name in sorted(named) if name]


def history(home: Path) -> list[HistoryEntry]:
    """All migrations, the one begun last first."""
    entries = [_entry_of(one) for one in all_manifests(home)]
    return sorted(entries, key=lambda entry: entry.begun, reverse=True)


def report_command(entry: HistoryEntry, home: str | None) -> str:
    """The command that makes its report; `home` is the data directory where it must be named."""
    where = f" --home {shlex.quote(home)}" if home else ""
    return f"report --job {entry.manifest.id}{where} --html report.html --pdf report.pdf"


def as_json(entry: HistoryEntry, home: str | None) -> dict[str, Any]:
    """One migration; times are seconds since the epoch."""
    manifest = entry.manifest
    return {
        "id": manifest.id,
        "source": encodable(manifest.job.source),
        "destination": encodable(manifest.job.destination),
        "begun": entry.begun,
        "ended": entry.ended,
        "who": entry.who,
        "runs": entry.runs,
        "totals": dict(entry.totals),
        "verdict": entry.verdict.word,
        "proof": entry.proof,
        "set_aside": manifest.is_aside,
        "manifest": encodable(str(manifest.file)),
        "bytes": entry.bytes,
        "report": report_command(entry, home),
    }


def _entry_of(manifest: RecordedManifest) -> HistoryEntry:
    summary = summary_of(manifest.file)
    newest = summary.runs[-1] if summary.runs else None
    standing = Standing(summary.totals, unfinished(summary.runs), summary.left_out)
    judged = judge(manifest.kept, standing, summary.runs, summary.last)
    return HistoryEntry(
        manifest,
        summary.runs[0].at if summary.runs else summary.last,
        newest.ended if newest else None,
        newest.who if newest else "",
        len(summary.runs),
        summary.totals,
        judged.verdict,
        judged.proof.words,
        manifest.file.stat().st_size,
    )


def _first_run(file: Path) -> Run | None:
    """The run that began a manifest: one of its first lines."""
    for line in islice(read_lines(file), 3):
        if line["t"] == "run":
            return run_of(line)
    return None


def _id_of(job: RecordedJob) -> str:
    """The digest that ends a job folder's name, which no other job's has."""
    digest = job.folder.name.rpartition("-")[2]
    return digest if len(digest) == 12 else _digest(job.folder.name)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:12]
