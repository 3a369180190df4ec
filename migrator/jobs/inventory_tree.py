"""What a scan found, as patients with studies with series, and what of it is to be migrated.

Grown from a scan's list (`jobs/tail.py`) while it is being written, in time that goes with the rows that are
new. No object stands for an instance: a series knows runs of rows. What would take long over a large archive
is a generator that yields often, so that a face with an event loop can go on in between.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from migrator.core.model import Patient, Series, Study
from migrator.jobs.inventory_nodes import (
    Key,
    Line,
    PatientKey,
    PatientNode,
    Place,
    Root,
    SeriesNode,
    StudyNode,
    key_of,
    patient_key,
    upwards,
)
from migrator.jobs.tail import Growth, Tail
from migrator.records.words import count, counted, noun, size

_PENDING = 0  # the index into tail.WORDS of what can be sent
_YIELD_EVERY = 64  # studies


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen, by names that a later scan finds again."""

    is_wanted: bool = True
    differing: frozenset[Key] = frozenset()
    """The lines that are wanted where what they are part of is not, or the other way round."""
    others: Mapping[Key, frozenset[str]] = field(default_factory=dict)
    """The UIDs of instances that stand against what their series says, by the series."""


class InventoryTree:
    """The tree over one scan's list. For one thread."""

    def __init__(self, tail: Tail, choices: Choices | None = None) -> None:
        self.tail = tail
        choices = choices or Choices()
        self._differing = set(choices.differing)  # of what is yet to be found, and may be of what was found
        self._others = {key: set(uids) for key, uids in choices.others.items()}  # that are yet to be found
        self._clear(is_wanted=choices.is_wanted)

    def _clear(self, *, is_wanted: bool) -> None:
        self.root = Root(is_wanted=is_wanted)
        self.problems = array("I")
        """The rows of what cannot be sent, with or without a series."""
        self.modalities: set[str] = set()
        self.studies = 0
        """How many studies there are."""
        self._patients: dict[PatientKey, PatientNode] = {}
        self._studies: dict[tuple[PatientNode, str], StudyNode] = {}
        self._series: dict[tuple[StudyNode, str, str], SeriesNode] = {}
        self._of_place: list[SeriesNode] = []

    # Growing

    def take(self, growth: Growth) -> None:
        """Add what a slice of reading has brought. A scan writes each path once, so earlier rows stand."""
        if growth.is_anew:
            self._clear(is_wanted=self.root.is_wanted)
        places, words = self.tail.places, self.tail.words
        row, end = growth.first, growth.first + growth.added
        while row < end:
            place, word, first = places[row], words[row], row
            row += 1
            while row < end and places[row] == place and words[row] == word:
                row += 1
            if word != _PENDING:
                self.problems.extend(range(first, row))
            if place >= 0:
                self._add(self._at(place), first, row)
            else:
                self.root.problems += row - first

    def _add(self, series: SeriesNode, first: int, end: int) -> None:
        if series.runs and series.runs[-1] == first:
            series.runs[-1] = end
        else:
            series.runs.extend((first, end))
        if self.tail.words[first] != _PENDING:
            for node in upwards(series):
                node.problems += end - first
            return
        bytes_ = sum(self.tail.sizes[first:end])
        for node in upwards(series):
            node.instances += end - first
            node.size += bytes_
        others = self._remembered(series, first, end) if self._others else []
        series.others = series.others.union(others)
        other_bytes = sum(self.tail.sizes[row] for row in others)
        if series.is_wanted:
            self._choose(series, end - first - len(others), bytes_ - other_bytes)
        else:
            self._choose(series, len(others), other_bytes)

    def _remembered(self, series: SeriesNode, first: int, end: int) -> list[int]:
        """The new rows that stood against their series before."""
        uids = self._others.get(key_of(series))
        if not uids:
            return []
        found = {row: self.tail.line(row).get("uid", "") for row in range(first, end)}
        others = [row for row, uid in found.items() if uid in uids]
        uids.difference_update(found.values())
        return others

    def _at(self, place: int) -> SeriesNode:
        """The node of the list's series of this number."""
        while len(self._of_place) <= place:
            self._of_place.append(self._node(self.tail.series[len(self._of_place)]))
        return self._of_place[place]

    def _node(self, series: Series) -> SeriesNode:
        study = self._study(series.study)
        key = study, series.uid, series.modality
        node = self._series.get(key)
        if node is None:
            node = self._series[key] = SeriesNode(series, study, is_wanted=study.is_wanted)
            self._recall(node)
            study.children.append(node)
            self.modalities.add(series.modality)
        return node

    def _study(self, study: Study) -> StudyNode:
        patient = self._patient(study.patient)
        node = self._studies.get((patient, study.uid))
        if node is None:
            node = self._studies[patient, study.uid] = StudyNode(study, patient, is_wanted=patient.is_wanted)
            self._recall(node)
            patient.children.append(node)
            self.studies += 1
        return node

    def _patient(self, patient: Patient) -> PatientNode:
        key = patient_key(patient)
        node = self._patients.get(key)
        if node is None:
            node = self._patients[key] = PatientNode(patient, self.root, is_wanted=self.root.is_wanted)
            self._recall(node)
            self.root.children.append(node)
        return node

    def _recall(self, node: Line) -> None:
        """Let what was just found stand as it did before."""
        if self._differing and key_of(node) in self._differing:
            node.is_wanted = not node.is_wanted

    def _forget(self, nodes: Iterable[Place]) -> None:
        """Something else was decided for all that is in these, what is yet to be found too."""
        if not self._differing and not self._others:
            return
        names = {() if isinstance(node, Root) else key_of(node) for node in nodes}
        lengths = {len(name) for name in names}
        for key in [*self._differing, *self._others]:
            if any(key[:length] in names for length in lengths):
                self._differing.discard(key)
                self._others.pop(key, None)

    def find(self, key: Key) -> Line | None:
        """The line of this name, once it was found."""
        patient = self._patients.get((key[0], key[1], key[2]))
        study = self._studies.get((patient, key[3])) if patient is not None and len(key) > 3 else None
        if len(key) == 3 or study is None:
            return patient if len(key) == 3 else None
        return study if len(key) == 4 else self._series.get((study, key[4], key[5]))

    # Choosing

    def _choose(self, series: SeriesNode, instances: int, bytes_: int) -> None:
        """Count so many more (or fewer) as chosen."""
        if not instances and not bytes_:
            return
        study = series.parent
        patient, root = study.parent, study.parent.parent
        had_study, had_patient = study.chosen > 0, patient.chosen > 0
        for node in upwards(series):
            node.chosen += instances
            node.chosen_size += bytes_
        root.studies += (study.chosen > 0) - had_study
        root.patients += (patient.chosen > 0) - had_patient

    def check(self, nodes: Iterable[Place], is_wanted: bool) -> Iterator[None]:
        """Choose all of these, or leave them out; what is yet to be found in them too."""
        nodes = list(nodes)
        self._forget(nodes)
        for node in nodes:
            node.is_wanted = is_wanted
            for number, series in enumerate(self._series_under(node)):
                study = series.parent
                if node is not series:
                    series.is_wanted = study.is_wanted = is_wanted
                    if not isinstance(node, StudyNode):
                        study.parent.is_wanted = is_wanted
                series.others = frozenset()
                want, bytes_ = (series.instances, series.size) if is_wanted else (0, 0)
                self._choose(series, want - series.chosen, bytes_ - series.chosen_size)
                if number % _YIELD_EVERY == 0:
                    yield
            if is_wanted:
                self._want_whole_ones(node)

    def check_rows(self, series: SeriesNode, rows: Iterable[int], is_wanted: bool) -> None:
        """Choose single instances, or leave them out; what cannot be sent stays as it is."""
        turned = {
            row for row in rows if self.tail.words[row] == _PENDING and series.takes(row) is not is_wanted
        }
        sign = 1 if is_wanted else -1
        self._choose(series, sign * len(turned), sign * sum(self.tail.sizes[row] for row in turned))
        series.others ^= turned
        if len(series.others) == series.instances:  # all of them stand against it: then it says the contrary
            series.is_wanted, series.others = not series.is_wanted, frozenset()
            self._forget([series])
        if is_wanted:
            self._want_whole_ones(series)

    def _want_whole_ones(self, node: Place) -> None:
        """What became wholly chosen through one of its parts wants what is yet to be found in it, too."""
        above: Place | None = node.parent
        while above is not None and above.is_whole:
            if not above.is_wanted:
                self._forget([above])
                above.is_wanted = True
            above = above.parent

    def invert(self) -> Iterator[None]:
        """Choose what is left out, and leave out what is chosen."""
        self.root.is_wanted = not self.root.is_wanted
        for number, patient in enumerate(list(self.root.children)):  # those found meanwhile are right
            patient.is_wanted = not patient.is_wanted
            for study in patient.children:
                study.is_wanted = not study.is_wanted
                for series in study.children:
                    series.is_wanted = not series.is_wanted
                    rest, bytes_ = series.instances - series.chosen, series.size - series.chosen_size
                    self._choose(series, rest - series.chosen, bytes_ - series.chosen_size)
            if number % _YIELD_EVERY == 0:
                yield

    def _series_under(self, node: Place) -> Iterator[SeriesNode]:
        # By index: more may be found while this goes on.
        if isinstance(node, SeriesNode):
            yield node
        else:
            index = 0
            while index < len(node.children):
                yield from self._series_under(node.children[index])
                index += 1

    @property
    def is_everything(self) -> bool:
        """Whether all is chosen, what is yet to be found too."""
        return (
            self.root.is_whole
            and self.root.is_wanted
            and not self._missing
            and not any(self._others.values())
        )

    @property
    def _missing(self) -> set[Key]:
        """What was chosen otherwise than what it is part of, and is not found, or not yet."""
        return {key for key in self._differing if self.find(key) is None}

    @property
    def words(self) -> str:
        """What is chosen: 1,234 of 5,678 instances in 12 studies of 10 patients."""
        root = self.root
        many = f"{count(root.chosen)} of {count(root.instances)} {noun(root.instances, 'instance')}"
        return (
            f"{many} in {counted(root.studies, 'study')} of {counted(root.patients, 'patient')} selected, "
            f"{size(root.chosen_size)}"
        )

    @property
    def choices(self) -> Choices:
        """What is chosen, for the tree of a later scan of the same source; of what this one has not found,
        what was chosen before."""
        differing = self._missing
        others = {key: frozenset(uids) for key, uids in self._others.items() if uids}
        for patient in self.root.children:
            if patient.is_wanted is not self.root.is_wanted:
                differing.add(key_of(patient))
            for study in patient.children:
                if study.is_wanted is not patient.is_wanted:
                    differing.add(key_of(study))
                for one in study.children:
                    if one.is_wanted is not study.is_wanted:
                        differing.add(key_of(one))
                    if one.others:
                        uids = (self.tail.line(row).get("uid", "") for row in one.others)
                        others[key_of(one)] = others.get(key_of(one), frozenset()).union(uids)
        return Choices(self.root.is_wanted, frozenset(differing), others)
