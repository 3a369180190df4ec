"""What commands that run for long share: ending in order on Ctrl-C and SIGTERM."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from migrator.core.control import Control


@contextmanager
def interruptible(control: Control) -> Iterator[None]:
    """Ctrl-C and SIGTERM cancel the job, which then stops within five seconds and saves its state."""

    def stop(number: int, frame: FrameType | None) -> None:
        control.cancel()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
