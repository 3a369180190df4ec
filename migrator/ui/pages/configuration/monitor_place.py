"""Whether, and for whom, a run is served: what `[HOST:]PORT` means, as a switch, a choice and a port."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from PyQt5.QtWidgets import QButtonGroup, QCheckBox, QComboBox, QGridLayout, QLineEdit, QRadioButton, QWidget

from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import column, label, row
from migrator.ui.widgets.fields_editors import Editor, keep_still

_PORT = "8090"
_EVERY = "0.0.0.0"
_OFF = (
    "A page that shows how a run goes, for a phone or another computer. Nothing is served while this is off."
)
_ALONE = (
    "Only this machine can open it: its own browser, or a tunnel to it. It is served as long as a run is on, "
    "from the next one."
)
_SHARED = (
    "Whoever is in the network can reach it, and is let in with the code that is shown here while a run is "
    "on. It holds from the next run."
)
_INDENT = 24  # pixels, to the title of a switch


class PlaceEditor(Editor):
    """`box` switches it on; then this machine `alone` or the `network` can reach it, at `host` and `port`."""

    names_itself = True

    def __init__(self, name: str, field: Any) -> None:
        self.box = QCheckBox("Watch runs from a phone")
        self.alone = QRadioButton("This machine alone")
        self.network = QRadioButton("The network too, at")
        self.host = QComboBox()
        self.port = QLineEdit(_PORT)
        self._loopback = ""  # a name of this machine that was written, where it is not the usual one
        super().__init__(self.box)
        self.marked = self.port
        self._name()
        self._arrange()
        self.offer(())
        self.alone.setChecked(True)
        self._show()
        for signal in (
            self.box.toggled,
            self.network.toggled,
            self.host.currentIndexChanged,
            self.port.textChanged,
        ):
            signal.connect(lambda: self._changed())

    def _name(self) -> None:
        self._group = QButtonGroup(self)
        for choice in (self.alone, self.network):
            self._group.addButton(choice)
        self.host.setAccessibleName("Address to serve it at")
        self.host.setMinimumWidth(tokens.NAVIGATION)
        keep_still(self.host)
        self.port.setAccessibleName("Port to serve it at")
        self.port.setMaximumWidth(80)

    def _arrange(self) -> None:
        self._choices = QWidget()
        grid = QGridLayout(self._choices)
        grid.setContentsMargins(_INDENT, 0, 0, tokens.TIGHT)
        grid.setHorizontalSpacing(tokens.SMALL)
        grid.setVerticalSpacing(tokens.TIGHT)
        grid.addWidget(self.alone, 0, 0)
        grid.addWidget(self.network, 1, 0)
        grid.addWidget(self.host, 1, 1)
        port = label("Port")
        port.setBuddy(self.port)
        grid.addLayout(row(port, self.port, None), 2, 0, 1, 2)
        grid.setColumnStretch(2, 1)
        layout = self.layout()
        layout.removeWidget(self.box)
        layout.addLayout(column(self.box, self._choices, spacing=tokens.TIGHT))

    # As an editor

    def raw(self) -> object:
        if not self.box.isChecked():
            return ""
        host = str(self.host.currentData()) if self.network.isChecked() else self._loopback
        port = self.port.text().strip()
        return f"{host}:{port}" if host or not port else port

    def show_value(self, value: Any) -> None:
        host, _, port = str(value).rpartition(":")
        self.box.setChecked(bool(value))
        if not value:
            return
        is_alone = not host or _is_loopback(host)
        self._loopback = host if is_alone else ""
        self.port.setText(port)
        if not is_alone:
            self._offer_too(host)
            self.host.setCurrentIndex(self.host.findData(host))
        (self.alone if is_alone else self.network).setChecked(True)
        self._show()

    def explanation(self) -> str:
        if not self.box.isChecked():
            return _OFF
        return _SHARED if self.network.isChecked() else _ALONE

    # Addresses

    def offer(self, addresses: Sequence[str]) -> None:
        """Let one of these addresses of this machine be chosen, or all; the present choice stays."""
        chosen = self.host.currentData()
        self.host.blockSignals(True)
        self.host.clear()
        self.host.addItem("every address of this machine", _EVERY)
        for address in addresses:
            self.host.addItem(address, f"[{address}]" if ":" in address else address)
        if chosen is not None:
            self._offer_too(chosen)
            self.host.setCurrentIndex(self.host.findData(chosen))
        self.host.blockSignals(False)

    def _offer_too(self, host: str) -> None:
        if self.host.findData(host) < 0:
            self.host.addItem(host.strip("[]"), host)

    # What is shown

    def _changed(self) -> None:
        self._show()
        self.edited.emit()

    def _show(self) -> None:
        is_on, is_shared = self.box.isChecked(), self.network.isChecked()
        self._choices.setEnabled(is_on)
        self.host.setEnabled(is_on and is_shared)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
