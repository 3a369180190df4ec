"""What a migration's result means to whoever waits for it: the exit code."""

from __future__ import annotations

from migrator.core.errors import LimitReached
from migrator.jobs.integrity_around import INTACT, UNFINISHED
from migrator.jobs.migrate_model import DestinationResult, MigrateResult


def exit_code(result: MigrateResult) -> int:
    """0 all done, 1 something is not where it should be, 5 a limit ended it, 130 interrupted.

    With several destinations it is the worst of theirs: interrupted, then 1, then 5.
    """
    if result.is_cancelled:
        return 130
    intact = result.source_check is None or result.source_check.is_intact
    intact &= result.integrity is None or result.integrity.verdict in (INTACT, UNFINISHED)
    codes = {_exit_code_of(one) for one in result.destinations} | {0 if intact else 1}
    return next(code for code in (1, 5, 0) if code in codes)


def _exit_code_of(one: DestinationResult) -> int:
    job, verification = one.snapshot.job, one.verification
    if isinstance(one.stopped_by, LimitReached):
        # What it left pending, or nobody can be asked about, is no failure; what is known to lack is.
        is_lacking = verification is not None and verification.missing > 0
        return 1 if job.spoiled > job.pending or is_lacking else 5
    is_proven = verification is None or verification.is_clean
    return 0 if not job.spoiled and is_proven and one.stopped_by is None else 1
