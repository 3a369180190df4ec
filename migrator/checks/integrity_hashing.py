"""SHA-256 of every file of a source, by several threads; each reads through one small buffer of its own."""

from __future__ import annotations

import hashlib
import os
import queue
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO
from typing import NamedTuple

from migrator.checks.integrity_list import Entry
from migrator.core.control import Control
from migrator.core.errors import Cancelled
from migrator.core.model import Reason
from migrator.core.outcome import Problem
from migrator.core.paths import long_path
from migrator.engine.tree import Entry as DirEntry
from migrator.engine.tree import walk

_BUFFER = 262_144  # larger ones fall out of the processor's cache between reading and hashing
_AHEAD = 256  # batches that are found, being read, or read and not yet taken
_BATCH = 16  # small files that one reader takes at a time: handing over costs as much as hashing one
_SMALL = 1_000_000  # bytes
_SLICE = 0.2  # seconds; Windows delivers Ctrl-C to the main thread only between its waits
_END_SECONDS = 1.0  # for reads in flight, when the user stops
_MOST_TRIES = 3  # at a file that changes while it is read

MOST_READERS = 16
_FIRST_READERS = 2
_FILE_WORTH = 65_536  # bytes that could be hashed in the time that a file costs by itself
_GAIN = 1.1  # by how much more readers must be faster to stay
_MEASURE = 1.0  # seconds
_MEASURED_EACH = 4  # files that each reader has hashed in it, at least
_LOOK_AGAIN = 60  # measurements


class Hashed(NamedTuple):
    """One file with the digest of its content."""

    entry: Entry


class Known(NamedTuple):
    """A file that an interrupted run hashed, unchanged since."""

    path: str


class Unreadable(NamedTuple):
    """A file or folder that could not be read, and why, in words."""

    path: str
    why: str
    is_folder: bool = False


class PassedOver(NamedTuple):
    """Something that is no file: a link that leads out, a pipe, a link to a folder, a file that is gone."""

    path: str


Found = Hashed | Known | Unreadable | PassedOver


class _Walked(NamedTuple):
    """The walk is over; it found so many things."""

    things: int


@dataclass(frozen=True, slots=True)
class HashPlan:
    """What to hash and how. `readers` is the number of threads, 0 to choose by measured speed.

    `knows` tells, to any thread, whether a file of this path, size and time need not be read. `pace` is told
    how many bytes were read, and answers, after a wait if need be, how many of these are paid for.
    """

    root: str
    readers: int = 0
    knows: Callable[[str, int, int], bool] | None = None
    pace: Callable[[int], int] | None = None


class Climb:
    """How many threads read: twice as many as long as that is faster. Pure."""

    def __init__(self) -> None:
        self.readers = _FIRST_READERS
        self._best = 0.0
        self._rest = 0

    def measured(self, rate: float) -> int:
        """The number to go on with, after this many bytes per second with the present one."""
        if self._rest:
            self._rest -= 1
            self._best = 0.0
        elif rate > self._best * _GAIN:
            self._best = rate
            if self.readers < MOST_READERS:
                self.readers *= 2
        else:
            # What did not help goes back; storage that is slow now may be quick in a minute.
            self.readers = max(1, self.readers // 2)
            self._rest = _LOOK_AGAIN
        return self.readers


class Hasher:
    """Hashes one source once. `found` is called by one thread; all others are made and ended here."""

    def __init__(self, plan: HashPlan, control: Control) -> None:
        self._plan = plan
        self._control = control
        self._prefix = os.path.join(long_path(plan.root), "")  # noqa: PTH118 - joined by hand once per file
        self._room = threading.Semaphore(_AHEAD)
        self._paths: queue.SimpleQueue[list[str] | None] = queue.SimpleQueue()
        self._said: queue.SimpleQueue[list[Found] | _Walked | BaseException] = queue.SimpleQueue()
        self._batch = 1  # files that are handed out together from now on
        self._threads: list[threading.Thread] = []
        self._readers = 0
        self._change = threading.Condition()
        self._wanted = plan.readers or _FIRST_READERS  # guarded by _change, as the next
        self._is_over = False

    def found(self) -> Iterator[Found]:
        """Everything under the source, in the order in which it is done. Raises SourceError, Cancelled."""
        self._start("walk", self._walk)
        self._hire()
        climb, done, files, since = Climb(), 0, 0, time.monotonic()
        try:
            for batch in self._all_said():
                self._room.release()
                yield from batch
                sizes = [item.entry.size for item in batch if isinstance(item, Hashed)]
                done += sum(sizes) + _FILE_WORTH * len(sizes)
                files += len(sizes)
                self._batch = _BATCH if sum(sizes) <= _SMALL * len(sizes) else 1
                now = time.monotonic()
                # Of huge files, or while what is known is passed over, hardly one ends in that time.
                is_measured = now - since >= _MEASURE and files >= _MEASURED_EACH * self._wanted
                if not self._plan.readers and is_measured and not self._control.is_paused:
                    self._want(climb.measured(done / (now - since)))
                    done, files, since = 0, 0, now
        finally:
            self._end()

    def _all_said(self) -> Iterator[list[Found]]:
        """What the threads say, until all of it was. Raises what ended a thread, and Cancelled."""
        due: int | None = None  # things that the walk has found, once it is over
        count = 0
        while count != due:
            self._control.check()
            try:
                said = self._said.get(timeout=_SLICE)
            except queue.Empty:
                continue
            if isinstance(said, BaseException):
                raise said
            if isinstance(said, _Walked):
                due = said.things
            else:
                count += len(said)
                yield said

    def _start(self, name: str, work: Callable[[], None]) -> None:
        """Daemons: a share that went away holds a read for as long as it likes."""
        thread = threading.Thread(target=self._guarded, args=(work,), daemon=True, name=name)
        self._threads.append(thread)
        thread.start()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Cancelled:
            pass
        except BaseException as error:  # noqa: BLE001 - a thread's outermost loop: raised again by `found`
            self._said.put(error)

    def _want(self, readers: int) -> None:
        with self._change:
            self._wanted = readers
            self._change.notify_all()
        self._hire()

    def _hire(self) -> None:
        while self._readers < self._wanted:
            number = self._readers
            self._readers += 1
            self._start(f"hash-{number}", lambda number=number: self._read(number))  # type: ignore[misc]

    def _end(self) -> None:
        with self._change:
            self._is_over = True
            self._change.notify_all()
        for _ in range(self._readers):
            self._paths.put(None)
        end = time.monotonic() + _END_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _check(self) -> None:
        """Wait while paused. Raises Cancelled when nobody wants any more of this."""
        if self._is_over:
            raise Cancelled("it is over")
        self._control.checkpoint()

    def _walk(self) -> None:
        count = 0
        for listing in walk(self._plan.root):
            others: list[Found] = [_problem(problem) for problem in listing.problems]
            paths = [path for entry in listing.entries if (path := _file(listing.prefix, entry, others))]
            if others:
                self._take_room()
                self._said.put(others)
            count += len(others) + len(paths)
            while paths:
                self._take_room()
                batch = self._batch
                self._paths.put(paths[:batch])
                paths = paths[batch:]
        self._said.put(_Walked(count))

    def _take_room(self) -> None:
        while not self._room.acquire(timeout=_SLICE):
            self._check()
        self._check()

    def _read(self, number: int) -> None:
        """One reader's work, in as far as so many are wanted."""
        buffer = memoryview(bytearray(_BUFFER))
        while True:
            with self._change:
                while number >= self._wanted and not self._is_over:
                    self._change.wait()
            paths = self._paths.get()
            if paths is None:
                return
            self._said.put([self._look(path, buffer) for path in paths])

    def _look(self, path: str, buffer: memoryview) -> Found:
        try:
            if self._plan.knows is not None:
                status = os.stat(self._prefix + path)  # noqa: PTH116 - joined by hand once per file
                if self._plan.knows(path, status.st_size, status.st_mtime_ns):
                    return Known(path)
            for _ in range(_MOST_TRIES):
                item = self._hash(path, buffer)
                if item is not None:
                    return item
        except FileNotFoundError:
            return PassedOver(path)
        except OSError as error:
            return Unreadable(path, error.strerror or type(error).__name__)
        return Unreadable(path, Reason.CHANGING.value)

    def _hash(self, path: str, buffer: memoryview) -> Found | None:
        """None for a file that changed meanwhile. Raises OSError, Cancelled."""
        digest = hashlib.sha256()
        with FileIO(self._prefix + path, "rb", opener=_open) as stream:
            before = os.fstat(stream.fileno())
            if not stat.S_ISREG(before.st_mode):
                return PassedOver(path)
            left = before.st_size
            while left > 0 and (count := stream.readinto(buffer)):
                digest.update(buffer[:count])
                left -= count
                self._check()
                self._pay(count)
            after = os.fstat(stream.fileno())
        if left or (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            return None
        return Hashed(Entry(path, after.st_size, after.st_mtime_ns, digest.hexdigest()))

    def _pay(self, count: int) -> None:
        while self._plan.pace is not None and count:
            count -= self._plan.pace(count)


def _open(path: str, flags: int) -> int:
    # A pipe that takes a file's place between two looks must not hold up the reader.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _file(prefix: str, entry: DirEntry, others: list[Found]) -> str:
    """The path of what is a file; of anything else an empty one, and it goes to the others."""
    path = prefix + entry.name
    try:
        if entry.is_file():
            return path
        others.append(PassedOver(path))
    except OSError as error:
        others.append(Unreadable(path, error.strerror or ""))
    return ""


def _problem(problem: Problem) -> Unreadable | PassedOver:
    if problem.reason is Reason.UNREADABLE_FOLDER:
        return Unreadable(problem.path, problem.detail, is_folder=True)
    return PassedOver(problem.path)
