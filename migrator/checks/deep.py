"""Retrieving a sample back from the destination, and comparing it with the source."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from migrator.checks.deep_sample import choose, place_of
from migrator.checks.verify_sent import SentRow
from migrator.core.comparison import Difference, Examined, Fate
from migrator.core.control import Control
from migrator.core.errors import DestinationError
from migrator.engine.manifest_lines import Row

_MOST_TOLD = 1000  # objects with their differences or reasons; the counts are always true
_MOST_FAILURES = 3  # in a row; then the destination is not asked any more

Rows = Callable[[], Iterable[SentRow]]
Examine = Callable[[SentRow], Examined]


@dataclass(frozen=True, slots=True)
class ObjectReport:
    """One object that is not identical: what differs, or why that is not known."""

    uid: str
    study_uid: str
    series_uid: str
    fate: Fate
    reason: str = ""
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class DeepReport:
    """Counts are objects. `by` counts those that came back by service; `additions` tells of how many objects
    the destination added which attributes. `seed` is what chose the sample."""

    percent: float
    seed: int
    identical: int = 0
    different: int = 0
    unretrieved: int = 0
    uncompared: int = 0
    by: Counter[str] = field(default_factory=Counter)
    additions: Counter[str] = field(default_factory=Counter)
    objects: tuple[ObjectReport, ...] = ()

    @property
    def compared(self) -> int:
        return self.identical + self.different

    @property
    def asked(self) -> int:
        return self.compared + self.unretrieved + self.uncompared

    @property
    def is_clean(self) -> bool:
        """Whether all that was asked for came back identical: what was not compared proves nothing, and no
        more does a sample of nothing."""
        return self.asked == self.identical > 0


def new_seed() -> int:
    """A seed that nobody can foresee, so that another run takes another sample."""
    return random.SystemRandom().getrandbits(32)


class DeepCheck:
    """Compares a sample; `report` may be asked at any time.

    `rows` gives the objects that were stored, the same ones each time that it is called.
    """

    def __init__(self, rows: Rows, percent: float, seed: int) -> None:
        self._rows = rows
        self._percent = percent
        self._seed = seed
        self._fates: Counter[Fate] = Counter()
        self._by: Counter[str] = Counter()
        self._additions: Counter[str] = Counter()
        self._objects: list[ObjectReport] = []
        self._failures = 0

    def run(self, examine: Examine, control: Control, compared: Callable[[int, int], None]) -> DeepReport:
        """Compare; `compared` hears how many were, and of how many. Raises Cancelled."""
        chosen = choose(self._rows, self._percent, self._seed)
        for sent in self._rows():
            if place_of(self._seed, sent.row.path) not in chosen:
                continue
            control.checkpoint()
            self._take(sent.row, self._examined(sent, examine, control))
            compared(self._fates.total(), len(chosen))
        return self.report()

    def _examined(self, sent: SentRow, examine: Examine, control: Control) -> Examined:
        if self._failures == _MOST_FAILURES:
            return Examined(Fate.UNRETRIEVED, reason="not asked for: the destination stopped answering")
        try:
            result = examine(sent)
        except DestinationError as error:
            control.check()
            self._failures += 1
            return Examined(Fate.UNRETRIEVED, reason=str(error))
        self._failures = 0
        return result

    def _take(self, row: Row, result: Examined) -> None:
        self._fates[result.fate] += 1
        if result.by:
            self._by[result.by] += 1
        self._additions.update(result.additions)
        if result.fate is not Fate.IDENTICAL and len(self._objects) < _MOST_TOLD:
            series = row.series
            study_uid, series_uid = (series.study.uid, series.uid) if series is not None else ("", "")
            self._objects.append(
                ObjectReport(row.uid, study_uid, series_uid, result.fate, result.reason, result.differences)
            )

    def report(self) -> DeepReport:
        fates = self._fates
        return DeepReport(
            percent=self._percent,
            seed=self._seed,
            identical=fates[Fate.IDENTICAL],
            different=fates[Fate.DIFFERENT],
            unretrieved=fates[Fate.UNRETRIEVED],
            uncompared=fates[Fate.UNCOMPARED],
            by=self._by,
            additions=self._additions,
            objects=tuple(self._objects),
        )
