"""The dashboard: what it shows of a run, and what can be turned while one is on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from migrator.core.model import Node
from migrator.core.settings import PaceSettings, Settings
from migrator.ui.configuration import Configuration, Destination
from migrator.ui.desk import Desk
from migrator.ui.pages.dashboard.page import DashboardPage
from migrator.ui.pages.dashboard.studies import FILES, PATIENT, TROUBLE
from tests.peers import KeepingScp
from tests.peers.archives import Archive
from tests.report.making import NODE, Plan, make_manifest

Make = Callable[..., Archive]


@pytest.fixture
def page(qtbot: QtBot, desk: Desk) -> Iterator[DashboardPage]:
    made = DashboardPage(desk)
    qtbot.addWidget(made)
    made.resize(1100, 800)
    made.show()
    yield made


def configured(desk: Desk, source: Archive, peer: KeepingScp, pace: PaceSettings | None = None) -> None:
    node = peer.node
    place = Destination(host=node.host, port=node.port, ae_title=node.ae_title)
    settings = Settings(pace=pace or PaceSettings())
    desk.change(
        Configuration(source=str(source.folder), destinations=(place,), verify=False, settings=settings)
    )


def test_without_a_job_it_says_what_will_be_here(page: DashboardPage) -> None:
    assert page.empty.isVisible()
    assert not page.figures.isVisible()
    assert not page.integrity.make.isEnabled()


def test_a_job_that_is_opened_shows_where_it_stands_and_its_studies(
    qtbot: QtBot, page: DashboardPage, data_directory: Path
) -> None:
    plan = Plan(studies=30, instances=40)
    make_manifest(data_directory, plan)
    page.desk.inventoried.emit("", {"1.2.826.0.1.3680043.8.498.1": 50})
    page.desk.open_job(plan.source, [NODE])
    qtbot.waitUntil(lambda: page.desk.rows.is_all and page.studies.model.rowCount() == 30, timeout=10_000)
    page.tick()
    assert page.figures.files.text == "-"
    rows = len(page.desk.rows.tails[0])
    assert page.figures.done.text == f"{rows:,}"
    assert "Sent" in page.donut.donut.accessibleDescription().title()
    page.studies.order.setCurrentIndex(1)
    model = page.studies.model
    troubles = [model.study(row).troubled for row in range(model.rowCount())]
    assert troubles == sorted(troubles, reverse=True)
    assert model.data(model.index(0, TROUBLE)) == str(troubles[0])
    assert model.data(model.index(0, PATIENT))
    known = next(row for row in range(30) if model.study(row).expected)
    assert model.data(model.index(known, FILES)) == "40 of 50"


def test_a_run_is_seen_and_its_dials_are_turned(
    qtbot: QtBot, page: DashboardPage, archive: Make, keeping_scp: Callable[..., KeepingScp]
) -> None:
    source, peer = archive(studies=5, instances=10), keeping_scp(delay=0.05)
    configured(page.desk, source, peer)
    migration = page.desk.migrate("--workers", "1")
    card = page.destinations.cards[0]
    qtbot.waitUntil(lambda: card.workers.isEnabled() and bool(peer.datasets), timeout=30_000)
    assert card.state.text().startswith("● Answering")
    qtbot.waitUntil(lambda: page.figures.files.text not in ("-", "0.0"), timeout=10_000)
    card.workers.spin.setValue(3)
    qtbot.waitUntil(lambda: migration.sight.paces[0].get("workers") == 3, timeout=10_000)
    card.pausing.click()
    qtbot.waitUntil(lambda: card.pausing.text() == "Resume", timeout=10_000)
    assert card.state.text() == "● Paused"
    card.pausing.click()
    qtbot.waitUntil(lambda: card.pausing.text() == "Pause", timeout=10_000)
    assert any(not one.is_gap for one in page.history.points(is_whole=True))
    with qtbot.waitSignal(migration.ended, timeout=30_000):
        pass
    assert not card.pausing.isVisible()
    assert page.figures.left.text == "-"
    qtbot.waitUntil(lambda: page.figures.done.text == "50", timeout=5_000)


def test_a_delayed_start_is_counted_down_and_can_be_skipped(
    qtbot: QtBot, page: DashboardPage, archive: Make, keeping_scp: Callable[..., KeepingScp]
) -> None:
    source, peer = archive(studies=1, instances=3), keeping_scp()
    tomorrow = time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() + 86_000))
    configured(page.desk, source, peer, PaceSettings(start_at=tomorrow))
    assert "waits: starts" in page.start.words.text()
    migration = page.desk.migrate()
    qtbot.waitUntil(page.banner.isVisible, timeout=30_000)
    assert page.banner.figure.text().startswith("23:")
    assert not peer.datasets
    with qtbot.waitSignal(migration.ended, timeout=30_000) as ended:
        page.banner.now.click()
    assert ended.args == [0]
    assert len(peer.datasets) == 3
    assert not page.banner.isVisible()


def test_a_start_is_set_for_later_runs_and_never_in_the_past(page: DashboardPage) -> None:
    start = page.start
    start.set.click()
    kept = page.desk.configuration.settings.pace.start_at
    assert kept == start.moment.dateTime().toString("yyyy-MM-ddTHH:mm")
    start.moment.setDateTime(start.moment.dateTime().addYears(-1))
    start.set.click()
    assert start.error.isVisible()
    assert page.desk.configuration.settings.pace.start_at == kept
    start.off.click()
    assert page.desk.configuration.settings.pace.start_at == ""


def test_a_checkpoint_is_made_and_checked(qtbot: QtBot, page: DashboardPage, archive: Make) -> None:
    source, integrity = archive(studies=1, instances=3), page.integrity
    page.desk.set_source(str(source.folder))
    qtbot.waitUntil(lambda: integrity.last.text().startswith("None was made"), timeout=5_000)
    integrity.make.click()
    qtbot.waitUntil(integrity.check.isEnabled, timeout=30_000)
    assert integrity.last.text().startswith("Last made ")
    next(source.folder.rglob("*.dcm")).write_bytes(b"other")
    integrity.check.click()
    qtbot.waitUntil(lambda: integrity.words.text().startswith("Not as it was"), timeout=30_000)
    assert "1 changed" in integrity.words.text()


def test_each_of_several_destinations_has_its_card(page: DashboardPage) -> None:
    nodes = [Node("10.0.0.7", 104, "PACS"), Node("10.0.0.8", 104, "VNA")]
    page.desk.open_job("/nowhere", nodes)
    assert [card.accessibleName() for card in page.destinations.cards] == [
        f"Destination {node}" for node in nodes
    ]
