"""Where the run on view is served: a code for a phone's camera, the address, the code to pair with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from PyQt5.QtCore import Qt, QTimer, QUrl
from PyQt5.QtGui import QDesktopServices
from PyQt5.QtWidgets import QApplication, QDialog, QLineEdit, QWidget

from migrator.monitor.place import pairing_link
from migrator.ui.desk import Desk
from migrator.ui.running import Migration, Sight
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, column, label, row
from migrator.ui.widgets.qr import QrCode

_COPIED = 2_000  # milliseconds that a copy is confirmed
_ALONE = (
    "Only this machine can open it: that is how the run serves it. For a phone, choose “The network too” "
    "in the configuration; that holds from the next run on."
)
_PAIRS = (
    "Point a phone's camera at the QR code, or open the address there and type the code. The code pairs one "
    "device; then there is a new one here."
)
_TYPE = (
    "Open the address in a browser of this machine and type the code. It pairs one browser; then there is a "
    "new one here."
)
_OPEN = "Open the address in a browser of this machine; there is nothing to type."
_WARNS = "Where its certificate was made for it, the browser warns once before it goes on."
_OVER = "The run has ended, and its page with it. The next one serves it anew."


class MonitorDialog(QDialog):
    """Follows the run on view. `configure` leads to where the monitor is set."""

    def __init__(self, desk: Desk, configure: Callable[[], None], parent: QWidget | None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._configure = configure
        self._migration: Migration | None = None
        self._shown: Mapping[str, str] | None = None
        self.setWindowTitle("Phone monitor")
        self.qr = QrCode("QR code with the monitor's address")
        self.address = QLineEdit()
        self.code = label("", "code")
        self.words = label("", "muted", wraps=True)
        self.alone = label(_ALONE, "warning", wraps=True)
        self.copy = button("Copy", "content-copy", tip="Copy the address")
        self.open_page = button("Open", "open-in-new", tip="Open the address in this machine's browser")
        self.change = button("Change it in the configuration", kind="link")
        self._restore = QTimer(self)
        self._restore.setSingleShot(True)
        self._restore.timeout.connect(self._offer_copy)
        self._make()
        self._arrange()
        desk.migration_changed.connect(self._follow)
        self._follow(desk.migration)

    def _make(self) -> None:
        self.address.setReadOnly(True)
        self.address.setAccessibleName("The monitor's address")
        self.address.setMinimumWidth(2 * tokens.NAVIGATION)
        self.code.setAccessibleName("Code to pair with")
        self.code.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.copy.clicked.connect(lambda: self._copy())
        self.open_page.clicked.connect(lambda: self._open())
        self.change.clicked.connect(lambda: self._to_configuration())
        self.close_button = button("Close", kind="primary")
        self.close_button.clicked.connect(self.accept)
        self.close_button.setDefault(True)
        self.close_button.setFocus()

    def _arrange(self) -> None:
        self._code = QWidget()
        self._code.setLayout(column(label("Code to pair with", "muted"), self.code, spacing=0))
        beside = column(label("Address", "muted"), spacing=tokens.SMALL)
        beside.addLayout(row(self.address, self.copy, self.open_page))
        beside.addSpacing(tokens.SMALL)
        beside.addWidget(self._code)
        beside.addWidget(self.words)
        beside.addWidget(self.alone)
        beside.addLayout(row(self.change, None))
        beside.addStretch(1)
        self._served = QWidget()
        inside = row(spacing=tokens.WIDE)
        inside.addWidget(self.qr, 0, Qt.AlignmentFlag.AlignTop)
        inside.addLayout(beside, 1)
        self._served.setLayout(inside)
        self._over = label(_OVER, "muted", wraps=True)
        layout = column(label("Watch this run from a phone", "heading"), spacing=tokens.LARGE)
        layout.addWidget(self._served)
        layout.addWidget(self._over)
        layout.addStretch(1)
        layout.addLayout(row(None, self.close_button))
        layout.setContentsMargins(tokens.WIDE, tokens.LARGE, tokens.WIDE, tokens.LARGE)
        self.setLayout(layout)

    # What is shown

    def _follow(self, migration: Migration | None) -> None:
        if self._migration is not None:
            self._migration.sighted.disconnect(self._sighted)
        self._migration = migration
        if migration is not None:
            migration.sighted.connect(self._sighted)
        self._show(None if migration is None else migration.sight.monitor)

    def _sighted(self, sight: Sight) -> None:
        if sight.monitor != self._shown:
            self._show(sight.monitor)

    def _show(self, monitor: Mapping[str, str] | None) -> None:
        self._shown = monitor
        self._served.setVisible(monitor is not None)
        self._over.setVisible(monitor is None)
        if monitor is None:
            self.qr.show_text("")
            self.adjustSize()
            return
        address, code = monitor["address"], monitor["code"]
        is_alone = _is_loopback(address)
        self.qr.show_text(pairing_link(address, code))
        if self.address.text() != address:
            self.address.setText(address)
            self.address.setCursorPosition(0)
        self.code.setText(code)
        self._code.setVisible(bool(code))
        self.words.setText(_words(address, code, is_alone=is_alone))
        self.qr.setVisible(not is_alone)  # no phone could open it
        self.alone.setVisible(is_alone)
        self.change.setVisible(is_alone)

    # What can be done

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.address.text())
        self.copy.setText("Copied")
        self._restore.start(_COPIED)

    def _open(self) -> None:
        # Without the code: what a browser is started with can be seen by others on this machine.
        QDesktopServices.openUrl(QUrl(self.address.text()))

    def _offer_copy(self) -> None:
        self.copy.setText("Copy")

    def _to_configuration(self) -> None:
        self.accept()
        self._configure()


def why_not_served(desk: Desk) -> str | None:
    """Why the run on view has no monitor, in words; empty where none is configured, None where it has one."""
    sight = None if desk.migration is None else desk.migration.sight
    if sight is not None and sight.monitor is not None:
        return None
    if not desk.configuration.settings.monitor.monitor:
        return ""
    if sight is not None and sight.is_live:
        return "This run serves no phone monitor: it was begun without. The next one will"
    return "The phone monitor is on: its address is here as soon as a migration runs"


def _words(address: str, code: str, *, is_alone: bool) -> str:
    """What to do with it."""
    words = _OPEN if not code else _TYPE if is_alone else _PAIRS
    return f"{words} {_WARNS}" if address.startswith("https:") else words


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
