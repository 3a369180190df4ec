"""The window: navigation at the left, the badge, the pages; what is around them is in `frame/`."""

from __future__ import annotations

from PyQt5.QtCore import QSize, Qt
from PyQt5.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence
from PyQt5.QtWidgets import QListWidget, QListWidgetItem, QMainWindow, QShortcut, QStackedWidget, QWidget

from migrator.ui.desk import Desk
from migrator.ui.pages.browser.page import BrowserPage
from migrator.ui.pages.configuration.page import ConfigurationPage
from migrator.ui.pages.dashboard.page import DashboardPage
from migrator.ui.pages.log.page import LogPage
from migrator.ui.pages.page import Page
from migrator.ui.pages.upload.page import UploadPage
from migrator.ui.pages.verify.page import VerifyPage
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import column, label, row
from migrator.ui.widgets.copy_only import CopyOnlyBadge

PAGES: tuple[type[Page], ...] = (
    ConfigurationPage,
    BrowserPage,
    UploadPage,
    VerifyPage,
    DashboardPage,
    LogPage,
)
TITLE = "DICOM PACS Migrator"


class MainWindow(QMainWindow):
    """All pages over one desk."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.setWindowTitle(TITLE)
        self.setMinimumSize(960, 640)
        self.setAcceptDrops(True)
        self.pages = {page.name: page(desk) for page in PAGES}
        self._stack = QStackedWidget()
        self._navigation = self._make_navigation()
        for page in self.pages.values():
            self._stack.addWidget(page)
        whole = QWidget()
        left = QWidget()
        left.setFixedWidth(tokens.NAVIGATION)
        left.setLayout(column(self._navigation, CopyOnlyBadge(), spacing=0))
        whole.setLayout(row(left, self._stack, spacing=0))
        self.setCentralWidget(whole)
        self._message = label("", "muted")
        self.statusBar().addWidget(self._message, 1)
        desk.page_wanted.connect(self.go)
        desk.noticed.connect(self._notice)
        self.go("configuration")

    def go(self, name: str) -> None:
        """Bring a page into view."""
        self._navigation.setCurrentRow(list(self.pages).index(name))

    def _make_navigation(self) -> QListWidget:
        navigation = QListWidget()
        navigation.setProperty("role", "navigation")
        navigation.setAccessibleName("Pages")
        navigation.setIconSize(QSize(18, 18))
        for number, page in enumerate(self.pages.values(), 1):
            item = QListWidgetItem(icon(page.icon), page.title)
            item.setToolTip(f"{page.title} (Ctrl+{number})")
            navigation.addItem(item)
            shortcut = QShortcut(QKeySequence(f"Ctrl+{number}"), self)
            shortcut.activated.connect(lambda name=page.name: self.go(name))
        navigation.currentRowChanged.connect(self._turn_to)
        return navigation

    def _turn_to(self, index: int) -> None:
        self._stack.setCurrentIndex(index)
        page = list(self.pages.values())[index]
        page.shown()

    def _notice(self, level: str, text: str) -> None:
        self._message.setStyleSheet(f"color: {tokens.LEVEL.get(level, tokens.TEXT)}")
        self._message.setText(text)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for url in event.mimeData().urls():
            if url.isLocalFile():
                self.desk.set_source(url.toLocalFile())
                event.setDropAction(Qt.DropAction.CopyAction)
                event.accept()
                return

    def closeEvent(self, event: QCloseEvent) -> None:
        self.desk.close()
        super().closeEvent(event)
