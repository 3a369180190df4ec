"""What nobody expected is told once, in words, without patients; and the window goes on."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt5.QtCore import qWarning
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from migrator.ui.dialogs.crash import CrashDialog
from migrator.ui.frame.crash import CrashGuard, Hooks, details_of


def failure() -> BaseException:
    try:
        try:
            raise KeyError("MUSTERMANN^ERIKA")
        except KeyError as error:
            raise ValueError("patient MUSTERMANN^ERIKA") from error
    except ValueError as error:
        return error


def test_the_details_name_types_and_places_and_versions_and_no_text() -> None:
    details = details_of(failure())
    assert "builtins.ValueError" in details
    assert "caused by builtins.KeyError" in details
    assert "test_crash.py" in details
    assert "PyQt5:" in details
    assert "MUSTERMANN" not in details


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def hooks(qtbot: QtBot, tmp_path: Path, told: list[str]) -> Iterator[Hooks]:
    made = Hooks(CrashGuard(told.append), tmp_path)
    yield made
    made.remove()


def test_an_exception_of_the_event_loop_is_told_and_logged(
    hooks: Hooks, told: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    error = failure()
    sys.excepthook(type(error), error, error.__traceback__)
    assert len(told) == 1
    assert "ValueError" in caplog.text
    assert "MUSTERMANN" not in caplog.text + told[0]
    assert (tmp_path / "crash.log").exists()


def test_an_exception_of_a_thread_is_told_in_the_event_loop(
    qtbot: QtBot, hooks: Hooks, told: list[str]
) -> None:
    def fail() -> None:
        raise RuntimeError

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: len(told) == 1)


def test_what_qt_says_goes_to_the_log(hooks: Hooks, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        qWarning("a layout has no room")
    assert "Qt: a layout has no room" in caplog.text


def test_no_dialog_comes_over_another_and_none_without_end(qtbot: QtBot) -> None:
    shown: list[str] = []

    def show(details: str) -> None:
        shown.append(details)
        guard.caught(failure())  # while the dialog is open

    guard = CrashGuard(show)
    guard.caught(failure())
    assert len(shown) == 1
    for _ in range(5):
        guard.caught(failure())
    assert len(shown) == 3


def test_the_dialog_copies_the_details_and_says_where_the_log_is(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = CrashDialog("ValueError in a place", tmp_path, None)
    qtbot.addWidget(dialog)
    dialog.copy.click()
    assert QApplication.clipboard().text() == "ValueError in a place"
    dialog.leave.click()
    assert dialog.wants_to_quit
