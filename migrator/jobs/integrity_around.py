"""A migration's own proof that it left the source alone: a snapshot before it, a check after it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from migrator.checks.integrity import CheckResult, Kind, Statement
from migrator.core.control import Control
from migrator.core.errors import SourceError, UsageError
from migrator.core.events import Emit, Notice, PhaseStarted
from migrator.jobs.integrity import IntegrityError, IntegrityJob, IntegrityRequest, statement_of
from migrator.jobs.integrity_words import as_json as check_as_json
from migrator.jobs.integrity_words import check_words, progress_words
from migrator.jobs.recorded import INTEGRITY, RecordedJob

INTACT, NOT_INTACT, UNFINISHED, UNKNOWN = "intact", "not intact", "unfinished", "unknown"
"""Verdicts: as it was · not so · not checked after the migration yet · could not be checked."""

BEFORE, AFTER = "hashing the source", "hashing the source again"


@dataclass(frozen=True, slots=True)
class SourceProof:
    """What the source was before a migration, and the check after it.

    Without the check: `trouble` says why it could not be done, or it waits until the migration ends.
    """

    snapshot: Path
    before: Statement
    check: CheckResult | None = None
    trouble: str = ""

    @property
    def verdict(self) -> str:
        if self.trouble:
            return UNKNOWN
        if self.check is None:
            return UNFINISHED
        return INTACT if self.check.is_intact else NOT_INTACT


class SourceWatch:
    """Vouches for a source around one run. `words` may be asked from any thread."""

    def __init__(
        self, request: IntegrityRequest, jobs: Sequence[RecordedJob], control: Control, emit: Emit
    ) -> None:
        """`jobs` are those of all destinations: the proof is kept with each."""
        self._request = replace(request, is_for_migration=True)
        self._jobs = jobs
        self._control = control
        self._emit = emit
        self._job: IntegrityJob | None = None
        self._began = 0.0
        self.proof: SourceProof | None = None

    def before(self) -> None:
        """Hash everything; an interrupted migration goes on with the snapshot that it began with.

        Raises SourceError, UsageError, IntegrityError, Cancelled.
        """
        self._emit(PhaseStarted(BEFORE))
        self.proof = None if self._request.restart else self._unfinished()
        if self.proof is None:
            self._request = replace(self._request, restart=False)  # what no migration used is good enough
            file, statement = self._begin().snapshot()
            self.proof = SourceProof(file, statement)
        else:
            at = datetime.fromtimestamp(self.proof.before.at).strftime("%Y-%m-%d %H:%M")
            self._emit(Notice(f"The source is vouched for by the snapshot of {at}, when this began", "info"))
        self._job = None
        self._keep()

    def after(self) -> None:
        """Hash everything again and compare; trouble becomes part of the proof. Raises Cancelled."""
        if self.proof is None:
            return
        self._emit(PhaseStarted(AFTER))
        # What an interrupted check had read was read before this run, and proves nothing about it.
        self._request = replace(self._request, restart=True)
        try:
            self.proof = replace(self.proof, check=self._begin().check(self.proof.snapshot))
        except (SourceError, UsageError, IntegrityError) as error:
            self.proof = replace(self.proof, trouble=str(error))
        self._job = None
        self._keep()

    def words(self) -> str:
        """How far it is; empty while it does nothing."""
        job = self._job
        if job is None:
            return ""
        return progress_words(job.numbers, job.expected, time.monotonic() - self._began)

    def _begin(self) -> IntegrityJob:
        self._began = time.monotonic()
        self._job = IntegrityJob(self._request, self._control, self._emit)
        return self._job

    def _unfinished(self) -> SourceProof | None:
        """What an interrupted run of all these jobs began with."""
        kept = [job.kept(INTEGRITY) or {} for job in self._jobs]
        files = {one.get("snapshot") for one in kept if one.get("verdict") == UNFINISHED}
        if len(files) != 1 or any(one.get("verdict") != UNFINISHED for one in kept):
            return None
        file = Path(str(files.pop()))
        statement = statement_of(file)
        return None if statement is None else SourceProof(file, statement)

    def _keep(self) -> None:
        assert self.proof is not None
        for job in self._jobs:
            try:
                job.keep(INTEGRITY, as_json(self.proof))
            except UsageError as error:
                self._emit(Notice(str(error)))


def as_json(proof: SourceProof) -> dict[str, Any]:
    """The verdict, the statements of before and after, counts and findings; times are since the epoch."""
    check = proof.check
    found = {kind.value: 0 for kind in Kind} | {"unchanged": 0, "touched": 0, "findings": []}
    if check is not None:
        told = check_as_json(check)
        found = {name: told[name] for name in found}
    vouching = proof.before if check is None else check.after
    return {
        "verdict": proof.verdict,
        "at": vouching.at,
        "who": vouching.who,
        "files": vouching.files,
        "bytes": vouching.bytes,
        "before": proof.before.as_dict(),
        "after": None if check is None else check.after.as_dict(),
        **found,
        "snapshot": str(proof.snapshot),
        "trouble": proof.trouble,
    }


def words(proof: SourceProof) -> list[str]:
    """The proof in a few lines."""
    signed = f"by the SHA-256 of their list, {proof.before.list_sha256}"
    lines = [f"Integrity: {proof.before.files:,} files were vouched for before, {signed}"]
    if proof.check is not None:
        lines += [f"  {line}" for line in check_words(proof.check)]
        if proof.check.after.list_sha256 != proof.before.list_sha256:
            lines.append(f"  the list now has the SHA-256 {proof.check.after.list_sha256}")
    elif proof.trouble:
        lines.append(f"  could not be checked afterwards: {proof.trouble}")
    else:
        lines.append("  not checked afterwards yet")
    return lines
