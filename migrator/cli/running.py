"""What commands that run for long share: ending in order on Ctrl-C and SIGTERM, and a log."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from migrator.core.control import Control
from migrator.core.errors import MigratorError
from migrator.jobs.home import start_logging, stop_logging
from migrator.jobs.watched import Progress, Stage

STAGE: Stage | None = None
"""What others see of this command, where somebody watches."""


@contextmanager
def interruptible(control: Control) -> Iterator[None]:
    """Ctrl-C and SIGTERM cancel the job, which then stops within five seconds and saves its state."""

    def stop(number: int, frame: FrameType | None) -> None:
        control.cancel_from_signal(is_of_system=number == signal.SIGTERM)

    if STAGE is not None:
        STAGE.control = control
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def progress(done: int, total: int, words: str) -> None:
    """Let those who watch see how far a check has come; `total` is 0 where nobody knows."""
    if STAGE is not None:
        STAGE.progress = Progress(done, total, words)


@contextmanager
def logged(home: Path, level: str) -> Iterator[None]:
    """Write the log in the data directory, with what ended the command."""
    handler = start_logging(home, level)
    try:
        yield
    except MigratorError as error:
        logging.getLogger("migrator").error("%s", error)
        raise
    finally:
        stop_logging(handler)
