"""What the record tells of an object that was sent."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.engine.manifest_lines import Row


@dataclass(frozen=True, slots=True)
class SentRules:
    """The rules under which an object was sent: their files' paths, and the digest of what these said."""

    rules: str
    crosswalk: str
    digest: str


@dataclass(frozen=True, slots=True)
class SentRow:
    """One path's last record; `rules` is None where none were applied."""

    row: Row
    rules: SentRules | None = None
