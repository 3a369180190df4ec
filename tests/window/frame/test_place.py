"""The window comes back where it was, if a screen shows that place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PyQt5.QtCore import QRect
from pytestqt.qtbot import QtBot

from migrator.ui.frame.place import is_on_screen
from migrator.ui.main_window import MainWindow

SCREEN = QRect(0, 0, 1920, 1080)


@pytest.mark.parametrize(
    ("frame", "is_seen"),
    [
        (QRect(100, 100, 1200, 800), True),
        (QRect(2500, 100, 1200, 800), False),
        (QRect(1850, 100, 1200, 800), False),
        (QRect(100, -790, 1200, 800), False),
        (QRect(-1100, 900, 1300, 800), True),
    ],
)
def test_a_place_counts_only_if_the_window_can_be_moved_from_there(frame: QRect, is_seen: bool) -> None:
    assert is_on_screen(frame, [SCREEN]) is is_seen


def test_the_page_is_remembered(open_main: Callable[[], MainWindow], qtbot: QtBot) -> None:
    first = open_main()
    assert first.page == ""  # the first steps
    first.go("verify")
    with qtbot.waitSignal(first.left):
        first.quit()
    second = open_main()
    assert second.page == "verify"
