"""Why files are not at the destination, counted by reason, in words that quote neither a file nor a PACS.

An outcome's own reason may name a path, or repeat what a PACS said of a patient; so what is told is made of
what decided the outcome.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from migrator.core.errors import ManifestError
from migrator.core.outcome import Cause, State
from migrator.core.paths import encodable
from migrator.dicom.status import meaning
from migrator.engine.manifest_runs import Record, journal_of, records
from migrator.jobs.report_advice import advice_for
from migrator.notify.message import Failure

MOST_REASONS = 10  # of each destination; the rest is counted together
_MOST_PATHS = 20  # that are named, where they may be

_SPOILED = frozenset({State.HELD, State.FAILED, State.QUARANTINED, State.UNKNOWN})

_CAUSES: Mapping[Cause, str] = {
    Cause.STATUS: "refused by the destination",
    Cause.CONTEXT: "the destination accepts no encoding of it",
    Cause.ASSOCIATION: "the association was refused or lost",
    Cause.FILE: "the file could not be read as it was scanned",
    Cause.ENCODING: "it cannot be brought into an encoding that the destination accepts",
    Cause.DECISION: "it waits for a decision",
}


def failures_in(manifest: Path) -> tuple[tuple[Failure, ...], tuple[str, ...]]:
    """The reasons, the most frequent one first, and the first paths with what is recorded of them."""
    try:
        return _counted(records(manifest, journal_of(manifest)))
    except (OSError, ManifestError):
        return (), ()  # a record that cannot be read is no reason to say nothing


def _counted(found: Iterable[Record]) -> tuple[tuple[Failure, ...], tuple[str, ...]]:
    counts: Counter[str] = Counter()
    paths: list[str] = []
    for record in found:
        if record.row.state not in _SPOILED:
            continue
        counts[f"{reason_of(record)}. {advice_for(record)}"] += 1
        if len(paths) < _MOST_PATHS:
            said = ": ".join(filter(None, (record.row.reason, record.row.comment)))
            paths.append(encodable(f"{record.row.state.value} {record.row.path}: {said}"))
    ranked = counts.most_common()
    told = [Failure(words, count) for words, count in ranked[:MOST_REASONS]]
    if rest := sum(count for _, count in ranked[MOST_REASONS:]):
        told.append(Failure(f"other reasons, {len(ranked) - MOST_REASONS:,} of them", rest))
    return tuple(told), tuple(paths)


def reason_of(record: Record) -> str:
    """In what state a path is, and why, the same words for the same reason."""
    row = record.row
    if row.why is not None:
        why = row.why.value
    elif row.status:
        why = f"status {row.status:04X}, {meaning(row.status).words}"
    elif row.state is State.UNKNOWN:
        why = "no answer came"
    else:
        why = _CAUSES[record.cause]
    return f"{row.state.value}: {why}"
