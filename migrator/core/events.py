"""What the engine tells while it works. Faces turn these into words; the engine never does.

`Emit` may be called from any thread, returns at once and never raises.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from migrator.core.model import ContextPair, Instance, StudyBatch
from migrator.core.outcome import Outcome, Problem


class Event:
    """Base of all events."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class PhaseStarted(Event):
    """The job went on to its next phase: scanning, sending, checking the source, verifying.

    `destination`, here and below, is empty where an event concerns the job as a whole.
    """

    phase: str
    destination: str = ""


@dataclass(frozen=True, slots=True)
class Resumed(Event):
    """An earlier run's manifest was found. `sent` counts what it settled as stored."""

    sent: int
    remaining: int | None
    destination: str = ""


@dataclass(frozen=True, slots=True)
class ProblemFound(Event):
    """The scan put a path into its final state."""

    problem: Problem
    destination: str = ""


@dataclass(frozen=True, slots=True)
class InstanceSettled(Event):
    """An instance reached a state other than pending."""

    instance: Instance
    outcome: Outcome
    destination: str


@dataclass(frozen=True, slots=True)
class AssociationOpened(Event):
    """A worker has a new association."""

    destination: str
    worker: int


@dataclass(frozen=True, slots=True)
class AssociationEnded(Event):
    """An association ended otherwise than by our own release; `reason` is for people."""

    destination: str
    worker: int
    reason: str


@dataclass(frozen=True, slots=True)
class Learnt(Event):
    """From now on instances of this kind are sent to the destination with these remedies at once."""

    destination: str
    pair: ContextPair
    remedies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BatchTaken(Event):
    """A worker is about to send these; what it cannot send goes back, and is taken again."""

    batch: StudyBatch
    destination: str


@dataclass(frozen=True, slots=True)
class Steered(Event):
    """Somebody steered the run from outside: `action` is paused, resumed, cancelled or set.

    `detail` tells what was set to what, `by` in which way it was asked for.
    """

    action: str
    detail: str = ""
    destination: str = ""
    by: str = "control"


@dataclass(frozen=True, slots=True)
class Notice(Event):
    """Something people should know that belongs to no single instance. No patient data, no paths."""

    text: str
    level: str = "warning"
    destination: str = ""


Emit = Callable[[Event], None]


def ignore(event: Event) -> None:
    """An Emit for callers that do not listen."""
