"""A speed test's kept result for faces: its table, its advice, and what is left at that speed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrator.core.errors import UsageError
from migrator.core.model import Node
from migrator.core.outcome import State
from migrator.jobs.recorded import SPEED_TEST, recorded_job
from migrator.jobs.speed_test import MOST_SAMPLES as MOST_SAMPLES  # the faces' too
from migrator.jobs.speed_test import MOST_WORKERS as MOST_WORKERS
from migrator.records.words import counted, size, span


@dataclass(frozen=True, slots=True)
class Level:
    """One number of workers. Rates are per second, in files and bytes; seconds to an answer: median, 95 %.

    `trouble` says why it could not be measured; empty where it could.
    """

    workers: int
    files: float
    bytes: float
    latency: tuple[float, float]
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Advice:
    """What a test came to: the levels, and the number of workers that is advised, if any.

    `estimate` and `refused` are in words; empty where there is nothing to be said.
    """

    at: float
    node: str
    levels: tuple[Level, ...]
    workers: int | None
    estimate: str
    refused: str


def last_test(home: Path, source: str, node: Node) -> Advice | None:
    """The last one of this job; None where there is none that can be read."""
    try:
        kept = recorded_job(source, node, home).kept(SPEED_TEST)
        return None if kept is None else advice_of(kept)
    except (UsageError, KeyError, TypeError, ValueError):
        return None


def advice_of(kept: Mapping[str, Any]) -> Advice:
    """What the JSON of a speed test says. Raises KeyError, TypeError, ValueError where it is none."""
    steps = list(kept["steps"]) or [kept["first"]]
    numbers = sorted({int(step["workers"]) for step in steps})
    return Advice(
        at=float(kept["at"]),
        node=str(kept["node"]),
        levels=tuple(_level(one, [step for step in steps if step["workers"] == one]) for one in numbers),
        workers=kept["workers"],
        estimate=_estimate(kept),
        refused=_refused(kept["samples"]),
    )


def _level(workers: int, steps: list[Mapping[str, Any]]) -> Level:
    """The rounds of one number of workers together, weighted by the time that they took."""
    good = [step for step in steps if step["counts"]]
    seconds = sum(step["seconds"] for step in good)
    trouble = "" if len(good) == len(steps) else next(_trouble(one) for one in steps if not one["counts"])
    if not good or not seconds:
        return Level(workers, 0.0, 0.0, (0.0, 0.0), trouble or "nothing was stored")
    return Level(
        workers,
        sum(step["files"] for step in good) / seconds,
        sum(step["bytes"] for step in good) / seconds,
        (_mean(one["latency_median"] for one in good), max(one["latency_p95"] for one in good)),
        trouble,
    )


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)


def _trouble(step: Mapping[str, Any]) -> str:
    if step["unopened"]:
        what = f"{counted(step['unopened'], 'association')} not accepted"
    elif step["lost"]:
        what = f"{counted(step['lost'], 'association')} ended"
    else:
        what = f"{counted(step['refused'], 'object')} refused"
    return f"{what}: {step['reason']}" if step["reason"] else what


def _estimate(kept: Mapping[str, Any]) -> str:
    remaining, seconds = kept["remaining"], kept["estimate"]
    if not remaining["files"]:
        return "Nothing is left to be sent."
    left = f"{counted(remaining['files'], 'file')}, {size(remaining['bytes'])}"
    if not isinstance(seconds, Mapping):
        return f"{left} are left to be sent."
    if seconds["high"] < 1:
        return f"What is left, {left}, takes less than a second at that."
    low, high = span(seconds["low"]), span(seconds["high"])
    return f"What is left, {left}, takes {low if low == high else f'{low} to {high}'} at that."


def _refused(samples: list[Mapping[str, Any]]) -> str:
    refused = [one for one in samples if not one["stored"] and one.get("state") != State.SKIPPED.value]
    if not refused:
        return ""
    reasons = "; ".join(sorted({str(one["reason"]) for one in refused if one["reason"]}))
    return f"Not stored: {len(refused)} of {counted(len(samples), 'sample')}" + (
        f" ({reasons})" if reasons else ""
    )
