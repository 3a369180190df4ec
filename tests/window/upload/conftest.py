"""A page over records that are there already: no engine runs for these."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from migrator.core.model import Node
from migrator.ui.configuration import Configuration, Destination
from migrator.ui.desk import Desk
from migrator.ui.pages.upload.page import UploadPage
from tests.report.making import NODE, Plan, make_manifest


@pytest.fixture
def record(desk: Desk) -> Callable[..., Path]:
    """Make the manifest of a job, and configure that job."""

    def make(node: Node = NODE, **plan: object) -> Path:
        plan = {"studies": 20, "instances": 10, **plan}
        return make_manifest(desk.home, Plan(**plan), node)  # type: ignore[arg-type]

    return make


@pytest.fixture
def page(qtbot: QtBot, desk: Desk) -> UploadPage:
    made = UploadPage(desk)
    qtbot.addWidget(made)
    made.resize(1200, 800)
    made.show()
    qtbot.waitExposed(made)
    # What the page waits for before it judges many rows anew, or searches for what is being typed.
    for timer in (made.table.rows._refresher, made.table.rows._shower, made.table.filters._typed):
        timer.setInterval(1)
    return made


@pytest.fixture
def opened(qtbot: QtBot, desk: Desk, page: UploadPage) -> Callable[..., UploadPage]:
    """Configure these destinations of the plan's source, and put the job on view, read to its end."""

    def open_(*nodes: Node) -> UploadPage:
        chosen = nodes or (NODE,)
        destinations = tuple(
            Destination(host=one.host, port=one.port, ae_title=one.ae_title) for one in chosen
        )
        desk.change(Configuration(source="/mnt/archive", destinations=destinations))
        desk.open_job("/mnt/archive", [one.node for one in destinations])
        qtbot.waitUntil(lambda: page.table.rows.is_loaded and page.table.rows.total > 0)
        return page

    return open_
