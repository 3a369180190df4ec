"""The crosswalk: a CSV that gives patients of merged hospitals their new identity."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from migrator.core.model import Patient
from migrator.core.rules import ApplyCrosswalk, Fault

COLUMNS = ("old_id", "old_issuer", "new_id", "new_issuer", "new_name")
_NEEDED = ("old_id", "new_id")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\\]")
# PS3.5 6.2: LO for ID and issuer, PN for the name, whose limit holds for each of its three groups.
_LONGEST = 64


def parse_crosswalk(text: str) -> tuple[ApplyCrosswalk, list[Fault]]:
    """The crosswalk of a CSV with a header row, and what is wrong with its lines.

    Its columns are `COLUMNS` in any order; all but the IDs may be absent. Without `old_issuer` patients are
    known by their ID alone, with it by exactly both.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    patients: dict[tuple[str, str], Patient] = {}
    lines: dict[tuple[str, str], int] = {}
    faults: list[Fault] = []
    try:
        header = [re.sub(r"[\s_-]+", "_", name.strip().lower()) for name in next(reader, [])]
        faults += _header_faults(header)
        if faults:
            return ApplyCrosswalk({}), faults
        for row in reader:
            if not any(field.strip() for field in row):
                continue
            line = reader.line_num
            if len(row) != len(header):
                faults.append(Fault(line, f"has {len(row)} columns, the header {len(header)}"))
                continue
            fields = {name: value.strip() for name, value in zip(header, row, strict=True)}
            faults += [Fault(line, words) for words in _row_faults(fields)]
            key = (fields["old_id"], fields.get("old_issuer", ""))
            new = Patient(fields["new_id"], fields.get("new_issuer", ""), fields.get("new_name", ""))
            if key in patients:
                kind = "the same as" if patients[key] == new else "in conflict with"
                faults.append(Fault(line, f"is {kind} line {lines[key]}: the same old ID and issuer"))
            else:
                patients[key], lines[key] = new, line
    except csv.Error as error:
        faults.append(Fault(reader.line_num, f"is no CSV: {error}"))
    return ApplyCrosswalk(patients, by_id_alone="old_issuer" not in header), faults


def _header_faults(header: list[str]) -> Iterator[Fault]:
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        # Then it may be no header at all, but a patient, who is not to be quoted.
        yield Fault(1, f"the header lacks {' and '.join(missing)}; columns are {', '.join(COLUMNS)}")
        return
    for name in dict.fromkeys(header):
        if name not in COLUMNS:
            yield Fault(1, f"there is no column {name!r}; columns are {', '.join(COLUMNS)}")
        elif header.count(name) > 1:
            yield Fault(1, f"the column {name} stands there twice")


def _row_faults(fields: dict[str, str]) -> Iterator[str]:
    for name in _NEEDED:
        if not fields[name]:
            yield f"{name} is empty"
    for name, value in fields.items():
        parts = value.split("=") if name == "new_name" else [value]
        if _CONTROLS.search(value):
            yield f"{name} holds a backslash or a control character"
        elif any(len(part) > _LONGEST for part in parts):
            yield f"{name} is longer than {_LONGEST} letters"
