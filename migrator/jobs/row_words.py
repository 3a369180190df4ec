"""A row of a manifest as a table shows it: nine texts, for people."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from migrator.core.outcome import Fidelity, State
from migrator.core.paths import encodable
from migrator.dicom.names import name_of
from migrator.engine.manifest_lines import Row as Row  # the faces' too
from migrator.records.words import day, person

COLUMNS = (
    "Patient Name",
    "Patient ID",
    "Mod",
    "Study Date",
    "Study Description",
    "Series Description",
    "SOP Class",
    "Status",
    "Detail",
)
NAME, ID, MODALITY, DATE, STUDY, SERIES, SOP_CLASS, STATUS, DETAIL = range(len(COLUMNS))

_FIDELITY = {
    Fidelity.VERBATIM: "",
    Fidelity.REENCODED: "re-encoded without loss",
    Fidelity.DECOMPRESSED: "decompressed",
    Fidelity.EDITED: "edited by a rule",
    Fidelity.REMAPPED: "sent under another patient",
    Fidelity.RECLASSIFIED: "sent as a Secondary Capture copy",
}
_NAMING = frozenset({State.FAILED, State.UNKNOWN, State.HELD})
"""Of these the SOP instance UID is told, to look for it elsewhere."""


class Cells(NamedTuple):
    """The texts of a row, in the order of COLUMNS."""

    name: str
    id: str
    modality: str
    date: str
    study: str
    series: str
    sop_class: str
    status: str
    detail: str


def cells_of(row: Row, word: str) -> Cells:
    """What the table shows of a row; `word` is that of its status."""
    about = ("", "", "", "", "", "")
    if row.series is not None:
        series, study, patient = row.series, row.series.study, row.series.study.patient
        about = (
            *(person(patient.name), patient.id, series.modality),
            *(day(study.date), study.description, series.description),
        )
    kind = class_words(row.sop_class) if row.sop_class else ""
    return Cells(*about, kind, word, detail_of(row))


@lru_cache(maxsize=512)
def class_words(sop_class: str) -> str:
    """A SOP class's registered name, or its UID where it has none."""
    return name_of(sop_class) if sop_class else ""


def detail_of(row: Row) -> str:
    """What is to be said of a row beyond its status; nothing of one that was sent as it is.

    First what became of it, then what the destination said, then the SOP instance UID, or the path where it
    has none.
    """
    if row.state.is_stored:
        return "; ".join(filter(None, (_as_sent(row), row.comment)))
    parts = [row.reason or (f"status {row.status:04X}" if row.status else "")]
    if row.comment and row.comment not in row.reason:
        parts.append(row.comment)
    if row.remedies:
        parts.append(f"tried: {', '.join(row.remedies)}")
    if row.state in _NAMING and row.uid:
        parts.append(row.uid)
    elif not row.uid or row.state is State.QUARANTINED:
        parts.append(encodable(row.path))
    return "; ".join(filter(None, parts))


def _as_sent(row: Row) -> str:
    """In what way it is not what the file holds, and by what it was healed."""
    parts = [_FIDELITY[row.fidelity]]
    if row.state is State.WARNED:
        parts.insert(0, row.reason or f"status {row.status:04X}")
    if row.healed and row.remedies:
        parts.append(f"healed by: {', '.join(row.remedies)}")
    return "; ".join(filter(None, parts))
