"""What the checks of a job have kept, for faces that show all of it: with patients' names and paths."""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from migrator.checks.deep import DeepReport
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
from migrator.jobs.report_verdict import Standing, number_in
from migrator.jobs.verify_csv import write_csv
from migrator.jobs.verify_read import deep_of, study_of
from migrator.records.report_model import Statement as Statement
from migrator.records.words import day, person

# Lines are written with their kind first, so those of series are known by their beginning.
_SERIES, _OUTCOME = b'{"t":"series"', b'{"t":"o"'
_UID = re.compile(rb'"(?:sent_)?uid":"([0-9.]+)"')
_MOST_PATHS = 20_000  # instances whose paths are looked up
_MOST_BYTES = 1 << 30
_READY = 256  # studies that are kept unpacked


@dataclass(frozen=True, slots=True)
class Found:
    """One verified study in short: there may be many thousands, so that nothing refers to further objects.

    Names, dates and description are as the source's files have them, and empty where none are recorded.
    `text` is what a search looks through, in lower case and UTF-8; `uids` are those of instances that are
    missing or unexpected.
    """

    study_uid: str
    verdict: Verdict
    proof: Proof
    expected: int
    matched: int
    missing: int
    unexpected: int
    different: int
    """Attributes of patient and study that differ, and instances that are under another series."""
    reason: str
    modalities: str
    is_named: bool
    patient_name: str
    patient_id: str
    date: str
    description: str
    text: bytes
    uids: str
    packed: bytes

    @property
    def result(self) -> StudyResult:
        """All that was found of it; unpacked anew where others were looked at since."""
        return _unpacked(self.packed)

    def names(self, uid: str) -> bool:
        """Whether a part of this text is in the UID of an instance that is not as it should be."""
        return uid in self.uids


@dataclass(frozen=True, slots=True)
class Verified:
    """What is known of one job.

    `manifest` is None where nothing was migrated yet; `is_verified` tells whether a verification is known,
    `is_kept` whether that is the job's own. Its counts are instances, but for `unsent` (paths). `commitment`
    is as `commit --json` gives it. `paths` are those of missing instances by UID, of so many at the most.
    `trouble` is why a verification that is kept cannot be shown.
    """

    manifest: RecordedManifest | None = None
    checks: tuple[Statement, ...] = ()
    is_verified: bool = False
    is_kept: bool = True
    is_clean: bool = False
    expected: int = 0
    matched: int = 0
    missing: int = 0
    unsent: int = 0
    studies: tuple[Found, ...] = ()
    deep: DeepReport | None = None
    commitment: Mapping[str, Any] | None = None
    paths: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""

    def statement(self, title: str) -> Statement | None:
        """What one of the checks said, by the beginning of its title."""
        return next((one for one in self.checks if one.title.startswith(title)), None)


class _Reader:
    """Takes the studies of a verification one by one, and keeps them in short."""

    def __init__(self, named: Mapping[str, Study]) -> None:
        self._named = named
        self._same: dict[str, str] = {}  # texts that many studies have are kept once
        self.studies: list[Found] = []
        self.missing: set[bytes] = set()

    @property
    def makers(self) -> pieces.Makers:
        return {"per_study": self._take}

    def _take(self, values: Any) -> dict[str, Any]:
        """Keep a study; what is left of it is what `judge` looks at."""
        result = study_of(values)
        study = self._named.get(result.study_uid)
        self.studies.append(_found(result, study, _packed(values), self._once))
        for uids in (result.missing, *(one.missing for one in result.series)):
            self.missing.update(uid.encode() for uid in uids[: _MOST_PATHS - len(self.missing)])
        return {
            "study": result.study_uid,
            "proof": result.proof.value,
            "elsewhere_count": result.elsewhere_count,
            "attributes": {"differences": result.difference_count},
        }

    def _once(self, text: str) -> str:
        return self._same.setdefault(text, text)

    def verified(self, values: Mapping[str, Any], **other: Any) -> Verified:
        """What is known, with the rest of the verification."""
        return Verified(
            is_verified=True,
            is_clean=values.get("clean") is True,
            studies=tuple(self.studies),
            deep=deep_of(values.get("deep")),
            expected=number_in(values, "expected"),
            matched=number_in(values, "matched"),
            missing=number_in(values, "missing"),
            unsent=number_in(values, "unsent"),
            **other,
        )


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
        reader = _Reader(_studies(manifest.file) if (job.folder / VERIFICATION).exists() else {})
    except OSError as error:
        raise UsageError(f"the record {manifest.file} cannot be read: {error.strerror}") from error
    trouble, verification = "", None
    try:
        verification = manifest.kept(VERIFICATION, reader.makers)
    except UsageError as error:
        trouble = str(error)
    standing = Standing(summary.totals, unfinished(summary.runs), summary.left_out)
    if verification is None and not standing.stored and not trouble:
        found = _of_printed(printed)
        if found.is_verified:
            return found
    kept = {name: manifest.kept(name) for name in (COMMITMENT, INTEGRITY)} | {VERIFICATION: verification}
    committed = kept[COMMITMENT]
    known: dict[str, Any] = {
        "manifest": manifest if standing.stored or verification is not None else None,
        "checks": judge(kept.get, standing, summary.runs, summary.last).checks,
        "commitment": committed[0] if committed is not None else None,
    }
    if verification is None:
        return Verified(**known, trouble=trouble)
    return reader.verified(verification[0], **known, paths=dict(_paths(manifest.file, reader.missing)))


def _found(result: StudyResult, study: Study | None, packed: bytes, once: Callable[[str], str]) -> Found:
    parts = [result.study_uid, result.reason, *(one.series_uid for one in result.series)]
    parts += [one.description for one in result.series]
    parts += [one.modality for one in result.series]
    name = patient_id = date = description = ""
    if study is not None:
        name, patient_id = study.patient.name, study.patient.id
        date, description = study.date, study.description
        parts += [name, person(name), patient_id, description, study.accession, date, day(date)]
    uids = (*result.missing, *result.extra, *(uid for one in result.series for uid in one.missing))
    return Found(
        study_uid=result.study_uid,
        verdict=result.verdict,
        proof=result.proof,
        expected=result.expected,
        matched=result.matched,
        missing=result.missing_count,
        unexpected=result.extra_count,
        different=result.difference_count + result.elsewhere_count,
        reason=once(result.reason),
        modalities=once("/".join(sorted({one.modality for one in result.series if one.modality}))),
        is_named=study is not None,
        patient_name=once(name),
        patient_id=once(patient_id),
        date=once(date),
        description=once(description),
        text="\n".join(dict.fromkeys(parts)).casefold().encode("utf-8", "replace"),
        uids="\n".join(dict.fromkeys(uids)),
        packed=packed,
    )


def _packed(values: Any) -> bytes:
    return zlib.compress(json.dumps(values).encode(), 1)


def _unpack(packed: bytes) -> StudyResult:
    return study_of(json.loads(zlib.decompress(packed)))


_unpacked = lru_cache(_READY)(_unpack)


def _of_printed(file: Path | None) -> Verified:
    """A verification that no job keeps: of a source that was scanned for it."""
    if file is None:
        return Verified()
    reader = _Reader({})
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise UsageError("the result of the verification is too large to be shown")
        values = pieces.loads(file.read_text("utf-8"), reader.makers)
    except (OSError, ValueError):
        return Verified()
    return reader.verified(values, is_kept=False) if isinstance(values, dict) else Verified()


def write_verified(file: Path, verified: Verified, source: str) -> None:
    """Write the verification as `verify --csv` does. Raises UsageError, also for a place in the source."""
    if not verified.is_verified:
        raise UsageError("nothing was verified yet")
    known = sources_of(verified.manifest) if verified.manifest is not None else []
    for folder in (Path(os.path.realpath(source)), *known):
        refuse_inside(file, folder, "the table")
    studies = tuple(_unpack(found.packed) for found in verified.studies)
    write_csv(file, VerifyReport(studies, verified.unsent, verified.deep))


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
