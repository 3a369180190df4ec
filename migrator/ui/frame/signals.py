"""Ctrl-C in the terminal, and the system's wish that we end: the window closes, and what runs goes on."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from PyQt5 import sip
from PyQt5.QtCore import QObject, QSocketNotifier


class EndSignals(QObject):
    """Calls `then` in the event loop on SIGINT or SIGTERM, until `remove`.

    Python runs its handlers only between its own instructions, and an idle event loop executes none; so the
    signal's number comes through a socket that wakes the loop.
    """

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self._then = then
        self._ours, self._theirs = socket.socketpair()
        for one in (self._ours, self._theirs):
            one.setblocking(False)
        self._notifier = QSocketNotifier(sip.voidptr(self._ours.fileno()), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(lambda *_: self._come())
        # First, or a signal that comes between the two would be heeded by nobody.
        self._fd_before = signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
        self._before: dict[int, Any] = {
            number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)
        }

    def remove(self) -> None:
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._fd_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._ours.close()
        self._theirs.close()

    def _come(self) -> None:
        numbers = b""
        with suppress(OSError):
            numbers = self._ours.recv(64)
        if {int(signal.SIGINT), int(signal.SIGTERM)} & set(numbers):
            self._then()
