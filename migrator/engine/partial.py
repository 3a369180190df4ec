"""Studies that arrived only in part: what a radiologist must not take for whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from migrator.core.model import Instance, Reason
from migrator.core.outcome import State
from migrator.engine.manifest_rows import expected_there, rows

_LACKING = frozenset({State.HELD, State.FAILED, State.QUARANTINED, State.UNKNOWN})


@dataclass(frozen=True, slots=True)
class PartialStudy:
    """Counts of instances: at the destination, and not, or not known to be."""

    study_uid: str
    there: int
    lacking: int


def partial_studies(manifest: Path, pending: Iterable[Instance]) -> tuple[PartialStudy, ...]:
    """The studies of which something is at the destination and something is not, by UID."""
    lacking: dict[str, int] = {}
    for instance in pending:
        lacking[instance.study.uid] = lacking.get(instance.study.uid, 0) + 1
    for row in rows(manifest, _LACKING.__contains__):
        # Of a conflict another object with this UID is there; what is held beside it makes no study partial.
        if row.series is not None and row.why is not Reason.CONFLICT:
            lacking[row.series.study.uid] = lacking.get(row.series.study.uid, 0) + 1
    there = dict.fromkeys(lacking, 0)
    for row in expected_there(manifest) if lacking else ():
        if row.series is not None and row.series.study.uid in there:
            there[row.series.study.uid] += 1
    return tuple(PartialStudy(uid, there[uid], count) for uid, count in sorted(lacking.items()) if there[uid])
