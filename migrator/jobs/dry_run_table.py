"""The table that a dry run has written, read again for those who look at what would not go as it is."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from migrator.core.errors import UsageError
from migrator.jobs.dry_run_rows import AS_IT_IS, COLUMNS
from migrator.jobs.home import refuse_inside, source_folder
from migrator.records.writing import whole_file

SHOWN = ("path", "action", "reason", "sop_class", "steps", "changes", "patient_there", "sop_instance_uid")
HEADS = (
    "Path",
    "What Would Happen",
    "Why",
    "SOP Class",
    "Steps",
    "Changes",
    "Patient There",
    "SOP Instance UID",
)


@dataclass(frozen=True, slots=True)
class Exceptions:
    """Rows of SHOWN of what would not be sent as it is: at most as many as asked for, of `count` in all."""

    rows: tuple[tuple[str, ...], ...]
    count: int


def exceptions_in(file: Path, most: int) -> Exceptions:
    """Raises UsageError where the table cannot be read."""
    rows: list[tuple[str, ...]] = []
    count = 0
    for row in _rows(file):
        if row["action"] in AS_IT_IS and not row["patient_there"]:
            continue
        count += 1
        if count <= most:
            rows.append(tuple(row[name] for name in SHOWN))
    return Exceptions(tuple(rows), count)


def _rows(file: Path) -> Iterator[dict[str, str]]:
    try:
        with file.open(encoding="utf-8", errors="replace", newline="") as stream:
            for row in csv.DictReader(stream, restval=""):
                if row.keys() >= set(COLUMNS):
                    yield {name: row[name] or "" for name in COLUMNS}
    except (OSError, csv.Error) as error:
        raise UsageError(f"the table of the dry run cannot be read: {error}") from error


def save_table(file: Path, to: Path, source: str) -> None:
    """Copy the whole table to where a person wants it, never into the source. Raises MigratorError."""
    refuse_inside(to, source_folder(source), "the table")
    try:
        with file.open("rb") as written, whole_file(to) as stream:
            shutil.copyfileobj(written, stream)
    except OSError as error:
        raise UsageError(f"{to} cannot be written: {error.strerror or error}") from error
