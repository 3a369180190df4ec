"""Pausing and cancelling: one word in known places."""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Callable

from migrator.core.errors import Cancelled

# Windows delivers Ctrl-C to the main thread only between its waits.
_SLICE = 0.5


class Control:
    """Shared by a job and whoever steers it. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._is_cancelled = False  # only ever becomes True
        self._is_ended_by_system = False  # so does this
        self._cancelled = threading.Event()
        self._running = threading.Event()
        self._running.set()
        self._lock = threading.Lock()
        self._on_cancel: list[Callable[[], None]] = []  # guarded by _lock
        self._children: list[Control] = []  # guarded by _lock
        self._parent: Control | None = None

    @property
    def is_cancelled(self) -> bool:
        return self._is_cancelled

    @property
    def is_ended_by_system(self) -> bool:
        """Whether a signal ended it that says that the system shuts down, and no user did."""
        return self._is_ended_by_system

    @property
    def is_paused(self) -> bool:
        return not self._running.is_set()

    def pause(self) -> None:
        """Hold the job at its next checkpoint."""
        with self._lock:
            self._running.clear()
            children = list(self._children)
        for child in children:
            child.pause()

    def resume(self) -> None:
        """Let it go on, with all its parts. Where a part goes on, the whole is not paused any more."""
        with self._lock:
            self._running.set()
            children = list(self._children)
        for child in children:
            child.resume()
        if self._parent is not None:
            self._parent._running.set()

    def cancel(self) -> None:
        """Ask the job to stop; wakes every wait and calls what `on_cancel` registered."""
        with self._lock:
            self._is_cancelled = True
            self._cancelled.set()
            callbacks, self._on_cancel = self._on_cancel, []
        self._running.set()
        for callback in callbacks:
            callback()

    def cancel_from_signal(self, *, is_of_system: bool = False) -> None:
        """`cancel` for signal handlers: checkpoints know at once, waits and callbacks a moment later.

        `is_of_system`: it is the one that a system sends when it shuts down. What the user cancelled before
        stays the user's doing.

        The thread that runs the handler may hold the very lock that cancelling takes, so another thread
        cancels; and threading.Thread takes locks of its own to start, which it may hold as well.
        """
        self._is_ended_by_system = self._is_ended_by_system or (is_of_system and not self._is_cancelled)
        self._is_cancelled = True
        _thread.start_new_thread(self.cancel, ())

    def child(self) -> Control:
        """A control that is paused, resumed and cancelled with this one, and also by itself."""
        child = Control()
        child._parent = self
        with self._lock:
            self._children.append(child)
            if self.is_paused:
                child.pause()
        self.on_cancel(child.cancel)
        return child

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the job is cancelled; at once if it already is."""
        with self._lock:
            if not self._cancelled.is_set():
                self._on_cancel.append(callback)
                return
        callback()

    def checkpoint(self) -> None:
        """Block while paused; raise Cancelled when the user asked to stop."""
        while not self._running.is_set():
            self._running.wait(_SLICE)
        self.check()

    def check(self) -> None:
        """Raise Cancelled when the user asked to stop; a pause does not hold here."""
        if self._is_cancelled:
            raise Cancelled("stopped by the user")

    def wait(self, seconds: float) -> None:
        """Wait, waking at once (with Cancelled) when the user asks to stop."""
        end = time.monotonic() + seconds
        while not self._cancelled.wait(max(0.0, min(_SLICE, end - time.monotonic()))):
            if time.monotonic() >= end:
                return
        raise Cancelled("stopped by the user")
