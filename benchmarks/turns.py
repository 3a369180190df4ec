"""Contenders take turns, so that whatever else the machine does touches all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from measure import RunFailed
from results import Row, Run


@dataclass(frozen=True)
class Load:
    """What every run handles: so many files or records, so many bytes."""

    count: int
    bytes: int = 0


@dataclass(frozen=True)
class Contender:
    """`measure` does one complete run, or raises RunFailed."""

    name: str
    measure: Callable[[], Run]


def in_turn(contenders: Sequence[Contender], load: Load, rounds: int) -> tuple[Row, ...]:
    """Run everyone `rounds` times, one after the other; whoever fails is told of and goes on trying."""
    runs: dict[str, list[Run]] = {contender.name: [] for contender in contenders}
    failures: dict[str, list[str]] = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            try:
                runs[contender.name].append(contender.measure())
            except RunFailed as failed:
                failures[contender.name].append(str(failed))
    return tuple(Row(name, load.count, load.bytes, tuple(runs[name]), tuple(failures[name])) for name in runs)
