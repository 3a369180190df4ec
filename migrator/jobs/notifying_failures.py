"""Why files are not at the destination, counted by reason, in words that quote neither a file nor a PACS.

An outcome's own reason may name a path, or repeat what a PACS said of a patient; so what is told is made of
what decided the outcome.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from migrator.core.outcome import State
from migrator.core.paths import encodable
from migrator.dicom.status import meaning
from migrator.engine.manifest_lines import Row
from migrator.engine.manifest_runs import Record
from migrator.jobs.cause_words import CAUSE_WORDS
from migrator.jobs.report_advice import advice_for
from migrator.notify.message import Failure

MOST_REASONS = 10  # of each destination; the rest is counted together
_MOST_PATHS = 20  # that are named, where they may be


def failures_of(rows: Sequence[Row], total: int) -> tuple[Failure, ...]:
    """The reasons of these, the most frequent one first; of `total` the rest is told by number."""
    counts = Counter((reason_of(row), _advice_for(row)) for row in rows)
    ranked = counts.most_common()
    told = [Failure(reason, count, advice) for (reason, advice), count in ranked[:MOST_REASONS]]
    if rest := sum(count for _, count in ranked[MOST_REASONS:]):
        told.append(Failure(f"other reasons, {len(ranked) - MOST_REASONS:,} of them", rest))
    if total > len(rows):
        told.append(Failure("more that were not looked at here: the report tells of all", total - len(rows)))
    return tuple(told)


def paths_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """The first paths, each with what is recorded of it, also of what the PACS said: only on request."""
    return tuple(
        encodable(f"{row.state.value} {row.path}: {': '.join(filter(None, (row.reason, row.comment)))}")
        for row in rows[:_MOST_PATHS]
    )


def _advice_for(row: Row) -> str:
    return advice_for(Record(row, row.uid, row.cause, row.may_retry))


def reason_of(row: Row) -> str:
    """In what state a path is, and why, the same words for the same reason."""
    if row.why is not None:
        why = row.why.value
    elif row.status:
        why = f"status {row.status:04X}, {meaning(row.status).words}"
    elif row.state is State.UNKNOWN:
        why = "no answer came"
    else:
        why = CAUSE_WORDS[row.cause]
    return f"{row.state.value}: {why}"
