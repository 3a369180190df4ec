"""What the checks of a job have kept, for faces that show all of it: with patients' names and paths."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from migrator.checks.verify_report import SeriesResult as SeriesResult  # the faces' too
from migrator.checks.verify_report import StudyResult as StudyResult
from migrator.checks.verify_report import Verdict as Verdict
from migrator.checks.verify_report import VerifyReport
from migrator.core.errors import UsageError
from migrator.core.model import Node, Study
from migrator.core.model import Proof as Proof
from migrator.engine.manifest_lines import path_of, series_of
from migrator.engine.manifest_runs import unfinished
from migrator.engine.manifest_summary import summary_of
from migrator.jobs import pieces
from migrator.jobs.history import RecordedManifest, manifest_of, sources_of
from migrator.jobs.home import job_folder, refuse_inside
from migrator.jobs.recorded import COMMITMENT, INTEGRITY, VERIFICATION, job_in
from migrator.jobs.report_statements import judge
from migrator.jobs.report_verdict import Standing
from migrator.jobs.report_verdict import Verdict as JobVerdict
from migrator.jobs.verify_csv import write_csv
from migrator.jobs.verify_read import report_of
from migrator.records.report_model import Statement as Statement
from migrator.records.words import day, person

# Lines are written with their kind first, so those of series are known by their beginning.
_SERIES, _OUTCOME = b'{"t":"series"', b'{"t":"o"'
_UID = re.compile(rb'"(?:sent_)?uid":"([0-9.]+)"')
_MOST_PATHS = 20_000  # instances whose paths are looked up
_MOST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Found:
    """One verified study; `study` is as the source's files name it, where that is recorded.

    `text` is what a search looks through, in lower case: all but the instances' UIDs.
    """

    result: StudyResult
    study: Study | None = None
    text: str = ""

    @property
    def modalities(self) -> str:
        return "/".join(sorted({one.modality for one in self.result.series if one.modality}))

    @property
    def unexpected(self) -> int:
        return self.result.extra_count

    @property
    def different(self) -> int:
        """Attributes of patient and study that differ, and instances that are under another series."""
        return self.result.difference_count + self.result.elsewhere_count

    def names(self, uid: str) -> bool:
        """Whether a part of this text is in the UID of an instance that is not as it should be."""
        result = self.result
        lists = (result.missing, result.extra, *(one.missing for one in result.series))
        return any(uid in each for one in lists for each in one)


@dataclass(frozen=True, slots=True)
class Verified:
    """What is known of one job.

    `manifest` is None where nothing was migrated yet, `verification` where nothing was verified. `commitment`
    is as `commit --json` gives it. `paths` are those of missing instances by UID, of so many at the most.
    `is_kept` tells whether the verification is the job's own.
    """

    manifest: RecordedManifest | None = None
    verdict: JobVerdict | None = None
    checks: tuple[Statement, ...] = ()
    verification: VerifyReport | None = None
    studies: tuple[Found, ...] = ()
    commitment: Mapping[str, Any] | None = None
    paths: Mapping[str, str] = field(default_factory=dict)
    is_kept: bool = True

    def statement(self, title: str) -> Statement | None:
        """What one of the checks said, by the beginning of its title."""
        return next((one for one in self.checks if one.title.startswith(title)), None)

    @property
    def missing(self) -> int:
        return self.verification.missing if self.verification is not None else 0


def read_verified(home: Path, source: str, node: Node, printed: Path | None = None) -> Verified:
    """Read what is kept of the job of this source and node. Raises UsageError where it cannot be read.

    `printed` holds what `verify --json` printed: of use where there is no job to keep it. In pieces, so that
    other threads are not held up.
    """
    job = job_in(job_folder(home, os.path.realpath(source), node))
    if job is None:
        return _of_printed(printed)
    manifest = manifest_of(job)
    try:
        summary = summary_of(manifest.file)
    except OSError as error:
        raise UsageError(f"the record {manifest.file} cannot be read: {error.strerror}") from error
    kept = {name: manifest.kept(name) for name in (VERIFICATION, COMMITMENT, INTEGRITY)}
    standing = Standing(summary.totals, unfinished(summary.runs), summary.left_out)
    judged = judge(kept.get, standing, summary.runs, summary.last)
    verified, committed = kept[VERIFICATION], kept[COMMITMENT]
    if verified is None and not standing.stored:
        found = _of_printed(printed)
        if found.verification is not None:
            return found
    report = report_of(verified[0]) if verified is not None else None
    named = _studies(manifest.file) if report is not None else {}
    results = report.studies if report is not None else ()
    return Verified(
        manifest=manifest if standing.stored or report is not None else None,
        verdict=judged.verdict,
        checks=judged.checks,
        verification=report,
        studies=tuple(_found(one, named.get(one.study_uid)) for one in results),
        commitment=committed[0] if committed is not None else None,
        paths=dict(_paths(manifest.file, _missing(report))) if report is not None else {},
    )


def _found(result: StudyResult, study: Study | None) -> Found:
    parts = [result.study_uid, result.reason, *(one.series_uid for one in result.series)]
    parts += [one.description for one in result.series]
    parts += [one.modality for one in result.series]
    if study is not None:
        patient = study.patient
        parts += [patient.name, person(patient.name), patient.id, study.description, study.accession]
        parts += [study.date, day(study.date)]
    return Found(result, study, "\n".join(dict.fromkeys(parts)).casefold())


def _of_printed(file: Path | None) -> Verified:
    """A verification that no job keeps: of a source that was scanned for it."""
    if file is None:
        return Verified()
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise UsageError("the result of the verification is too large to be shown")
        values = pieces.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return Verified()
    if not isinstance(values, dict):
        return Verified()
    report = report_of(values)
    return Verified(
        verification=report, studies=tuple(_found(one, None) for one in report.studies), is_kept=False
    )


def write_verified(file: Path, verified: Verified, source: str) -> None:
    """Write the verification as `verify --csv` does. Raises UsageError, also for a place in the source."""
    if verified.verification is None:
        raise UsageError("nothing was verified yet")
    known = sources_of(verified.manifest) if verified.manifest is not None else []
    for folder in (Path(os.path.realpath(source)), *known):
        refuse_inside(file, folder, "the table")
    write_csv(file, verified.verification)


def _studies(file: Path) -> dict[str, Study]:
    """The studies that the manifest names; of several spellings the first."""
    found: dict[str, Study] = {}
    with file.open("rb") as stream:
        for raw in stream:
            if raw.startswith(_SERIES):
                try:
                    study = series_of(orjson.loads(raw)).study
                except (ValueError, KeyError, TypeError):
                    continue  # damaged: the record's own reader tells of it
                found.setdefault(study.uid, study)
    return found


def _missing(report: VerifyReport) -> set[bytes]:
    missing: set[bytes] = set()
    for study in report.studies:
        for uids in (study.missing, *(one.missing for one in study.series)):
            missing.update(uid.encode() for uid in uids[: _MOST_PATHS - len(missing)])
    return missing


def _paths(file: Path, wanted: set[bytes]) -> Iterator[tuple[str, str]]:
    if not wanted:
        return
    with file.open("rb") as stream:
        for raw in stream:
            if raw.startswith(_OUTCOME) and not wanted.isdisjoint(_UID.findall(raw)):
                try:
                    line = orjson.loads(raw)
                    yield line.get("sent_uid") or line["uid"], path_of(line)
                except (ValueError, KeyError, TypeError):
                    continue
