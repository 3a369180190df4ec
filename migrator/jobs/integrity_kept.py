"""The integrity checkpoints of a source that are kept, and what was told of them, in words."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrator.checks.integrity import Kind
from migrator.jobs.integrity import Statement, integrity_folder, newest_snapshot, statement_of
from migrator.jobs.launch import launched
from migrator.records.words import counted, size


@dataclass(frozen=True, slots=True)
class Told:
    """A result for people."""

    text: str
    is_good: bool


def last_checkpoint(home: Path, source: str) -> Statement | None:
    """What the newest snapshot of a source says of itself; None where there is none."""
    newest = newest_snapshot(integrity_folder(home, os.path.realpath(source)))
    return None if newest is None else statement_of(newest)


@dataclass(frozen=True, slots=True)
class Kept:
    """The last checkpoint of a source, and the last check that a window made against it; None: none."""

    checkpoint: Statement | None
    check: Told | None
    checked_at: float = 0.0


def kept_of(home: Path, source: str) -> Kept:
    """What is known of a source. Of checks only those are found whose commands are still kept."""
    checkpoint = last_checkpoint(home, source)
    if checkpoint is None:
        return Kept(None, None)
    for command in launched(home):
        if command.arguments[:3] != ("integrity", "check", source):
            continue
        if command.begun < checkpoint.at:
            break
        result = command.result() if command.has_ended else None
        if isinstance(result, dict) and "intact" in result:
            with suppress(KeyError, TypeError, ValueError):
                return Kept(checkpoint, told_of(result), command.begun)
    return Kept(checkpoint, None)


def told_of(values: Mapping[str, Any]) -> Told:
    """The JSON of `integrity snapshot` or `integrity check`, in a sentence or two. Raises KeyError."""
    if "intact" not in values:
        unreadable = int(values.get("unreadable", 0))
        text = f"{counted(values['files'], 'file')}, {size(values['bytes'])}, hashed and kept"
        return Told(f"{text}; {unreadable:,} cannot be read" if unreadable else text, not unreadable)
    found = ", ".join(f"{values[kind.value]:,} {kind.value}" for kind in Kind if values[kind.value])
    words = "As it was" if values["intact"] else "Not as it was"
    unchanged = f"{counted(values['unchanged'], 'file')} unchanged"
    return Told(f"{words}: {', '.join(filter(None, (unchanged, found)))}", bool(values["intact"]))
