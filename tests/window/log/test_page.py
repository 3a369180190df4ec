"""The page Log: filters, following, taking lines along."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from migrator.core.model import Node
from migrator.jobs.launch import Look
from migrator.jobs.watched import Line
from migrator.ui.configuration import Configuration, Destination
from migrator.ui.desk import Desk
from migrator.ui.logbook import MOST
from migrator.ui.pages.log.page import LogPage
from migrator.ui.theme import tokens
from tests.peers import Rule, ScriptedPacs
from tests.peers.archives import Archive

LINES = (
    Line(1.0, "info", "sending"),
    Line(2.0, "warning", "failed 1.2.3 (status A700): out of resources"),
    Line(3.0, "warning", "the destination is slow"),
    Line(4.0, "info", "skipped 1.2.4: already at the destination"),
)


@pytest.fixture
def page(qtbot: QtBot, desk: Desk) -> Iterator[LogPage]:
    made = LogPage(desk)
    qtbot.addWidget(made)
    made.resize(1000, 500)
    made.show()
    yield made


def shown(page: LogPage) -> list[str]:
    return [page.model.line(row).text for row in range(page.model.rowCount())]


def test_each_line_has_the_colour_of_its_level_and_the_legend_counts_them(page: LogPage) -> None:
    page.desk.log.add(LINES)
    colours = [
        page.model.data(page.model.index(row, 2), Qt.ItemDataRole.ForegroundRole).name() for row in range(4)
    ]
    assert colours == [tokens.LEVEL[level] for level in ("info", "error", "warning", "skip")]
    assert page.legend.buttons["error"].text() == "Error 1"


def test_levels_and_text_filter_the_lines_that_are_there_and_those_that_come(
    qtbot: QtBot, page: LogPage
) -> None:
    page.desk.log.add(LINES)
    page.legend.buttons["error"].click()
    page.legend.buttons["skip"].click()
    assert shown(page) == [LINES[1].text, LINES[3].text]
    qtbot.keyClicks(page.search, "RESOURCES")
    qtbot.waitUntil(lambda: shown(page) == [LINES[1].text])
    page.desk.log.add([Line(5.0, "error", "also without Resources"), Line(6.0, "error", "else")])
    assert shown(page) == [LINES[1].text, "also without Resources"]


def test_the_list_is_bounded(page: LogPage) -> None:
    page.desk.log.add(LINES)
    page.desk.log.add(Line(0.0, "info", str(number)) for number in range(MOST))
    assert page.model.rowCount() == MOST
    assert shown(page)[:1] == ["0"]
    page.clear.click()
    assert page.model.rowCount() == 0
    page.desk.log.say("anew")
    assert shown(page) == ["anew"]


def test_the_newest_line_is_followed_until_somebody_scrolls_up(qtbot: QtBot, page: LogPage) -> None:
    qtbot.waitExposed(page)
    bar = page.table.verticalScrollBar()
    page.desk.log.add(Line(0.0, "info", str(number)) for number in range(500))
    qtbot.waitUntil(lambda: bar.maximum() > 0 and bar.value() == bar.maximum())
    bar.triggerAction(bar.SliderToMinimum)
    assert not page.follow.isChecked()
    page.follow.click()
    qtbot.keyClick(page.table, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    assert not page.follow.isChecked()
    page.desk.log.say("one more")
    assert bar.value() == 0
    page.follow.click()
    assert bar.value() == bar.maximum()


def test_chosen_lines_are_copied_with_their_time_and_level(page: LogPage) -> None:
    page.desk.log.add(LINES)
    page.table.selectRow(1)
    assert page.whole.text().endswith("failed 1.2.3 (status A700): out of resources")
    page.copy()
    text = QApplication.clipboard().text()
    assert text.endswith("error    failed 1.2.3 (status A700): out of resources")
    assert "\n" not in text


def test_what_is_shown_is_exported_for_its_owner_only_and_never_into_the_source(
    qtbot: QtBot, page: LogPage, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    page.desk.set_source(str(source))
    page.desk.log.add(LINES)
    page.export(tmp_path / "log.txt")
    qtbot.waitUntil(lambda: shown(page)[-1].startswith(f"Exported {len(LINES)} lines"))
    assert len((tmp_path / "log.txt").read_text().splitlines()) == len(LINES)
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "log.txt").stat().st_mode) == 0o600
    page.export(source / "log.txt")
    qtbot.waitUntil(lambda: "inside the source" in shown(page)[-1])
    assert not list(source.iterdir())


def test_a_line_is_one_line_whatever_it_holds(page: LogPage) -> None:
    page.desk.log.add([Line(1.0, "info", "told\r\n2026-01-01 error forged\u2028too")])
    assert len(page.texts(chosen_only=False)[0].splitlines()) == 1


def test_what_one_process_tells_of_two_destinations_is_listed_once(page: LogPage) -> None:
    nodes = [Node("10.0.0.7", 104, "PACS"), Node("10.0.0.8", 104, "VNA")]
    migration = page.desk.open_job("/nowhere", nodes)
    look = Look(
        lines=(Line(1.0, "info", "scanning"), Line(1.1, "info", "scanning"), Line(2.0, "info", "sending"))
    )
    for reach in migration._reaches:
        page.desk.bridge.looked.emit(reach, look)
    assert [text for text in shown(page) if "ing" in text] == ["scanning", "scanning", "sending"]


def test_what_fails_in_a_run_is_told_once_by_its_uid_also_what_the_scan_found(
    qtbot: QtBot,
    page: LogPage,
    archive: Callable[..., Archive],
    scripted_pacs: Callable[..., ScriptedPacs],
) -> None:
    source = archive(studies=2, instances=3)
    damaged = next(iter(sorted(source.folder.rglob("*.dcm"))))
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[: len(whole) - 200])
    os.utime(damaged, (1e9, 1e9))
    node = scripted_pacs(Rule(0xC123)).node
    place = Destination(host=node.host, port=node.port, ae_title=node.ae_title)
    page.desk.change(Configuration(source=str(source.folder), destinations=(place,), verify=False))
    migration = page.desk.migrate()
    with qtbot.waitSignal(migration.ended, timeout=60_000):
        pass

    def failures() -> list[str]:
        return [text for text in shown(page) if "status C123" in text or text.startswith("quarantined")]

    qtbot.waitUntil(lambda: len(failures()) == 6)
    assert sum(text.startswith("quarantined") for text in failures()) == 1
    assert str(source.folder) not in "".join(failures())
    assert any(text.startswith("This run: 6 found") for text in shown(page))
