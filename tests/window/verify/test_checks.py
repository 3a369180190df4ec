"""Checks made from the window, by the engine's own processes."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from PyQt5.QtCore import QTimer
from PyQt5.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from migrator.core.model import Node
from migrator.ui.configuration import Configuration, Destination
from migrator.ui.desk import Desk
from migrator.ui.dialogs.export import ExportDialog
from migrator.ui.dialogs.report import ReportDialog
from migrator.ui.main_window import MainWindow
from migrator.ui.pages.verify.page import VerifyPage
from tests.peers import Orthanc
from tests.peers.archives import Archive
from tests.window.verify.making import NODE, SOURCE, keep, report

Make = Callable[..., Archive]


@pytest.fixture
def page(qtbot: QtBot, desk: Desk) -> VerifyPage:
    made = VerifyPage(desk)
    qtbot.addWidget(made)
    made.show()
    return made


def send() -> None:
    """Answer the question whether to send again."""
    box = next(one for one in QApplication.topLevelWidgets() if isinstance(one, QMessageBox))
    box.defaultButton().click()


def test_what_is_missing_is_found_named_and_sent_again(
    qtbot: QtBot, desk: Desk, page: VerifyPage, archive: Make, orthanc: Orthanc
) -> None:
    source, node = archive(studies=2, instances=3), orthanc.node
    there = Destination(host=node.host, port=node.port, ae_title=node.ae_title)
    desk.change(Configuration(source=str(source.folder), destinations=(there,), verify=False))
    migration = desk.migrate()
    with qtbot.waitSignal(migration.ended, timeout=60_000) as ended:
        pass
    assert ended.args == [0], migration.running and migration.running.launched.messages()
    qtbot.waitUntil(lambda: page.state.has_record)
    gone = next(iter(sorted(source.uids)))
    orthanc.delete({gone})

    page.verify.click()
    assert page.strip.is_on
    assert not page.verify.isEnabled()
    qtbot.waitUntil(lambda: page.state.verified.missing == 1, timeout=60_000)
    assert page.studies.card.word == "Instances missing"
    assert list(page.state.verified.paths) == [gone]
    assert not page.strip.isVisible()

    QTimer.singleShot(0, send)
    page.resend.click()
    qtbot.waitUntil(lambda: page.studies.card.word == "Proven", timeout=60_000)
    assert orthanc.uids() == source.uids
    assert not page.resend.isEnabled()


def test_a_check_that_cannot_be_made_says_why(qtbot: QtBot, desk: Desk, page: VerifyPage) -> None:
    there = Destination(host=NODE.host, port=NODE.port, ae_title=NODE.ae_title)
    desk.change(Configuration(source=SOURCE, destinations=(there,)))
    qtbot.waitUntil(lambda: page.verify.isEnabled())
    page.verify.click()
    qtbot.waitUntil(lambda: page.trouble.word == "Verifying failed", timeout=60_000)
    assert page.trouble.text == f"The source {SOURCE} does not exist"


def test_what_is_wrong_in_the_source_is_listed(
    qtbot: QtBot, desk: Desk, page: VerifyPage, archive: Make
) -> None:
    there = Destination(host=NODE.host, port=NODE.port, ae_title=NODE.ae_title)
    desk.change(Configuration(source=str(archive().folder), destinations=(there,)))
    page.tabs.setCurrentWidget(page.others)
    qtbot.waitUntil(lambda: page.others.buttons["Quality"].isEnabled())
    page.others.buttons["Quality"].click()
    qtbot.waitUntil(lambda: page.others.card.word == "No errors were found", timeout=60_000)
    assert page.others.table is not None
    assert page.others.table.lines


def test_a_check_that_is_on_can_be_stopped(qtbot: QtBot, desk: Desk, page: VerifyPage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        node = Node("127.0.0.1", silent.getsockname()[1], "SILENT")
        keep(desk.home, node=node)
        there = Destination(host=node.host, port=node.port, ae_title=node.ae_title)
        desk.change(Configuration(source=SOURCE, destinations=(there,)))
        qtbot.waitUntil(lambda: page.commitment.ask.isEnabled())
        page.verify.click()
        silent.settimeout(30)
        connection, _ = silent.accept()
        with connection:
            qtbot.waitUntil(lambda: page.strip.stop.isVisible() and page.strip.stop.isEnabled())
            page.strip.stop.click()
            qtbot.waitUntil(lambda: page.trouble.word == "Verifying was stopped", timeout=60_000)
    assert page.verify.isEnabled()


def test_a_check_that_an_earlier_window_left_running_goes_on_in_the_next_one(
    qtbot: QtBot, desk: Desk, data_directory: Path, open_main: Callable[[], MainWindow]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        node = Node("127.0.0.1", silent.getsockname()[1], "SILENT")
        keep(data_directory, report(), node=node)
        there = Destination(host=node.host, port=node.port, ae_title=node.ae_title)
        other = Destination(host=NODE.host, port=NODE.port, ae_title=NODE.ae_title)
        desk.change(Configuration(source=SOURCE, destinations=(there, other)))
        desk.run_configured(["verify", SOURCE, "--to", str(node), "--json"])
        silent.settimeout(30)
        connection, _ = silent.accept()
        with connection:
            desk.close()
            window = open_main()
            page = window.pages["verify"]
            window.go("verify")
            qtbot.waitUntil(lambda: page.strip.is_on, timeout=60_000)
            assert not page.verify.isEnabled()
            qtbot.waitUntil(lambda: not page.studies.is_empty)  # what is kept is on view meanwhile
            page.destinations.setCurrentIndex(1)
            qtbot.waitUntil(lambda: page.studies.go.text() == "Go to Upload")
            page.strip.stop.click()
            told = f"Verifying at {node} was stopped"
            qtbot.waitUntil(lambda: page.trouble.word == told, timeout=60_000)


def test_documents_go_where_they_are_wanted_but_never_into_the_source(
    qtbot: QtBot, desk: Desk, tmp_path: Path
) -> None:
    keep(desk.home, report())
    there = Destination(host=NODE.host, port=NODE.port, ae_title=NODE.ae_title)
    desk.change(Configuration(source=SOURCE, destinations=(there,)))
    report_dialog, export_dialog = ReportDialog(desk, None), ExportDialog(desk, None)
    for dialog, name in ((report_dialog, "report.html"), (export_dialog, "record.csv")):
        qtbot.addWidget(dialog)
        dialog.show()
        for one in dialog.files[1:]:
            one.wanted.setChecked(False)
        dialog.files[0].place.setText(str(tmp_path / name))
    report_dialog.write.click()
    export_dialog.files[0].place.setText(str(Path(SOURCE, "record.csv")))
    export_dialog.write.click()
    qtbot.waitUntil(lambda: report_dialog.told.text().startswith("Written: "), timeout=60_000)
    assert (tmp_path / "report.html").is_file()
    assert report_dialog.files[0].open.isVisible()
    assert not report_dialog.files[1].open.isVisible()
    report_dialog.files[0].place.setText("~nobody-of-this-name/report.html")
    assert report_dialog.files[0].file is not None
    assert report_dialog.files[0].target == tmp_path / "report.html"  # what Open opens
    qtbot.waitUntil(lambda: "lies inside the source" in export_dialog.told.text(), timeout=60_000)
    assert export_dialog.write.isEnabled()


def test_a_command_that_is_used_wrongly_ends_with_its_own_code(qtbot: QtBot, desk: Desk) -> None:
    running = desk.run(["quality", "--no-such-option"])
    with qtbot.waitSignal(running.ended, timeout=60_000) as ended:
        pass
    assert ended.args == [2]
