"""Where the Connection Assistant is to look: addresses, ports and AE titles, and how much that is."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5 import sip
from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QGridLayout, QLabel, QLineEdit, QWidget

from migrator.core.addresses import addresses
from migrator.core.errors import UsageError
from migrator.jobs.discover import (
    COMMON_TITLES,
    DICOM_PORTS,
    Approach,
    DiscoverRequest,
    ports_of,
    titles_of,
)
from migrator.jobs.discover_own import own_networks
from migrator.jobs.nodes import CALLING_AE_TITLE, check_ae_title
from migrator.records.words import counted, span
from migrator.ui.desk import Desk
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, label, row, set_look, set_role
from migrator.ui.widgets.fields_words import sentence

_EXAMPLE = "10.0.0.0/24, 10.0.1.5-20, pacs.example"
_HELP = {
    "addresses": "Hosts, addresses, networks (10.0.0.0/24) and ranges (10.0.0.5-20), with commas.",
    "ports": "The ports to try at each address.",
    "titles": "The called AE titles to try, in this order.",
}


class PlacesForm(QWidget):
    """Three fields. `changed` after each change; `request` is what they ask for."""

    changed = pyqtSignal()

    def __init__(self, desk: Desk, calling_ae_title: str) -> None:
        super().__init__()
        self.calling_ae_title = calling_ae_title if _is_title(calling_ae_title) else CALLING_AE_TITLE
        """How we call ourselves."""
        self.addresses = QLineEdit()
        self.addresses.setPlaceholderText(_EXAMPLE)
        self.ports = QLineEdit(", ".join(map(str, DICOM_PORTS)))
        self.titles = QLineEdit(", ".join(COMMON_TITLES))
        self.problems: dict[str, QLabel] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(tokens.MEDIUM)
        self._grid.setVerticalSpacing(tokens.TIGHT)
        self._grid.setColumnStretch(1, 1)
        self._own = row(spacing=tokens.TIGHT)
        self._add("addresses", "Addresses", self.addresses)
        self._grid.addLayout(self._own, self._grid.rowCount(), 1)
        self._add("ports", "Ports", self.ports)
        self._add("titles", "AE titles", self.titles)
        for line in (self.addresses, self.ports, self.titles):
            line.setCursorPosition(0)
            line.textChanged.connect(lambda _: self._judge())
        self._judge()
        desk.later(own_networks, self._propose)

    def _add(self, name: str, title: str, line: QLineEdit) -> None:
        at = self._grid.rowCount()
        words = label(title)
        words.setBuddy(line)
        line.setAccessibleName(title)
        line.setAccessibleDescription(_HELP[name])
        line.setToolTip(_HELP[name])
        problem = label(_HELP[name], "caption", wraps=True)
        self.problems[name] = problem
        self._grid.addWidget(words, at, 0, Qt.AlignmentFlag.AlignVCenter)
        self._grid.addWidget(line, at, 1)
        self._grid.addWidget(problem, at + 1, 1)

    def _propose(self, networks: object) -> None:
        """Offer the networks that this computer is in; nothing is filled in unasked."""
        if not isinstance(networks, tuple) or not networks or sip.isdeleted(self):
            return
        self._own.addWidget(label("This computer's network:", "caption"))
        for network in networks:
            offer = button(network, kind="link", tip=f"Look at the addresses of {network}")
            offer.clicked.connect(lambda _, network=network: self._take(network))
            self._own.addWidget(offer)
        self._own.addStretch(1)

    def _take(self, network: str) -> None:
        self.addresses.setText(network)
        self.addresses.setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def request(self) -> DiscoverRequest | None:
        """Where to look; None where a field is empty or wrong."""
        return self._request

    @property
    def words(self) -> str:
        """How much that is; empty where a field is empty or wrong."""
        request = self._request
        if request is None:
            return ""
        hosts, ports = counted(len(request.hosts), "host"), counted(len(request.ports), "port")
        lasts = f"{span(request.least_seconds)} or longer" if request.least_seconds >= 1 else "a moment"
        rate = f"{request.rate:g} connections a second"
        return f"{counted(request.places, 'place')}: {hosts}, {ports} each. At {rate} this takes {lasts}."

    def _judge(self) -> None:
        hosts = self._read("addresses", self.addresses, addresses)
        ports = self._read("ports", self.ports, ports_of)
        titles = self._read("titles", self.titles, titles_of)
        self._request: DiscoverRequest | None = None
        if hosts and ports and titles:
            self._request = DiscoverRequest(hosts, ports, Approach(titles, self.calling_ae_title))
        self.changed.emit()

    def _read(self, name: str, line: QLineEdit, read: Callable[[str], tuple[object, ...]]) -> tuple:  # type: ignore[type-arg]
        """What a field says; empty, with the reason beside it, where that is wrong."""
        text, problem, found = line.text().strip().rstrip(","), "", ()
        try:
            if text:
                found = tuple(read(text))  # type: ignore[assignment]
        except UsageError as error:
            problem = sentence(str(error))
        self.problems[name].setText(problem or _HELP[name])
        set_role(self.problems[name], "error" if problem else "caption")
        set_look(line, "invalid", "true" if problem else "false")
        return found


def _is_title(title: str) -> bool:
    try:
        check_ae_title(title)
    except UsageError:
        return False
    return True
