"""Ctrl-C and SIGTERM, at the most awkward moments."""

from __future__ import annotations

import signal
import threading

import pytest

from migrator.cli.running import interruptible
from migrator.core.control import Control
from migrator.core.errors import Cancelled
from tests.peers import wait_until


def test_a_signal_that_interrupts_the_holder_of_the_lock_does_not_hang() -> None:
    control = Control()
    with interruptible(control):
        with control._lock, control._cancelled._cond:  # type: ignore[attr-defined]
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        wait_until(lambda: control.is_cancelled, "it is cancelled", 10)
        signal.raise_signal(signal.SIGTERM)


def test_a_signal_during_a_wait_ends_it() -> None:
    control = Control()
    timer = threading.Timer(0.05, signal.raise_signal, (signal.SIGINT,))
    with interruptible(control):
        timer.start()
        with pytest.raises(Cancelled):
            control.wait(60)
    timer.join()


def test_a_wait_in_slices_waits_to_its_end() -> None:
    Control().wait(0.6)
    Control().wait(0)


def test_cancelling_releases_what_is_paused() -> None:
    control = Control()
    control.pause()
    threading.Thread(target=control.cancel).start()
    with pytest.raises(Cancelled):
        control.checkpoint()
