"""A dry run's verdict on each path, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from migrator.checks.dry_run import Found
from migrator.core.model import Instance
from migrator.core.outcome import Fidelity, State
from migrator.dicom.names import name_of
from migrator.engine.manifest_lines import Row, row_as_found
from migrator.engine.manifest_rows import rows

COLUMNS = (
    "path",
    "bytes",
    "action",
    "state",
    "reason",
    "study_uid",
    "sop_instance_uid",
    "sop_class",
    "fidelity",
    "syntax",
    "sent_as",
    "steps",
    "changes",
    "at_destination",
    "patient_there",
)

_EARLIER = {
    State.SENT: "nothing: sent by an earlier run",
    State.WARNED: "nothing: sent by an earlier run",
    State.SKIPPED: "left out, as by an earlier run",
    State.HELD: "held since an earlier run",
    State.FAILED: "left alone: failed in an earlier run (--retry-failed)",
    State.QUARANTINED: "left alone: damaged",
    State.UNKNOWN: "left alone: its answer never came",
}
_OTHERS = {
    State.SKIPPED: "left out",
    State.HELD: "held for a person",
    State.FAILED: "would fail",
    State.QUARANTINED: "cannot be sent: damaged",
    State.UNKNOWN: "would be in doubt",
}
_SENT = {
    Fidelity.VERBATIM: "sent as it is",
    Fidelity.REENCODED: "sent re-encoded",
    Fidelity.DECOMPRESSED: "sent decompressed",
    Fidelity.EDITED: "sent edited",
    Fidelity.REMAPPED: "sent under another patient",
    Fidelity.RECLASSIFIED: "sent as a Secondary Capture copy",
}
AS_IT_IS = frozenset({_SENT[Fidelity.VERBATIM], _EARLIER[State.SENT]})
"""The actions of what arrives as the file holds it, or has done so."""
FOUND_THERE = "asked"  # the remedy by which the record says so
NOT_REACHED = "not looked at: the run was stopped before"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What would happen to one path, and `why`, both of few words; the `row` has the rest.

    `found` is what the destination said of its study, where that was asked for.
    """

    row: Row
    action: str
    why: str = ""
    found: Found | None = None

    @property
    def is_there(self) -> bool | None:
        """Whether the destination holds the instance already; None where that is not known."""
        if self.found is None or self.found.there is None:
            return None
        return self.row.uid in self.found.there


@dataclass(frozen=True, slots=True)
class Sight:
    """What one dry run has seen: hashes of the paths of the source, when it began, what was asked.

    `left` are the instances that it never came to.
    """

    scanned: set[int]
    began: float
    found: Mapping[str, Found]
    left: Iterable[Instance] = ()


def verdicts(manifest: Path, sight: Sight) -> Iterator[Verdict]:
    """The verdict on every path that the dry run found."""
    for row in rows(manifest):
        if row.at >= round(sight.began, 3):
            yield _of_this_run(row, sight)
        elif hash(row.path) in sight.scanned:
            why = row.why.value if row.why is not None else ""
            yield Verdict(row, _EARLIER.get(row.state, row.state.value), why)
    for instance in sight.left:
        yield Verdict(row_as_found(instance, State.PENDING), NOT_REACHED)


def _of_this_run(row: Row, sight: Sight) -> Verdict:
    if not row.state.is_stored:
        return Verdict(row, _OTHERS.get(row.state, row.state.value), row.why.value if row.why else row.reason)
    if FOUND_THERE in row.remedies:
        return Verdict(row, "nothing: under way at an interruption, and found there")
    action = _SENT[row.fidelity]
    if row.sent_syntax and row.fidelity not in (Fidelity.REENCODED, Fidelity.DECOMPRESSED):
        action += ", in another transfer syntax"
    study = row.series.study.uid if row.series else ""
    return Verdict(row, action, found=sight.found.get(study))


def cells_of(verdict: Verdict) -> tuple[object, ...]:
    """One verdict in the order of COLUMNS."""
    row, found = verdict.row, verdict.found
    sent = row.state.is_stored
    is_there = {True: "yes", False: "no", None: "unknown"}[verdict.is_there] if found else ""
    patient = (
        f"{', '.join(found.differs)} differ; if refused: {found.then}" if found and found.differs else ""
    )
    return (
        *(row.path, row.size, verdict.action, row.state.value, row.reason or verdict.why),
        *(row.series.study.uid if row.series else "", row.uid, _named(row.sop_class)),
        *(row.fidelity.value if sent else "", _named(row.transfer_syntax)),
        _named(row.sent_syntax or row.transfer_syntax) if sent else "",
        ", ".join(row.remedies),
        "; ".join(f"{change.keyword}: {change.before!r} to {change.after!r}" for change in row.changes),
        *(is_there, patient),
    )


def _named(uid: str) -> str:
    return name_of(uid) if uid else ""
