"""The menu bar: everything that can be done, with its key."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt5.QtCore import QObject, QUrl
from PyQt5.QtGui import QDesktopServices, QKeySequence
from PyQt5.QtWidgets import QAction, QDialog, QMenu, QPushButton

from migrator.ui.dialogs.about import AboutDialog
from migrator.ui.dialogs.about_shortcuts import ShortcutsDialog
from migrator.ui.dialogs.licences import LicencesDialog
from migrator.ui.dialogs.restarts import RestartsDialog

if TYPE_CHECKING:
    from migrator.ui.main_window import MainWindow


class Menus(QObject):
    """Made once all pages are."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._desk = window.desk
        self.actions: list[QAction] = []
        self._file()
        self._job()
        self._reports()
        self._view()
        self._help()

    def shortcuts(self) -> dict[str, str]:
        """Each key of the menus, with what it does."""
        texts = {
            one.shortcut().toString(): one.text() for one in self.actions if not one.shortcut().isEmpty()
        }
        return {key: text.replace("&", "").strip("123456 ….") for key, text in texts.items()}

    def _menu(self, title: str) -> QMenu:
        menu = QMenu(title, self._window)
        self._window.menuBar().addMenu(menu)
        return menu

    def _add(self, menu: QMenu, text: str, act: Callable[[], object], key: str = "") -> QAction:
        action = QAction(text, self._window)
        action.triggered.connect(partial(_do, act))
        if key:
            action.setShortcut(QKeySequence(key))
        menu.addAction(action)
        self.actions.append(action)
        return action

    # File

    def _file(self) -> None:
        menu, window = self._menu("&File"), self._window
        self._add(menu, "&Open source…", window.choose_source, "Ctrl+O")
        recent = QMenu("Open &recent", self._window)
        menu.addMenu(recent)
        menu.aboutToShow.connect(lambda: self._fill_recent(recent))
        menu.addSeparator()
        profiles = window.configuration_page.profiles.more.menu()
        profiles.setTitle("&Profiles")
        profiles.triggered.connect(lambda action: self._desk.go("configuration"))
        menu.addMenu(profiles)
        menu.addSeparator()
        self._add(menu, "Open &settings folder", lambda: self._open(self._desk.home))
        menu.addSeparator()
        self._add(menu, "&Quit", window.quit, "Ctrl+Q")

    def _fill_recent(self, menu: QMenu) -> None:
        menu.clear()
        recent = self._desk.configuration.recent
        menu.setEnabled(bool(recent))
        for source in recent:
            menu.addAction(source.replace("&", "&&"), partial(self._window.take_source, source))

    # Job: the Upload page's own buttons

    def _job(self) -> None:
        menu, buttons = self._menu("&Job"), self._window.upload_page.bar
        keys = {
            buttons.start_button: "Ctrl+Return",
            buttons.stream_button: "",
            buttons.dry_run_button: "",
            buttons.speed_test_button: "",
            buttons.pause_button: "Ctrl+Shift+P",
            buttons.cancel_button: "",
            buttons.retry_button: "",
        }
        mirrored = [(self._add(menu, "", partial(self._press, one), key), one) for one, key in keys.items()]
        self._mirror(mirrored)
        menu.insertSeparator(mirrored[4][0])
        menu.aboutToShow.connect(lambda: self._mirror(mirrored))
        # Where the menu is shut, a key of it comes through, and `_press` says why nothing can be done.
        menu.aboutToHide.connect(partial(self._enable, mirrored))
        menu.addSeparator()
        self._add(menu, "Phone &monitor…", self._window.show_monitor, "Ctrl+Shift+M")
        self._add(menu, "Runs that go on after a r&estart…", self._restarts)
        self._add(menu, "&History…", self._window.show_history, "Ctrl+H")

    def _restarts(self) -> None:
        self._show(RestartsDialog(self._desk, self._window))

    def _mirror(self, mirrored: list[tuple[QAction, QPushButton]]) -> None:
        taken = {"m", "e", "h"}  # by the entries below
        for action, one in mirrored:
            action.setText(_marked(one.text(), taken))
            action.setEnabled(one.isEnabled())

    def _enable(self, mirrored: list[tuple[QAction, QPushButton]]) -> None:
        for action, _ in mirrored:
            action.setEnabled(True)

    def _press(self, which: QPushButton) -> None:
        self._desk.go("upload")
        if which.isEnabled():
            which.click()
        else:
            self._desk.notice(which.toolTip().replace("\n", ". "), "warning")

    # Reports

    def _reports(self) -> None:
        menu = self._menu("&Reports")
        self._add(menu, "&Report…", self._report, "Ctrl+Shift+R")
        self._add(menu, "&Export rows…", self._export, "Ctrl+Shift+E")
        menu.addSeparator()
        self._add(menu, "Verif&y page", partial(self._desk.go, "verify"))

    def _report(self) -> None:
        from migrator.ui.dialogs.report import ReportDialog  # draws in what only documents need

        ReportDialog(self._desk, self._window).open()

    def _export(self) -> None:
        from migrator.ui.dialogs.export import ExportDialog

        ExportDialog(self._desk, self._window).open()

    # View, Help

    def _view(self) -> None:
        menu = self._menu("&View")
        for number, page in enumerate(self._window.pages.values(), 1):
            self._add(menu, f"&{number}  {page.title}", partial(self._desk.go, page.name), f"Ctrl+{number}")
        menu.addSeparator()
        self._add(menu, "&First steps", self._window.show_welcome)
        self._add(menu, "&Switch between list and page", self._window.switch_focus, "F6")

    def _help(self) -> None:
        menu, window = self._menu("&Help"), self._window
        self._add(menu, "&Keyboard shortcuts…", self._shortcuts, "F1")
        self.demo = self._add(menu, "Try it with a &demo", window.turn_demo)
        menu.addSeparator()
        self._add(menu, "Open lo&g folder", lambda: self._open(self._desk.home / "logs"))
        self._add(menu, "&Licences…", lambda: self._show(LicencesDialog(window)))
        self._add(menu, "&About…", lambda: self._show(AboutDialog(window)))

    def _shortcuts(self) -> None:
        self._show(ShortcutsDialog(self.shortcuts(), self._window))

    def _show(self, dialog: QDialog) -> None:
        self._window.open_dialog(dialog)

    def _open(self, folder: Path) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


def _do(act: Callable[[], object], checked: bool) -> None:
    act()


def _marked(text: str, taken: set[str]) -> str:
    """With a mnemonic that no other entry of the menu has; `taken` are theirs, and grow."""
    starts = [at for at in range(len(text)) if at == 0 or text[at - 1] == " "]
    for at in (*starts, *range(len(text))):
        letter = text[at].lower()
        if letter.isalnum() and letter not in taken:
            taken.add(letter)
            return f"{text[:at]}&{text[at:]}"
    return text
