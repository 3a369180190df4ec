"""Reading a manifest for reports and checks, finding by UID, and compacting it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import orjson

from migrator.core.model import Reason, Series
from migrator.core.outcome import State
from migrator.engine.manifest_lines import Row, encode, path_of, row_of, series_of

_COMPACT_FROM = 10_000  # outcomes; smaller manifests are not worth it


def read_lines(file: Path) -> Iterator[dict[str, Any]]:
    """Every whole, undamaged line of a manifest, in order; the file may be in use."""
    with file.open("rb") as stream:
        for raw in stream:
            try:
                line = orjson.loads(raw)
            except ValueError:
                continue
            if isinstance(line, dict) and "t" in line and raw.endswith(b"\n"):
                yield line


def last_lines(file: Path) -> Iterator[dict[str, Any]]:
    """The lines that still count: everything but outcomes that a later one superseded."""
    newest: dict[int, int] = {}
    for number, line in enumerate(read_lines(file)):
        if line["t"] == "o":
            newest[hash(path_of(line))] = number
    for number, line in enumerate(read_lines(file)):
        if line["t"] != "o" or newest.get(hash(path_of(line))) == number:
            yield line


def rows(file: Path, wanted: Callable[[State], bool] = lambda state: True) -> Iterator[Row]:
    """The last record of every path whose state is wanted."""
    series: dict[int, Series] = {}
    for line in last_lines(file):
        if line["t"] == "series":
            series[line["series"]] = series_of(line)
        elif line["t"] == "o" and wanted(State(line["state"])):
            yield row_of(line, series.get(line.get("series", 0)))


def stored(file: Path) -> Iterator[Row]:
    """The last record of every path that the destination said it stored."""
    return rows(file, lambda state: state.is_stored)


def expected_there(file: Path) -> Iterator[Row]:
    """The last record of every path whose instance the destination should hold, whoever put it there."""
    for row in rows(file, lambda state: state.is_stored or state is State.SKIPPED):
        if row.state.is_stored or row.why is Reason.ALREADY_THERE:
            yield row


def paths_by_uid(file: Path) -> dict[str, tuple[str, int]]:
    """SOP instance UID → path and size of the file that was stored for it."""
    found: dict[str, tuple[str, int]] = {}
    for line in last_lines(file):
        if line["t"] == "o" and "uid" in line and State(line["state"]).is_stored:
            found.setdefault(line["uid"], (path_of(line), line["size"]))
    return found


def header_of(file: Path) -> dict[str, Any] | None:
    """A manifest's first line: its source and destination. None when there is none."""
    try:
        with file.open("rb") as stream:
            line = orjson.loads(stream.readline())
    except (OSError, ValueError):
        return None
    return line if isinstance(line, dict) and line.get("t") == "manifest" else None


def is_worth_compacting(outcomes: int, paths: int) -> bool:
    """Whether most outcomes were superseded, in a manifest large enough to matter."""
    return outcomes >= _COMPACT_FROM and outcomes >= 2 * paths


def compact(file: Path, in_doubt: Collection[str]) -> None:
    """Rewrite a manifest without superseded lines, atomically, if the system lets us. The caller holds the
    job's lock.

    Of an audit log's heads the last two of each run stay, in their places among the outcomes: those behind
    them may lack their events.
    """
    rewritten = file.with_name(file.name + ".new")
    heads = _newest_heads(file)
    with open(rewritten, "wb", opener=_private) as stream:
        for line in last_lines(file):
            is_old = line["t"] == "audit" and line["seq"] not in heads[line["log"], line["run"]]
            if line["t"] not in ("begin", "end") and not is_old:
                stream.write(encode(line))
        if in_doubt:
            stream.write(encode({"t": "begin", "uids": sorted(in_doubt)}))
        stream.flush()
        os.fsync(stream.fileno())
    try:
        rewritten.replace(file)
    except PermissionError:  # on Windows, where somebody reads it: it only stays larger
        rewritten.unlink(missing_ok=True)


def _newest_heads(file: Path) -> dict[tuple[str, str], deque[int]]:
    """The numbers of the last two events that are known of each audit log from each run."""
    heads: dict[tuple[str, str], deque[int]] = {}
    for line in read_lines(file):
        if line["t"] == "audit":
            heads.setdefault((line["log"], line["run"]), deque(maxlen=2)).append(line["seq"])
    return heads


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
