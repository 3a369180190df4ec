"""The sign in the tray: a run's numbers, its pause, and the window's way out and back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PyQt5.QtWidgets import QSystemTrayIcon
from pytestqt.qtbot import QtBot

from migrator.core.model import Node
from migrator.engine.accounting import Ledger
from migrator.ui.main_window import MainWindow
from tests.window.frame.test_words import sight

NODE = Node("pacs.example", 104, "PACS")


@pytest.fixture
def with_tray(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that has a tray, as far as it can be had without a screen."""
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: True))


@pytest.mark.usefixtures("with_tray")
def test_it_tells_how_far_the_run_is(window: MainWindow) -> None:
    tray = window.tray
    assert tray.icon.toolTip() == "DICOM PACS Migrator"
    migration = window.desk.open_job("/mnt/archive", [NODE])
    migration.sight = sight()
    migration.sighted.emit(migration.sight)
    words = "47% - ETA 2:14:30\n/mnt/archive to PACS@pacs.example:104"
    assert tray.icon.toolTip() == f"DICOM PACS Migrator\n{words}"
    assert (tray.pause.isEnabled(), tray.pause.text()) == (True, "Pause")
    tray.show_sight(replace(migration.sight, is_paused=True))
    assert tray.pause.text() == "Resume"


@pytest.mark.usefixtures("with_tray")
def test_minimised_the_window_is_in_the_tray_and_a_double_click_brings_it_back(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.showMinimized()
    qtbot.waitUntil(window.isHidden)
    window.tray.icon.activated.emit(QSystemTrayIcon.ActivationReason.DoubleClick)
    qtbot.waitUntil(lambda: window.isVisible() and not window.isMinimized())


@pytest.mark.usefixtures("with_tray")
def test_where_that_is_switched_off_it_stays_in_the_task_bar(window: MainWindow, qtbot: QtBot) -> None:
    window.desk.update(minimise_to_tray=False)
    window.showMinimized()
    qtbot.waitUntil(window.isMinimized)
    qtbot.wait(1)
    assert not window.isHidden()


@pytest.mark.usefixtures("with_tray")
def test_a_window_that_is_closed_in_a_run_waits_in_the_tray(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrator.ui.main_window.is_run_on", lambda desk: True)
    window.close()
    assert window.isHidden()
    assert not window.desk.is_closed


def test_without_a_tray_closing_is_quitting(window: MainWindow, qtbot: QtBot) -> None:
    assert not window.tray.is_there
    with qtbot.waitSignal(window.left):
        window.close()
    assert window.desk.is_closed


@pytest.mark.usefixtures("with_tray")
def test_an_end_is_told_by_a_balloon_and_a_sound_where_the_window_is_not_in_front(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, bool]] = []
    played: list[bool] = []
    monkeypatch.setattr(window.tray, "tell", lambda words, is_well: told.append((words, is_well)))
    monkeypatch.setattr(window.chime, "play", played.append)
    monkeypatch.setattr(window, "isActiveWindow", lambda: False)
    migration = window.desk.open_job("/mnt/archive", [NODE])
    migration.sight = replace(sight(run=Ledger(sent=2, failed=1, found=3)), is_live=False)
    migration.ended.emit(-1)
    assert told == [("The other process has ended its run: 2 instances stored, 1 path not", False)]
    assert played == [False]
    window.desk.update(chime=False)
    migration.ended.emit(3)
    assert played == [False]
