"""The tree as a widget: what it shows, its keys, its checks, its filters; over lists without a scan."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from PyQt5.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QSettings, Qt
from PyQt5.QtGui import QContextMenuEvent
from PyQt5.QtTest import QAbstractItemModelTester
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from migrator.core.model import Instance, Patient, Series, Study
from migrator.jobs.inventory_nodes import Line, StudyNode
from migrator.jobs.inventory_tree import InventoryTree
from migrator.jobs.scan_list import ScanList
from migrator.jobs.tail import Tail
from migrator.ui.pages.browser.panel import TreePanel
from migrator.ui.pages.browser.tree_model import NODE, TreeModel, name_of, tip_of
from migrator.ui.pages.browser.tree_view import parts_of

Grow = Callable[[str, str, str], InventoryTree]


@pytest.fixture
def grow(tmp_path: Path) -> Iterator[Grow]:
    """Adds a series (patient, study, modality) of two instances to a list, and reads it into one tree."""
    file = tmp_path / "list.jsonl"
    with ScanList(file, str(tmp_path)) as written:
        tail = Tail(file)
        tree = InventoryTree(tail)
        total = 0

        def make(patient: str, study: str, modality: str) -> InventoryTree:
            nonlocal total
            uid = f"{study}.{modality}"
            about = Study(study, f"2024010{len(study) % 9}", study, patient=Patient(patient, "", patient))
            series = Series(uid, modality, "", "1", about)
            for number in range(2):
                written.add(Instance(f"{total}.dcm", 10, 0, 0, "1.2", "1.3", f"{uid}.{number}", series))
                total += 1
            while len(tail) < total:
                written._flushed = 0.0  # what is written is with the reader at once
                written._stream.flush()
                tree.take(tail.read(1.0))
            return tree

        yield make
        tail.close()


@pytest.fixture
def panel(qtbot: QtBot, tmp_path: Path, grow: Grow) -> TreePanel:
    """Patients A (two studies) and B (one)."""
    made = TreePanel(QSettings(str(tmp_path / "state.ini"), QSettings.Format.IniFormat))
    qtbot.addWidget(made)
    made.resize(900, 500)
    for patient, study, modality in (("A", "a1", "CT"), ("A", "a22", "MR"), ("B", "b1", "CT")):
        tree = grow(patient, study, modality)
    made.show_tree(tree)
    made.show()
    qtbot.waitExposed(made)
    shows(qtbot, made, "A", "B")
    return made


def shows(qtbot: QtBot, panel: TreePanel, *names: str) -> None:
    qtbot.waitUntil(lambda: [name_of(line) for line in panel.model.lines] == list(names))


def settled(qtbot: QtBot, panel: TreePanel) -> None:
    qtbot.waitUntil(lambda: not panel.slices.is_on("check"))


def chosen(panel: TreePanel) -> int:
    assert panel.tree is not None
    return panel.tree.root.chosen


def press(qtbot: QtBot, panel: TreePanel, *keys: Qt.Key) -> None:
    for key in keys:
        qtbot.keyClick(panel.view, key)


def current(panel: TreePanel) -> str:
    line = panel.view.current
    return "" if line is None else name_of(line)


def test_the_keys_are_those_of_a_tree(qtbot: QtBot, panel: TreePanel) -> None:
    panel.view.setFocus()
    press(qtbot, panel, Qt.Key.Key_Home, Qt.Key.Key_Right)
    shows(qtbot, panel, "A", "a1", "a22", "B")
    press(qtbot, panel, Qt.Key.Key_Right, Qt.Key.Key_Return)
    shows(qtbot, panel, "A", "a1", "Series 1", "a22", "B")
    press(qtbot, panel, Qt.Key.Key_Right)
    assert current(panel) == "Series 1"
    with qtbot.waitSignal(panel.view.entered):
        press(qtbot, panel, Qt.Key.Key_Return)
    press(qtbot, panel, Qt.Key.Key_Left, Qt.Key.Key_Left)
    shows(qtbot, panel, "A", "a1", "a22", "B")
    press(qtbot, panel, Qt.Key.Key_Left, Qt.Key.Key_Left)
    shows(qtbot, panel, "A", "B")
    assert current(panel) == "A"
    press(qtbot, panel, Qt.Key.Key_End)
    assert current(panel) == "B"


def test_space_turns_the_check_and_what_is_above_is_half(qtbot: QtBot, panel: TreePanel) -> None:
    panel.turn(0)
    panel.view.selectRow(1)
    press(qtbot, panel, Qt.Key.Key_Space)
    settled(qtbot, panel)
    states = [panel.model.index(row, 0).data(Qt.ItemDataRole.CheckStateRole) for row in range(4)]
    on, off, half = Qt.CheckState.Checked, Qt.CheckState.Unchecked, Qt.CheckState.PartiallyChecked
    assert states == [half, off, on, on]
    press(qtbot, panel, Qt.Key.Key_Space)
    settled(qtbot, panel)
    assert chosen(panel) == 6


def test_a_click_on_the_box_turns_the_check_and_one_on_the_chevron_opens(
    qtbot: QtBot, panel: TreePanel
) -> None:
    place = panel.view.visualRect(panel.model.index(0, 0))
    chevron, box, _ = parts_of(place, panel.model.lines[0])
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=box.center())
    settled(qtbot, panel)
    assert chosen(panel) == 2
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=chevron.center())
    shows(qtbot, panel, "A", "a1", "a22", "B")


def test_all_selected_lines_are_turned_together(qtbot: QtBot, panel: TreePanel) -> None:
    panel.view.selectRow(0)
    panel.view.selectAll()
    press(qtbot, panel, Qt.Key.Key_Space)
    settled(qtbot, panel)
    assert chosen(panel) == 0


def test_all_none_invert_and_what_is_shown(qtbot: QtBot, panel: TreePanel) -> None:
    panel.check_all(False)
    panel.invert()
    settled(qtbot, panel)
    assert chosen(panel) == 6
    panel.filters.text.setText("b1")
    shows(qtbot, panel, "B")
    panel.check_shown()
    settled(qtbot, panel)
    assert chosen(panel) == 2
    panel.filters.clear()
    shows(qtbot, panel, "A", "B")
    panel.only([panel.model.lines[0]])
    settled(qtbot, panel)
    assert chosen(panel) == 4


def test_filters_narrow_what_is_shown_and_keep_what_is_open(qtbot: QtBot, panel: TreePanel) -> None:
    panel.turn(0)
    panel.filters.modalities._menu.actions()[1].trigger()
    shows(qtbot, panel, "A", "a22")
    panel.filters.chosen_only.setChecked(True)
    panel.check_all(False)
    shows(qtbot, panel)
    assert panel._nothing.isVisible()
    panel.filters.clear()
    shows(qtbot, panel, "A", "a1", "a22", "B")
    assert not panel._nothing.isVisible()


def test_a_date_that_is_none_is_told_beside_the_field_and_filters_nothing(
    qtbot: QtBot, panel: TreePanel
) -> None:
    panel.filters.first.setText("yesterday")
    qtbot.waitUntil(panel.filters._error.isVisible)
    assert panel.filters.first.property("invalid") == "true"
    assert len(panel.model.lines) == 2
    panel.filters.first.setText("2024-12")
    shows(qtbot, panel)
    panel.filters.last.setText("2020")
    qtbot.waitUntil(panel.filters._error.isVisible)
    assert "after" in panel.filters._error.text()


def test_what_is_open_and_current_stays_so_while_the_tree_grows(
    qtbot: QtBot, panel: TreePanel, grow: Grow
) -> None:
    panel.turn(1)
    panel.view.selectRow(2)
    line = panel.view.current
    grow("0", "z1", "CT")
    grow("B", "b0", "US")
    panel.renew_soon()
    shows(qtbot, panel, "0", "A", "B", "b0", "b1")
    assert panel.view.current is line
    assert panel.view.chosen_lines == [line]
    assert {action.text() for action in panel.filters.modalities._menu.actions()} == {"CT", "MR", "US"}


def test_closing_a_line_keeps_something_current(qtbot: QtBot, panel: TreePanel) -> None:
    panel.turn(0)
    panel.view.selectRow(2)
    panel.turn(0)
    assert current(panel) == "A"


def test_a_header_sorts_and_is_remembered(qtbot: QtBot, panel: TreePanel, tmp_path: Path) -> None:
    panel.view.horizontalHeader().setSortIndicator(0, Qt.SortOrder.DescendingOrder)
    shows(qtbot, panel, "B", "A")
    later = TreePanel(QSettings(str(tmp_path / "state.ini"), QSettings.Format.IniFormat))
    qtbot.addWidget(later)
    later.show_tree(panel.tree)
    shows(qtbot, later, "B", "A")


def test_a_name_that_looks_like_markup_is_no_markup(grow: Grow) -> None:
    patient = grow("<b>X</b>", "s", "CT").root.children[0]
    model = TreeModel()
    model.place([patient])
    assert tip_of(patient).startswith("<b>X")
    assert "&lt;b&gt;" in model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)


def test_a_line_is_spoken_with_its_kind_and_state(panel: TreePanel) -> None:
    panel.turn(0)
    spoken = [panel.model.index(row, 0).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(2)]
    assert spoken == ["patient A, selected, open", "study a1, selected, closed"]


def test_the_model_keeps_to_qts_rules_whatever_is_shown(grow: Grow) -> None:
    chance = random.Random(7)
    for number in range(12):
        tree = grow(f"P{number % 5}", f"s{number}", "CT")
    every: list[Line] = [*tree.root.children, *(one for p in tree.root.children for one in p.children)]
    model = TreeModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning)
    kept: dict[Line, object] = {}
    for _ in range(60):
        lines = chance.sample(every, chance.randrange(len(every)))
        model.place(lines)
        assert model.lines == lines
        for line, index in kept.items():
            assert not index.isValid() or index.data(NODE) is line  # type: ignore[attr-defined]
        kept = {line: persistent(model, row) for row, line in enumerate(lines) if chance.random() < 0.3}
    model.place(list(tree.root.children))
    first = tree.root.children[0]
    model.open(0, [one for one in first.children if isinstance(one, StudyNode)])
    assert model.rowCount(QModelIndex()) == 5 + len(first.children)
    model.close(0)
    assert model.lines == tree.root.children
    del tester


def persistent(model: TreeModel, row: int) -> object:
    return QPersistentModelIndex(model.index(row, 0))


def test_the_menu_key_asks_for_the_menu_at_the_line(qtbot: QtBot, panel: TreePanel) -> None:
    panel.view.selectRow(1)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(0, 0))
    with qtbot.waitSignal(panel.view.menu_wanted) as asked:
        QApplication.sendEvent(panel.view, event)
    assert panel.view.viewport().rect().contains(panel.view.viewport().mapFromGlobal(asked.args[0]))


def test_what_is_found_is_shown_although_more_is_found_all_the_time(
    qtbot: QtBot, panel: TreePanel, grow: Grow
) -> None:
    waiting = True

    def slow() -> Generator[None, None, None]:
        while waiting:
            yield

    panel.slices.do("arrange", slow(), lambda nothing: panel._place((None, list(panel.tree.root.children))))
    grow("C", "c1", "CT")
    panel._renew_grown()  # more was found while it was being arranged
    waiting = False
    shown: list[int] = []
    panel.renewed.connect(lambda: shown.append(len(panel.model.lines)))
    qtbot.waitUntil(lambda: len(shown) == 2)
    assert shown[0] == 3
