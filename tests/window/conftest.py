"""The window under pytest-qt, offscreen: one application, a desk or a whole window of each test's own."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from migrator.ui.app import make_application, open_window
from migrator.ui.collector import Collector
from migrator.ui.desk import Desk
from migrator.ui.main_window import MainWindow
from tests.peers.archives import Archive

LIMIT = 30_000  # milliseconds for whatever a test waits for


class PatientBot(QtBot):
    """Waits longer than pytest-qt's five seconds: in a full run of the tests a process may get none."""

    def waitUntil(self, callback: Callable[[], bool | None], *, timeout: int = LIMIT) -> None:
        super().waitUntil(callback, timeout=timeout)

    def waitSignal(self, signal: Any, *, timeout: int = LIMIT, **options: Any) -> Any:
        return super().waitSignal(signal, timeout=timeout, **options)

    def waitSignals(self, signals: Any, *, timeout: int = LIMIT, **options: Any) -> Any:
        return super().waitSignals(signals, timeout=timeout, **options)


@pytest.fixture(scope="session")
def qapp() -> Iterator[QApplication]:
    """pytest-qt's application is ours, with its theme."""
    made = make_application()
    gc.freeze()  # what is imported by now is not looked through after every test
    yield made


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> QtBot:
    """pytest-qt's, with more patience."""
    return PatientBot(request)


@pytest.fixture(autouse=True)
def collector(qapp: QApplication) -> Iterator[None]:
    """Garbage is collected as in the window: in the event loop's thread only."""
    made = Collector()
    yield
    made.stop()
    gc.collect()


@pytest.fixture
def desk(qtbot: QtBot, data_directory: Path) -> Iterator[Desk]:
    """A desk without a window. What it started is ended with it."""
    made = Desk(data_directory)
    yield made
    end(made)


@pytest.fixture
def archive(archive: Callable[..., Archive]) -> Callable[..., Archive]:
    """Archives whose files are old: a scan waits some seconds to see whether new ones still grow."""

    def make(**plan: Any) -> Archive:
        made = archive(**plan)
        for one in made.folder.rglob("*.dcm"):
            os.utime(one, (1_700_000_000.0, 1_700_000_000.0))
        return made

    return make


@pytest.fixture
def open_main(qtbot: QtBot, data_directory: Path) -> Iterator[Callable[[], MainWindow]]:
    """Open a window over the data directory, as a start of the program does; as often as wanted."""
    windows: list[MainWindow] = []  # held until they are closed, as by the program
    with ExitStack() as opened:

        def make() -> MainWindow:
            window = open_window(data_directory)
            opened.callback(end, window.desk)
            windows.append(window)
            qtbot.addWidget(window)
            window.show()
            qtbot.waitExposed(window)
            return window

        yield make


@pytest.fixture
def window(open_main: Callable[[], MainWindow]) -> MainWindow:
    """One window."""
    return open_main()


def end(desk: Desk) -> None:
    """End everything that the desk has started, and the desk."""
    for running in list(desk.commands):
        running.do("cancel")
    desk.close()
    for running in list(desk.commands):
        running.launched.forget()
