"""The page: it scans, shows what it finds, tells the desk what is chosen, and says what it cannot do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from migrator.core.model import Series
from migrator.core.settings import FilterSettings, ScanSettings, Settings
from migrator.jobs.inventory_nodes import first_series
from migrator.ui.configuration import Configuration, Destination
from migrator.ui.desk import Desk, Selection
from migrator.ui.pages.browser.menu import LineMenu, first_path, send_first
from migrator.ui.pages.browser.page import BrowserPage
from migrator.ui.pages.browser.problems import ProblemDialog
from migrator.ui.pages.browser.scanning import FOLDER
from tests.peers import KeepingScp
from tests.peers.archives import Archive

Make = Callable[..., Archive]
AT_ONCE = Settings(scan=ScanSettings(settle=0))
"""Files that were just written are read without waiting for them to settle."""


@pytest.fixture
def page(qtbot: QtBot, desk: Desk) -> Iterator[BrowserPage]:
    desk.change(Configuration(settings=AT_ONCE))
    made = BrowserPage(desk)
    qtbot.addWidget(made)
    made.resize(1100, 800)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.scan.forget()


def scanned(qtbot: QtBot, page: BrowserPage, source: Path) -> None:
    """Set the source, and wait until all of it is on view."""
    page.desk.set_source(str(source))
    over(qtbot, page)


def over(qtbot: QtBot, page: BrowserPage) -> None:
    qtbot.waitUntil(lambda: not page.scan.is_on, timeout=30_000)
    qtbot.waitUntil(lambda: not page.panel.slices.is_on("arrange"))


def told(qtbot: QtBot, page: BrowserPage, is_right: Callable[[Selection], bool]) -> Selection:
    qtbot.waitUntil(lambda: is_right(page.desk.selection))
    return page.desk.selection


def test_without_a_source_the_page_says_what_to_do(qtbot: QtBot, page: BrowserPage) -> None:
    assert page._no_source.isVisible()
    with qtbot.waitSignal(page.desk.page_wanted) as wanted:
        qtbot.mouseClick(page._no_source.button, Qt.MouseButton.LeftButton)
    assert wanted.args == ["configuration"]


def test_a_source_is_scanned_chosen_from_and_scanned_again(
    qtbot: QtBot, page: BrowserPage, archive: Make
) -> None:
    source = archive(studies=3, series=2, instances=2)
    (source.folder / "notes.txt").write_text("not an image")
    scanned(qtbot, page, source.folder)
    assert page._words.text().startswith("12 of 12 instances in 3 studies of ")
    assert page._problems.text() == "1 skipped"
    assert page.desk.selection == Selection()

    # A whole study is left out: the others are named by their UIDs.
    tree = page.scan.tree
    assert tree is not None
    study = tree.root.children[0].children[0]
    page.panel.check([study], False)
    selection = told(qtbot, page, lambda one: one.studies is not None)
    assert selection.studies is not None
    assert len(selection.studies) == 2
    assert study.about.uid not in selection.studies
    assert "8 of 12 instances in 2 studies" in selection.words

    # A single instance, by Space in the list: files are named.
    page.panel.view.go_to(tree.root.children[-1])
    assert page.instances.rowCount() == 2
    page.list.setFocus()
    qtbot.keyClick(page.list, Qt.Key.Key_Space)
    selection = told(qtbot, page, lambda one: one.files is not None)
    assert selection.files is not None
    assert len(selection.files) == 7
    assert all((source.folder / file).is_file() for file in selection.files)

    # Both are kept over another scan, as are what is open and current.
    row = page.panel.view.currentIndex().row()
    page.panel.turn(row)
    opened = len(page.panel.model.lines)
    page.rescan()
    over(qtbot, page)
    qtbot.waitUntil(lambda: len(page.panel.model.lines) == opened)
    assert page.scan.tree is not tree
    assert page.scan.tree is not None
    assert page.scan.tree.root.chosen == 7
    assert page.panel.view.currentIndex().row() == row
    assert len(list((page.desk.home / FOLDER).iterdir())) == 1
    page.desk.set_source(str(source.folder))  # sets the selection back
    told(qtbot, page, lambda one: one == Selection())
    qtbot.waitUntil(lambda: page.scan.tree is not None and page.scan.tree.is_everything)


def test_a_source_without_dicom_says_so_and_lists_what_is_there(
    qtbot: QtBot, page: BrowserPage, tmp_path: Path
) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "<b>notes.txt").write_text("not an image")
    scanned(qtbot, page, folder)
    assert page._no_dicom.isVisible()
    assert page._no_dicom.words.text().startswith("1 file looked at")
    assert page.scan.tree is not None
    dialog = ProblemDialog(page.scan.tree, page)
    model = dialog.findChild(type(page.list).__mro__[1]).model()
    assert model.index(0, 1).data() == "<b>notes.txt"
    assert model.index(0, 0).data() == "skipped: not a DICOM object"


def test_a_source_that_is_not_there_is_told_in_words(qtbot: QtBot, page: BrowserPage, tmp_path: Path) -> None:
    page.desk.set_source(str(tmp_path / "gone"))
    qtbot.waitUntil(page._trouble.isVisible, timeout=30_000)
    assert "gone" in page._trouble.text()
    assert not page._no_dicom.isVisible()


def test_the_menu_copies_selects_alone_and_sends_first(
    qtbot: QtBot, page: BrowserPage, archive: Make, keeping_scp: Callable[..., KeepingScp]
) -> None:
    source, peer = archive(studies=3, instances=4), keeping_scp(delay=2.0)
    desk, node = page.desk, peer.node
    destinations = (Destination(host=node.host, port=node.port, ae_title=node.ae_title),)
    scanned(qtbot, page, source.folder)
    tree = page.scan.tree
    assert tree is not None
    study = tree.root.children[-1].children[-1]
    path = first_path(tree, page.scan.source, study)
    assert path is not None
    assert path.is_file()
    menu = LineMenu(desk, study, path, page)
    actions = {action.text(): action for action in menu.actions()}
    assert not actions["Send this study first"].isEnabled()
    actions["Copy UID"].trigger()
    assert QApplication.clipboard().text() == study.about.uid
    actions["Copy path"].trigger()
    assert QApplication.clipboard().text() == os.fspath(path)
    page.panel.only([study])
    assert told(qtbot, page, lambda one: one.studies is not None).studies == (study.about.uid,)
    page.panel.check_all(True)
    told(qtbot, page, lambda one: one == Selection())

    desk.change(desk.configuration.model_copy(update={"destinations": destinations, "verify": False}))
    migration = desk.migrate("--workers", "1")
    qtbot.waitUntil(lambda: len(peer.datasets) > 0, timeout=30_000)
    qtbot.waitUntil(lambda: migration.sight.is_live)
    actions = {action.text(): action for action in LineMenu(desk, study, path, page).actions()}
    assert actions["Send this study first"].isEnabled()
    with qtbot.waitSignal(desk.noticed) as noticed:
        send_first(desk, "study", study=study.about.uid)
    assert noticed.args == ["success", "4 instances of this study will be sent next"]
    with qtbot.waitSignal(migration.ended, timeout=30_000):
        migration.do("cancel")


def test_the_first_series_of_a_line_is_the_one_that_is_listed(
    qtbot: QtBot, page: BrowserPage, archive: Make
) -> None:
    scanned(qtbot, page, archive(studies=2, series=2, instances=3).folder)
    page.panel.view.selectRow(0)
    line = page.panel.view.current
    assert line is not None
    assert page.instances.series is first_series(line)
    assert page.list.currentIndex().row() == 0
    assert [page.instances.index(0, column).data() for column in (0, 2, 4)] == [
        "1",
        "CT Image Storage",
        "can be sent",
    ]


def test_a_scan_that_fails_leaves_what_is_selected(qtbot: QtBot, page: BrowserPage, archive: Make) -> None:
    source = archive(studies=3, series=1, instances=2)
    scanned(qtbot, page, source.folder)
    assert page.scan.tree is not None
    page.panel.check([page.scan.tree.root.children[0]], False)
    selection = told(qtbot, page, lambda one: one.studies is not None)
    away = source.folder.rename(source.folder.with_name("away"))
    page.rescan()
    over(qtbot, page)
    assert page._trouble.isVisible()
    assert not page.chooser._timer.isActive()
    assert page.desk.selection == selection
    away.rename(source.folder)
    page.rescan()
    page.rescan()  # while the first one has found nothing yet
    over(qtbot, page)
    page.chooser.finish()
    assert page.desk.selection == selection


def test_a_run_begins_with_what_is_checked_at_that_moment(
    qtbot: QtBot, page: BrowserPage, archive: Make
) -> None:
    scanned(qtbot, page, archive(studies=3, series=2, instances=2).folder)
    assert page.scan.tree is not None
    page.panel.check_all(False)
    page.panel.check([page.scan.tree.root.children[0].children[0].children[0]], True)
    assert page.desk.selection == Selection()  # it is not told yet
    page.desk.selection_wanted.emit()
    assert page.desk.selection.files is not None
    assert len(page.desk.selection.files) == 2


def test_a_scan_that_cannot_be_started_leaves_what_was_found(
    qtbot: QtBot, page: BrowserPage, archive: Make
) -> None:
    scanned(qtbot, page, archive(studies=1, instances=2).folder)
    folder = page.desk.home / FOLDER
    kept = folder.rename(folder.with_name("kept"))
    folder.write_text("in the way")
    page.rescan()
    assert page._trouble.text().startswith("The scan cannot be started: ")
    assert len(page.panel.model.lines) == 1
    page.panel.view.selectRow(0)
    assert page.instances.index(0, 1).data()
    folder.unlink()
    kept.rename(folder)


def test_a_file_of_another_page_is_shown_once_it_is_found(
    qtbot: QtBot, page: BrowserPage, archive: Make
) -> None:
    source = archive(studies=3, series=2, instances=3)
    scanned(qtbot, page, source.folder)
    tree = page.scan.tree
    assert tree is not None
    series = tree.root.children[-1].children[-1].children[-1]
    path = tree.tail.row(list(series.rows)[1])
    assert path is not None
    page.panel.filters.text.setText("nothing of that kind")
    qtbot.waitUntil(lambda: not page.panel.model.lines)
    page.desk.browse(series.about, path.path)
    qtbot.waitUntil(lambda: page.panel.view.current is series)
    qtbot.waitUntil(lambda: page.list.currentIndex().row() == 1)
    page.panel.view.selectRow(0)
    page.rescan()
    page.desk.browse(series.about, path.path)  # before it is found again
    over(qtbot, page)
    qtbot.waitUntil(lambda: page.list.currentIndex().row() == 1)
    assert page.instances.series is not None
    assert page.instances.series.about == series.about
    with qtbot.waitSignal(page.desk.noticed) as noticed:
        page.desk.browse(Series("9.9"), "")
    assert noticed.args[0] == "warning"


def test_the_filters_of_the_configuration_are_told(qtbot: QtBot, page: BrowserPage, archive: Make) -> None:
    scanned(qtbot, page, archive(studies=1).folder)
    assert not page._filters.isVisible()
    filters = FilterSettings(modality=("CT",), study_date="2024..")
    page.desk.update(settings=Settings(filter=filters))
    assert page._filters.isVisible()
    assert page._filters.text().endswith(": modalities, study dates")
    with qtbot.waitSignal(page.desk.page_wanted) as wanted:
        qtbot.mouseClick(page._filters, Qt.MouseButton.LeftButton)
    assert wanted.args == ["configuration"]
