"""What commands that run for long share: ending in order on Ctrl-C and SIGTERM."""

from __future__ import annotations

import _thread
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from migrator.core.control import Control


@contextmanager
def interruptible(control: Control) -> Iterator[None]:
    """Ctrl-C and SIGTERM cancel the job, which then stops within five seconds and saves its state."""

    def stop(number: int, frame: FrameType | None) -> None:
        # The thread that runs this handler may hold the very lock that cancelling takes, so another thread
        # cancels; and threading.Thread takes locks of its own to start, which it may hold as well.
        _thread.start_new_thread(control.cancel, ())

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
