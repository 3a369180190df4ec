"""One scan for several destinations: each takes every block, in the scan's order, at its own pace."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence

from migrator.core.errors import MigratorError
from migrator.core.memo import Memo
from migrator.core.model import Instance
from migrator.core.outcome import Problem, State
from migrator.engine.feed import Block
from migrator.engine.ports import ReadHeader, SameDataset
from migrator.engine.scanner import Known

_MOST_AHEAD = 64  # blocks that the scan is ahead of the quickest
_MOST_REMEMBERED = 4096  # headers and comparisons
_LOOK = 0.5  # seconds; a wait on a condition also wakes on notify


class Fan:
    """Passes blocks on to `count` takers, each in a thread of its own.

    The scan waits for the quickest only: what slower ones have still to take is kept for them, without bound,
    since instances are shared by all who have them.
    """

    def __init__(self, count: int, most_ahead: int = _MOST_AHEAD) -> None:
        self._most = most_ahead
        self._changed = threading.Condition()
        self._waiting: dict[int, deque[Block]] = {n: deque() for n in range(count)}  # guarded by _changed
        self._is_over = False  # guarded by _changed, as all below
        self._failure: BaseException | None = None

    def spread(self, blocks: Iterable[Block]) -> None:
        """Pass all blocks on, until there are no more or nobody takes any more.

        An error that ends the scan is raised by every taker's `blocks`; one that is not ours, here as well.
        """
        try:
            for block in blocks:
                if not self._pass_on(block):
                    break
        except MigratorError as error:
            self._end(error)
        except BaseException as error:
            self._end(error)
            raise
        else:
            self._end(None)

    def _pass_on(self, block: Block) -> bool:
        """Hand a block to all who still take; False when nobody does."""
        with self._changed:
            while self._waiting and all(len(waiting) >= self._most for waiting in self._waiting.values()):
                self._changed.wait(_LOOK)
            for waiting in self._waiting.values():
                waiting.append(block)
            self._changed.notify_all()
            return bool(self._waiting)

    def _end(self, failure: BaseException | None) -> None:
        with self._changed:
            self._is_over, self._failure = True, failure
            self._changed.notify_all()

    def blocks(self, number: int) -> Iterator[Block]:
        """The blocks for taker `number`, from 0. Raises what ended the scan."""
        while True:
            with self._changed:
                waiting = self._waiting[number]
                while not waiting and not self._is_over:
                    self._changed.wait(_LOOK)
                if not waiting:
                    if self._failure is not None:
                        raise self._failure
                    return
                block = waiting.popleft()
                self._changed.notify_all()
            yield block

    def leave(self, number: int) -> None:
        """Taker `number` takes no more."""
        with self._changed:
            self._waiting.pop(number, None)
            self._changed.notify_all()


def known_to_all(records: Sequence[Known]) -> Known:
    """A path is settled, and need not be opened, when it is so for every destination."""
    if len(records) == 1:
        return records[0]

    def known(path: str, size: int, mtime_ns: int) -> State | None:
        state: State | None = None
        for one in records:
            state = one(path, size, mtime_ns)
            if state is None:
                return None
        return state

    return known


def shared_readers(read: ReadHeader, is_same: SameDataset, count: int) -> tuple[ReadHeader, SameDataset]:
    """Readers that read for the first of `count` destinations and remember for the others."""
    # A header is asked for once for each copy of a file, a comparison once for each destination.
    headers: Memo[Hashable, Instance | Problem] = Memo(_MOST_REMEMBERED)
    verdicts: Memo[Hashable, bool] = Memo(_MOST_REMEMBERED, takers=count)

    def read_once(root: str, path: str, size: int, mtime_ns: int) -> Instance | Problem:
        return headers.get((path, size, mtime_ns), lambda: read(root, path, size, mtime_ns))

    def compare_once(root: str, first: Instance, second: Instance) -> bool:
        key = (_file_of(first), _file_of(second))
        return verdicts.get(key, lambda: is_same(root, first, second))

    return read_once, compare_once


def _file_of(instance: Instance) -> tuple[str, int, int]:
    return instance.path, instance.size, instance.mtime_ns
