"""The lines of the inventory's tree as they are shown: sifted, sorted, with what is open laid out.

Generators that yield often; one that is not finished may be dropped at any time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from migrator.core.errors import UsageError
from migrator.jobs.inventory_nodes import Line, PatientNode, SeriesNode, StudyNode
from migrator.jobs.inventory_tree import InventoryTree

_YIELD_EVERY = 256

Column = Literal["name", "id", "modality", "date", "studies", "series", "instances", "size"]
COLUMNS: tuple[Column, ...] = ("name", "id", "modality", "date", "instances", "size", "series", "studies")


@dataclass(frozen=True, slots=True)
class Sifting:
    """What is shown: each condition that is set must hold. Dates are DICOM's, and both ends belong to it.

    `text` is looked for, whatever its case, in names, IDs, UIDs, descriptions and accession numbers.
    """

    text: str = ""
    modalities: frozenset[str] = frozenset()
    first: str = ""
    last: str = ""
    is_chosen_only: bool = False

    @property
    def is_all(self) -> bool:
        return not (self.text or self.modalities or self.first or self.last or self.is_chosen_only)


@dataclass(frozen=True, slots=True)
class Order:
    """By which column the lines of each level are sorted."""

    column: Column = "name"
    is_descending: bool = False


Shown = frozenset[Line] | None
"""The lines that are shown; None is all of them."""


def sift(tree: InventoryTree, sifting: Sifting) -> Generator[None, None, Shown]:
    """Which lines are shown."""
    if sifting.is_all:
        return None
    text = sifting.text.strip().casefold()
    shown: set[Line] = set()
    number = 0
    for patient in list(tree.root.children):
        patient_fits = text in _patient_text(patient)
        for study in list(patient.children):
            number += 1
            if number % _YIELD_EVERY == 0:
                yield
            if not _date_fits(study.about.date, sifting):
                continue
            study_fits = patient_fits or text in _study_text(study)
            found = [
                one
                for one in study.children
                if (study_fits or text in _series_text(one)) and _is_shown(one, sifting)
            ]
            if found:
                shown.update(found)
                shown.add(study)
                shown.add(patient)
    return frozenset(shown)


def arrange(
    tree: InventoryTree, shown: Shown, order: Order, opened: Collection[Line]
) -> Generator[None, None, list[Line]]:
    """The lines from top to bottom."""
    lines: list[Line] = []
    keys: list[Any] = []
    nodes = [node for node in tree.root.children if shown is None or node in shown]
    key = _KEYS[order.column]
    for number, node in enumerate(nodes):
        keys.append(key(node))
        if number % _YIELD_EVERY == 0:
            yield
    for number, index in enumerate(
        sorted(range(len(nodes)), key=keys.__getitem__, reverse=order.is_descending)
    ):
        node = nodes[index]
        lines.append(node)
        if node in opened:
            lines += under(node, shown, order, opened)
        if number % _YIELD_EVERY == 0:
            yield
    return lines


def under(node: Line, shown: Shown, order: Order, opened: Collection[Line]) -> list[Line]:
    """The lines that an open line has below it."""
    lines: list[Line] = []
    children: Sequence[Line] = node.children
    key = _KEYS[order.column]
    for child in sorted(
        (one for one in children if shown is None or one in shown), key=key, reverse=order.is_descending
    ):
        lines.append(child)
        if child in opened:
            lines += under(child, shown, order, opened)
    return lines


def check_shown(tree: InventoryTree, shown: Shown) -> Generator[None, None, None]:
    """Choose what is shown and nothing else."""
    if shown is None:
        yield from tree.check([tree.root], True)
        return
    yield from tree.check([tree.root], False)
    yield from tree.check([one for one in shown if isinstance(one, SeriesNode)], True)


_DATE = re.compile(r"^(\d{4})(?:-?(\d{2})(?:-?(\d{2}))?)?$", re.ASCII)


def first_day(text: str) -> str:
    """The first day of a year, month or day (2024, 2024-03, 2024-03-15). Raises UsageError."""
    year, month, day = _parts(text)
    return f"{year}{month or '01'}{day or '01'}" if year else ""


def last_day(text: str) -> str:
    """The last day of it. Raises UsageError."""
    year, month, day = _parts(text)
    return f"{year}{month or '12'}{day or '31'}" if year else ""


def _parts(text: str) -> tuple[str, str, str]:
    text = text.strip()
    match = _DATE.match(text)
    if not text or match is None:
        if text:
            raise UsageError("write a date as YYYY-MM-DD, YYYY-MM or YYYY")
        return "", "", ""
    year, month, day = match[1], match[2] or "", match[3] or ""
    if not ("" <= month <= "12") or month == "00" or day > "31" or day == "00":
        raise UsageError("write a date as YYYY-MM-DD, YYYY-MM or YYYY")
    return year, month, day


def _is_shown(series: SeriesNode, sifting: Sifting) -> bool:
    if sifting.modalities and series.about.modality not in sifting.modalities:
        return False
    return not sifting.is_chosen_only or series.chosen > 0


def _date_fits(date: str, sifting: Sifting) -> bool:
    if not sifting.first and not sifting.last:
        return True
    plain = date.replace(".", "")  # as dates were written before DICOM 3.0
    return bool(plain) and (sifting.first or "0") <= plain <= (sifting.last or "9")


def _patient_text(node: PatientNode) -> str:
    return f"{node.about.name}\n{node.about.name.replace('^', ' ')}\n{node.about.id}".casefold()


def _study_text(node: StudyNode) -> str:
    study = node.about
    return f"{study.description}\n{study.accession}\n{study.uid}".casefold()


def _series_text(node: SeriesNode) -> str:
    return f"{node.about.description}\n{node.about.uid}".casefold()


def _name(node: Line) -> str:
    """Patients by name, studies by date, series by number: as people look for them."""
    match node:
        case PatientNode():
            return f"{node.about.name.casefold()}\n{node.about.id}"
        case StudyNode():
            return f"{node.about.date}\n{node.about.description.casefold()}"
        case SeriesNode():
            number = node.about.number
            return f"{int(number):010}" if number.isascii() and number.isdigit() else f"~{number}"


def _id(node: Line) -> str:
    return node.about.id if isinstance(node, PatientNode) else node.about.uid


def _modality(node: Line) -> str:
    return node.about.modality if isinstance(node, SeriesNode) else "/".join(node.modalities)


def _date(node: Line) -> str:
    match node:
        case PatientNode():
            return node.date
        case StudyNode():
            return node.about.date
        case SeriesNode():
            return _name(node)


def _studies(node: Line) -> int:
    return len(node.children) if isinstance(node, PatientNode) else 0


def _series(node: Line) -> int:
    match node:
        case PatientNode():
            return node.series
        case StudyNode():
            return len(node.children)
        case SeriesNode():
            return 0


def _instances(node: Line) -> int:
    return node.instances


def _size(node: Line) -> int:
    return node.size


_KEYS: dict[Column, Callable[[Any], Any]] = {
    "name": _name,
    "id": _id,
    "modality": _modality,
    "date": _date,
    "studies": _studies,
    "series": _series,
    "instances": _instances,
    "size": _size,
}
