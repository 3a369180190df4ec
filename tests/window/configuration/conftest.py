"""The page Configuration alone, over a desk, in the room that the smallest window gives it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from migrator.ui.desk import Desk
from migrator.ui.pages.configuration.page import ConfigurationPage


@pytest.fixture
def page(qtbot: QtBot, desk: Desk) -> Iterator[ConfigurationPage]:
    """The page, shown as by the window; its tests that need a whole window open one themselves."""
    made = ConfigurationPage(desk)
    qtbot.addWidget(made)
    made.resize(800, 600)
    made.show()
    made.shown()
    qtbot.waitExposed(made)
    yield made
    desk.close()  # before it is gone: what comes late is told to nobody
