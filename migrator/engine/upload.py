"""The main job's engine: feed and workers side by side, until everything found is settled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from migrator.core.errors import Cancelled, LimitReached, MigratorError
from migrator.core.events import Notice, PhaseStarted, Resumed
from migrator.core.model import Instance
from migrator.core.settings import Settings
from migrator.engine.feed import Block, Feed
from migrator.engine.lane import Lane
from migrator.engine.planner import Planner
from migrator.engine.worker import Worker

STREAM_WINDOW = 20_000  # instances that wait between scan and sending
_WATCH = 0.1  # seconds between two looks at the workers
_MOST_WAVE_GROWTH = 10  # times the first wait
_GRACE = 2.0  # seconds that sends in flight have to finish after a cancel, and again to be aborted


@dataclass(frozen=True, slots=True)
class Ending:
    """How the sending ended: in order (both empty), stopped by the destination or a limit, or by the user."""

    stopped_by: MigratorError | None = None
    is_cancelled: bool = False


class Upload:
    """Runs one lane. `run` is called once, from the thread that may be interrupted."""

    def __init__(self, lane: Lane, settings: Settings, feed: Feed, planner: Planner) -> None:
        self._lane = lane
        self._settings = settings
        self._feed = feed
        self._planner = planner
        self._failure: Exception | None = None
        self._hires = 0
        lane.known_pairs = planner.pairs

    def run(self, blocks: Iterable[Block], *, is_stream: bool) -> Ending:
        """Send everything that the blocks hold, and again in waves what failed for now.

        Raises the first error that is neither an instance's nor the destination's, after all is closed.
        """
        if is_stream:
            self._stream(blocks)
        else:
            self._phase("scanning")
            self._guard(lambda: self._feed.whole(self._until_stopped(blocks), self._lane.queue))
            self._tell_resume()
            self._send_queue()
        return self._end()

    def _stream(self, blocks: Iterable[Block]) -> None:
        self._lane.new_queue(STREAM_WINDOW)
        self._tell_resume()
        self._phase("sending")
        crew = threading.Thread(target=lambda: self._guard(self._staff), name="staff", daemon=True)
        crew.start()
        self._guard(lambda: self._feed.stream(self._until_stopped(blocks), self._lane.queue))
        while crew.is_alive():
            crew.join(_WATCH)

    def resend(self, instances: Iterable[Instance]) -> Ending:
        """Send these pending instances, once more; a pass of its own, with its own waves."""
        self._lane.wave = 0
        self._lane.record.accounting.sending_begins()
        self._queue(instances)
        self._send_queue()
        return self._end()

    def _queue(self, instances: Iterable[Instance]) -> None:
        self._lane.new_queue()
        for batch in self._planner.plan(instances):
            self._lane.queue.put(batch)
        self._lane.queue.filled()

    def _send_queue(self) -> None:
        self._phase("sending")
        self._staff()

    def _end(self) -> Ending:
        lane = self._lane
        try:
            while self._failure is None and self._has_next_wave():
                self._staff()
        finally:
            lane.end()
        if self._failure is not None:
            raise self._failure
        return Ending(lane.stopped_by, lane.control.is_cancelled)

    def _has_next_wave(self) -> bool:
        """Wait for the next pass over what failed for now, and queue it; False when there is none."""
        lane, recovery = self._lane, self._settings.recovery
        again = lane.next_wave()
        if not again or lane.stopped_by is not None or lane.control.is_cancelled:
            return False
        if lane.wave >= recovery.waves:
            return False
        seconds = min(recovery.wave_wait * 2**lane.wave, recovery.wave_wait * _MOST_WAVE_GROWTH)
        lane.emit(
            Notice(f"{len(again):,} failed for now; wave {lane.wave + 1} begins in {seconds:g} s", "info")
        )
        if not self._wait_for_wave(seconds):
            return False
        lane.wave += 1
        for instance in again:
            lane.record.reopen(instance, in_this_run=True)
        self._queue(again)
        return True

    def _wait_for_wave(self, seconds: float) -> bool:
        """Wait; False when the run ends meanwhile."""
        lane = self._lane
        lane.wave_begins_in(seconds)
        end = time.monotonic() + seconds
        try:
            while (left := end - time.monotonic()) > 0:
                if self._is_over():
                    return False
                lane.control.wait(min(left, _WATCH))
        except Cancelled:
            return False
        finally:
            lane.wave_begins_in(0.0)
            lane.breaker.rest()
        return True

    def _is_over(self) -> bool:
        """Whether the lane was stopped; stops it where the run has taken as long as the user allows."""
        lane = self._lane
        if lane.stopped_by is None and lane.pace.limit_reached():
            lane.stop(LimitReached("the run has taken as long as --max-duration allows"))
        return lane.stopped_by is not None

    def _until_stopped(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """The blocks, until a limit ends the scan, or a wish to cancel this one destination of several."""
        for block in blocks:
            self._lane.control.check()
            if self._is_over():
                raise Cancelled("stopped by a limit")
            yield block

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

    def _work(self, number: int) -> None:
        try:
            Worker(self._lane, number).run()
        except Exception as error:  # noqa: BLE001 - a thread's outermost loop: no fault may end unheard
            if not isinstance(error, MigratorError):
                self._lane.emit(Notice(f"worker {number} ended by a fault: {type(error).__name__}", "error"))
            self._failure = self._failure or error
            self._lane.queue.stop()

    def _staff(self) -> None:
        """Keep as many workers as there is work and room for, until the queue is exhausted.

        After a cancel, what is still in flight when the grace is over is aborted.
        """
        lane = self._lane
        threads: list[threading.Thread] = []
        while True:
            threads = [thread for thread in threads if thread.is_alive()]
            if lane.control.is_cancelled:
                lane.queue.stop()
                lane.give_up_opening()
                _join(threads, _GRACE)
                lane.abort_all()
                _join(threads, _GRACE)
                return
            self._is_over()
            threads += self._hired(len(threads))
            if not threads:
                return
            _join(threads, _WATCH)

    def _hired(self, present: int) -> list[threading.Thread]:
        """New workers, started: no more in all than there are batches for those without work."""
        lane = self._lane
        if lane.queue.is_exhausted:
            return []
        wanted = max(1, lane.pace.workers())
        waiting = wanted if lane.queue.is_growing else len(lane.queue.left())
        threads = []
        for _ in range(min(wanted - present, waiting)):
            self._hires += 1
            number = self._hires
            threads.append(
                threading.Thread(target=self._work, args=(number,), name=f"worker-{number}", daemon=True)
            )
        for thread in threads:
            thread.start()
        return threads


def _join(threads: list[threading.Thread], seconds: float) -> None:
    """Wait for all of them, at most so many seconds in all."""
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
