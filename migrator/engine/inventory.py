"""What a source holds, counted while it is scanned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from migrator.core.model import Instance, Reason, Series
from migrator.core.outcome import Problem, State

_MOST_EXAMPLES = 5


@dataclass(slots=True)
class ProblemCount:
    """How often a reason occurred, in which state, and the first few relative paths."""

    state: State
    reason: Reason
    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Inventory:
    """Counts of one scan. `paths` is everything found; instances that are to be sent are pending in `states`.

    Duplicates and conflicts are instances too, and count as problems besides. Memory does not grow with the
    number of instances, only with that of the series.
    """

    paths: int = 0
    instances: int = 0
    bytes: int = 0
    states: Counter[State] = field(default_factory=Counter)
    modalities: Counter[str] = field(default_factory=Counter)
    transfer_syntaxes: Counter[str] = field(default_factory=Counter)
    sop_classes: Counter[str] = field(default_factory=Counter)
    problems: dict[Reason, ProblemCount] = field(default_factory=dict)
    _patients: set[int] = field(default_factory=set)
    _studies: set[int] = field(default_factory=set)
    _series: set[int] = field(default_factory=set)
    _last_series: Series | None = None

    @property
    def patients(self) -> int:
        """Distinct patients, by id and issuer; without an id by name and birth date."""
        return len(self._patients)

    @property
    def studies(self) -> int:
        return len(self._studies)

    @property
    def series(self) -> int:
        return len(self._series)

    @property
    def spoils(self) -> bool:
        """Whether anything is damaged, unreadable or held."""
        return any(problem.state.spoils for problem in self.problems.values())

    def by_count(self) -> Iterable[ProblemCount]:
        """The problems, the most frequent first."""
        return sorted(self.problems.values(), key=lambda problem: -problem.count)

    def add_instance(self, instance: Instance) -> None:
        """Count an instance that is to be sent."""
        self.paths += 1
        self.states[State.PENDING] += 1
        self._count(instance)

    def add_problem(self, problem: Problem) -> None:
        """Count a path that is not to be sent."""
        self.paths += 1
        self.states[problem.state] += 1
        if problem.instance is not None:
            self._count(problem.instance)
        count = self.problems.setdefault(problem.reason, ProblemCount(problem.state, problem.reason))
        count.count += 1
        if len(count.examples) < _MOST_EXAMPLES:
            count.examples.append(problem.path)

    def _count(self, instance: Instance) -> None:
        self.instances += 1
        self.bytes += instance.size
        self.modalities[instance.series.modality] += 1
        self.transfer_syntaxes[instance.transfer_syntax] += 1
        self.sop_classes[instance.sop_class] += 1
        if instance.series is not self._last_series:
            self._last_series = instance.series
            self._count_series(instance.series)

    def _count_series(self, series: Series) -> None:
        patient = series.study.patient
        self._series.add(hash(series.uid))
        self._studies.add(hash(series.study.uid))
        identity = (patient.id, patient.issuer) if patient.id else (patient.name, patient.birth_date)
        self._patients.add(hash(identity))
