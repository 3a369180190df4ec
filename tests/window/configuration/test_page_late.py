"""Answers that come when the window is closed already."""

from __future__ import annotations

from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from migrator.ui.desk import Desk


def test_what_comes_after_the_desk_is_closed_is_told_to_nobody(qtbot: QtBot, desk: Desk) -> None:
    told: list[object] = []
    desk.later(lambda: "late", told.append)
    desk.close()
    QApplication.processEvents()
    assert told == []
