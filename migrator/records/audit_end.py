"""Reading the end of an audit log, to go on from there."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrator.core.errors import UsageError
from migrator.records.audit import LINE_LIMIT, BrokenLine, Link, decode, looks_like_ours

_MOST_KEPT = 4096  # bytes of a torn line that are kept
_WINDOW = 1 << 20  # bytes read from a file's end, more where they do not go back far enough


@dataclass(frozen=True, slots=True)
class End:
    """What a log has come to: its name, its last whole line, where that ends, and what is torn behind it.

    `is_newest` tells that this stands in the file that grows, not in the finished one before.
    """

    log: str
    last: Link
    end: int
    torn: bytes
    is_newest: bool


def read_end(file: Path, log: Path) -> End | None:
    """What stands at the end of a file; None where it is empty, or holds but the torn piece of a first line.

    Raises UsageError where it is no part of a log, or its last line is not as it was written.
    """
    with file.open("rb") as stream:
        first = stream.readline(LINE_LIMIT)
        if not first or (not first.endswith(b"\n") and looks_like_ours(first)):
            return None
        begin, size = 0, stream.seek(0, os.SEEK_END)
        tail = b""
        while tail.count(b"\n") < 2 and len(tail) < min(size, LINE_LIMIT):
            begin = max(0, size - 2 * len(tail) - 65536)
            stream.seek(begin)
            tail = stream.read(size - begin)
    try:
        name = decode(first).log
    except BrokenLine:
        name = None
    if name is None:
        if looks_like_ours(first):
            raise damaged(log, "its first line was altered")
        raise UsageError(f"{log} is there already and is no audit log; name another file")
    whole, _, torn = tail.rpartition(b"\n")
    try:
        last = decode(whole.rpartition(b"\n")[2] + b"\n")
    except BrokenLine as error:
        raise damaged(log, str(error)) from error
    return End(name, last, size - len(torn), torn, is_newest=True)


def links_after(file: Path, seq: int) -> list[Link]:
    """The events at the end of a file: all that come after number `seq`, and some before."""
    window = _WINDOW
    while file.exists():
        with file.open("rb") as stream:
            begin = max(0, stream.seek(0, os.SEEK_END) - window)
            stream.seek(begin)
            lines = stream.read().splitlines(keepends=True)[1 if begin else 0 :]
        links = [link for line in lines if (link := _decoded(line)) is not None]
        if not begin or (links and links[0].seq <= seq):
            return links
        window *= 4
    return []


def _decoded(line: bytes) -> Link | None:
    try:
        return decode(line)
    except BrokenLine:
        return None  # torn, or another's doing, which a check tells


def damaged(log: Path, what: str) -> UsageError:
    return UsageError(
        f"the audit log {log} does not end as it was written: {what}. Keep it as evidence (`audit check` "
        "tells more), and name another file"
    )


def torn_words(torn: bytes) -> dict[str, Any]:
    """A torn line, for whoever wants to see it."""
    return {
        "torn_bytes": len(torn),
        "torn_sha256": hashlib.sha256(torn).hexdigest(),
        "torn": base64.b64encode(torn[:_MOST_KEPT]).decode(),
    }
