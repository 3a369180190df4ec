"""What several threads ask for, made once and kept for as long as there is room."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from migrator.core.errors import Cancelled, InstanceError

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_LOOK = 0.1  # seconds between two looks at whether who waits still wants to


def _one(value: object) -> int:
    return 1


def _never() -> bool:
    return False


@dataclass(slots=True)
class _Cell(Generic[Value]):
    """A value that is being made, or was."""

    made: Future[Value] = field(default_factory=Future)
    weight: int = 0
    takes: int = 0


class Memo(Generic[Key, Value]):
    """Values by key, at most `budget` in weight; what was asked for longest ago is forgotten first.

    `takers` is how often each is asked for: after so many times it is forgotten at once; 0 is not known.
    All methods may be called from any thread.
    """

    def __init__(self, budget: int, weigh: Callable[[Value], int] = _one, takers: int = 0) -> None:
        self._budget = budget
        self._weigh = weigh
        self._takers = takers
        self._lock = threading.Lock()
        self._cells: OrderedDict[Key, _Cell[Value]] = OrderedDict()  # guarded by _lock, as all below
        self._weight = 0

    @property
    def weight(self) -> int:
        """What is kept, as weighed."""
        with self._lock:
            return self._weight

    def get(self, key: Key, make: Callable[[], Value], is_cancelled: Callable[[], bool] = _never) -> Value:
        """The value of `key`: kept, being made by another thread, or made here.

        Raises what `make` raises. An InstanceError is that of all who wait for the value; after any other
        error, which may concern its thread alone, the next one makes it. Raises Cancelled when `is_cancelled`
        says so while another thread makes it.
        """
        while True:
            with self._lock:
                cell = self._cells.get(key)
                is_ours = cell is None
                if cell is None:
                    cell = self._cells[key] = _Cell()
            if is_ours:
                return self._made(key, cell, make)
            if self._is_ready(cell, is_cancelled):
                return self._taken(key, cell)

    def _made(self, key: Key, cell: _Cell[Value], make: Callable[[], Value]) -> Value:
        try:
            value = make()
        except BaseException as error:
            with self._lock:
                del self._cells[key]
            cell.made.set_exception(error)
            raise
        with self._lock:
            cell.weight = max(1, self._weigh(value))
            self._weight += cell.weight
        cell.made.set_result(value)
        return self._taken(key, cell)

    def _is_ready(self, cell: _Cell[Value], is_cancelled: Callable[[], bool]) -> bool:
        """Wait for another thread's value; False when that thread gave up. Raises its InstanceError."""
        while True:
            try:
                error = cell.made.exception(_LOOK)
            except NotYet:
                if is_cancelled():
                    raise Cancelled("stopped while waiting for another thread") from None
                continue
            if isinstance(error, InstanceError):
                raise error
            return error is None

    def _taken(self, key: Key, cell: _Cell[Value]) -> Value:
        """Count a take, and forget what nobody will ask for any more or what there is no room for."""
        with self._lock:
            cell.takes += 1
            if self._cells.get(key) is cell:
                self._cells.move_to_end(key)
                if cell.takes == self._takers:
                    self._forget(key)
            while self._weight > self._budget:
                self._forget(next(key for key, one in self._cells.items() if one.weight))
        return cell.made.result()

    def _forget(self, key: Key) -> None:
        self._weight -= self._cells.pop(key).weight
