"""The ledger that balances, and the numbers every face reads.

Two ledgers, each balanced at any moment: this run, and the job over all its runs. Nothing here formats.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum

from migrator.core.outcome import Fidelity, Outcome, State

_RATE_WINDOW = 10.0  # seconds over which the shown rates are measured


@dataclass(frozen=True, slots=True)
class Ledger:
    """Counts of paths by state."""

    sent: int = 0
    warned: int = 0
    skipped: int = 0
    held: int = 0
    failed: int = 0
    quarantined: int = 0
    unknown: int = 0
    pending: int = 0
    found: int = 0

    @classmethod
    def of(cls, counts: Mapping[State, int], found: int) -> Ledger:
        return cls(**{state.value: counts.get(state, 0) for state in State}, found=found)

    @property
    def balances(self) -> bool:
        """Whether every path found is in exactly one state."""
        return self.found == self._sum_of(State)

    def _sum_of(self, states: Iterable[State]) -> int:
        return sum(int(getattr(self, state.value)) for state in states)

    @property
    def stored(self) -> int:
        return self.sent + self.warned

    @property
    def spoiled(self) -> int:
        """Paths that keep the job from having succeeded."""
        return self._sum_of(state for state in State if state.spoils)

    def as_dict(self) -> dict[str, int]:
        """`found` first, then the states in the order in which people read them."""
        return {"found": self.found} | {
            one.name: getattr(self, one.name) for one in fields(self) if one.name != "found"
        }


class Circuit(str, Enum):
    """A breaker's state. Closed: all may send. Open: nobody. Probing: one may, and that decides."""

    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The numbers of one moment. Seconds, bytes, and rates per second over the last ten seconds.

    `eta_seconds` is None while nothing can be said. `send_seconds` runs from the first association request
    to the last response. `destination` names the node. `hold` says in words why less is sent than could be,
    `workers` how many may send now, `wave` the pass over what failed for now (0: the first), `circuit` the
    breaker's state.
    """

    destination: str
    phase: str
    run: Ledger
    job: Ledger
    bytes_sent: int
    bytes_pending: int
    send_seconds: float
    files_per_second: float
    bytes_per_second: float
    eta_seconds: float | None
    healed: int
    fidelity: Mapping[str, int]
    remedies: Mapping[str, int]
    associations: int
    hold: str = ""
    workers: int = 0
    wave: int = 0
    circuit: str = "closed"

    @property
    def share(self) -> float | None:
        """How much of this run's paths is settled, from 0 to 1; None while nobody knows of how many."""
        if not self.run.found or self.phase in ("starting", "scanning"):
            return None
        return 1 - self.run.pending / self.run.found


@dataclass(frozen=True, slots=True)
class LaneView:
    """What holds a destination's flow back, in words (empty: nothing), and how many workers may send."""

    hold: str = ""
    workers: int = 0
    wave: int = 0
    circuit: str = "closed"


@dataclass(slots=True)
class _Run:
    """The mutable numbers behind a Snapshot."""

    counts: Counter[State] = field(default_factory=Counter)
    found: int = 0
    bytes_sent: int = 0
    bytes_pending: int = 0
    healed: int = 0
    fidelity: Counter[Fidelity] = field(default_factory=Counter)
    remedies: Counter[str] = field(default_factory=Counter)
    files_done: int = 0


class Accounting:
    """Counts what happens. All methods may be called from any thread."""

    def __init__(self, destination: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._destination = destination
        self._clock = clock
        self._lock = threading.Lock()
        self._run = _Run()  # guarded by _lock, as all below
        self._job: Counter[State] = Counter()
        self._job_found = 0
        self._phase = "starting"
        self._first_request: float | None = None
        self._last_response: float | None = None
        self._seconds_before = 0.0
        self._marks: deque[tuple[float, int, int]] = deque()
        self._associations = 0
        self.view: Callable[[], LaneView] = LaneView
        """How the destination stands; set by who sends."""

    def load_job(self, counts: Mapping[State, int]) -> None:
        """Start from what earlier runs of the job recorded."""
        with self._lock:
            self._job = Counter(counts)
            self._job_found = sum(counts.values())

    def found(
        self, state: State, job_before: State | None, *, keeps_job: bool = False, size: int = 0
    ) -> None:
        """Count a path of this run in `state`.

        `job_before` is the state an earlier run recorded, None for a new path. With `keeps_job` the path
        was settled earlier and keeps that state in the job's ledger.
        """
        with self._lock:
            self._run.found += 1
            self._run.counts[state] += 1
            if state is State.PENDING:
                self._run.bytes_pending += size
            if not keeps_job:
                self._move_job(job_before, state)

    def settled(self, state_before: State, size: int, outcome: Outcome) -> None:
        """Move a path of this run, `size` bytes long, from `state_before` to the outcome's state."""
        now = self._clock()
        state = outcome.state
        with self._lock:
            run, job = self._run, self._job
            run.counts[state_before] -= 1
            run.counts[state] += 1
            job[state_before] -= 1
            job[state] += 1
            if state_before is State.PENDING:
                run.bytes_pending -= size
                run.files_done += 1
            if state is State.SENT or state is State.WARNED:
                run.bytes_sent += outcome.bytes
                run.fidelity[outcome.fidelity] += 1
                run.healed += outcome.healed
            if outcome.remedies:
                run.remedies.update(outcome.remedies)
            if outcome.attempts:
                self._last_response = now

    def left(self, in_job: State, size: int) -> None:
        """A pending path is skipped in this run, and stands in `in_job` in the job."""
        with self._lock:
            self._run.counts[State.PENDING] -= 1
            self._run.counts[State.SKIPPED] += 1
            self._run.bytes_pending -= size
            self._move_job(State.PENDING, in_job)

    def retired(self, in_job: State) -> None:
        """A path that this run did not find is no longer a trouble of the job."""
        with self._lock:
            self._move_job(in_job, State.SKIPPED)

    def reopened(self, in_job: State, in_run: State, size: int) -> None:
        """A path is to be sent again; the states are those in which it stood in each ledger."""
        with self._lock:
            self._run.counts[in_run] -= 1
            self._run.counts[State.PENDING] += 1
            self._run.bytes_pending += size
            self._move_job(in_job, State.PENDING)

    def _move_job(self, before: State | None, after: State) -> None:
        if before is None:
            self._job_found += 1
        else:
            self._job[before] -= 1
        self._job[after] += 1

    def phase(self, name: str) -> None:
        with self._lock:
            self._phase = name

    def sending_begins(self) -> None:
        """What follows is a send phase of its own; the time between two of them does not count."""
        with self._lock:
            self._seconds_before += self._span()
            self._first_request = self._last_response = None

    def requesting_association(self) -> None:
        """The send phase begins with the first association request."""
        with self._lock:
            if self._first_request is None:
                self._first_request = self._clock()

    def association(self, change: int) -> None:
        """An association was opened (+1) or ended (-1)."""
        with self._lock:
            self._associations += change

    def snapshot(self) -> Snapshot:
        now, view = self._clock(), self.view()
        with self._lock:
            run = self._run
            files_rate, bytes_rate = self._rates(now)
            return Snapshot(
                destination=self._destination,
                phase=self._phase,
                run=Ledger.of(run.counts, run.found),
                job=Ledger.of(self._job, self._job_found),
                bytes_sent=run.bytes_sent,
                bytes_pending=run.bytes_pending,
                send_seconds=self._seconds_before + self._span(),
                files_per_second=files_rate,
                bytes_per_second=bytes_rate,
                eta_seconds=self._eta(files_rate, bytes_rate),
                healed=run.healed,
                fidelity={fidelity.value: count for fidelity, count in run.fidelity.items()},
                remedies=dict(run.remedies),
                associations=self._associations,
                hold=view.hold,
                workers=view.workers,
                wave=view.wave,
                circuit=view.circuit,
            )

    def _span(self) -> float:
        if self._first_request is None or self._last_response is None:
            return 0.0
        return max(0.0, self._last_response - self._first_request)

    def _rates(self, now: float) -> tuple[float, float]:
        marks = self._marks
        if not marks or now - marks[-1][0] >= 0.1:
            marks.append((now, self._run.files_done, self._run.bytes_sent))
        while len(marks) > 2 and now - marks[0][0] > _RATE_WINDOW:
            marks.popleft()
        then, files, sent = marks[0]
        span = now - then
        if span < 0.1:
            return 0.0, 0.0
        return (self._run.files_done - files) / span, (self._run.bytes_sent - sent) / span

    def _eta(self, files_rate: float, bytes_rate: float) -> float | None:
        """By bytes and by files, whichever takes longer: small files are bound by count."""
        pending = self._run.counts[State.PENDING]
        if not pending:
            return None if self._phase in ("starting", "scanning") else 0.0
        if files_rate <= 0:
            return None
        by_bytes = self._run.bytes_pending / bytes_rate if bytes_rate > 0 else 0.0
        return max(pending / files_rate, by_bytes)
