"""What ends the window by a signal."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from migrator.ui.frame.signals import EndSignals


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_signal_that_comes_while_the_handlers_are_set_ends_it(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    set_handler = signal.signal

    def set_and_come(number: int, handler: Any) -> Any:
        before = set_handler(number, handler)
        if number == signal.SIGTERM and not closed:
            os.kill(os.getpid(), signal.SIGTERM)
        return before

    monkeypatch.setattr(signal, "signal", set_and_come)
    signals = EndSignals(lambda: closed.append("closed"))
    try:
        qtbot.waitUntil(lambda: bool(closed))
    finally:
        monkeypatch.undo()
        signals.remove()
