"""The lines of the inventory's tree: patients, their studies, and their series, with what is in them."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Generic, TypeVar

from migrator.core.model import Patient, Series, Study

_About = TypeVar("_About")
_Parent = TypeVar("_Parent")
_Child = TypeVar("_Child")

PatientKey = tuple[str, str, str]
"""Patient ID, its issuer and the name as found."""


class Node(Generic[_About, _Parent, _Child]):
    """One line of the tree: what it is about, how much is in it, and how much of that is chosen.

    `instances` and `size` (bytes) count what can be sent, `problems` the rows that cannot. `is_wanted` is
    what becomes of things that are yet to be found in it.
    """

    __slots__ = (
        "about",
        "children",
        "chosen",
        "chosen_size",
        "instances",
        "is_wanted",
        "parent",
        "problems",
        "size",
    )

    def __init__(self, about: _About, parent: _Parent, *, is_wanted: bool) -> None:
        self.about = about
        self.parent = parent
        self.children: list[_Child] = []
        self.instances = 0
        self.size = 0
        self.problems = 0
        self.chosen = 0
        self.chosen_size = 0
        self.is_wanted = is_wanted

    @property
    def is_whole(self) -> bool:
        """Whether all that is in it is chosen."""
        return self.chosen == self.instances

    @property
    def is_part(self) -> bool:
        return 0 < self.chosen < self.instances


class Root(Node[None, None, "PatientNode"]):
    """Everything. `studies` and `patients` count those of which something is chosen."""

    __slots__ = ("patients", "studies")

    def __init__(self, *, is_wanted: bool = True) -> None:
        super().__init__(None, None, is_wanted=is_wanted)
        self.studies = 0
        self.patients = 0


class PatientNode(Node[Patient, Root, "StudyNode"]):
    """A patient as the files name them: two spellings of a name are two patients here."""

    __slots__ = ()

    @property
    def modalities(self) -> list[str]:
        return sorted({one.about.modality for study in self.children for one in study.children} - {""})

    @property
    def series(self) -> int:
        """How many series there are."""
        return sum(len(study.children) for study in self.children)

    @property
    def date(self) -> str:
        """Of the latest study; as DICOM has it."""
        return max((study.about.date for study in self.children), default="")


class StudyNode(Node[Study, PatientNode, "SeriesNode"]):
    """A study of this patient; descriptions are those of its first file."""

    __slots__ = ()

    @property
    def modalities(self) -> list[str]:
        return sorted({one.about.modality for one in self.children} - {""})


class SeriesNode(Node[Series, StudyNode, "SeriesNode"]):
    """A series. `runs` are its rows: first and after-last of each run. `others` are the rows that stand
    against `is_wanted`: single instances that were chosen, or left out.
    """

    __slots__ = ("others", "runs")

    def __init__(self, about: Series, parent: StudyNode, *, is_wanted: bool) -> None:
        super().__init__(about, parent, is_wanted=is_wanted)
        self.runs = array("I")
        self.others: frozenset[int] = frozenset()

    @property
    def rows(self) -> Iterator[int]:
        """Its rows in the order in which they were found."""
        for index in range(0, len(self.runs), 2):
            yield from range(self.runs[index], self.runs[index + 1])

    def rows_after(self, row: int) -> Iterator[int]:
        """Those of them that were found after this one, which is among them; -1: all."""
        index = len(self.runs)
        while index and self.runs[index - 1] > row + 1:
            index -= 2
        for start in range(index, len(self.runs), 2):
            yield from range(max(self.runs[start], row + 1), self.runs[start + 1])

    def takes(self, row: int) -> bool:
        """Whether this instance is chosen."""
        return self.is_wanted is not (row in self.others)


Place = Root | PatientNode | StudyNode | SeriesNode
Line = PatientNode | StudyNode | SeriesNode
"""What stands in the tree as a line."""
Key = tuple[str, ...]
"""Patient ID, issuer and name; then the study's UID; then the series' UID and modality."""


def patient_key(patient: Patient) -> PatientKey:
    return patient.id, patient.issuer, patient.name


def key_of(line: Line) -> Key:
    """What names a line in any scan of the same source; `InventoryTree.find` takes it."""
    match line:
        case PatientNode():
            return patient_key(line.about)
        case StudyNode():
            return *patient_key(line.parent.about), line.about.uid
        case SeriesNode():
            return *key_of(line.parent), line.about.uid, line.about.modality


def first_series(node: Line) -> SeriesNode | None:
    """The series itself, or the first one in it."""
    while not isinstance(node, SeriesNode):
        if not node.children:
            return None
        node = node.children[0]
    return node


def upwards(series: SeriesNode) -> tuple[Place, Place, Place, Place]:
    """The series and all that it is part of."""
    study = series.parent
    return series, study, study.parent, study.parent.parent
