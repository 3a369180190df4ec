"""A few files that stand for a whole archive: by SOP class, encoding and size, from studies all over it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from operator import attrgetter

from migrator.core.model import ContextPair, Instance

_KEPT = 64  # candidates of each kind; a sorted handful of these is as good as the whole
_SEED = 1  # the same archive gives the same samples


@dataclass(slots=True)
class _Kind:
    """All instances of one SOP class and transfer syntax: how many, and a fair draw of them."""

    files: int = 0
    bytes: int = 0
    drawn: list[Instance] = field(default_factory=list)


class Sampler:
    """Looks at every instance once, in any order; its memory does not grow with their number."""

    def __init__(self) -> None:
        self.files = 0
        self.bytes = 0
        self._kinds: dict[ContextPair, _Kind] = {}
        self._random = random.Random(_SEED)

    def add(self, instance: Instance) -> None:
        """Count an instance, and perhaps keep it as a candidate."""
        self.files += 1
        self.bytes += instance.size
        kind = self._kinds.setdefault(instance.pair, _Kind())
        kind.files += 1
        kind.bytes += instance.size
        if len(kind.drawn) < _KEPT:
            kind.drawn.append(instance)
        elif (place := self._random.randrange(kind.files)) < _KEPT:
            kind.drawn[place] = instance

    def chosen(self, most: int) -> tuple[Instance, ...]:
        """At most so many samples: more of the kinds that matter more, of each from small to large."""
        chosen: list[Instance] = []
        studies: set[str] = set()
        for kind, count in self._shares(most):
            candidates = sorted(kind.drawn, key=attrgetter("size", "path"))
            for number in range(min(count, len(candidates))):
                wanted = (number + 0.5) / count * (len(candidates) - 1)
                sample = min(
                    (one for one in candidates if one not in chosen),
                    key=lambda one: (one.study.uid in studies, abs(candidates.index(one) - wanted)),
                )
                chosen.append(sample)
                studies.add(sample.study.uid)
        return tuple(chosen)

    def _shares(self, most: int) -> list[tuple[_Kind, int]]:
        """How many samples of which kind: one of each as far as they go, then by files and bytes alike."""
        kinds = sorted(self._kinds.values(), key=self._weight, reverse=True)[:most]
        counts = [1] * len(kinds)
        for _ in range(most - len(kinds)):
            open_kinds = [n for n, kind in enumerate(kinds) if counts[n] < len(kind.drawn)]
            if not open_kinds:
                break
            counts[max(open_kinds, key=lambda n: self._weight(kinds[n]) / (counts[n] + 1))] += 1
        return list(zip(kinds, counts, strict=True))

    def _weight(self, kind: _Kind) -> float:
        return kind.files / self.files + kind.bytes / max(1, self.bytes)
