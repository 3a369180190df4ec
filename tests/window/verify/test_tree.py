"""The tree of studies: what it shows, narrows, orders and lets copy."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt5.QtCore import QModelIndex, Qt
from PyQt5.QtGui import QContextMenuEvent, QGuiApplication
from PyQt5.QtWidgets import QMenu
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from migrator.checks.verify_report import VerifyReport
from migrator.jobs.verified import Proof, StudyResult, Verdict, Verified, read_verified
from migrator.ui.desk import Desk
from migrator.ui.pages.verify.model import StudyModel
from migrator.ui.pages.verify.parts import COLUMNS
from migrator.ui.pages.verify.tree import StudyTree
from tests.window.verify.making import NODE, SOURCE, instance_uid, keep, report, study, study_uid


@pytest.fixture
def verified(data_directory: Path) -> Verified:
    keep(data_directory, report())
    return read_verified(data_directory, SOURCE, NODE)


@pytest.fixture
def model(qtbot: QtBot, verified: Verified) -> StudyModel:
    made = StudyModel()
    made.show(verified.studies, verified.paths)
    return made


def column(model: StudyModel, name: str, parent: QModelIndex | None = None) -> list[str]:
    above = QModelIndex() if parent is None else parent
    place = COLUMNS.index(name)
    return [model.text(model.index(row, place, above)) for row in range(model.rowCount(above))]


def test_the_model_keeps_the_rules_of_models(qtmodeltester: ModelTester, model: StudyModel) -> None:
    qtmodeltester.check(model)


def test_what_wants_attention_comes_first(model: StudyModel) -> None:
    assert column(model, "Verdict") == ["MISSING", "MISMATCH", "MATCH", "MATCH"]
    assert column(model, "Patient")[0] == "GARCÍA MÁRQUEZ, GABRIEL"
    assert column(model, "Different") == ["0", "0", "1", "0"]


def test_a_study_opens_to_its_series_and_these_to_what_is_missing(model: StudyModel) -> None:
    mismatch = model.index(1, 0)
    series = model.index(0, 0, mismatch)
    assert column(model, "Description", mismatch)[0] == "axial 5 mm"
    missing = model.index(0, 0, series)
    assert model.text(missing) == f"Missing   {instance_uid(1, 0)}   000001/0"
    assert "Unexpected   9.9.9" in column(model, "Verdict", mismatch)
    assert model.parent(missing) == series
    assert model.parent(series) == mismatch


def test_an_attribute_tells_what_was_sent_and_what_is_there(model: StudyModel) -> None:
    lines = column(model, "Verdict", model.index(2, 0))
    assert "Patient Birth Date: sent “19700101”, there “19710101”" in lines


def test_the_list_is_narrowed_by_verdict_text_and_difference(model: StudyModel) -> None:
    model.narrow([Verdict.MATCH], "")
    assert column(model, "Verdict") == ["MATCH", "MATCH"]
    model.narrow([], "", is_different=True)
    assert column(model, "Different") == ["1"]
    model.narrow([], "mustermann, erika")
    assert column(model, "Patient") == ["MUSTERMANN, ERIKA"]
    model.narrow([], instance_uid(2, 2))
    assert column(model, "Verdict") == ["MISSING"]
    model.narrow([], "nobody")
    assert model.rowCount() == 0


def test_of_what_is_not_proven_nothing_is_said_to_be_there_or_missing(data_directory: Path) -> None:
    unknown = StudyResult(study_uid(0), Verdict.UNPROVEN, Proof.NONE, 3, 0, 0, 0, reason="no answer")
    keep(data_directory, VerifyReport((unknown, study(1))))
    verified = read_verified(data_directory, SOURCE, NODE)
    made = StudyModel()
    made.show(verified.studies, {})
    assert column(made, "There") == ["? of 3", "3 of 3"]
    assert column(made, "Missing") == ["?", "0"]
    statement = verified.statement("Verification")
    assert statement is not None
    assert "Of 3 instances its answers do not tell." in statement.text


def test_parts_stay_with_their_study_when_the_order_changes(model: StudyModel) -> None:
    model.sort(COLUMNS.index("Missing"), Qt.SortOrder.AscendingOrder)
    assert column(model, "Missing") == ["0", "0", "1", "3"]
    last = model.index(3, 0)
    series = model.index(0, 0, last)
    assert model.rowCount(series) == 3
    assert model.parent(series) == last


def test_lines_are_copied_as_they_read(qtbot: QtBot, desk: Desk, verified: Verified) -> None:
    model = StudyModel()
    tree = StudyTree(desk, model)
    qtbot.addWidget(tree)
    model.show(verified.studies, verified.paths)
    tree.expandAll()
    tree.setCurrentIndex(model.index(0, 0, model.index(0, 0, model.index(0, 0))))
    tree.copy_rows()
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text() == f"Missing   {instance_uid(2, 0)}   000002/0"
    tree.grab()  # draws every kind of line


def test_widths_of_columns_are_remembered(qtbot: QtBot, desk: Desk) -> None:
    for width in (200, 201):
        tree = StudyTree(desk, StudyModel())
        qtbot.addWidget(tree)
        if width == 201:
            assert tree.columnWidth(1) == 200
        tree.header().resizeSection(1, width)


def test_a_line_offers_what_can_be_copied_of_it(qtbot: QtBot, desk: Desk, verified: Verified) -> None:
    model = StudyModel()
    tree = StudyTree(desk, model)
    qtbot.addWidget(tree)
    model.show(verified.studies, verified.paths)
    missing = model.index(0, 0, model.index(0, 0, model.index(0, 0)))
    menu = tree.menu_of(missing)
    texts = [action.text() for action in menu.actions() if action.text()]
    assert {"Copy cell", "Copy rows", "Copy study UID", "Copy instance UID", "Copy path"} <= set(texts)
    next(action for action in menu.actions() if action.text() == "Copy path").trigger()
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text() == "000002/0"


def test_of_many_studies_the_view_gets_the_next_as_it_scrolls(
    qtbot: QtBot, desk: Desk, verified: Verified
) -> None:
    model = StudyModel()
    tree = StudyTree(desk, model)
    qtbot.addWidget(tree)
    tree.show()
    model.show(verified.studies * 1500, {})
    assert model.rowCount() == 2000
    tree.scrollToBottom()
    qtbot.waitUntil(lambda: model.rowCount() > 2000)
    model.narrow([Verdict.MISSING], "")
    assert model.rowCount() == 1500
    model.narrow([], "")
    tree.selectAll()
    tree.copy_rows()
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    lines = clipboard.text().split("\n")
    assert len(lines) == 6000
    assert all(line.count("\t") == len(COLUMNS) - 1 for line in lines)


def test_the_menu_key_is_about_the_current_line(qtbot: QtBot, desk: Desk, verified: Verified) -> None:
    model = StudyModel()
    tree = StudyTree(desk, model)
    qtbot.addWidget(tree)
    model.show(verified.studies, verified.paths)
    tree.show()
    tree.expandAll()
    tree.setCurrentIndex(model.index(0, 0, model.index(0, 0, model.index(0, 0))))
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, tree.viewport().rect().center())
    tree.contextMenuEvent(event)
    menu = tree.findChild(QMenu)
    assert "Copy instance UID" in [action.text() for action in menu.actions()]
    menu.close()


def test_what_is_usual_fits_beside_each_other(qtbot: QtBot, desk: Desk) -> None:
    tree = StudyTree(desk, StudyModel())
    qtbot.addWidget(tree)
    missing = COLUMNS.index("Missing")
    assert sum(map(tree.columnWidth, range(missing + 1))) <= 788  # of a window of 1024
    tree.resize(1188, 500)  # of a window of 1400
    tree.show()
    assert tree.horizontalScrollBar().maximum() == 0
