"""Writing CSV tables that hold patients' data: whole or not at all, for the owner only, harmless to open."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import datetime, timezone
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType

from migrator.core.errors import UsageError
from migrator.core.model import Instance, Reason
from migrator.core.outcome import State
from migrator.records.writing import whole_file

# A cell that begins so is a formula to spreadsheets; some take the full-width signs for the usual ones.
_FORMULA_STARTS = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")

INSTANCE_COLUMNS = (
    "path",
    "bytes",
    "modified",
    "state",
    "reason",
    "patient_id",
    "issuer_of_patient_id",
    "patient_name",
    "birth_date",
    "sex",
    "study_uid",
    "study_date",
    "study_description",
    "accession_number",
    "series_uid",
    "modality",
    "series_number",
    "series_description",
    "sop_class_uid",
    "sop_instance_uid",
    "transfer_syntax_uid",
)


class Table:
    """A CSV file in UTF-8 that appears under its name when the `with` block ends without an error."""

    def __init__(self, file: Path, columns: Iterable[str]) -> None:
        """Begin the table beside its final place. Raises UsageError when nothing can be written there."""
        self._whole = ExitStack()
        stream = self._whole.enter_context(whole_file(file))
        self._file = file
        self._text = TextIOWrapper(stream, "utf-8", "surrogateescape", newline="")
        self._writer = csv.writer(self._text)
        self._writer.writerow(columns)

    def add(self, cells: Iterable[object]) -> None:
        """Add a row. Raises UsageError when it cannot be written (the disk is full …)."""
        try:
            self._writer.writerow([_harmless(cell) for cell in map(str, cells)])
        except OSError as error:
            raise UsageError(f"cannot write {self._file}: {error.strerror}") from error

    def __enter__(self) -> Table:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._whole.push(self._flush)
        self._whole.__exit__(kind, error, trace)

    def _flush(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Hand the rest of the text on before the file is closed."""
        if error is None:
            self._text.flush()
        self._text.detach()


def _harmless(cell: str) -> str:
    return "'" + cell if cell[:1] in _FORMULA_STARTS else cell


def instance_row(instance: Instance, state: State, reason: Reason | None) -> tuple[object, ...]:
    """One instance in the order of INSTANCE_COLUMNS."""
    series, study = instance.series, instance.study
    patient = study.patient
    modified = datetime.fromtimestamp(instance.mtime_ns / 1e9, timezone.utc)
    return (
        *(instance.path, instance.size, modified.isoformat(timespec="seconds")),
        *(state.value, reason.value if reason else ""),
        *(patient.id, patient.issuer, patient.name, patient.birth_date, patient.sex),
        *(study.uid, study.date, study.description, study.accession),
        *(series.uid, series.modality, series.number, series.description),
        *(instance.sop_class, instance.uid, instance.transfer_syntax),
    )
