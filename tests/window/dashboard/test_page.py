"""The dashboard: what it shows of a run, and what can be turned while one is on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from migrator.core.control import Control
from migrator.core.model import Node
from migrator.core.settings import PaceSettings, Settings
from migrator.engine.accounting import Accounting, Snapshot
from migrator.engine.pacing import Pacing
from migrator.ui.configuration import Configuration, Destination
from migrator.ui.desk import Desk
from migrator.ui.pages.dashboard.destinations import DestinationCard
from migrator.ui.pages.dashboard.dials import bandwidth_dial, workers_dial
from migrator.ui.pages.dashboard.integrity import IntegrityCard
from migrator.ui.pages.dashboard.page import DashboardPage
from migrator.ui.pages.dashboard.studies import FILES, PATIENT, TROUBLE
from migrator.ui.running import Sight
from tests.peers import Act, KeepingScp, Manners, Rule, ScriptedPacs
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


def configured(desk: Desk, source: Archive, *nodes: Node, pace: PaceSettings | None = None) -> None:
    places = tuple(Destination(host=one.host, port=one.port, ae_title=one.ae_title) for one in nodes)
    settings = Settings(pace=pace or PaceSettings())
    desk.change(
        Configuration(source=str(source.folder), destinations=places, verify=False, settings=settings)
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
    page.desk.inventoried.emit("/another", {"1.2.826.0.1.3680043.8.498.1": 70})
    page.desk.open_job(plan.source, [NODE])
    qtbot.waitUntil(lambda: page.desk.rows.is_all and page.studies.model.rowCount() == 30)
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
    assert not any(model.study(row).expected for row in range(30))
    page.desk.inventoried.emit(plan.source, {"1.2.826.0.1.3680043.8.498.1": 50})
    known = next(row for row in range(30) if model.study(row).expected)
    assert model.data(model.index(known, FILES)) == "40 of 50"


def test_a_run_is_seen_and_its_dials_are_turned(
    qtbot: QtBot,
    page: DashboardPage,
    archive: Make,
    keeping_scp: Callable[..., KeepingScp],
    scripted_pacs: Callable[..., ScriptedPacs],
) -> None:
    """And of its two destinations one goes down, while the other goes on."""
    source, peer = archive(studies=5, instances=10), keeping_scp(delay=1.0)
    falling = scripted_pacs(Rule(act=Act.GO_DOWN, numbers=(5,)))
    configured(page.desk, source, peer.node, falling.node)
    migration = page.desk.migrate("--workers", "2")
    card, down = page.destinations.cards
    qtbot.waitUntil(lambda: card.workers.isEnabled() and bool(peer.datasets), timeout=30_000)
    qtbot.waitUntil(lambda: card.state.text().startswith("● Answering"))
    qtbot.waitUntil(lambda: down.state.text() == "● Not answering: left alone for a while")
    assert down.hold.text().startswith("Left alone, tried again in ")
    assert down.numbers["Answers after"].text() == "-"
    qtbot.waitUntil(lambda: page.figures.files.text not in ("-", "0.0"))
    card.workers.spin.setFocus()
    card.workers.spin.setValue(3)
    qtbot.waitUntil(lambda: migration.sight.paces[0].get("workers") == 3)
    assert migration.sight.paces[1].get("workers") == 2
    card.pausing.click()
    qtbot.waitUntil(lambda: card.pausing.text() == "Resume")
    assert card.state.text() == "● Paused"
    card.pausing.click()
    qtbot.waitUntil(lambda: card.pausing.text() == "Pause")
    assert any(not one.is_gap for one in page.history.points(is_whole=True))
    migration.do("pause")
    qtbot.waitUntil(lambda: all(one.state.text() == "● Paused" for one in (card, down)))
    card.pausing.click()
    qtbot.waitUntil(lambda: not migration.sight.is_paused)
    assert down.state.text() == "● Paused"
    peer.manners = Manners()  # it has lasted long enough
    qtbot.waitUntil(lambda: card.state.text() == "● Done", timeout=30_000)
    assert "100 found" in page.figures.done.accessibleName()
    with qtbot.waitSignal(migration.ended, timeout=30_000):
        migration.do("cancel")
    assert not card.pausing.isVisible()
    assert page.figures.left.text == "-"
    assert page.figures.files.text not in ("-", "0.0")
    assert page.figures.files.accessibleName().endswith("mean of the last run")
    # What was under way when it went down is pending, or of unknown fate: that is for the engine to say.
    qtbot.waitUntil(lambda: 50 < int(page.figures.done.text) < 60)
    assert f"{100 - int(page.figures.done.text)} pending" in page.donut.donut.accessibleDescription()


def test_a_delayed_start_is_counted_down_and_can_be_skipped(
    qtbot: QtBot, page: DashboardPage, archive: Make, keeping_scp: Callable[..., KeepingScp]
) -> None:
    source, peer = archive(studies=1, instances=3), keeping_scp()
    tomorrow = time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() + 86_000))
    configured(page.desk, source, peer.node, pace=PaceSettings(start_at=tomorrow))
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


def test_a_run_that_waits_is_counted_down_only_while_it_is_on_view(qtbot: QtBot, page: DashboardPage) -> None:
    migration = page.desk.open_job("/nowhere", [NODE])
    tomorrow = time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() + 86_000))
    pace = asdict(Pacing(PaceSettings(start_at=tomorrow), 2, Control()).view())
    migration.sight = Sight(paces=(pace,), is_live=True)
    page.shown()
    assert page.banner.isVisible()
    page.desk.show_none()
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
    qtbot.waitUntil(lambda: integrity.last.text().startswith("None was made"))
    integrity.make.click()
    qtbot.waitUntil(integrity.check.isEnabled, timeout=30_000)
    assert integrity.last.text().startswith("Last made ")
    next(source.folder.rglob("*.dcm")).write_bytes(b"other")
    integrity.check.click()
    qtbot.waitUntil(lambda: integrity.words.text().startswith("Not as it was"), timeout=30_000)
    assert "1 changed" in integrity.words.text()
    later = IntegrityCard(page.desk)
    qtbot.addWidget(later)
    qtbot.waitUntil(lambda: later.words.text().startswith("Checked "))
    assert later.words.text().endswith(integrity.words.text())
    page.desk.set_source(str(source.folder.parent))
    assert not integrity.check.isEnabled()
    assert integrity.words.text() == ""


def test_what_comes_of_a_checkpoint_of_another_source_is_not_told_of_this_one(
    qtbot: QtBot, page: DashboardPage, archive: Make, tmp_path: Path
) -> None:
    source, integrity = archive(studies=1, instances=1), page.integrity
    page.desk.set_source(str(source.folder))
    integrity.make.click()
    page.desk.set_source(str(tmp_path))
    qtbot.waitUntil(integrity.make.isEnabled, timeout=30_000)
    assert integrity.words.text() == ""


@pytest.mark.parametrize(("limit", "shown"), [(0.0, "no limit"), (0.04, "0.04 MB/s"), (12.5, "12.5 MB/s")])
def test_a_small_limit_is_not_shown_as_none(qtbot: QtBot, limit: float, shown: str) -> None:
    dial = bandwidth_dial(lambda value: None)
    qtbot.addWidget(dial)
    dial.show_value(limit)
    assert dial.spin.text() == shown


def test_a_dial_shows_what_was_set_elsewhere_though_somebody_has_gone_to_it(qtbot: QtBot) -> None:
    turned: list[str] = []
    dial = workers_dial(turned.append)
    qtbot.addWidget(dial)
    dial.show()
    dial.activateWindow()
    dial.spin.setFocus()
    qtbot.waitUntil(dial.spin.hasFocus)
    dial.show_value(5)
    assert (dial.spin.value(), turned) == (5, [])
    qtbot.keyClicks(dial.spin.lineEdit(), "1")
    typed = dial.spin.lineEdit().text()
    dial.show_value(4)
    assert dial.spin.lineEdit().text() == typed


def snapshot(**values: object) -> Snapshot:
    kept = Accounting("PACS@10.0.0.7:104").snapshot()
    return replace(kept, **values)


def test_nothing_is_said_to_answer_before_it_was_asked(qtbot: QtBot) -> None:
    card = DestinationCard("PACS@10.0.0.7:104", lambda request, then: None, lambda action: None)
    qtbot.addWidget(card)
    pace = asdict(Pacing(PaceSettings(), 2, Control()).view())
    card.show_snapshot(snapshot(phase="scanning"), pace, is_live=True)
    assert card.state.text() == "● Scanning"
    card.show_snapshot(snapshot(phase="sending", associations=1), pace, is_live=True)
    assert card.state.text() == "● Answering · sending"


def test_each_of_several_destinations_has_its_card(page: DashboardPage) -> None:
    nodes = [Node("10.0.0.7", 104, "PACS"), Node("10.0.0.8", 104, "VNA")]
    page.desk.open_job("/nowhere", nodes)
    assert [card.accessibleName() for card in page.destinations.cards] == [
        f"Destination {node}" for node in nodes
    ]
