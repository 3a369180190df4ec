"""Storing the same objects again over several associations at once, timed.

No object goes over two associations at the same time: no migration does that, and a PACS may answer it by
leaving one of them without an answer (Orthanc 1.10 does, now and then).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from migrator.core.control import Control
from migrator.core.edits import Edit
from migrator.core.errors import MigratorError
from migrator.core.model import Instance
from migrator.core.outcome import Outcome
from migrator.engine.ports import Sender

_WATCH = 0.01  # seconds between two looks at whether to stop
_GRACE = 2.0  # seconds for sends in flight, when the user stops
_MOST_REFUSED = 0.05  # of what was stored; beyond that, an answer that comes quickly may be a refusal
_OVERTIME = 4.0  # times as long as a step was meant to take, after which nothing more is begun


@dataclass(frozen=True, slots=True)
class Shipment:
    """An object as it was stored the first time: the instance, and what must differ from its file."""

    instance: Instance
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """One object that was stored: `seconds` from its first byte to the answer, `latency` after its last."""

    instance: Instance
    bytes: int
    seconds: float
    latency: float


@dataclass(slots=True)
class Step:
    """What so many workers came to.

    `refused` counts objects, `unopened` associations that were not to be had, `lost` those that ended by
    themselves; `reason` is the first of all these in words. `seconds` run from the first request to the last
    answer, associations being open before.
    """

    workers: int
    sent: list[Sent] = field(default_factory=list)
    seconds: float = 0.0
    refused: int = 0
    reason: str = ""
    unopened: int = 0
    lost: int = 0

    @property
    def files(self) -> int:
        return len(self.sent)

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.sent)

    @property
    def files_per_second(self) -> float:
        return self.files / self.seconds if self.seconds else 0.0

    @property
    def counts(self) -> bool:
        """Whether this tells how fast so many workers are."""
        is_whole = not self.unopened and not self.lost
        return bool(self.sent) and is_whole and self.refused <= self.files * _MOST_REFUSED


@dataclass(frozen=True, slots=True)
class StepPlan:
    """What to send, in turn, how often in all, and in about how many seconds."""

    shipments: Sequence[Shipment]
    sends: int
    seconds: float


class StepRun:
    """One step. `run` is called once."""

    def __init__(self, plan: StepPlan, senders: Sequence[Sender], control: Control) -> None:
        """`senders` are not open yet; each gets a thread of its own."""
        self._plan = plan
        self._senders = senders
        self._control = control
        self._lock = threading.Lock()
        count = len(plan.shipments)
        # How often each is still to be sent, by its place in the shipments; guarded by _lock, as all below.
        self._left = [plan.sends // count + (place < plan.sends % count) for place in range(count)]
        self._under_way = [0] * count  # how many workers send each, or wait to
        self._meant = [0] * count  # how many workers mean to send it next
        self._step = Step(len(senders))
        self._opened = 0
        self._last = 0.0
        self._begin = threading.Event()
        self._is_over = False
        self._started = 0.0
        self._turns = [threading.Lock() for _ in plan.shipments]  # one association at a time for each
        for sender in senders:
            control.on_cancel(sender.abort)

    def run(self) -> Step:
        """Open all associations, then send until enough was sent. Raises Cancelled."""
        threads = [
            threading.Thread(target=self._work, args=(sender,), name=f"speed-test-{number}", daemon=True)
            for number, sender in enumerate(self._senders, 1)
        ]
        for thread in threads:
            thread.start()
        try:
            self._until(lambda: self._opened + self._step.unopened == len(threads))
            self._is_over = self._step.unopened > 0
            self._started = time.perf_counter()
            self._begin.set()
            self._until(lambda: not any(thread.is_alive() for thread in threads))
        finally:
            self._is_over = True
            self._begin.set()
            end = time.monotonic() + _GRACE
            for thread in threads:
                thread.join(max(0.0, end - time.monotonic()))
        self._step.seconds = max(0.0, self._last - self._started)
        return self._step

    def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self._control.check()
            self._control.wait(_WATCH)

    def _work(self, sender: Sender) -> None:
        is_open = False
        try:
            sender.open({one.instance.pair for one in self._plan.shipments})
            is_open = True
            with self._lock:
                self._opened += 1
            self._begin.wait()
            place = self._take(None)
            while place is not None:
                follower = self._mean_next()
                self._store(sender, place, follower)
                place = self._take(follower)
        except Exception as error:  # noqa: BLE001 - a thread's outermost loop: the step waits for its word
            with self._lock:
                self._step.lost += is_open
                self._step.unopened += not is_open
                words = str(error) if isinstance(error, MigratorError) else type(error).__name__
                self._step.reason = self._step.reason or words
        finally:
            sender.release()

    def _store(self, sender: Sender, place: int, follower: int | None) -> None:
        shipments = self._plan.shipments
        shipment = shipments[place]
        then = None if follower is None else shipments[follower].instance
        with self._turns[place]:
            outcome = sender.store(shipment.instance, shipment.edits, then)
        with self._lock:
            self._under_way[place] -= 1
        self._note(shipment, outcome)

    def _take(self, meant: int | None) -> int | None:
        """What to send now: what was meant, or where another worker sends just that, one that none sends."""
        with self._lock:
            if meant is not None:
                self._meant[meant] -= 1
            is_late = time.perf_counter() - self._started > self._plan.seconds * _OVERTIME
            if self._is_over or not any(self._left) or is_late:
                return None
            place = self._best()
            if meant is not None and not self._under_way[meant] and self._left[meant] >= self._left[place]:
                place = meant
            self._left[place] -= 1
            self._under_way[place] += 1
            return place

    def _mean_next(self) -> int | None:
        """What to read ahead: one that no other worker sends or means to send, if there is such."""
        with self._lock:
            if self._is_over or not any(self._left):
                return None
            place = self._best()
            self._meant[place] += 1
            return place

    def _best(self) -> int:
        """One of those that are left: free before under way, and of these what is left most often.

        So the last ones to be sent are all different, and no worker waits for another.
        """
        left, meant = self._left, self._meant
        return max(
            (place for place, times in enumerate(left) if times),
            key=lambda place: (-self._under_way[place], left[place] - meant[place], -meant[place]),
        )

    def _note(self, shipment: Shipment, outcome: Outcome) -> None:
        with self._lock:
            self._last = time.perf_counter()
            if outcome.is_stored:
                sent = Sent(shipment.instance, outcome.bytes, outcome.seconds, outcome.latency)
                self._step.sent.append(sent)
            else:
                self._step.refused += 1
                self._step.reason = self._step.reason or outcome.reason
