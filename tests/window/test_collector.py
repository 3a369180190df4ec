"""Garbage is collected in the event loop's thread, and nowhere else."""

from __future__ import annotations

import gc
import threading

from pytestqt.qtbot import QtBot


class Cycle:
    """Something that only the collector can remove, and that notes the thread in which it goes."""

    def __init__(self, gone: list[int]) -> None:
        self.own = self
        self._gone = gone

    def __del__(self) -> None:
        self._gone.append(threading.get_ident())


def test_cycles_go_in_the_event_loops_thread_whoever_allocates(qtbot: QtBot) -> None:
    gone: list[int] = []
    kept: list[object] = []

    def allocate() -> None:
        for _ in range(200):
            Cycle(gone)
            kept.extend([] for _ in range(1000))  # enough for Python to collect by itself

    thread = threading.Thread(target=allocate)
    thread.start()
    thread.join()
    assert gone == []
    qtbot.waitUntil(lambda: len(gone) == 200)
    assert set(gone) == {threading.get_ident()}
    assert not gc.isenabled()
