"""Decoders in processes of their own: they hold the interpreter's lock, and a crash must cost one file only.

Processes are spawned, never forked: a fork would copy the sender's threads and sockets in any state.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import multiprocessing
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

from pydicom import config

from migrator.core.errors import Cancelled, CannotEncode, InstanceError
from migrator.core.model import Instance
from migrator.dicom.editing.splice import Segments
from migrator.dicom.transcoding import Encoded, transcode

if sys.platform != "win32":
    from multiprocessing import resource_tracker

# What one object may become, so that a few workers at a time stay within an ordinary machine's memory.
BUDGET = 1 << 30

_TICK = 0.1
_PATIENCE = 900.0
_PIECE = 1 << 20
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Decoders:
    """Up to `workers` decoder processes, started when first needed. All methods are for any thread.

    Memory: the result once in our process, in the decoder's the file twice and one decoded frame.
    """

    def __init__(self, workers: int, budget: int = BUDGET) -> None:
        self._budget = budget
        self._free = threading.Semaphore(workers)
        self._lock = threading.Lock()
        self._idle: list[Worker] = []  # guarded by _lock
        self._all: set[Worker] = set()  # guarded by _lock
        self._is_closed = False  # guarded by _lock

    def decode(
        self,
        path: str,
        instance: Instance,
        target: str,
        is_cancelled: Callable[[], bool] = lambda: False,
        segments: Segments | None = None,
    ) -> bytearray:
        """The data set of a file in an uncompressed transfer syntax, its SOP instance UID unchanged.

        `segments` are that data set where it was edited, in the transfer syntax of `instance`.
        Raises InstanceError (CannotEncode where it cannot be done), and Cancelled once `is_cancelled`.
        """
        while not self._free.acquire(timeout=_TICK):
            if is_cancelled():
                raise Cancelled("stopped while waiting for a decoder")
        try:
            worker = self._take()
            try:
                data = worker.run((path, instance, target, self._budget, segments), is_cancelled)
            finally:
                self._give_back(worker)
        finally:
            self._free.release()
        return data

    def close(self) -> None:
        """End all decoder processes. What they work at fails."""
        with self._lock:
            self._is_closed = True
            workers, self._all, self._idle = self._all, set(), []
        for worker in workers:
            worker.end()

    def _take(self) -> Worker:
        with self._lock:
            if self._is_closed:
                raise Cancelled("the decoders are closed")
            if self._idle:
                return self._idle.pop()
            worker = Worker(transcode)
            self._all.add(worker)
            return worker

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            if worker.is_usable and not self._is_closed:
                self._idle.append(worker)
                return
            self._all.discard(worker)
        worker.end()


Answer = Callable[..., Encoded]


class Worker:
    """One decoder process, as its user sees it: one request at a time, one thread at a time.

    `answer` is a function of a module, which the process imports; it gets the parts of each request.
    """

    def __init__(self, answer: Answer) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, answer), name="decoder", daemon=True)
        with _ending_signals_blocked():
            self._process.start()
        theirs.close()
        self.is_usable = True

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    def run(self, request: tuple[object, ...], is_cancelled: Callable[[], bool]) -> bytearray:
        """The answer's bytes. Raises InstanceError, and Cancelled once `is_cancelled`."""
        # Until the answer is complete, nobody else may use the connection.
        self.is_usable = False
        try:
            self._connection.send(request)
            data = self._receive(is_cancelled)
        except TimeoutError as error:
            raise CannotEncode("the decoder did not come to an end") from error
        except (EOFError, OSError) as error:
            raise CannotEncode(f"the decoder crashed ({self._death()})") from error
        except InstanceError:
            self.is_usable = True
            raise
        self.is_usable = True
        return data

    def _receive(self, is_cancelled: Callable[[], bool]) -> bytearray:
        """The answer: a size and as many pieces, or at any point an error instead."""
        deadline = time.monotonic() + _PATIENCE
        data = bytearray(self._next(deadline, is_cancelled))
        view, position = memoryview(data), 0
        while position < len(data):
            size = self._next(deadline, is_cancelled)
            self._connection.recv_bytes_into(view[position : position + size])
            position += size
        return data

    def _next(self, deadline: float, is_cancelled: Callable[[], bool]) -> int:
        while not self._connection.poll(_TICK):
            if is_cancelled():
                raise Cancelled("stopped while decoding")
            if time.monotonic() >= deadline:
                raise TimeoutError
        answer = self._connection.recv()
        if isinstance(answer, InstanceError):
            raise answer
        return int(answer)

    def _death(self) -> str:
        self._process.join(1.0)
        code = self._process.exitcode
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                return signal.Signals(-code).name
        return "no answer" if code is None else f"exit code {code}"

    def end(self) -> None:
        self._connection.close()
        self._process.join(0.5 if self.is_usable else 0)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


@contextlib.contextmanager
def _ending_signals_blocked() -> Iterator[None]:
    """A process inherits what is blocked: these would end it before it has come so far as to ignore them."""
    if sys.platform == "win32":
        yield
        return
    # Started now, since when a process starts it, it unblocks them.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(connection: Connection, answer: Answer) -> None:
    """A decoder's process: answers requests until its user is gone."""
    # Ctrl-C and systemd reach the whole group; our user decides when we end, with a signal nobody ignores.
    for ending in _ENDING_SIGNALS:
        signal.signal(ending, signal.SIG_IGN)
    # pydicom's warnings quote values, which may name patients.
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    config.settings.reading_validation_mode = config.IGNORE
    config.settings.writing_validation_mode = config.IGNORE
    with contextlib.suppress(EOFError, OSError):
        while True:
            _serve_one(connection, answer, connection.recv())


def _serve_one(connection: Connection, answer: Answer, request: tuple[object, ...]) -> None:
    try:
        encoded = answer(*request)
        connection.send(encoded.size)
        for piece in encoded.pieces:
            view = memoryview(piece)
            for start in range(0, len(view), _PIECE):
                part = view[start : start + _PIECE]
                connection.send(len(part))
                connection.send_bytes(part)
    except InstanceError as error:
        connection.send(error)
    except (OSError, KeyboardInterrupt, SystemExit):
        raise
    # The outermost loop of a process. What panics in Rust raises no Exception; the text may quote values.
    except BaseException as error:  # noqa: BLE001
        connection.send(CannotEncode(f"the data set cannot be decoded ({type(error).__name__})"))


_shared_lock = threading.Lock()
_shared: Decoders | None = None  # guarded by _shared_lock

# A decoder takes a core; more of them than this would starve the senders.
_SHARED_WORKERS = 2


def shared_decoders() -> Decoders:
    """The decoders that all senders of this process share; they end with the process, or when closed."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = Decoders(_SHARED_WORKERS)
        return _shared


def close_shared_decoders() -> None:
    """End the shared decoders' processes; who asks for them again gets new ones."""
    global _shared
    with _shared_lock:
        decoders, _shared = _shared, None
    if decoders is not None:
        decoders.close()


atexit.register(close_shared_decoders)
