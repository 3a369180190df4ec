"""The window: navigation at the left, the badge, the pages; what is around them is in `frame/`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from PyQt5.QtCore import QEvent, QSize, Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QCloseEvent
from PyQt5.QtWidgets import (
    QApplication,
    QDialog,
    QFrame,
    QListWidget,
    QListWidgetItem,
    QMainWindow,
    QStackedWidget,
    QWidget,
)

from migrator.core.errors import UsageError
from migrator.jobs.left_running import LeftRunning
from migrator.ui.desk import Desk
from migrator.ui.dialogs.monitor import MonitorDialog, why_not_served
from migrator.ui.dialogs.quit import STAY, QuitDialog
from migrator.ui.dialogs.welcome import Welcome
from migrator.ui.dialogs.welcome_back import WelcomeBack
from migrator.ui.frame import place
from migrator.ui.frame.attending import Attending
from migrator.ui.frame.chime import Chime
from migrator.ui.frame.demo import DemoStage
from migrator.ui.frame.drop import DropOverlay
from migrator.ui.frame.leaving import cancel_the_rest, is_run_on
from migrator.ui.frame.menus import Menus
from migrator.ui.frame.signs import window_icon
from migrator.ui.frame.status import StatusBar
from migrator.ui.frame.tray import Tray
from migrator.ui.frame.words import ending_in_words, title_of
from migrator.ui.pages.browser.page import BrowserPage
from migrator.ui.pages.configuration.page import ConfigurationPage
from migrator.ui.pages.dashboard.page import DashboardPage
from migrator.ui.pages.log.page import LogPage
from migrator.ui.pages.page import Page
from migrator.ui.pages.upload.page import UploadPage
from migrator.ui.pages.verify.page import VerifyPage
from migrator.ui.running import Migration, Running, Sight, snapshot_of
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import button, column, label, row
from migrator.ui.widgets.copy_only import CopyOnlyBadge

PAGES: tuple[type[Page], ...] = (
    ConfigurationPage,
    BrowserPage,
    UploadPage,
    VerifyPage,
    DashboardPage,
    LogPage,
)


class MainWindow(QMainWindow):
    """All pages over one desk."""

    left = pyqtSignal()
    """The window is closed for good."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.setMinimumSize(960, 640)
        self.setWindowIcon(window_icon())
        self.pages = {page.name: page(desk) for page in PAGES}
        self.welcome = Welcome(desk)
        self.stack = QStackedWidget()
        self.navigation = self._make_navigation()
        self.status = StatusBar(desk)
        self.setStatusBar(self.status)
        self.demo = DemoStage(desk, self)
        self.demo_bar = self._make_demo_bar()
        self._arrange()
        self.attending = Attending(desk, self)
        self.tray = Tray(desk, self.windowIcon(), self)
        self.chime = Chime()
        self.menus = Menus(self)
        self.overlay = DropOverlay(desk, self)
        self._is_left = False
        self._has_told_of_tray = False
        self._connect()
        self._show_sight(None)
        place.restore(self, desk.state)
        self.go(place.page_of(desk.state) or "configuration")
        if not desk.configuration.source and not place.page_of(desk.state):
            self.show_welcome()
        QTimer.singleShot(0, self.attending.begin)

    @property
    def configuration_page(self) -> ConfigurationPage:
        return cast(ConfigurationPage, self.pages["configuration"])

    @property
    def upload_page(self) -> UploadPage:
        return cast(UploadPage, self.pages["upload"])

    # What it is made of

    def _arrange(self) -> None:
        for page in self.pages.values():
            self.stack.addWidget(page)
        self.stack.addWidget(self.welcome)
        left = QWidget()
        left.setFixedWidth(tokens.NAVIGATION)
        left.setLayout(column(self.navigation, CopyOnlyBadge(), spacing=0))
        right = QWidget()
        right.setLayout(column(self.demo_bar, self.stack, spacing=0))
        whole = QWidget()
        whole.setLayout(row(left, right, spacing=0))
        self.setCentralWidget(whole)

    def _make_navigation(self) -> QListWidget:
        navigation = QListWidget()
        navigation.setProperty("role", "navigation")
        navigation.setAccessibleName("Pages")
        navigation.setIconSize(QSize(18, 18))
        for number, page in enumerate(self.pages.values(), 1):
            item = QListWidgetItem(icon(page.icon), page.title)
            item.setToolTip(f"{page.title} (Ctrl+{number})")
            navigation.addItem(item)
        navigation.currentRowChanged.connect(self._turn_to)
        return navigation

    def _make_demo_bar(self) -> QFrame:
        bar = QFrame()
        bar.setProperty("role", "strip")
        sign = label()
        sign.setPixmap(icon("test-tube", tokens.TEAL).pixmap(18, 18))
        words = label("This is the demo: a sample archive, and a PACS on this machine alone.", wraps=True)
        end = button("End the demo", tip="Stop its PACS, remove both, and bring back what was configured")
        end.clicked.connect(lambda: self.turn_demo())
        layout = row(sign, words, end)
        layout.setStretch(1, 1)
        layout.setContentsMargins(tokens.LARGE, tokens.TIGHT, tokens.LARGE, tokens.TIGHT)
        bar.setLayout(layout)
        bar.hide()
        return bar

    def _connect(self) -> None:
        desk = self.desk
        desk.page_wanted.connect(self.go)
        desk.migration_changed.connect(self._follow)
        desk.started.connect(self._started)
        self.welcome.source_wanted.connect(self.choose_source)
        self.welcome.pacs_wanted.connect(self.name_pacs)
        self.welcome.demo_wanted.connect(self.turn_demo)
        self.demo.changed.connect(self._show_demo)
        self.status.monitor_wanted.connect(self.show_monitor)
        self.attending.several.connect(self._choose_run)
        self.attending.found.connect(self._found)
        self.attending.settled.connect(self._settled)
        self.tray.wanted.connect(self.bring_back)
        self.tray.quit_wanted.connect(self.quit)

    # Pages

    def go(self, name: str) -> None:
        """Bring a page into view."""
        index = list(self.pages).index(name)
        if self.navigation.currentRow() == index:
            self._turn_to(index)
        else:
            self.navigation.setCurrentRow(index)

    @property
    def page(self) -> str:
        """The name of the page on view; nothing for the first steps."""
        index = self.stack.currentIndex()
        return list(self.pages)[index] if index < len(self.pages) else ""

    def show_welcome(self) -> None:
        """Show the first steps."""
        self.stack.setCurrentWidget(self.welcome)
        self.navigation.setCurrentRow(-1)
        self.welcome.choose.setFocus()

    def switch_focus(self) -> None:
        """From the list of pages into the page, and back."""
        if self.navigation.hasFocus():
            self.stack.currentWidget().focusNextPrevChild(True)
            if self.navigation.hasFocus():
                self.navigation.focusNextPrevChild(True)
        else:
            self.navigation.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _turn_to(self, index: int) -> None:
        if index >= 0:
            self.stack.setCurrentIndex(index)
            list(self.pages.values())[index].shown()

    def choose_source(self) -> None:
        """Ask for the source folder."""
        self.go("configuration")
        self.configuration_page.source.browse.click()

    def name_pacs(self) -> None:
        """Let the destination be written."""
        self.go("configuration")
        self.configuration_page.destination.focus(0, "host")

    def take_source(self, source: str) -> None:
        """Make this folder the source, unless a run of another one is on."""
        refusal = self.overlay.refusal(source)
        if refusal:
            self.desk.notice(refusal, "warning")
        else:
            self.desk.set_source(source)
            self.go("configuration")

    def open_dialog(self, dialog: QDialog) -> None:
        """Show a dialog over the window, which goes on behind it."""
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def show_history(self) -> None:
        from migrator.ui.dialogs.history import HistoryDialog  # draws in what only documents need

        self.open_dialog(HistoryDialog(self.desk, self))

    def show_monitor(self) -> None:
        """Show where the run on view is served; else lead to where that is set."""
        refusal = why_not_served(self.desk)
        if refusal is None:
            self.open_dialog(MonitorDialog(self.desk, self._configure_monitor, self))
        elif refusal:
            self.desk.notice(refusal)
        else:
            self._configure_monitor()

    def _configure_monitor(self) -> None:
        self.go("configuration")
        self.configuration_page.bring("monitor")

    # The job on view

    def _follow(self, migration: Migration | None) -> None:
        if migration is not None:
            migration.sighted.connect(lambda sight: self._sighted(migration, sight))
            migration.ended.connect(lambda code: self._ended_elsewhere(migration))
        self._show_sight(None if migration is None else migration.sight)

    def _sighted(self, migration: Migration, sight: Sight) -> None:
        if migration is self.desk.migration:
            self._show_sight(sight)

    def _show_sight(self, sight: Sight | None) -> None:
        title = title_of(sight)
        if title != self.windowTitle():
            self.setWindowTitle(title)
        self.tray.show_sight(sight)
        self.status.show_job()

    def _started(self, running: Running) -> None:
        if running.name == "migrate":
            running.ended.connect(lambda code: self._ended(running))

    def _ended(self, running: Running) -> None:
        """One of our runs: on view, or going on unseen."""
        sight = Sight(tuple(map(snapshot_of, running.last.snapshots)), code=running.code)
        migration = self.desk.migration
        is_seen = migration is not None and migration.running is running
        self._tell_end(sight, "" if is_seen else running.launched.arguments[1])

    def _ended_elsewhere(self, migration: Migration) -> None:
        """Another process's run, seen in the job that is on view."""
        if migration is self.desk.migration and migration.sight.code is None:
            self._tell_end(migration.sight)

    def _tell_end(self, sight: Sight, source: str = "") -> None:
        if self.desk.is_closed:
            return
        words, is_well = ending_in_words(sight)
        if source:
            words = f"From {source}: {words}"
        if self.desk.configuration.chime:
            self.chime.play(is_well)
        if not self.isActiveWindow():
            self.tray.tell(words, is_well)
            QApplication.alert(self)
        self.desk.notice(words, "success" if is_well else "warning")

    def _choose_run(self, left: Sequence[LeftRunning]) -> None:
        self.open_dialog(WelcomeBack(self.desk, left, self))

    # The demo

    def turn_demo(self) -> None:
        """Begin the demo, or end it."""
        if self.demo.is_on:
            self.demo.end(self._after_demo)
            return
        if is_run_on(self.desk):
            self.desk.notice("A run is on: the demo can begin once it has ended", "warning")
            return
        try:
            self.demo.begin()
        except UsageError as error:
            self.desk.notice(f"The demo cannot begin: {error}", "error")

    def _after_demo(self) -> None:
        self.desk.notice("The demo has ended; its archive, its PACS and its record are removed")
        if not self.desk.configuration.source:
            self.show_welcome()

    def _show_demo(self, is_on: bool) -> None:
        self.demo_bar.setVisible(is_on)
        self.menus.demo.setText("End the &demo" if is_on else "Try it with a &demo")
        self.welcome.demo.setEnabled(not is_on)

    def _found(self, left: LeftRunning) -> None:
        if left.command.name == "demo":
            self.demo.adopt(left.command)
        else:
            self.pages["verify"].adopt(left)

    def _settled(self) -> None:
        if self.demo.was_left:
            self.demo.end()

    # Coming and going

    def bring_back(self) -> None:
        """Show the window, wherever it is hidden."""
        if self.isMinimized():
            self.setWindowState(self.windowState() ^ Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange and self.isMinimized() and self._goes_to_tray:
            QTimer.singleShot(0, self._to_tray)

    @property
    def _goes_to_tray(self) -> bool:
        return self.tray.is_there and self.desk.configuration.minimise_to_tray

    def _to_tray(self) -> None:
        self.hide()
        if not self._has_told_of_tray:
            self._has_told_of_tray = True
            self.tray.tell("The window is here in the tray; a double-click brings it back")

    def quit(self) -> None:
        """Close the window for good, after asking what is to become of a run."""
        if not is_run_on(self.desk):
            self._leave()
        elif self.findChild(QuitDialog) is None:
            self.bring_back()
            dialog = QuitDialog(self.desk, self)
            dialog.finished.connect(lambda result: self._leave() if dialog.answer != STAY else None)
            self.open_dialog(dialog)

    def _leave(self) -> None:
        if self.demo.is_on and not is_run_on(self.desk):
            self.demo.end(self._close)
        else:
            self._close()

    def _close(self) -> None:
        self.let_close()
        self.close()

    def let_close(self) -> None:
        """Ask nothing any more: the session ends. What runs goes on, if the system lets it."""
        self._is_left = True

    def closeEvent(self, event: QCloseEvent) -> None:
        """With a tray, a window that is closed in a run waits there; else closing is quitting."""
        is_asked = self._is_left or self.desk.is_closed
        if not is_asked and is_run_on(self.desk) and self._goes_to_tray:
            event.ignore()
            self._to_tray()
            return
        if not is_asked and (is_run_on(self.desk) or self.demo.is_on):
            event.ignore()
            QTimer.singleShot(0, self.quit)  # Qt closes nothing while it is closing it
            return
        place.keep(self, self.desk.state, self.page)
        cancel_the_rest(self.desk)
        self.tray.remove()
        self.desk.close()
        super().closeEvent(event)
        self.left.emit()
