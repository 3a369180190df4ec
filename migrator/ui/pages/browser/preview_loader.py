"""One look at a time, off the event loop; of those that were asked for meanwhile the newest alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from migrator.core.errors import Cancelled
from migrator.jobs.imaging import Imager, Look, Wanted
from migrator.ui.bridge import Helper

_GRACE = 1.0  # seconds that a look may go on when another is wanted, before it is given up


class Loader:
    """`want` a look; `arrived` is called with it in the event loop, unless another file has overtaken it."""

    def __init__(self, arrived: Callable[[Wanted, Look], None]) -> None:
        self._arrived = arrived
        self._imager = Imager()
        # Its own: a slow decoder holds up nobody else's short work.
        self._helper = Helper()
        self._under_way: Wanted | None = None
        self._next: Wanted | None = None
        self._overtaken_at: float | None = None
        self._is_closed = False

    @property
    def is_busy(self) -> bool:
        return self._under_way is not None

    def want(self, wanted: Wanted) -> None:
        """Look at this as soon as what is under way has ended; what was waiting is forgotten."""
        if self._is_closed:
            return
        if self._under_way is None:
            self._start(wanted)
            return
        self._next = wanted
        if self._overtaken_at is None and wanted.path != self._under_way.path:
            self._overtaken_at = time.monotonic()

    def forget(self) -> None:
        """Nothing is wanted any more."""
        self._next = None
        if self._under_way is not None:
            self._overtaken_at = 0.0

    def close(self) -> None:
        """End the process, and tell nobody of anything any more; again, it does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self._next = None
        self._imager.close()
        # What is under way is given up at once; its thread must not outlive what it reports to.
        # At the interpreter's end Qt may have taken the threads away before the pane, having waited for them.
        with suppress(RuntimeError):
            self._helper.wait()

    def _start(self, wanted: Wanted) -> None:
        self._under_way, self._overtaken_at = wanted, None
        self._helper.later(lambda: self._imager.look(wanted, self._is_given_up), self._done)

    def _is_given_up(self) -> bool:
        """For any thread."""
        since = self._overtaken_at
        return self._is_closed or (since is not None and time.monotonic() - since > _GRACE)

    def _done(self, answer: object) -> None:
        if self._is_closed or self._under_way is None:
            return
        done, is_overtaken = self._under_way, self._overtaken_at is not None
        self._under_way, wanted, self._next = None, self._next, None
        if wanted is not None:
            self._start(wanted)
        if is_overtaken:
            return
        if isinstance(answer, Look):
            self._arrived(done, answer)
        elif not isinstance(answer, Cancelled):
            self._arrived(done, Look(trouble=f"The preview failed ({type(answer).__name__})"))
