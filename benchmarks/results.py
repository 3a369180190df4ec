"""What a benchmark yields: runs, rows of runs, and verdicts on what was to be reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Run:
    """One complete run. `seconds` is what is compared: the send phase, or the work alone.

    `cpu_seconds` and `peak_bytes` are the client's.
    """

    seconds: float
    process_seconds: float
    cpu_seconds: float
    peak_bytes: int
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One contender's runs in one case. `count` and `bytes` are what each run handled.

    `failures` tells of runs that did not do all of their work; they yield no time.
    """

    name: str
    count: int
    bytes: int
    runs: tuple[Run, ...]
    failures: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return median(run.seconds for run in self.runs)

    @property
    def process_seconds(self) -> float:
        return median(run.process_seconds for run in self.runs)

    @property
    def cpu_seconds(self) -> float:
        return median(run.cpu_seconds for run in self.runs)

    @property
    def peak_bytes(self) -> int:
        return max(run.peak_bytes for run in self.runs)

    @property
    def notes(self) -> str:
        words = dict.fromkeys(run.note for run in self.runs if run.note)
        return "; ".join([*words, *(f"FAILED: {text}" for text in dict.fromkeys(self.failures))])


@dataclass(frozen=True)
class Verdict:
    """One thing to reach. `is_met` is None when it could not be measured."""

    goal: str
    measured: str
    is_met: bool | None


@dataclass(frozen=True)
class Result:
    """One case. The first row is the one that ratios refer to."""

    name: str
    title: str
    rows: tuple[Row, ...]
    verdicts: tuple[Verdict, ...] = ()


def fastest(rows: Iterable[Row], names: tuple[str, ...]) -> Row | None:
    """The row with the shortest median among those named; None when none of them has a complete run."""
    complete = [row for row in rows if row.name in names and row.runs]
    return min(complete, key=lambda row: row.seconds, default=None)


@dataclass(frozen=True)
class Faster:
    """The best of ours is to be `at_least` times as fast as the best of these peers."""

    goal: str
    ours: tuple[str, ...]
    peers: tuple[str, ...]
    at_least: float

    @property
    def names(self) -> tuple[str, ...]:
        """The rows it looks at."""
        return (*self.ours, *self.peers)

    def judge(self, rows: tuple[Row, ...]) -> Verdict:
        goal = f"{self.goal}: >= {self.at_least:g}x"
        ours, peer = fastest(rows, self.ours), fastest(rows, self.peers)
        if ours is None or peer is None:
            return Verdict(goal, "not measured", None)
        ratio = peer.seconds / ours.seconds
        return Verdict(goal, f"{ratio:.2f}x ({ours.name} : {peer.name})", ratio >= self.at_least)


@dataclass(frozen=True)
class Within:
    """A figure of one row is not to exceed a limit; `figure` is the name of a Row's property."""

    goal: str
    row: str
    figure: str
    limit: float
    scale: float
    unit: str

    @property
    def names(self) -> tuple[str, ...]:
        """The rows it looks at."""
        return (self.row,)

    def judge(self, rows: tuple[Row, ...]) -> Verdict:
        goal = f"{self.goal}: <= {self.limit:g} {self.unit}"
        row = fastest(rows, (self.row,))
        if row is None:
            return Verdict(goal, "not measured", None)
        value = getattr(row, self.figure) * self.scale
        return Verdict(goal, f"{value:.3g} {self.unit}", value <= self.limit)


Goal = Faster | Within
