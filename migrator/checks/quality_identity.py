"""Whether files contradict each other about patients, studies and series (PS3.3 7).

Per patient, study and series a few integers are kept, and the path of the first file, which is read again
where another one differs.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from migrator.checks.quality_findings import Findings, example_of
from migrator.checks.quality_gaps import missing_ranges, range_words
from migrator.core.inspection import Kind
from migrator.core.model import Instance, Patient
from migrator.engine.remedies.patient import differences, is_another_person

_NO_NUMBER = 2**40  # no instance number is so large

ReadAgain = Callable[[str], "Instance | None"]
"""Reads the file at a path once more; None where it is no instance any more."""


class _Firsts:
    """The first file of each key, with fingerprints of what all files of that key are to agree on.

    A fingerprint of 0 says nothing; a file that says as much as the first and more takes its place. About 150
    bytes per key.
    """

    def __init__(self, width: int) -> None:
        self._index: dict[int, int] = {}
        self._marks = [array("q") for _ in range(width)]
        self._told: set[int] = set()
        self.paths: list[str] = []

    def place(self, key: int, path: str, marks: tuple[int, ...]) -> tuple[int, bool]:
        """The key's number, and whether these marks differ from the first file's, for the first time."""
        index = self._index.setdefault(key, len(self.paths))
        if index == len(self.paths):
            self.paths.append(path)
            for column, mark in zip(self._marks, marks, strict=True):
                column.append(mark)
            return index, False
        firsts = [column[index] for column in self._marks]
        pairs = list(zip(marks, firsts, strict=True))
        if any(mark != first and mark and first for mark, first in pairs):
            variant = hash((index, marks))
            is_new = variant not in self._told
            self._told.add(variant)
            return index, is_new
        if marks != tuple(firsts) and all(mark or not first for mark, first in pairs):
            self.paths[index] = path
            for column, mark in zip(self._marks, marks, strict=True):
                column[index] = mark
        return index, False


@dataclass(slots=True)
class IdentityCheck:
    """Compares every instance with the first one of its patient, study and series."""

    findings: Findings
    read_again: ReadAgain
    _patients: _Firsts = field(default_factory=lambda: _Firsts(3), init=False)
    _studies: _Firsts = field(default_factory=lambda: _Firsts(3), init=False)
    _series: _Firsts = field(default_factory=lambda: _Firsts(2), init=False)
    # The number of each series' first image, and those of its others: eight bytes per image.
    _first_numbers: array[int] = field(default_factory=lambda: array("q"), init=False)
    _numbers: dict[int, array[int]] = field(default_factory=dict, init=False)
    _counted: set[tuple[Kind, int]] = field(default_factory=set, init=False)
    _last: tuple[object, int] = field(default=(None, 0), init=False)

    def take(self, instance: Instance, number: int | None) -> None:
        """Look at one instance; `number` is its instance number where it is an image."""
        series = instance.series
        # Files of one series that say the same share one object, and mostly follow one another.
        if self._last[0] is not series:
            self._last = (series, self._compared(instance))
        if number is not None:
            self._add_number(self._last[1], number)

    def finish(self) -> None:
        """Look for gaps in the instance numbers of every series."""
        for index, numbers in self._numbers.items():
            ranges = missing_ranges([self._first_numbers[index], *numbers])
            first = self.read_again(self._series.paths[index]) if ranges else None
            if first is not None:
                self.findings.add_of(Kind.NUMBER_GAPS, first, f"missing: {range_words(ranges)}")

    def _add_number(self, index: int, number: int) -> None:
        firsts = self._first_numbers
        if index >= len(firsts):
            firsts.extend([_NO_NUMBER] * (index + 1 - len(firsts)))
        if firsts[index] == _NO_NUMBER:
            firsts[index] = number
        elif index in self._numbers:
            self._numbers[index].append(number)
        else:
            self._numbers[index] = array("i", (number,))

    def _compared(self, instance: Instance) -> int:
        """Compare an instance with the first ones; returns the number of its series."""
        series, study = instance.series, instance.study
        patient = study.patient
        who = hash((patient.id, patient.issuer)) if patient.id else 0
        if patient.id:
            marks = (_mark(patient.name), _mark(patient.birth_date), _mark(patient.sex))
            self._look(instance, self._patients, (who, marks), _patient_kinds)
        marks = (who, _mark(study.date), _mark(study.accession))
        self._look(instance, self._studies, (hash(study.uid), marks), _study_kinds)
        pair = (hash(series.uid), (hash(study.uid), _mark(series.modality)))
        return self._look(instance, self._series, pair, _series_kinds)

    def _look(
        self, instance: Instance, firsts: _Firsts, key: tuple[int, tuple[int, ...]], kinds: _Kinds
    ) -> int:
        index, is_other = firsts.place(key[0], instance.path, key[1])
        first = self.read_again(firsts.paths[index]) if is_other else None
        if first is not None:
            for kind, detail in kinds(instance, first):
                # Of a patient, study or series each is told once.
                if (kind, index) not in self._counted:
                    self._counted.add((kind, index))
                    self.findings.add(kind, example_of(instance, f"{detail}, unlike {first.path}"))
        return index


_Kinds = Callable[[Instance, Instance], "Iterator[tuple[Kind, str]]"]


def _mark(text: str) -> int:
    return hash(text) if text else 0


def _patient_kinds(instance: Instance, first: Instance) -> Iterator[tuple[Kind, str]]:
    one, other = instance.study.patient, first.study.patient
    if is_another_person(one, other):
        yield Kind.TWO_PERSONS, f"{_person(one)} and {_person(other)}"
        return
    different = differences(one, other)
    if "name" in different:
        yield Kind.PATIENT_NAMES, f"{one.name} and {other.name}"
    if "birth date" in different:
        yield Kind.PATIENT_BIRTH_DATES, f"{one.birth_date} and {other.birth_date}"
    if one.sex and other.sex and one.sex != other.sex:
        yield Kind.PATIENT_SEXES, f"{one.sex} and {other.sex}"


def _person(patient: Patient) -> str:
    return f"{patient.name} ({patient.birth_date})"


def _study_kinds(instance: Instance, first: Instance) -> Iterator[tuple[Kind, str]]:
    one, other = instance.study, first.study
    here, there = one.patient, other.patient
    if here.id and there.id and not {"patient ID", "issuer"}.isdisjoint(differences(here, there)):
        yield Kind.STUDY_PATIENTS, f"patient ID {_numbered(here)} and {_numbered(there)}"
    pairs = (
        ("study date", one.date, other.date),
        ("accession number", one.accession, other.accession),
    )
    words = [f"{what} {a} and {b}" for what, a, b in pairs if a and b and a != b]
    if words:
        yield Kind.STUDY_DIFFERS, ", ".join(words)


def _numbered(patient: Patient) -> str:
    return f"{patient.id} of {patient.issuer}" if patient.issuer else patient.id


def _series_kinds(instance: Instance, first: Instance) -> Iterator[tuple[Kind, str]]:
    if instance.study.uid != first.study.uid:
        yield Kind.SERIES_IN_TWO_STUDIES, f"study {instance.study.uid} and {first.study.uid}"
    modality, other = instance.series.modality, first.series.modality
    if modality and other and modality != other:
        yield Kind.SERIES_MODALITIES, f"{modality} and {other}"
