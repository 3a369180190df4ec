"""What became of a path: the states, the fidelity, and one outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from migrator.core.edits import Change
from migrator.core.model import Instance, Patient, Reason


class State(str, Enum):
    """Where a path stands. Every path found is in exactly one of these."""

    PENDING = "pending"
    SENT = "sent"
    WARNED = "warned"
    SKIPPED = "skipped"
    HELD = "held"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    UNKNOWN = "unknown"

    __hash__ = str.__hash__  # Enum's own is written in Python, and every outcome hashes states six times

    @property
    def is_stored(self) -> bool:
        return self is State.SENT or self is State.WARNED

    @property
    def spoils(self) -> bool:
        """Whether a job that ends with such a path has not succeeded (exit code 1)."""
        return self in _SPOILING


_SPOILING = frozenset({State.PENDING, State.HELD, State.FAILED, State.QUARANTINED, State.UNKNOWN})


class Fidelity(str, Enum):
    """How close to the file's dataset what was stored is."""

    VERBATIM = "verbatim"
    REENCODED = "reencoded"
    DECOMPRESSED = "decompressed"
    EDITED = "edited"
    REMAPPED = "remapped"
    RECLASSIFIED = "reclassified"

    __hash__ = str.__hash__  # as with State


class Cause(str, Enum):
    """What decided an outcome; remedies choose by it."""

    STATUS = "status"
    CONTEXT = "context"
    ASSOCIATION = "association"
    FILE = "file"
    ENCODING = "encoding"
    DECISION = "decision"


class Refusal(str, Enum):
    """What a status complains about; the value is how a person names it in `--status`."""

    NONE = "none"
    RESOURCES = "out-of-resources"
    MISMATCH = "class-mismatch"
    NOT_UNDERSTOOD = "cannot-understand"
    PATIENT = "patient-conflict"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one instance (or one try at it).

    `status` is the C-STORE status (PS3.4 Table B.2-1) or None where none came; `comment` is the peer's
    Error Comment (0000,0902) with its Offending Elements; `seconds` and `bytes` are those of the sends;
    `attempts` counts C-STORE requests; `reason` is for people, without patient data. `stops` tells that
    every further instance would be refused in the same way, so the run should end. `latency` is the time
    from the last byte sent to the response, in seconds. `sent_uid` is the SOP instance UID that was sent
    where it is not the file's, `sent_syntax` and `sent_class` the transfer syntax and the SOP class where
    those are not; `changes` tells which attributes were sent otherwise, before and after. `sent_patient` is
    whom an object names that was edited and refused for its patient.
    """

    state: State
    cause: Cause = Cause.STATUS
    status: int | None = None
    comment: str = ""
    fidelity: Fidelity = Fidelity.VERBATIM
    attempts: int = 1
    seconds: float = 0.0
    bytes: int = 0
    reason: str = ""
    may_retry: bool = False
    healed: bool = False
    remedies: tuple[str, ...] = ()
    stops: bool = False
    refusal: Refusal = Refusal.NONE
    latency: float = 0.0
    sent_uid: str = ""
    sent_syntax: str = ""
    sent_class: str = ""
    changes: tuple[Change, ...] = ()
    sent_patient: Patient | None = field(default=None, repr=False)

    @property
    def is_stored(self) -> bool:
        return self.state.is_stored

    @property
    def word(self) -> str:
        """The word that tables show: OK, WARN, HEALED, REMAP, SKIP, HELD or FAIL."""
        if self.is_stored and self.fidelity is Fidelity.REMAPPED:
            return "REMAP"
        if self.is_stored and self.healed:
            return "HEALED"
        return _WORDS[self.state]


_WORDS = {
    State.PENDING: "",
    State.SENT: "OK",
    State.WARNED: "WARN",
    State.SKIPPED: "SKIP",
    State.HELD: "HELD",
    State.FAILED: "FAIL",
    State.QUARANTINED: "FAIL",
    State.UNKNOWN: "FAIL",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A path that is not a sendable instance, in its final state, with the reason.

    `instance` is set where the header could be read all the same (a duplicate, a filtered file).
    """

    path: str
    size: int
    mtime_ns: int
    state: State
    reason: Reason
    detail: str = ""
    may_retry: bool = False
    instance: Instance | None = None
