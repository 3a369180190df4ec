"""Looks at files through a process of its own, which is started when first needed and again after a crash."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable

from migrator.core.errors import Cancelled, InstanceError
from migrator.dicom.decoding import Worker
from migrator.dicom.imaging.looking import look_encoded, look_of
from migrator.dicom.imaging.picture import Look

_PATIENCE = 30.0  # seconds for one frame
_STARTING = 30.0  # more, for a process to start from a slow disk


class Imager:
    """One file at a time; `look` may be called from any thread, `close` too."""

    def __init__(self, patience: float = _PATIENCE) -> None:
        self._patience = patience
        self._one_at_a_time = threading.Lock()
        self._lock = threading.Lock()
        self._worker: Worker | None = None  # guarded by _lock
        self._is_closed = False  # guarded by _lock
        # A program that fails before it closes would wait for the process, which waits for it.
        atexit.register(self.close)

    def look(self, path: str, frame: int = 0, is_cancelled: Callable[[], bool] = lambda: False) -> Look:
        """Look at one frame of a file. Raises Cancelled once `is_cancelled`, or closed.

        A decoder that crashes or does not come to an end is told of in the result.
        """
        with self._one_at_a_time:
            try:
                return self._run(path, frame, is_cancelled)
            except InstanceError as error:
                trouble = f"The image cannot be shown: {error}"
            # The decoder is gone; what the file says of itself needs none.
            try:
                found = self._run(path, None, is_cancelled)
            except InstanceError:
                return Look(trouble=trouble)
            return Look(found.tags, trouble=trouble, modality=found.modality)

    def _run(self, path: str, frame: int | None, is_cancelled: Callable[[], bool]) -> Look:
        worker, is_new = self._take()
        is_spent = False
        patience = self._patience + (_STARTING if is_new else 0)
        deadline = time.monotonic() + patience
        try:
            found = look_of(
                worker.run(
                    (path, frame), lambda: is_cancelled() or self.is_closed or time.monotonic() > deadline
                )
            )
            is_spent = found.is_last
            return found
        except Cancelled:
            if time.monotonic() > deadline and not is_cancelled() and not self.is_closed:
                raise InstanceError(f"it took longer than {patience:g} seconds to decode") from None
            raise
        finally:
            self._give_back(worker, is_spent=is_spent)

    @property
    def is_closed(self) -> bool:
        with self._lock:
            return self._is_closed

    def close(self) -> None:
        """End the process; a look that is under way is cancelled."""
        with self._lock:
            self._is_closed = True
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.end()
        atexit.unregister(self.close)

    def _take(self) -> tuple[Worker, bool]:
        """A process, and whether it is only being started."""
        with self._lock:
            if self._is_closed:
                raise Cancelled("closed")
            worker, self._worker = self._worker, None
        if worker is not None and worker.is_alive:
            return worker, False
        if worker is not None:
            worker.end()
        return Worker(look_encoded), True

    def _give_back(self, worker: Worker, *, is_spent: bool) -> None:
        with self._lock:
            if worker.is_usable and not is_spent and not self._is_closed:
                self._worker = worker
                return
        worker.end()
