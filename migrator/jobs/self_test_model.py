"""What a self-test finds, and where it may work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrator.core.control import Control

OK, ABSENT, FAILED = "ok", "absent", "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: `state` is ok, absent (everything that is needed works without it) or failed.

    `remedy` says what to do, where there is something to do.
    """

    name: str
    state: str
    words: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "state": self.state, "words": self.words, "remedy": self.remedy}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a self-test works: the data directory, a folder to be thrown away, and who may stop it."""

    home: Path
    work: Path
    control: Control


def told(name: str, trouble: str, words: str, remedy: str = "") -> Finding:
    """Failed with `trouble` and the remedy where there is any, else ok with `words`."""
    return Finding(name, FAILED, trouble, remedy) if trouble else Finding(name, OK, words)
