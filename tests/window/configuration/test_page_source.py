"""The source: when what is typed counts, and when what is known of a folder counts no more."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtCore import Qt
from pytestqt.qtbot import QtBot

from migrator.ui.configuration import Configuration, Destination
from migrator.ui.pages.configuration.page import ConfigurationPage

GOOD = "A folder that can be read"
READY = "Ready to copy everything to ANY-SCP@pacs:104"


def have(qtbot: QtBot, page: ConfigurationPage, source: Path) -> None:
    """Configure a source, which has been looked at."""
    page.desk.change(Configuration(source=str(source), destinations=(Destination(host="pacs"),)))
    qtbot.waitUntil(lambda: page.summary.text == READY)


def test_nothing_is_said_to_be_ready_before_the_source_was_looked_at(
    qtbot: QtBot, page: ConfigurationPage, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    page.desk.change(Configuration(source=str(gone), destinations=(Destination(host="pacs"),)))
    assert page.summary.text == "Looking at the source…"
    assert not page.summary.upload.isEnabled()
    qtbot.waitUntil(lambda: page.summary.text == "Still needed: Source folder")
    assert not page.summary.upload.isEnabled()


def test_a_source_that_has_gone_meanwhile_is_found_out_when_the_page_is_shown(
    qtbot: QtBot, page: ConfigurationPage, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    have(qtbot, page, disk)
    disk.rmdir()
    page.shown()
    qtbot.waitUntil(lambda: "does not exist" in page.source.words)
    assert page.summary.text == "Still needed: Source folder"
    disk.mkdir()
    page.shown()
    qtbot.waitUntil(lambda: page.source.words == GOOD)
    assert page.summary.text == READY


def test_a_source_that_holds_the_data_directory_is_refused_before_a_run_does(
    qtbot: QtBot, page: ConfigurationPage
) -> None:
    page.source.take(str(page.desk.home.parent))
    qtbot.waitUntil(lambda: "lies inside the source" in page.source.words)
    assert not page.summary.browser.isEnabled()


def test_a_first_source_counts_as_soon_as_it_is_typed(
    qtbot: QtBot, page: ConfigurationPage, tmp_path: Path
) -> None:
    (tmp_path / "archive").mkdir()
    page.desk.update(destinations=(Destination(host="pacs"),))
    page.source.line.setFocus()
    qtbot.keyClicks(page.source.line, str(tmp_path))
    qtbot.waitUntil(lambda: page.summary.text == READY)
    qtbot.keyClicks(page.source.line, "/archive")
    qtbot.waitUntil(lambda: page.desk.configuration.source == str(tmp_path / "archive"))
    assert page.desk.configuration.recent == ()
    qtbot.keyClick(page.source.line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.desk.configuration.recent == (str(tmp_path / "archive"),))


def test_a_source_half_typed_does_not_take_the_place_of_a_confirmed_one(
    qtbot: QtBot, page: ConfigurationPage, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    have(qtbot, page, first)
    page.source.line.setFocus()
    page.source.line.selectAll()
    qtbot.keyClicks(page.source.line, str(tmp_path / "no"))
    qtbot.waitUntil(lambda: "does not exist" in page.source.words)
    assert page.summary.text == "Still needed: Source folder"
    qtbot.keyClick(page.source.line, Qt.Key.Key_Backspace)
    qtbot.keyClick(page.source.line, Qt.Key.Key_Backspace)
    qtbot.keyClicks(page.source.line, "second")
    qtbot.waitUntil(lambda: page.source.words == GOOD)
    assert page.summary.upload.isEnabled()
    assert page.desk.configuration.source == str(first)
    page.desk.close()
    assert page.desk.configuration.source == str(second)
