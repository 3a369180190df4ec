"""What a manifest came to, read without reading its outcomes where its newest run ended in order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from migrator.core.model import LEFT_OUT
from migrator.core.outcome import State
from migrator.engine.manifest_lines import path_of
from migrator.engine.manifest_rows import read_lines
from migrator.engine.manifest_runs import Run, note_end, run_of

# Lines are written with their kind first, so the few that tell of runs are known by their beginning.
_RUN, _ENDED, _OUTCOME = b'{"t":"run"', b'{"t":"ended"', b'{"t":"o"'
_LEFT_OUT_NAMES = frozenset(reason.name for reason in LEFT_OUT)
_LEFT_OUT = re.compile(rb'"why":"(?:%b)"' % "|".join(sorted(_LEFT_OUT_NAMES)).encode())


@dataclass(frozen=True, slots=True)
class ManifestSummary:
    """The runs of a manifest and its totals by state, with `found`; `last` is the newest outcome's time.

    `left_out` counts the paths that filters and limits left out. Where the newest run came to no recorded
    end, what it had not sent is not in the totals.
    """

    runs: tuple[Run, ...]
    totals: Mapping[str, int]
    last: float
    left_out: int = 0


def summary_of(file: Path) -> ManifestSummary:
    """Sum a manifest up; it may be in use. Raises OSError when it is not there."""
    runs: list[Run] = []
    newest = b""
    is_after_end = has_left_out = False
    with file.open("rb") as stream:
        for raw in stream:
            if raw.startswith(_OUTCOME):
                newest, is_after_end = raw, True
                has_left_out = has_left_out or _LEFT_OUT.search(raw) is not None
            elif raw.startswith((_RUN, _ENDED)):
                is_after_end = _note(runs, raw) and is_after_end
    totals = runs[-1].job if runs else None
    left_out = 0
    if totals is None or is_after_end or has_left_out:
        counted, left_out = _counted(file)
        totals = counted if totals is None or is_after_end else totals
    return ManifestSummary(tuple(runs), totals, _time_of(newest), left_out)


def runs_of(file: Path) -> list[Run]:
    """Its runs alone, without a look at its outcomes. Raises OSError."""
    runs: list[Run] = []
    with file.open("rb") as stream:
        for raw in stream:
            if raw.startswith(_RUN):
                _note(runs, raw)
    return runs


def _note(runs: list[Run], raw: bytes) -> bool:
    """Take up a line of a run; whether totals that came before it are older than what is recorded."""
    try:
        line = orjson.loads(raw)
        if line["t"] == "run":
            runs.append(run_of(line))
            return True
        if runs:
            note_end(runs[-1], line)
    except (ValueError, KeyError, TypeError):
        return True
    return False


def _time_of(raw: bytes) -> float:
    try:
        return float(orjson.loads(raw)["at"])
    except (ValueError, KeyError, TypeError):
        return 0.0


def _counted(file: Path) -> tuple[dict[str, int], int]:
    """The totals, from every path's last outcome, and how many of them were left out."""
    states: dict[int, str] = {}
    left_out: set[int] = set()
    for line in read_lines(file):
        if line["t"] == "o":
            try:
                key, state = hash(path_of(line)), State(line["state"]).value
            except (KeyError, TypeError, ValueError):
                continue
            states[key] = state
            (left_out.add if line.get("why") in _LEFT_OUT_NAMES else left_out.discard)(key)
    totals = {"found": len(states)} | {state.value: 0 for state in State}
    for state in states.values():
        totals[state] += 1
    return totals, len(left_out)
