"""The window as a whole: its pages, keys, menus, first steps and dialogs."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtGui import QKeySequence
from PyQt5.QtWidgets import QAbstractButton, QApplication, QDialog, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from migrator.ui.configuration import Configuration, Destination, load
from migrator.ui.dialogs.about import AboutDialog, versions
from migrator.ui.dialogs.about_shortcuts import ShortcutsDialog
from migrator.ui.dialogs.history import HistoryDialog
from migrator.ui.dialogs.licences import LicencesDialog
from migrator.ui.main_window import MainWindow
from tests.report.making import Plan, make_manifest

NAMES = ["configuration", "browser", "upload", "verify", "dashboard", "log"]


def test_every_page_is_reached_by_its_name(window: MainWindow) -> None:
    assert list(window.pages) == NAMES
    for name in NAMES:
        window.go(name)
        assert window.pages[name].isVisible()


def test_every_page_is_reached_by_a_key(window: MainWindow, qtbot: QtBot) -> None:
    by_key = {action.shortcut().toString(): action for action in window.menus.actions}
    for number, name in enumerate(NAMES, 1):
        by_key[f"Ctrl+{number}"].trigger()
        assert window.page == name


def test_no_two_keys_of_the_menus_are_the_same(window: MainWindow) -> None:
    keys = [one.shortcut() for one in window.menus.actions if not one.shortcut().isEmpty()]
    assert all(one != other for one, other in itertools.combinations(keys, 2))
    assert QKeySequence("Ctrl+O") in keys


def test_everything_that_takes_the_focus_has_a_name(window: MainWindow) -> None:
    nameless = set()
    for name in ["", *NAMES]:
        window.go(name) if name else window.show_welcome()
        nameless |= {
            f"{type(one).__name__} {one.objectName()} on {name or 'the first steps'}"
            for one in window.findChildren(QWidget)
            if one.isVisible() and one.focusPolicy() & Qt.FocusPolicy.TabFocus
            if not _name_of(one) and not _is_inner(one)
        }
    assert nameless == set()


def _name_of(widget: QWidget) -> str:
    on_it = widget.text() if isinstance(widget, QAbstractButton) else ""
    return widget.accessibleName() or on_it


def _is_inner(widget: QWidget) -> bool:
    """Whether it is a part that Qt makes: the line of a spin box, a header, the corner of a table."""
    inner = widget.focusProxy() is not None or widget.objectName().startswith("qt_")
    return inner or (isinstance(widget, QLineEdit) and widget.parent().inherits("QAbstractSpinBox"))


def test_the_keyboard_goes_from_the_list_of_pages_into_the_page_and_back(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.go("log")
    window.activateWindow()
    window.navigation.setFocus()
    window.switch_focus()
    qtbot.waitUntil(lambda: window.pages["log"].isAncestorOf(QApplication.focusWidget() or window))
    window.switch_focus()
    qtbot.waitUntil(window.navigation.hasFocus)


# The first steps


def test_a_first_start_says_what_to_do(window: MainWindow) -> None:
    assert window.page == ""
    welcome = window.welcome
    assert welcome.isVisible()
    assert [welcome.choose.isEnabled(), welcome.name.isEnabled(), welcome.start.isEnabled()] == [1, 1, 0]
    assert welcome.demo.isEnabled()
    welcome.name.click()
    assert window.configuration_page.destination.form.fields["host"].line.hasFocus()
    assert window.page == "configuration"


def test_the_steps_are_ticked_as_they_are_done(window: MainWindow, tmp_path: Path) -> None:
    window.desk.set_source(str(tmp_path))
    assert str(tmp_path) in window.welcome.steps[0].words.text()
    assert not window.welcome.start.isEnabled()
    window.desk.update(destinations=(Destination(host="pacs.example"),))
    assert "pacs.example" in window.welcome.steps[1].words.text()
    assert window.welcome.start.isEnabled()
    window.desk.set_source("")
    assert str(tmp_path) not in window.welcome.steps[0].words.text()


def test_a_later_start_opens_the_pages(open_main: Callable[[], MainWindow], tmp_path: Path) -> None:
    first = open_main()
    first.desk.set_source(str(tmp_path))
    first.quit()
    assert open_main().page == "configuration"


# What follows the configuration


def test_the_configured_job_is_on_view_and_follows_the_configuration(
    open_main: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = open_main()
    with qtbot.waitSignal(window.attending.settled):
        pass
    desk = window.desk
    assert desk.migration is None
    destination = Destination(host="pacs.example")
    desk.change(Configuration(source="/mnt/archive", destinations=(destination,)))
    qtbot.waitUntil(lambda: desk.migration is not None)
    assert (desk.migration.source, desk.migration.nodes) == ("/mnt/archive", (destination.node,))
    desk.update(chime=False)
    desk.set_source("")
    qtbot.waitUntil(lambda: desk.migration is None)


def test_what_was_configured_is_on_view_at_the_next_start(
    open_main: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    first = open_main()
    first.desk.change(Configuration(source="/mnt/archive", destinations=(Destination(host="pacs"),)))
    first.quit()
    second = open_main()
    qtbot.waitUntil(lambda: second.desk.migration is not None)
    assert second.desk.migration.source == "/mnt/archive"
    assert second.windowTitle() == "DICOM PACS Migrator"


def test_of_two_windows_each_keeps_what_it_has_changed(open_main: Callable[[], MainWindow]) -> None:
    first, other = open_main(), open_main()
    first.desk.set_source("/mnt/archive")
    first.quit()
    other.desk.update(chime=False)
    other.quit()
    kept = load(first.desk.home)
    assert (kept.source, kept.chime) == ("/mnt/archive", False)


# Dialogs


def dialog_of(window: MainWindow, kind: type[QDialog], text: str) -> QDialog:
    next(one for one in window.menus.actions if one.text().replace("&", "") == text).trigger()
    dialog = window.findChild(kind)
    assert dialog is not None
    return dialog


def test_about_tells_all_versions_and_copies_them(window: MainWindow) -> None:
    assert "not installed" not in versions().values()
    dialog = dialog_of(window, AboutDialog, "About…")
    dialog.copy.click()
    copied = QApplication.clipboard().text()
    assert all(f"{name}: {one}" in copied for name, one in versions().items())
    assert {"Python", "Qt", "PyQt5", "pydicom", "pynetdicom", "numpy", "System"} <= set(versions())
    dialog.accept()


def test_the_licences_are_shown(window: MainWindow) -> None:
    dialog = dialog_of(window, LicencesDialog, "Licences…")
    texts = [dialog.tabs.widget(number).toPlainText() for number in range(dialog.tabs.count())]
    assert "MIT License" in texts[0]
    assert "PyQt5" in texts[1]
    dialog.accept()


def test_the_keys_are_told(window: MainWindow) -> None:
    assert window.menus.shortcuts()["Ctrl+O"] == "Open source"
    dialog_of(window, ShortcutsDialog, "Keyboard shortcuts…").accept()


def test_the_history_lists_migrations_filters_them_and_opens_one(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_manifest(window.desk.home, Plan(studies=3, instances=4, runs=1))
    dialog = dialog_of(window, HistoryDialog, "History…")
    assert isinstance(dialog, HistoryDialog)
    qtbot.waitUntil(lambda: dialog.model.rowCount() == 1)
    dialog.search.setText("no such source")
    assert dialog.model.rowCount() == 0
    assert dialog.words.text() == "None fits"
    dialog.search.setText("PACS@pacs.example")
    assert dialog.chosen is not None
    assert dialog.verdict.text() == dialog.chosen.verdict.sentence
    chosen = dialog.chosen.manifest
    dialog.open_chosen()
    migration = window.desk.migration
    assert migration is not None
    assert migration.manifests == (chosen.file,)
    qtbot.waitUntil(lambda: len(window.desk.rows.tails[0]) >= 12)
    assert window.page == "upload"


def test_no_two_entries_of_a_menu_have_the_same_mnemonic(window: MainWindow) -> None:
    for top in window.menuBar().actions():
        menu = top.menu()
        menu.aboutToShow.emit()
        texts = [action.text() for action in menu.actions()]
        letters = [text[text.index("&") + 1].lower() for text in texts if "&" in text]
        assert letters
        assert sorted(set(letters)) == sorted(letters), texts
