"""A manifest read for reports: its runs, what shaped them, how fast they were, and where every path stands.

One pass makes the `Journal`, a second one gives the records that still count; the file may be in use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migrator.core.errors import ManifestError
from migrator.core.model import Series
from migrator.core.outcome import Cause, State
from migrator.engine.manifest_lines import Row, path_of, row_of, series_of
from migrator.engine.manifest_rows import read_lines

MOST_BINS = 240  # of one run

_STORED = frozenset({State.SENT.value, State.WARNED.value})


@dataclass(slots=True)
class Flow:
    """Files and bytes over time, from `begin` (seconds since the epoch) on, in bins of `width` seconds.

    There are never more than MOST_BINS: the bins grow with the run.
    """

    begin: float
    width: float = 0.25
    files: list[int] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)

    def add(self, at: float, size: int) -> None:
        number = max(0, int((at - self.begin) / self.width))  # a clock may be set back
        while number >= MOST_BINS:
            self._widen()
            number //= 2
        if number >= len(self.files):
            more = number + 1 - len(self.files)
            self.files += [0] * more
            self.bytes += [0] * more
        self.files[number] += 1
        self.bytes[number] += size

    def _widen(self) -> None:
        self.width *= 2
        self.files = [sum(self.files[at : at + 2]) for at in range(0, len(self.files), 2)]
        self.bytes = [sum(self.bytes[at : at + 2]) for at in range(0, len(self.bytes), 2)]


@dataclass(slots=True)
class Run:
    """One run, as its lines tell. Times are seconds since the epoch.

    `ledger` is the run's own at its end; None where no end was recorded: it is still on, or was killed.
    `source_check` is what its second look at the source saw: checked, modified, deleted, trouble.
    `has_scanned` tells that it looked at the whole source, where a speed test sends named files only.
    `recorded` counts the outcomes of this run that the manifest still holds, by state.
    """

    at: float
    version: str = ""
    source: str = ""
    who: str = ""
    calling: str = ""
    is_tls: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    ended: float | None = None
    ledger: Mapping[str, int] | None = None
    job: Mapping[str, int] | None = None
    seconds: float = 0.0
    is_interrupted: bool = False
    stopped: str = ""
    has_scanned: bool = False
    source_check: Mapping[str, Any] = field(default_factory=dict)
    recorded: Counter[str] = field(default_factory=Counter)
    last: float = 0.0
    flow: Flow = field(default_factory=lambda: Flow(0.0))


def unfinished(runs: Sequence[Run]) -> str:
    """Why the runs of a job cannot have come to its end, in a sentence; empty where they may have."""
    if not runs or runs[-1].ledger is None:
        return "The newest run has not ended: it goes on, was killed, or could not begin."
    if runs[-1].stopped:
        return f"The newest run was stopped: {runs[-1].stopped}."
    if runs[-1].is_interrupted:
        return "The newest run was interrupted."
    # A speed test and a verification that sends again end in order, too, but look for nothing.
    for run in reversed(runs):
        if run.ledger is None or run.stopped or run.is_interrupted:
            break
        if run.has_scanned:
            return ""
    return "The last run that was to look at the whole source was cut short, or there was none."


@dataclass(slots=True)
class Journal:
    """What a manifest tells besides where its paths stand.

    `shaping` are the recorded settings that shape what is sent, with the number by which outcomes cite them;
    `audit` is the newest head of each audit file, by the file, and `audited` names the runs that wrote one;
    `last` is the time of the newest outcome.
    """

    source: str = ""
    destination: str = ""
    runs: list[Run] = field(default_factory=list)
    shaping: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    audit: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    audited: set[str] = field(default_factory=set)
    last: float = 0.0
    file_number: int = 0
    newest: dict[int, int] = field(default_factory=dict, repr=False)
    """Hash of the path → number of its last line."""

    @property
    def begun(self) -> float:
        return self.runs[0].at if self.runs else 0.0


@dataclass(frozen=True, slots=True)
class Record:
    """A path's last record. `file_uid` is the file's SOP instance UID, `row.uid` the one that was sent.

    `may_retry` tells that any later run tries it again, also without being asked to.
    """

    row: Row
    file_uid: str
    cause: Cause
    may_retry: bool


def journal_of(file: Path) -> Journal:
    """Read a manifest's runs. Raises OSError when it is not there."""
    journal = Journal(file_number=file.stat().st_ino)
    for number, line in enumerate(read_lines(file)):
        try:
            _take_up(journal, number, line)
        except (KeyError, TypeError, ValueError):
            continue  # a line of another version or a damaged one; the rest counts
    return journal


def _take_up(journal: Journal, number: int, line: Mapping[str, Any]) -> None:
    kind = line["t"]
    if kind == "o":
        journal.newest[hash(path_of(line))] = number
        _note_outcome(journal, line)
    elif kind == "run":
        journal.runs.append(run_of(line))
    elif kind == "ended" and journal.runs:
        note_end(journal.runs[-1], line)
    elif kind == "settings":
        journal.shaping[int(line["settings"])] = dict(line["values"])
    elif kind == "audit":
        journal.audit[str(line.get("file", ""))] = line
        journal.audited.add(str(line.get("run", "")))
    elif kind == "manifest":
        journal.source, journal.destination = str(line.get("source", "")), str(line.get("destination", ""))


def _note_outcome(journal: Journal, line: Mapping[str, Any]) -> None:
    at, state = float(line["at"]), line["state"]
    journal.last = max(journal.last, at)
    if not journal.runs:
        journal.runs.append(Run(at, flow=Flow(at)))
    run = journal.runs[-1]
    run.recorded[state] += 1
    run.last = max(run.last, at)
    if state in _STORED:
        if not run.flow.files:
            run.flow.begin = at  # the scan before it is no part of the sending
        run.flow.add(at, int(line["size"]))


def run_of(line: Mapping[str, Any]) -> Run:
    """A `run` line. Raises KeyError, TypeError and ValueError for one that is none."""
    return Run(
        at=float(line["at"]),
        version=str(line.get("version", "")),
        source=str(line.get("source", "")),
        who=str(line.get("who", "")),
        calling=str(line.get("calling", "")),
        is_tls=bool(line.get("tls")),
        settings=dict(line.get("settings", {})),
        flow=Flow(float(line["at"])),
    )


def note_end(run: Run, line: Mapping[str, Any]) -> None:
    """Add to a run what its `ended` line tells."""
    run.ended = float(line["at"])
    run.ledger = dict(line["run"])
    run.job = dict(line["job"]) if "job" in line else None
    run.seconds = float(line.get("seconds", 0.0))
    run.is_interrupted = bool(line.get("interrupted"))
    run.stopped = str(line.get("stopped", ""))
    run.has_scanned = bool(line.get("scanned"))
    run.source_check = dict(line.get("source", {}))


def records(file: Path, journal: Journal) -> Iterator[Record]:
    """The last record of every path, as of when the journal was read.

    Raises OSError, and ManifestError where a run has begun meanwhile by rewriting the manifest.
    """
    if file.stat().st_ino != journal.file_number:
        raise ManifestError("the record was rewritten while it was read, for a run has begun: try again")
    series: dict[int, Series] = {}
    for number, line in enumerate(read_lines(file)):
        kind = line["t"]
        try:
            if kind == "series":
                series[line["series"]] = series_of(line)
            elif kind == "o" and journal.newest.get(hash(path_of(line))) == number:
                yield _record_of(line, series)
        except (KeyError, TypeError, ValueError):
            continue


def _record_of(line: Mapping[str, Any], series: Mapping[int, Series]) -> Record:
    row = row_of(line, series.get(line.get("series", 0)))
    return Record(row, line.get("uid", ""), Cause(line.get("cause", Cause.STATUS)), bool(line.get("retry")))
