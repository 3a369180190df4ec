"""What came of retrieving one object back and comparing it with its source."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(str, Enum):
    """How an attribute differs; the value is for people."""

    ABSENT = "absent"
    CHANGED = "changed"
    PIXELS = "pixel data"


@dataclass(frozen=True, slots=True)
class Difference:
    """`tag` as (gggg,eeee); `name` is the keyword, with those of the sequences above it.

    `ours` is what should be there; both values are for people, and short.
    """

    tag: str
    name: str
    kind: Kind
    ours: str = ""
    theirs: str = ""


class Fate(str, Enum):
    """What came of one object."""

    IDENTICAL = "identical"
    DIFFERENT = "different"
    UNRETRIEVED = "unretrieved"
    UNCOMPARED = "uncompared"


@dataclass(frozen=True, slots=True)
class Examined:
    """One object: by which service it came back, what differs, and the attributes that only theirs has.

    `reason` says in words why it was not retrieved or not compared.
    """

    fate: Fate
    by: str = ""
    reason: str = ""
    differences: tuple[Difference, ...] = ()
    additions: tuple[str, ...] = ()
