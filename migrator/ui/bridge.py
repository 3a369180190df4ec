"""The window's side of the engine: a thread that looks at running commands and tells them what to do.

The commands run in processes of their own (`jobs/launch.py`) and outlive the window. One thread asks all of
them, five times a second; what it saw comes to the event loop as a signal. The event loop never waits.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from PyQt5 import sip
from PyQt5.QtCore import QObject, QRunnable, QThread, QThreadPool, pyqtSignal

from migrator.core.errors import MigratorError
from migrator.jobs.launch import Look

_BETWEEN = 0.2  # seconds between two rounds of looks
_MOST_AT_ONCE = 16
"""Short calls in threads. Many only wait for a network or a keyring, and the quick ones not for them."""


def give(then: Callable[[object], None], answer: object) -> None:
    """Call `then`, unless whom it belongs to was deleted while the answer was on its way.

    It belongs to the object whose method it is, or in whose method it was written.
    """
    owner = _owner_of(then)
    if not (isinstance(owner, QObject) and sip.isdeleted(owner)):
        then(answer)


def _owner_of(then: Any) -> object:
    while isinstance(then, partial):
        then = then.func
    if hasattr(then, "__self__"):
        return then.__self__
    names, cells = getattr(then, "__code__", None), getattr(then, "__closure__", None) or ()
    held = dict(zip(names.co_freevars, cells, strict=True)) if names is not None else {}
    return held["self"].cell_contents if "self" in held else None


class Watched(Protocol):
    """What can be looked at, and asked; by the bridge's thread only."""

    def look(self) -> Look | None: ...

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]: ...


class Bridge(QThread):
    """Looks at what was added until it is removed. `add`, `remove` and `ask` are for any thread."""

    looked = pyqtSignal(object, object)
    """(watched, Look or None where it does not answer)"""
    answered = pyqtSignal(object, object)
    """(then, the answer or a MigratorError); delivered in the event loop, which calls `then`"""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._watched: list[Watched] = []  # guarded by _lock
        self._requests: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.answered.connect(give)

    def add(self, watched: Watched) -> None:
        with self._lock:
            self._watched.append(watched)
        self._requests.put(lambda: None)

    def remove(self, watched: Watched) -> None:
        with self._lock:
            self._watched = [one for one in self._watched if one is not watched]

    def ask(
        self,
        watched: Watched,
        request: Mapping[str, Any],
        then: Callable[[object], None] = lambda answer: None,
    ) -> None:
        """Ask something; `then` gets the answer, or the MigratorError, in the event loop (see `give`)."""

        def act() -> None:
            try:
                answer: object = watched.ask(request)
            except MigratorError as error:
                answer = error
            self.answered.emit(then, answer)

        self._requests.put(act)

    def stop(self) -> None:
        """End the thread; what runs goes on."""
        self._requests.put(None)
        self.wait()

    def run(self) -> None:
        while self._serve():
            with self._lock:
                watched = list(self._watched)
            for one in watched:
                self.looked.emit(one, one.look())

    def _serve(self) -> bool:
        """Do what was asked for until it is time to look again; False when the thread is to end."""
        timeout = _BETWEEN
        while True:
            try:
                act = self._requests.get(timeout=timeout)
            except queue.Empty:
                return True
            if act is None:
                return False
            act()
            timeout = 0.02


class _Task(QRunnable):
    def __init__(self, work: Callable[[], object], done: Callable[[object], None]) -> None:
        super().__init__()
        self._work = work
        self._done = done

    def run(self) -> None:
        try:
            answer = self._work()
        except Exception as error:  # noqa: BLE001 - a thread's outermost loop: the caller hears of it
            answer = error
        # Whoever waited for it may be gone with the window.
        with suppress(RuntimeError):
            self._done(answer)


class Helper(QObject):
    """Runs short work of the jobs room (an echo, a preview, a list) in threads, and brings back results."""

    _done = pyqtSignal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(_MOST_AT_ONCE)
        self._is_closed = False
        self._done.connect(self._tell)

    def later(self, work: Callable[[], object], then: Callable[[object], None]) -> None:
        """Do `work` in a thread; `then` gets its result, or the exception, in the event loop (see `give`)."""
        self._pool.start(_Task(work, lambda answer: self._done.emit(then, answer)))

    def wait(self, milliseconds: int = 2000) -> bool:
        """Wait for what is under way; whether all of it ended."""
        return bool(self._pool.waitForDone(milliseconds))

    def close(self) -> None:
        """Wait a moment for what is under way, and tell nobody: who asked may be gone already."""
        self._is_closed = True
        self.wait()

    def _tell(self, then: Callable[[object], None], answer: object) -> None:
        if not self._is_closed:
            give(then, answer)
