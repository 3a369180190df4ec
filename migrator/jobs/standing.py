"""Where a job stands, by the words that its rows show; and the same for each of its studies.

Made from the rows of `jobs/tail.py` while they grow. Every path is in exactly one place.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from migrator.core.model import Series, Study
from migrator.engine.accounting import Snapshot
from migrator.jobs.tail import WORDS, Growth, Tail

_PENDING = 0
_SKIP, _HELD, _FAIL = (WORDS.index(word) for word in ("SKIP", "HELD", "FAIL"))
_NO_STUDY = -1
_IN_WORK = 3.0  # seconds after its last row for which a study counts as being worked on


@dataclass(frozen=True, slots=True)
class Standing:
    """Counts of a job's paths over all its runs; a path counts once for each destination."""

    ok: int = 0
    warned: int = 0
    healed: int = 0
    remapped: int = 0
    skipped: int = 0
    held: int = 0
    failed: int = 0
    pending: int = 0

    @property
    def done(self) -> int:
        """What is settled, one way or the other."""
        return self.ok + self.warned + self.recovered + self.skipped + self.troubled

    @property
    def found(self) -> int:
        return self.done + self.pending

    @property
    def recovered(self) -> int:
        """What was stored after a step of recovery."""
        return self.healed + self.remapped

    @property
    def stored(self) -> int:
        return self.ok + self.warned + self.recovered

    @property
    def troubled(self) -> int:
        """What waits for a person, or failed."""
        return self.held + self.failed

    @property
    def stored_share(self) -> float | None:
        """How much of what was to be stored is, from 0 to 1; None while nothing is to be."""
        wanted = self.found - self.skipped
        return self.stored / wanted if wanted else None


def standing_of(
    tails: Sequence[Tail], total: Snapshot | None, *, is_live: bool = False, is_read: bool = True
) -> Standing:
    """The sum over the destinations.

    `total` are the last numbers of a run, None where none was seen; `is_live`: it is on. `is_read` tells that
    all rows that are recorded were read.
    """
    sums = [0] * len(WORDS)
    for tail in tails:
        for word, count in tail.counts.items():
            sums[word] += count
    ok, warned, healed, remapped, skipped, held, failed = sums[1:]
    pending = sums[_PENDING]
    ends = [tail.ends.get(len(tail.runs) - 1) for tail in tails]
    if not is_live and all(end is not None and "job" in end for end in ends):
        pending = sum(int(end["job"].get("pending", 0)) for end in ends if end is not None)
    elif total is not None:
        # Rows come later than numbers: what is found but has no row yet would else be in neither.
        pending = max(0, total.job.found - sum(sums[1:])) if is_read else total.job.pending
    return Standing(ok, warned, healed, remapped, skipped, held, failed, pending)


@dataclass(frozen=True, slots=True)
class Mean:
    """What a run that is over came to per second of sending, in files and bytes; and those seconds."""

    files: float
    bytes: float
    seconds: float


def mean_of(total: Snapshot | None) -> Mean | None:
    """By the last numbers of a run; None where nothing was sent, or none is known."""
    if total is None or not total.send_seconds or not total.run.stored:
        return None
    seconds = total.send_seconds
    return Mean(total.run.stored / seconds, total.bytes_sent / seconds, seconds)


class StudyCount:
    """One study's rows: how many are settled, skipped, and in trouble (held or failed).

    `expected` is how many there are; 0 where nobody knows yet.
    """

    __slots__ = ("done", "expected", "modalities", "size", "skipped", "study", "touched", "troubled")

    def __init__(self, study: Study) -> None:
        self.study = study
        self.modalities = ""
        self.done = 0
        self.skipped = 0
        self.troubled = 0
        self.size = 0
        self.expected = 0
        self.touched = float("-inf")

    def is_in_work(self, now: float) -> bool:
        """Whether something of it was settled just now, and not all of it is."""
        return now - self.touched < _IN_WORK and not self.is_complete

    @property
    def is_complete(self) -> bool:
        return 0 < self.expected <= self.done

    @property
    def share(self) -> float | None:
        """How much of it is settled, from 0 to 1; None while nobody knows how much there is."""
        return min(1.0, self.done / self.expected) if self.expected else None


class StudyTally:
    """The studies of one destination's rows, numbered in the order in which they first came."""

    def __init__(self) -> None:
        self.studies: list[StudyCount] = []
        self.expected: Mapping[str, int] = {}
        self._clear()

    def _clear(self) -> None:
        self.studies = []
        self._of_uid: dict[str, int] = {}
        self._of_place: list[int] = []
        self._words = bytearray()
        self._rows = array("i")
        self._latest: dict[int, None] = {}  # in the order in which they were last touched
        self._is_live = False

    def expect(self, instances: Mapping[str, int]) -> None:
        """So many instances each study has, by its UID."""
        self.expected = instances
        for one in self.studies:
            one.expected = instances.get(one.study.uid, 0)

    def take(self, tail: Tail, growth: Growth, now: float) -> None:
        """Count what a slice of reading brought; `now` in seconds that never go back."""
        if growth.is_anew:
            self._clear()
        at = now if self._is_live else float("-inf")
        for row in growth.changed:
            self._count(self._rows[row], self._words[row], -1)
            self._rows[row] = self._study_of(tail, row)
            self._words[row] = tail.words[row]
            self._touch(self._rows[row], tail.words[row], 0, at)
        for row in range(growth.first, growth.first + growth.added):
            number, word = self._study_of(tail, row), tail.words[row]
            self._rows.append(number)
            self._words.append(word)
            self._touch(number, word, tail.sizes[row], at)
        self._is_live = growth.is_all

    def take_all(self, tail: Tail, now: float) -> None:
        """Count the rows that are there already."""
        self._clear()
        self.take(tail, Growth(False, 0, len(tail), (), False), now)

    def _study_of(self, tail: Tail, row: int) -> int:
        place = tail.places[row]
        while len(self._of_place) <= place:
            self._of_place.append(self._enter(tail.series[len(self._of_place)]))
        return _NO_STUDY if place < 0 else self._of_place[place]

    def _enter(self, series: Series) -> int:
        uid = series.study.uid
        number = self._of_uid.get(uid)
        if number is None:
            number = self._of_uid[uid] = len(self.studies)
            self.studies.append(StudyCount(series.study))
            self.studies[-1].expected = self.expected.get(uid, 0)
        study = self.studies[number]
        # One text, no set: of tens of thousands of studies the garbage collector has less to look at.
        study.modalities = ", ".join(sorted({*filter(None, study.modalities.split(", ")), *_named(series)}))
        return number

    def _touch(self, number: int, word: int, size: int, at: float) -> None:
        if number == _NO_STUDY:
            return
        self._count(number, word, +1)
        study = self.studies[number]
        study.size += size
        study.touched = at
        self._latest.pop(number, None)
        self._latest[number] = None

    def _count(self, number: int, word: int, change: int) -> None:
        if number == _NO_STUDY or word == _PENDING:
            return
        study = self.studies[number]
        study.done += change
        if word == _SKIP:
            study.skipped += change
        elif word in (_HELD, _FAIL):
            study.troubled += change

    @property
    def latest_first(self) -> Sequence[int]:
        """The numbers of all studies, the one that was touched last before the others."""
        return list(reversed(self._latest))

    @property
    def troubled_first(self) -> Sequence[int]:
        """The same with those before the others of which something is in trouble, the most first."""
        return sorted(self.latest_first, key=lambda number: -self.studies[number].troubled)


def _named(series: Series) -> tuple[str, ...]:
    return (series.modality,) if series.modality else ()
