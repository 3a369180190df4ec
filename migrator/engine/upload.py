"""The main job's engine: feed and workers side by side, until everything found is settled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from migrator.core.errors import Cancelled, DestinationError, MigratorError
from migrator.core.events import Notice, PhaseStarted, Resumed
from migrator.core.model import Instance
from migrator.core.settings import Settings
from migrator.engine.feed import Block, Feed
from migrator.engine.lane import Lane
from migrator.engine.planner import Planner
from migrator.engine.recovery import remedies_of
from migrator.engine.worker import Worker

STREAM_WINDOW = 20_000  # instances that wait between scan and sending
_GRACE = 2.0  # seconds that sends in flight have to finish after a cancel, and again to be aborted


@dataclass(frozen=True, slots=True)
class Ending:
    """How the sending ended: in order (both empty), stopped by the destination, or by the user."""

    stopped_by: DestinationError | None = None
    is_cancelled: bool = False


class Upload:
    """Runs one lane. `run` is called once, from the thread that may be interrupted."""

    def __init__(self, lane: Lane, settings: Settings, feed: Feed, planner: Planner) -> None:
        self._lane = lane
        self._settings = settings
        self._feed = feed
        self._planner = planner
        self._remedies = remedies_of(settings, lane.holds)
        self._failure: Exception | None = None
        lane.known_pairs = planner.pairs

    def run(self, blocks: Iterable[Block], *, is_stream: bool) -> Ending:
        """Send everything that the blocks hold.

        Raises the first error that is neither an instance's nor the destination's, after all is closed.
        """
        if is_stream:
            return self._stream(blocks)
        self._phase("scanning")
        self._guard(lambda: self._feed.whole(blocks, self._lane.queue))
        self._tell_resume()
        return self._send_queue()

    def _stream(self, blocks: Iterable[Block]) -> Ending:
        self._lane.new_queue(STREAM_WINDOW)
        self._tell_resume()
        self._phase("sending")
        threads = self._start(self._settings.send.workers)
        self._guard(lambda: self._feed.stream(blocks, self._lane.queue))
        return self._finish(threads)

    def resend(self, instances: Iterable[Instance]) -> Ending:
        """Send these pending instances, once more."""
        self._lane.new_queue()
        self._lane.record.accounting.sending_begins()
        for batch in self._planner.plan(instances):
            self._lane.queue.put(batch)
        self._lane.queue.filled()
        return self._send_queue()

    def _send_queue(self) -> Ending:
        """Send what is queued, with no more associations than there are batches."""
        self._phase("sending")
        return self._finish(self._start(min(self._settings.send.workers, len(self._lane.queue.left()))))

    def _finish(self, threads: list[threading.Thread]) -> Ending:
        self._wait_for(threads)
        self._lane.end()
        if self._failure is not None:
            raise self._failure
        return Ending(self._lane.stopped_by, self._lane.control.is_cancelled)

    def _tell_resume(self) -> None:
        if self._lane.record.manifest.outcomes:
            snapshot = self._lane.record.accounting.snapshot()
            scanned = snapshot.run.found > 0
            self._lane.emit(Resumed(snapshot.job.stored, snapshot.run.pending if scanned else None))

    def _phase(self, name: str) -> None:
        self._lane.record.accounting.phase(name)
        self._lane.emit(PhaseStarted(name))

    def _guard(self, step: Callable[[], None]) -> None:
        """Run one step; whatever ends it stops the lane, so that nothing waits for it."""
        try:
            step()
        except Cancelled:
            self._lane.queue.stop()
        except MigratorError as error:
            self._failure = self._failure or error
            self._lane.queue.stop()
        except BaseException:
            self._lane.queue.stop()
            raise

    def _start(self, count: int) -> list[threading.Thread]:
        threads = [
            threading.Thread(target=self._work, args=(number,), name=f"worker-{number}", daemon=True)
            for number in range(1, count + 1)
        ]
        for thread in threads:
            thread.start()
        return threads

    def _work(self, number: int) -> None:
        try:
            Worker(self._lane, number, self._remedies).run()
        except Exception as error:  # noqa: BLE001 - a thread's outermost loop: no fault may end unheard
            if not isinstance(error, MigratorError):
                self._lane.emit(Notice(f"worker {number} ended by a fault: {type(error).__name__}", "error"))
            self._failure = self._failure or error
            self._lane.queue.stop()

    def _wait_for(self, threads: list[threading.Thread]) -> None:
        """Wait for the workers; after a cancel, abort what is still in flight when the grace is over."""
        control = self._lane.control
        while any(thread.is_alive() for thread in threads):
            if control.is_cancelled:
                self._lane.queue.stop()
                self._lane.give_up_opening()
                _join(threads, _GRACE)
                self._lane.abort_all()
                _join(threads, _GRACE)
                return
            _join(threads, 0.1)


def _join(threads: list[threading.Thread], seconds: float) -> None:
    """Wait for all of them, at most so many seconds in all."""
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
