"""A job's manifest as a table or as JSON lines: one row per path, its last record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson

from migrator.core.control import Control
from migrator.core.outcome import Cause, Outcome, State
from migrator.core.paths import encodable
from migrator.dicom.names import name_of
from migrator.engine.manifest_lines import path_fields
from migrator.engine.manifest_runs import Record, records
from migrator.jobs.history import RecordedManifest, read_journal
from migrator.records.table import Table
from migrator.records.writing import whole_file

_LOOK_EVERY = 512  # rows between two looks at whether to stop

# The patient and the study are as the file names them; *_sent is what was sent where a change of it was made.
COLUMNS = (
    "patient_name",
    "patient_id",
    "patient_name_sent",
    "patient_id_sent",
    "study_date",
    "accession_number",
    "modality",
    "study_description",
    "series_description",
    "sop_class_uid",
    "sop_class",
    "sop_instance_uid",
    "sop_instance_uid_of_file",
    "study_uid",
    "series_uid",
    "path",
    "bytes",
    "state",
    "word",
    "fidelity",
    "status",
    "detail",
    "changes",
    "attempts",
    "timestamp",
    "destination",
)


@dataclass(frozen=True, slots=True)
class ExportTargets:
    """Where the rows go: a CSV file, one of JSON lines, whoever takes pieces of these; None: not there."""

    csv: Path | None = None
    jsonl: Path | None = None
    take: Callable[[bytes], None] | None = None


def export(manifest: RecordedManifest, targets: ExportTargets, control: Control) -> int:
    """Write the rows; return their number. Raises UsageError, Cancelled.

    Files are whole or not there. Memory: about a hundred bytes a path.
    """
    with ExitStack() as opened:
        sinks = list(_sinks(targets, opened))
        journal = read_journal(manifest)
        count = 0
        for count, record in enumerate(records(manifest.file, journal), 1):
            if count % _LOOK_EVERY == 0:
                control.checkpoint()
            row = row_of(record, manifest.job.destination)
            for sink in sinks:
                sink(row)
        control.checkpoint()
    return count


def _sinks(targets: ExportTargets, opened: ExitStack) -> Iterator[Callable[[Mapping[str, object]], None]]:
    if targets.csv is not None:
        table = opened.enter_context(Table(targets.csv, COLUMNS))
        yield lambda row: table.add(_cells(row))
    if targets.jsonl is not None:
        stream = opened.enter_context(whole_file(targets.jsonl))

        def write(row: Mapping[str, object]) -> None:
            stream.write(_line(row))

        yield write
    if targets.take is not None:
        pieces = _Pieces(targets.take)
        opened.callback(pieces.hand_on)
        yield lambda row: pieces.add(_line(row))


class _Pieces:
    """Gathers lines, to hand them on in pieces worth a system call."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._lines: list[bytes] = []

    def add(self, line: bytes) -> None:
        self._lines.append(line)
        if len(self._lines) == _LOOK_EVERY:
            self.hand_on()

    def hand_on(self) -> None:
        self._take(b"".join(self._lines))
        self._lines.clear()


def _line(row: Mapping[str, object]) -> bytes:
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def _cells(row: Mapping[str, object]) -> Iterator[object]:
    changes = row["changes"]
    assert isinstance(changes, list)
    words = "; ".join(
        f"{change['attribute']}: {change['before']!r} to {change['after']!r}" for change in changes
    )
    return (words if name == "changes" else row[name] for name in COLUMNS)


def row_of(record: Record, destination: str) -> dict[str, object]:
    """One path by COLUMNS, and `path64` beside a path that holds bytes which are no text."""
    row, series = record.row, record.row.series
    study = series.study if series else None
    patient = study.patient if study else None
    sent = {change.keyword: change.after for change in row.changes}
    is_other = bool(record.file_uid) and record.file_uid != row.uid
    values: dict[str, object] = {
        "patient_name": patient.name if patient else "",
        "patient_id": patient.id if patient else "",
        "patient_name_sent": sent.get("PatientName", ""),
        "patient_id_sent": sent.get("PatientID", ""),
        "study_date": study.date if study else "",
        "accession_number": study.accession if study else "",
        "modality": series.modality if series else "",
        "study_description": study.description if study else "",
        "series_description": series.description if series else "",
        "sop_class_uid": row.sop_class,
        "sop_class": name_of(row.sop_class),
        "sop_instance_uid": row.uid,
        "sop_instance_uid_of_file": record.file_uid if is_other else "",
        "study_uid": study.uid if study else "",
        "series_uid": series.uid if series else "",
        "path": encodable(row.path),
        "bytes": row.size,
        "state": row.state.value,
        "word": Outcome(row.state, fidelity=row.fidelity, healed=row.healed).word,
        "fidelity": row.fidelity.value if row.state.is_stored else "",
        "status": _status(record),
        "detail": ": ".join(filter(None, (row.reason, row.comment))),
        "changes": [
            {"attribute": change.keyword, "before": change.before, "after": change.after}
            for change in row.changes
        ],
        "attempts": row.attempts,
        "timestamp": datetime.fromtimestamp(row.at).astimezone().isoformat(timespec="milliseconds"),
        "destination": destination,
    }
    where = path_fields(row.path)
    return values if "path" in where else values | where


def _status(record: Record) -> str:
    """The C-STORE status in hexadecimal; nothing where none came."""
    row = record.row
    told = row.status or (row.state is State.SENT and record.cause is Cause.STATUS)
    return f"{row.status:04X}" if told else ""
