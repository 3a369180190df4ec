"""Instances without files, and a PACS in memory that fits the engine's ports."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from migrator.core.edits import Edit, Uncompress
from migrator.core.errors import AssociationLost, DestinationError
from migrator.core.model import (
    ContextPair,
    Instance,
    Patient,
    Proof,
    Series,
    Study,
    StudyHoldings,
)
from migrator.core.outcome import Cause, Fidelity, Outcome, State
from migrator.core.settings import Settings

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
RLE = "1.2.840.10008.1.2.5"


def make_series(study: int = 1, *, date: str = "20200101", modality: str = "CT") -> Series:
    patient = Patient(f"P{study}", "", f"Doe^Jane{study}", "19700101", "F")
    return Series(
        f"1.2.{study}.1", modality, "axial", "1", Study(f"1.2.{study}", date, "chest", "A1", patient)
    )


def make_instance(number: int = 1, series: Series | None = None, **changes: object) -> Instance:
    series = series or make_series()
    instance = Instance(
        path=f"{series.study.uid}/IM{number}",
        size=1000,
        mtime_ns=1_700_000_000_000_000_000 + number,
        offset=300,
        transfer_syntax=EXPLICIT,
        sop_class=CT,
        uid=f"{series.uid}.{number}",
        series=series,
    )
    return replace(instance, **changes)  # type: ignore[arg-type]


def make_study(study: int, count: int) -> list[Instance]:
    series = make_series(study)
    return [make_instance(number, series) for number in range(1, count + 1)]


def settings_of(**values: object) -> Settings:
    """Settings by their names, whatever their group."""
    groups: dict[str, dict[str, object]] = {}
    for name, value in values.items():
        (group,) = (
            one for one in Settings.model_fields if name in type(getattr(Settings(), one)).model_fields
        )
        groups.setdefault(group, {})[name] = value
    return Settings.model_validate(groups)


Script = Callable[[Instance, int], Outcome | Exception | None]


@dataclass
class MemoryPacs:
    """Stores UIDs. `script` may answer a store in its stead: by the instance and its how-manieth try.

    `accepts` tells which pairs it takes at all, `takes` which of what was proposed together; `opens` may
    refuse a proposal, `no_room` is what an association too many meets.
    """

    script: Script = lambda instance, tries: None
    accepts: Callable[[ContextPair], bool] = lambda pair: True
    answers_find: bool = True
    takes: Callable[[ContextPair, frozenset[ContextPair]], bool] = lambda pair, proposed: True
    most_associations: int = 99
    no_room: Callable[[], DestinationError] = lambda: AssociationLost("no association free")
    opens: Callable[[frozenset[ContextPair]], DestinationError | None] = lambda proposed: None
    refuses: list[DestinationError] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    patients: dict[str, tuple[Patient, ...]] = field(default_factory=dict)
    stores: Counter[str] = field(default_factory=Counter)
    associations: int = 0
    opened: int = 0
    probes: int = 0
    log: list[tuple[int, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def sender(self) -> MemorySender:
        return MemorySender(self)

    def finder(self) -> MemoryFinder:
        return MemoryFinder(self)

    def probe(self) -> None:
        """C-ECHO."""
        with self.lock:
            self.probes += 1
            if self.refuses:
                raise self.refuses.pop(0)


class MemorySender:
    """Fits `ports.Sender`."""

    def __init__(self, pacs: MemoryPacs) -> None:
        self._pacs = pacs
        self._pairs: frozenset[ContextPair] = frozenset()
        self._number = 0
        self.is_open = False

    def open(self, pairs: Collection[ContextPair], *, is_uncompressed: bool = False) -> None:
        with self._pacs.lock:
            if self._pacs.refuses:
                raise self._pacs.refuses.pop(0)
            if self._pacs.associations >= self._pacs.most_associations:
                raise self._pacs.no_room()
            refused = self._pacs.opens(frozenset(pairs))
            if refused is not None:
                raise refused
            self._pacs.associations += 1
            self._pacs.opened += 1
            self._number = self._pacs.opened
        self._pairs = frozenset(pairs)
        self.is_open = True

    def covers(self, pairs: Collection[ContextPair]) -> bool:
        return self._pairs.issuperset(pairs)

    def store(
        self, instance: Instance, edits: tuple[Edit, ...] = (), then: Instance | None = None
    ) -> Outcome:
        pacs = self._pacs
        is_taken = pacs.accepts(instance.pair) and pacs.takes(instance.pair, self._pairs)
        if not is_taken and (Uncompress() not in edits or pacs.accepts(instance.pair)):
            return Outcome(State.FAILED, Cause.CONTEXT, attempts=0, reason="context not accepted")
        with pacs.lock:
            pacs.stores[instance.uid] += 1
            pacs.log.append((self._number, instance.uid))
            answer = pacs.script(instance, pacs.stores[instance.uid])
            if answer is None:
                pacs.held.add(instance.uid)
        fidelity = Fidelity.DECOMPRESSED if Uncompress() in edits else Fidelity.VERBATIM
        if isinstance(answer, Exception):
            self._close()
            if isinstance(answer, AssociationLost) and not answer.nothing_sent:
                answer.unanswered = Outcome(State.UNKNOWN, Cause.ASSOCIATION, fidelity=fidelity, bytes=700)
            raise answer
        return answer or Outcome(State.SENT, status=0, fidelity=fidelity, bytes=700)

    def release(self) -> None:
        self._close()

    def abort(self) -> None:
        self._close()

    def _close(self) -> None:
        with self._pacs.lock:
            self._pacs.associations -= self.is_open
        self.is_open = False


class MemoryFinder:
    """Fits `ports.Finder`."""

    def __init__(self, pacs: MemoryPacs) -> None:
        self._pacs = pacs

    def holdings(self, study_uid: str) -> StudyHoldings:
        if not self._pacs.answers_find:
            return StudyHoldings(study_uid, Proof.NONE)
        uids = frozenset(uid for uid in self._pacs.held if uid.startswith(study_uid + "."))
        return StudyHoldings(study_uid, Proof.UID_SET, uids, len(uids))

    def holds(self, instance: Instance) -> bool | None:
        return instance.uid in self._pacs.held if self._pacs.answers_find else None

    def patients(self, study_uid: str) -> tuple[Patient, ...] | None:
        return self._pacs.patients.get(study_uid, ()) if self._pacs.answers_find else None

    def interrupt(self) -> None:
        pass

    def close(self) -> None:
        pass


class Steady:
    """A pace that never changes: so many workers, at full speed."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def workers(self) -> int:
        return self._workers

    def delay(self) -> float:
        return 0.0

    def observed(self, latency: float) -> None:
        pass

    def hold(self) -> str:
        return ""

    def limit_reached(self) -> bool:
        return False
