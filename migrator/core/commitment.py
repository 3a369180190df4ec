"""Storage commitment as data (PS3.4 Annex J): what is asked for, and what a destination reports about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple


class Reference(NamedTuple):
    """An instance as it was sent; `sop_class` is empty where a report leaves it out."""

    sop_class: str
    uid: str


class Failure(NamedTuple):
    """An instance that is not committed; `code` is its Failure Reason (0008,1197)."""

    uid: str
    code: int


@dataclass(frozen=True, slots=True)
class CommitmentReport:
    """The N-EVENT-REPORT of a transaction (PS3.4 J.3.3): what it names. Its event type says no more."""

    transaction: str
    committed: tuple[Reference, ...] = ()
    failed: tuple[Failure, ...] = ()


class Taken(Enum):
    """What became of a report with us: kept on the disk, of no transaction of ours, or not kept."""

    KEPT = auto()
    UNKNOWN = auto()
    NOT_KEPT = auto()
