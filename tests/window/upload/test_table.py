"""The nine-column table: what it shows, how it is searched and ordered, what keys and clicks do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt5.QtCore import QObject, QPoint, Qt, QUrl, pyqtSlot
from PyQt5.QtGui import QColor, QDesktopServices, QGuiApplication
from PyQt5.QtTest import QTest
from pytestqt.qtbot import QtBot

from migrator.core.model import Node
from migrator.core.outcome import State
from migrator.jobs import row_words
from migrator.jobs.row_words import COLUMNS
from migrator.ui.configuration import Configuration, Destination
from migrator.ui.desk import Desk
from migrator.ui.models.rows import RowsModel
from migrator.ui.pages.upload.page import UploadPage
from migrator.ui.pages.upload.table import TablePanel
from migrator.ui.theme import tokens
from tests.report.making import NODE, Plan, make_manifest

Open = Callable[..., UploadPage]
Record = Callable[..., Path]


def texts(model: RowsModel, column: int) -> list[str]:
    return [model.index(row, column).data() for row in range(model.rowCount())]


def words_of(table: TablePanel) -> set[str]:
    return set(texts(table.rows, row_words.STATUS))


def settled(qtbot: QtBot, table: TablePanel) -> None:
    qtbot.waitUntil(lambda: table.rows.is_searched)


def test_every_row_of_the_record_is_shown_in_nine_columns(record: Record, opened: Open) -> None:
    record()
    model = opened().table.rows
    heads = [model.headerData(one, Qt.Orientation.Horizontal) for one in range(model.columnCount())]
    assert heads == list(COLUMNS)
    assert model.rowCount() == 20 * 10 + 10
    row = texts(model, row_words.NAME).index("MUSTERMANN, ERIKA")
    shown = [model.index(row, column).data() for column in range(9)]
    assert shown[0] == "MUSTERMANN, ERIKA"
    assert shown[3] == "2000-01-15"
    assert shown[6].endswith("Storage")
    assert shown[7] == "OK"
    assert shown[8] == ""


def test_what_failed_tells_its_reason_and_its_sop_instance_uid(record: Record, opened: Open) -> None:
    record(studies=100)
    model = opened().table.rows
    failed = [row for row, word in enumerate(texts(model, row_words.STATUS)) if word == "FAIL"]
    details = [model.index(row, row_words.DETAIL).data() for row in failed]
    assert any("cannot understand" in one and "1.2.826.0.1" in one for one in details)
    colour = model.index(failed[0], row_words.STATUS).data(Qt.ItemDataRole.ForegroundRole)
    assert colour == QColor(tokens.RED)


def test_a_text_is_found_wherever_it_stands(qtbot: QtBot, record: Record, opened: Open) -> None:
    record()
    table = opened().table
    table.filters.search.setText("musterMANN")
    qtbot.waitUntil(lambda: table.rows.shown == 4 * 10)
    assert set(texts(table.rows, row_words.NAME)) == {"MUSTERMANN, ERIKA"}
    table.filters.search.setText("000003/7")
    qtbot.waitUntil(lambda: table.rows.shown == 1)
    table.filters.search.setText("1.2.826.0.1.3680043.8.498.4.1.8")
    qtbot.waitUntil(lambda: table.rows.shown == 1)
    table.filters.search.setText("an index, not")
    qtbot.waitUntil(lambda: words_of(table) == {"SKIP"} and table.rows.shown == 3)
    table.filters.clear()
    qtbot.waitUntil(lambda: table.rows.shown == table.rows.total)


def test_statuses_are_chosen_together_and_the_counts_are_told(
    qtbot: QtBot, record: Record, opened: Open
) -> None:
    record(studies=100)
    table = opened().table
    table.filters.words["FAIL"].click()
    table.filters.words["SKIP"].click()
    settled(qtbot, table)
    assert words_of(table) == {"FAIL", "SKIP"}
    assert table.filters._count.text() == f"{table.rows.shown} of 1,010 rows"
    assert table.filters.words["FAIL"].text().startswith("FAIL ")


def test_a_number_of_the_ledger_shows_its_rows(qtbot: QtBot, record: Record, opened: Open) -> None:
    record(studies=100)
    page = opened()
    qtbot.waitUntil(lambda: page.progress.ledger.job.found.text() == "1,010")
    page.progress.ledger.job.states[State.QUARANTINED].click()
    settled(qtbot, page.table)
    assert page.table.rows.shown == 2
    page.progress.ledger.job.found.click()
    settled(qtbot, page.table)
    assert page.table.rows.shown == 1010


def test_rows_are_ordered_by_each_column_and_back(record: Record, opened: Open) -> None:
    record()
    table = opened().table
    for column in range(row_words.DETAIL):
        before = texts(table.rows, column)
        order = str.casefold if column != row_words.STATUS else _by_weight
        table.view._order(column)
        assert texts(table.rows, column) == sorted(before, key=order), COLUMNS[column]
        table.view._order(column)
        assert texts(table.rows, column) == sorted(before, key=order, reverse=True), COLUMNS[column]
        table.view._order(column)
        assert texts(table.rows, column) == before, COLUMNS[column]


def _by_weight(word: str) -> int:
    return ["OK", "WARN", "HEALED", "REMAP", "SKIP", "HELD", "FAIL"].index(word)


def test_the_current_row_stays_current_in_another_order(record: Record, opened: Open) -> None:
    record()
    table = opened().table
    table.view.setCurrentIndex(table.rows.index(55, 0))
    path = table.rows.at(55).row
    table.view._order(row_words.NAME)
    assert path is not None
    now = table.rows.at(table.view.currentIndex().row()).row
    assert now is not None
    assert now.path == path.path
    table.view._order(row_words.NAME)
    assert table.rows.at(table.view.currentIndex().row()).row == path


def test_a_few_selected_rows_stay_so_in_another_order_and_many_do_not(record: Record, opened: Open) -> None:
    record()
    table = opened().table
    chosen = table.view.selectionModel()
    table.view.selectRow(55)
    row = table.rows.at(55).row
    table.view._order(row_words.NAME)
    assert [table.rows.at(one.row()).row for one in chosen.selectedRows()] == [row]
    table.view.selectAll()
    assert len(chosen.selectedRows()) == 210
    table.view._order(row_words.NAME)
    assert not chosen.hasSelection()  # following each of half a million would take minutes


def test_the_header_does_not_ask_every_row_whether_it_is_selected(record: Record, opened: Open) -> None:
    record()
    view = opened().table.view
    view.selectAll()
    assert not view.horizontalHeader().selectionModel().hasSelection()


def test_rows_that_come_are_added_and_those_that_change_leave_the_filter(
    qtbot: QtBot, record: Record, opened: Open
) -> None:
    manifest = record(studies=100, is_killed=True)
    table = opened().table
    table.filters.words["FAIL"].click()
    settled(qtbot, table)
    failed = table.rows.shown
    row = next(one.row for one in map(table.rows.at, range(failed)) if one.row and one.row.uid)
    with manifest.open("rb") as stream:
        line = next(line for line in stream if b'"' + row.path.encode() + b'"' in line)
    healed = line.replace(b'"failed"', b'"sent"').replace(b'"unknown"', b'"sent"')
    fresh = line.replace(row.path.encode(), b"later/0")
    with manifest.open("ab") as stream:
        stream.write(healed + fresh)
    qtbot.waitUntil(lambda: table.rows.total == 1011)
    paths = {"later/0"}
    qtbot.waitUntil(
        lambda: paths <= {one.row.path for one in map(table.rows.at, range(table.rows.shown)) if one.row}
    )
    qtbot.waitUntil(lambda: table.rows.shown == failed and words_of(table) == {"FAIL"})


def test_a_record_begun_anew_is_shown_anew(qtbot: QtBot, desk: Desk, record: Record, opened: Open) -> None:
    record()
    table = opened().table
    make_manifest(desk.home, Plan(studies=2, instances=3, problems=0))
    qtbot.waitUntil(lambda: table.rows.total == 6 and table.rows.shown == 6)


def test_a_click_on_a_name_shows_that_patient_alone(qtbot: QtBot, record: Record, opened: Open) -> None:
    record()
    table = opened().table
    index = table.rows.index(30, row_words.NAME)
    table.view.scrollTo(index)
    name = index.data()
    place = table.view.visualRect(index).topLeft() + QPoint(12, 8)
    QTest.mouseClick(table.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    settled(qtbot, table)
    assert set(texts(table.rows, row_words.NAME)) == {name}
    assert len(set(texts(table.rows, row_words.ID))) == 1
    table.filters._tags["patient"].click()
    settled(qtbot, table)
    assert table.rows.shown == 210


def test_ctrl_and_a_click_on_a_name_go_to_the_file_browser(
    qtbot: QtBot, desk: Desk, record: Record, opened: Open
) -> None:
    record()
    table = opened().table
    index = table.rows.index(30, row_words.NAME)
    table.view.scrollTo(index)
    place = table.view.visualRect(index).topLeft() + QPoint(12, 8)
    with qtbot.waitSignals([desk.browse_wanted, desk.page_wanted]):
        QTest.mouseClick(
            table.view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, place
        )
    assert table.rows.shown == 210


def test_cells_rows_uids_and_paths_are_copied(qtbot: QtBot, record: Record, opened: Open) -> None:
    record()
    table = opened().table
    clipboard = QGuiApplication.clipboard()
    table.view.setFocus()
    table.view.setCurrentIndex(table.rows.index(30, row_words.DATE))
    QTest.keyClick(table.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard.text() == "\t".join(table.rows.at(30).cells)
    modifiers = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(table.view, Qt.Key.Key_C, modifiers)  # type: ignore[call-overload]
    assert clipboard.text() == table.rows.at(30).cells.date
    table.view.selectAll()
    table.row_actions._copy_all_uids()
    assert len(clipboard.text().splitlines()) == 200
    table.row_actions._copy_all_paths()
    assert clipboard.text().splitlines()[-1] == "/mnt/archive/000019/9"


class Opener(QObject):
    """Stands where the system's file manager does."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    @pyqtSlot(QUrl)
    def take(self, url: QUrl) -> None:
        self.opened.append(url.toLocalFile())


def test_a_double_click_opens_the_folder_of_the_file(
    qtbot: QtBot, desk: Desk, record: Record, opened: Open, tmp_path: Path
) -> None:
    (tmp_path / "000000").mkdir()
    record(source=str(tmp_path))
    opener = Opener()
    QDesktopServices.setUrlHandler("file", opener, "take")
    try:
        destination = Destination(host=NODE.host, port=NODE.port, ae_title=NODE.ae_title)
        page = UploadPage(desk)
        qtbot.addWidget(page)
        page.resize(1200, 800)
        page.show()
        desk.change(Configuration(source=str(tmp_path), destinations=(destination,)))
        desk.open_job(str(tmp_path), [destination.node])
        table = page.table
        qtbot.waitUntil(lambda: table.rows.is_loaded and table.rows.total > 0)
        row = texts(table.rows, row_words.STATUS).index("OK")
        index = table.rows.index(row, row_words.DATE)
        table.view.scrollTo(index)
        place = table.view.visualRect(index).center()
        QTest.mouseClick(table.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
        QTest.mouseDClick(table.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
        qtbot.waitUntil(lambda: opener.opened == [str(tmp_path / "000000")])
        with qtbot.waitSignal(desk.noticed) as noticed:
            table.row_actions.open_folder(table.rows.rowCount() - 1)
        assert noticed.args[0] == "warning"
    finally:
        QDesktopServices.unsetUrlHandler("file")


def test_the_newest_row_is_followed_until_one_scrolls_up(qtbot: QtBot, record: Record, opened: Open) -> None:
    record()
    table = opened().table
    bar = table.view.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 100)
    assert bar.value() == 0
    table.filters.follow.click()
    assert bar.value() == bar.maximum()
    bar.setValue(bar.maximum() - 3)
    assert not table.filters.follow.isChecked()
    assert not table.view.follows


def test_the_newest_row_is_the_last_one_in_no_other_order(record: Record, opened: Open) -> None:
    record()
    table = opened().table
    table.view._order(row_words.NAME)
    assert table.view.is_ordered
    table.filters.follow.click()
    assert not table.view.is_ordered
    assert table.view.verticalScrollBar().value() == table.view.verticalScrollBar().maximum()


def test_columns_arranged_by_a_person_come_back(desk: Desk, qtbot: QtBot) -> None:
    first = TablePanel(desk)
    qtbot.addWidget(first)
    first.view._show_column(row_words.SERIES, False)
    first.view.horizontalHeader().moveSection(7, 0)
    first.view.horizontalHeader().resizeSection(row_words.NAME, 333)
    first.view._keep_columns()
    later = TablePanel(desk)
    qtbot.addWidget(later)
    header = later.view.horizontalHeader()
    assert header.isSectionHidden(row_words.SERIES)
    assert header.visualIndex(row_words.STATUS) == 0
    assert header.sectionSize(row_words.NAME) == 333
    later.view.reset_columns()
    assert not header.isSectionHidden(row_words.SERIES)
    assert header.visualIndex(row_words.STATUS) == row_words.STATUS


def test_of_several_destinations_all_are_shown_or_each(qtbot: QtBot, record: Record, opened: Open) -> None:
    other = Node("second.example", 105, "SECOND")
    record()
    record(other, studies=3, problems=0)
    page = opened(NODE, other)
    assert page.table.rows.total == 210 + 30
    assert page.table.rows.at(0).cells.detail.startswith(("PACS@", "SECOND@"))
    page.head._destinations.setCurrentIndex(2)
    page.head._destinations.activated.emit(2)
    settled(qtbot, page.table)
    assert page.table.rows.shown == 30
    assert page.table.rows.at(0).cells.detail == ""  # whose rows they are is chosen above
    qtbot.waitUntil(lambda: page.progress.ledger.job.found.text() == "30")
