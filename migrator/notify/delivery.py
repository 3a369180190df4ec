"""Delivering messages behind the back of a run, which never waits for that and never fails by it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from migrator.core.errors import MigratorError, NotDelivered
from migrator.notify.message import Message

WAITS = (5.0, 15.0, 60.0, 300.0)  # seconds between the tries
_ROOM = 50  # messages that wait, for each carrier
_LOOK = 0.2  # seconds between two looks of who waits for the end
_TOO_LATE = "the run ended before it could be delivered"


class Carrier(Protocol):
    """Carries messages somewhere."""

    @property
    def words(self) -> str:
        """What it is."""
        ...

    @property
    def place(self) -> str:
        """Where it carries to, without secrets."""
        ...

    def attempt_for(self, message: Message) -> Callable[[], None]:
        """What tries to deliver the message, once a call; it raises NotDelivered."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one message at one carrier; `trouble` is empty where it was delivered."""

    carrier: str
    place: str
    event: str
    trouble: str = ""


class Delivery:
    """One carrier's messages, delivered one after the other by a thread of its own.

    `told` hears what became of each, in that thread; `waits` are the seconds between the tries.
    """

    def __init__(
        self, carrier: Carrier, told: Callable[[Told], None], waits: tuple[float, ...] = WAITS
    ) -> None:
        self._carrier = carrier
        self._told = told
        self._waits = waits
        self._lock = threading.Condition()
        self._left: deque[Message] = deque()  # guarded by _lock, as all below; the first is under way
        self._deadline: float | None = None
        self._is_given_up = False
        self._has_hurried = False  # the message under way; only the thread's own
        self._thread = threading.Thread(target=self._run, name=f"notify-{carrier.words}", daemon=True)
        self._thread.start()

    def put(self, message: Message) -> None:
        """Have it delivered some time; returns at once. What finds no room is told as not delivered."""
        with self._lock:
            trouble = _TOO_LATE if self._deadline is not None else ""
            if not trouble and len(self._left) >= _ROOM:
                trouble = "too many others wait already"
            if not trouble:
                self._left.append(message)
                self._lock.notify_all()
        if trouble:
            self._tell(message, trouble)

    def closing(self, deadline: float) -> None:
        """Take no more; what waits is tried at once, and again until `deadline` (monotonic)."""
        with self._lock:
            self._deadline = deadline
            self._lock.notify_all()

    def close(self, is_cut: Callable[[], bool]) -> None:
        """Wait for the end that `closing` set, or until `is_cut`; what is left is told as not delivered."""
        while self._thread.is_alive() and not is_cut() and time.monotonic() < (self._deadline or 0.0):
            self._thread.join(_LOOK)
        with self._lock:
            self._is_given_up = True
            left, self._left = list(self._left), deque()
            self._lock.notify_all()
        for message in left:
            self._tell(message, _TOO_LATE)

    def _run(self) -> None:
        while (message := self._next()) is not None:
            try:
                trouble = self._carry(message)
            except Exception as error:  # noqa: BLE001 - a thread's outermost loop: the next ones go on
                trouble = str(error) if isinstance(error, MigratorError) else type(error).__name__
            with self._lock:
                if self._is_given_up:
                    return  # it was told of already
                self._left.popleft()
            self._tell(message, trouble)

    def _next(self) -> Message | None:
        """The next to be carried; None when there will be none."""
        with self._lock:
            while not self._left and self._deadline is None and not self._is_given_up:
                self._lock.wait()
            return self._left[0] if self._left else None

    def _carry(self, message: Message) -> str:
        """Try until it is there; gives why it is not."""
        attempt = self._carrier.attempt_for(message)
        self._has_hurried = False
        for wait in (*self._waits, None):
            try:
                attempt()
                return ""
            except NotDelivered as error:
                may_retry = error.may_retry and wait is not None
                if not may_retry or not self._paused(wait or 0.0, error.retry_after):
                    return str(error)
        return ""

    def _paused(self, seconds: float, at_least: float) -> bool:
        """Wait before another try; whether there is to be one.

        Once the end has been called, each message has one try at once, or as soon as it may be.
        """
        begun = time.monotonic()
        until = begun + max(seconds, at_least)
        with self._lock:
            while not self._is_given_up:
                if self._deadline is not None and not self._has_hurried:
                    self._has_hurried, until = True, begun + at_least
                if self._deadline is not None and until >= self._deadline:
                    return False
                remaining = until - time.monotonic()
                if remaining <= 0:
                    return True
                self._lock.wait(remaining)
        return False

    def _tell(self, message: Message, trouble: str) -> None:
        self._told(Told(self._carrier.words, self._carrier.place, message.event, trouble))
