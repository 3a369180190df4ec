"""Reading a job's manifest as a judge: with none of the migrator's own code."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

STORED = frozenset({"sent", "warned"})


@dataclass
class Standing:
    """What a manifest says: UIDs settled as stored, with another outcome, in doubt; lines not to be read.

    `states` are the paths' last ones. A torn last line is no damage: it is what a kill leaves.
    """

    stored: set[str] = field(default_factory=set)
    in_doubt: set[str] = field(default_factory=set)
    other: set[str] = field(default_factory=set)
    states: dict[str, str] = field(default_factory=dict)
    damaged: list[int] = field(default_factory=list)


def standing_of(manifest: Path) -> Standing:
    """What the manifest says; nothing where there is none yet."""
    standing = Standing()
    lines = manifest.read_bytes().split(b"\n")[:-1] if manifest.exists() else []
    for number, raw in enumerate(lines, 1):
        try:
            _take_up(standing, json.loads(raw))
        except (ValueError, KeyError, TypeError):
            standing.damaged.append(number)
    return standing


def _take_up(standing: Standing, line: dict[str, object]) -> None:
    kind, uid = line["t"], line.get("uid")
    if kind == "begin":
        standing.in_doubt.update(line["uids"])  # type: ignore[arg-type]
    elif kind == "end":
        standing.in_doubt.difference_update(line["uids"])  # type: ignore[arg-type]
    elif kind == "o":
        state = str(line["state"])
        standing.states[str(line.get("path") or line["path64"])] = state
        if not isinstance(uid, str):
            return
        (standing.stored if state in STORED else standing.other).add(uid)
        if state == "unknown":
            standing.in_doubt.add(uid)
        else:
            standing.in_doubt.discard(uid)


def cut_power(manifest: Path, record: Path) -> int:
    """Leave of the manifest only what was forced to the disk; returns how many bytes are lost."""
    if not manifest.exists():
        return 0
    status = manifest.stat()
    forced = 0
    for line in record.read_text().splitlines() if record.exists() else ():
        inode, size = line.split()
        if int(inode) == status.st_ino:
            forced = int(size)
    os.truncate(manifest, min(forced, status.st_size))
    return max(0, status.st_size - forced)
