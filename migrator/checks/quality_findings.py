"""What was found to be wrong, counted by kind, with a few examples of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from migrator.checks.quality_kinds import KINDS
from migrator.checks.quality_words import Severity, Words
from migrator.core.inspection import Kind
from migrator.core.model import Instance

MOST_EXAMPLES = 20  # kept of each kind; a table of all is written as they are found


@dataclass(frozen=True, slots=True)
class Example:
    """One occurrence: the file by its relative path, and what else is known of it."""

    path: str
    uid: str = ""
    series_uid: str = ""
    study_uid: str = ""
    patient_id: str = ""
    detail: str = ""


@dataclass(slots=True)
class Finding:
    """How often a kind occurred, in its own unit, and the first occurrences."""

    kind: Kind
    count: int = 0
    examples: list[Example] = field(default_factory=list)

    @property
    def words(self) -> Words:
        return KINDS[self.kind]


Row = Callable[[Kind, Example], None]


def keep_nothing(kind: Kind, example: Example) -> None:
    """A Row for callers that want the counts and examples only."""


class Findings:
    """Counts occurrences; `row` is told of each. Owned by one thread."""

    def __init__(self, row: Row = keep_nothing) -> None:
        self._row = row
        self._by_kind: dict[Kind, Finding] = {}

    def add(self, kind: Kind, example: Example) -> None:
        finding = self._by_kind.get(kind)
        if finding is None:
            finding = self._by_kind[kind] = Finding(kind)
        finding.count += 1
        if len(finding.examples) < MOST_EXAMPLES:
            finding.examples.append(example)
        self._row(kind, example)

    def add_of(self, kind: Kind, instance: Instance, detail: str = "") -> None:
        """Count an occurrence in the file of this instance."""
        self.add(kind, example_of(instance, detail))

    def ordered(self) -> Iterator[Finding]:
        """All findings, errors first, then as the kinds stand."""
        for severity in Severity:
            for kind, words in KINDS.items():
                if words.severity is severity and kind in self._by_kind:
                    yield self._by_kind[kind]


def example_of(instance: Instance, detail: str = "") -> Example:
    """An occurrence in the file of this instance."""
    study = instance.study
    return Example(instance.path, instance.uid, instance.series.uid, study.uid, study.patient.id, detail)
