"""How many threads read the source: one where files come from memory, more where the storage makes wait."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from migrator.engine.tree import Listing

Item = TypeVar("Item")

_PROBE = 32  # entries examined by one thread to learn what the storage takes
_PROBE_AGAIN = 4096  # entries after which that is asked again
_PIECE = 16  # entries that one thread takes at a time
_MOST_AHEAD = 1024  # entries that are being examined while earlier ones are not yet taken

# Seconds waited for per entry → threads. What a thread computes does not count: more threads only get into
# each other's way with that; a disk or a network answers many questions at once.
_THREADS_BY_LATENCY = ((0.005, 16), (0.001, 8), (0.0001, 4))


class Readers(Generic[Item]):
    """Examines listings in order. `count` threads do it; 0 chooses by measured latency."""

    def __init__(self, examine: Callable[[Listing], list[Item]], count: int) -> None:
        self._examine = examine
        self._count = count
        self._threads = max(1, count)
        self._pool: ThreadPoolExecutor | None = None
        self._pool_size = 0
        self._until_probe = 0
        self._was_slow = False
        self._measured = 0
        self._seconds = 0.0
        self._pending: deque[tuple[list[Future[list[Item]]], int]] = deque()

    def blocks(self, listings: Iterable[Listing]) -> Iterator[list[Item]]:
        """What `examine` makes of every listing, in their order."""
        try:
            for listing in listings:
                for piece in self._pieces(listing):
                    yield from self._blocks_of(piece)
            yield from self._finished(0)
        finally:
            self._stop()

    def _pieces(self, listing: Listing) -> Iterator[Listing]:
        """The listing, with a first piece to measure by when it is time for that."""
        if self._count or self._until_probe > 0:
            self._until_probe -= len(listing.entries)
            yield listing
            return
        self._threads = 1
        yield Listing(listing.prefix, listing.entries[:_PROBE], listing.problems)
        if len(listing.entries) > _PROBE:
            yield from self._pieces(Listing(listing.prefix, listing.entries[_PROBE:]))

    def _blocks_of(self, listing: Listing) -> Iterator[list[Item]]:
        if self._threads > 1:
            self._submit(listing)
            yield from self._finished(_MOST_AHEAD)
            return
        yield from self._finished(0)
        started, busy = time.perf_counter(), time.thread_time()
        block = self._examine(listing)
        if not self._count:
            waited = time.perf_counter() - started - (time.thread_time() - busy)
            self._learn(len(listing.entries), max(0.0, waited))
        yield block

    def _learn(self, entries: int, seconds: float) -> None:
        """Choose by seconds waited per entry; slow twice in a row, so that one hiccup does not count."""
        self._measured += entries
        self._seconds += seconds
        if self._measured < _PROBE // 2:
            return
        latency = self._seconds / self._measured
        threads = next((threads for least, threads in _THREADS_BY_LATENCY if latency >= least), 1)
        self._threads = threads if self._was_slow else 1
        self._until_probe = 0 if threads > self._threads else _PROBE_AGAIN
        self._was_slow = threads > 1
        self._measured, self._seconds = 0, 0.0

    def _submit(self, listing: Listing) -> None:
        pool = self._pool_of(self._threads)
        entries = listing.entries
        pieces = [
            Listing(listing.prefix, entries[start : start + _PIECE])
            for start in range(0, len(entries), _PIECE)
        ]
        pieces[:0] = [Listing(listing.prefix, [], listing.problems)] if listing.problems else []
        self._pending.append(([pool.submit(self._examine, piece) for piece in pieces], len(entries)))

    def _pool_of(self, threads: int) -> ThreadPoolExecutor:
        if self._pool is None or self._pool_size != threads:
            self._stop()
            self._pool = ThreadPoolExecutor(threads, "reader")
            self._pool_size = threads
        return self._pool

    def _finished(self, ahead: int) -> Iterator[list[Item]]:
        """The oldest blocks, until at most `ahead` entries are left in the threads' hands."""
        while sum(count for _, count in self._pending) > ahead or (self._pending and not ahead):
            futures, _ = self._pending.popleft()
            yield [item for future in futures for item in future.result()]

    def _stop(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
