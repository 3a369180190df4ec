"""From instances to study batches: what goes over which association in one piece."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import count

from migrator.core.model import ContextPair, Instance, StudyBatch
from migrator.core.settings import SendSettings

# 128 presentation contexts fit an association (PS3.8 9.3.2.2: odd ids, 1 to 255).
MOST_PAIRS = 128
_LOOSE_BATCH = 64  # instances in a batch when studies are not kept together


class Planner:
    """Turns instances into numbered batches, whole plan or block by block."""

    def __init__(self, settings: SendSettings) -> None:
        self._settings = settings
        self._numbers = count(1)
        self.pairs: Counter[ContextPair] = Counter()

    def plan(self, instances: Iterable[Instance]) -> Iterator[StudyBatch]:
        """The batches of these instances, studies in the order that the settings ask for."""
        studies: dict[str, list[Instance]] = {}
        for instance in instances:
            studies.setdefault(instance.study.uid, []).append(instance)
            self.pairs[instance.pair] += 1
        ordered = self._ordered(list(studies.values()))
        if self._settings.study_batches:
            for study in ordered:
                yield from self._batches(study)
        else:
            yield from self._loose([instance for study in ordered for instance in study])

    def _ordered(self, studies: list[list[Instance]]) -> list[list[Instance]]:
        if self._settings.order != "found":
            studies.sort(key=lambda study: study[0].study.date, reverse=self._settings.order == "newest")
        return studies

    def _batches(self, study: Sequence[Instance]) -> Iterator[StudyBatch]:
        for group in split_by_pairs(study):
            for piece in _chunks(group, self._settings.split_limit):
                yield StudyBatch(next(self._numbers), study[0].study.uid, tuple(piece))

    def _loose(self, instances: Sequence[Instance]) -> Iterator[StudyBatch]:
        for piece in _chunks(instances, _LOOSE_BATCH):
            yield StudyBatch(next(self._numbers), "", tuple(piece))


def split_by_pairs(instances: Sequence[Instance]) -> list[Sequence[Instance]]:
    """Groups that need at most 128 presentation contexts each; usually one."""
    if len({instance.pair for instance in instances}) <= MOST_PAIRS:
        return [instances]
    groups: list[Sequence[Instance]] = []
    group: list[Instance] = []
    pairs: set[ContextPair] = set()
    for instance in sorted(instances, key=lambda one: one.pair):
        if instance.pair not in pairs and len(pairs) == MOST_PAIRS:
            groups.append(group)
            group, pairs = [], set()
        pairs.add(instance.pair)
        group.append(instance)
    return [*groups, group]


def _chunks(instances: Sequence[Instance], size: int) -> Iterator[Sequence[Instance]]:
    for start in range(0, len(instances), size):
        yield instances[start : start + size]
