"""Rules while they are written: checked, told in words, read from files and kept there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from migrator.core.errors import UsageError
from migrator.core.rules import Fault
from migrator.dicom.editing.rules import check_rules
from migrator.dicom.editing.rules_words import name_of as name_of  # the faces' too
from migrator.dicom.editing.rules_words import tag_text as tag_text
from migrator.dicom.editing.rules_words import words
from migrator.jobs.home import refuse_inside
from migrator.records.writing import write_whole

_MOST_BYTES = 1 << 20

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("Set a value", 'InstitutionName set "General Hospital"'),
    ("Put a text before a value", 'AccessionNumber prefix "OLD-"'),
    ("Append a text", 'PatientID suffix "_A"'),
    ("Delete an attribute", "StationName delete"),
    ("Replace by a pattern", r'StudyDescription replace /CT (\d+)/ "CT-\1"'),
    ("Copy another attribute", "AccessionNumber copy StudyID"),
    ("Drop every private element", "strip_private"),
    ("Only where a value is equal", 'InstitutionName set "North" if Modality = "CT"'),
    ("Only where a value is missing", 'PatientID replace /^0+/ "" if IssuerOfPatientID missing'),
)
"""What each does, and a line that does it."""


@dataclass(frozen=True, slots=True)
class Told:
    """One rule, in words."""

    line: int
    words: str


@dataclass(frozen=True, slots=True)
class CheckedRules:
    """What a text says, and what is wrong with it; both in the order of its lines."""

    rules: tuple[Told, ...] = ()
    faults: tuple[Fault, ...] = ()


def checked(text: str) -> CheckedRules:
    """Check rules as a run would before it starts. Reads no file."""
    rules, faults = check_rules(text)
    wrong = {fault.line for fault in faults}
    told = tuple(Told(rule.line, words(rule)) for rule in rules if rule.line not in wrong)
    return CheckedRules(told, tuple(faults))


def read_rules(file: Path) -> str:
    """The text of a file with rules, right or wrong. Raises UsageError where it cannot be read."""
    try:
        with file.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise UsageError(f"{file} is longer than {_MOST_BYTES >> 20} MiB")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{file}, line {line}: is not UTF-8") from error


def write_rules(file: Path, text: str, source: str) -> None:
    """Keep rules in a file, which must not lie inside the source. Raises UsageError."""
    if source:
        refuse_inside(file, Path(os.path.realpath(source)), "the rules file")
    write_whole(file, text.encode())
