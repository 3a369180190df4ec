"""The monitor's settings: where it is served, and what those who were let in may see and do."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtGui import QShowEvent
from PyQt5.QtWidgets import QWidget

from migrator.core.settings_monitor import MonitorSettings
from migrator.jobs.settings_check import CHECKS
from migrator.monitor.certificate import secured
from migrator.monitor.place import own_addresses
from migrator.ui.desk import Desk
from migrator.ui.pages.configuration.monitor_place import PlaceEditor
from migrator.ui.pages.configuration.options_check import GroupCheck
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import column, label
from migrator.ui.widgets.fields import SettingsForm

_RIGHTS = tuple(name for name in MonitorSettings.model_fields if name != "monitor")
_NAMES_PATIENTS = "Paths are shown to everybody who is let in. They may name patients."
_IN_THE_CLEAR = (
    "Without TLS, whoever can listen in on the network reads along, and may take over what a phone is "
    "allowed to do."
)


class MonitorPanel(QWidget):
    """Two forms of one group; what is given away by a choice is said at once."""

    judged = pyqtSignal()
    """`faults` may be others now."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._is_asked = False
        self.place = SettingsForm(MonitorSettings, ("monitor",), CHECKS, {"monitor": PlaceEditor})
        self.rights = SettingsForm(MonitorSettings, _RIGHTS, CHECKS)
        self.forms = (self.place, self.rights)
        self.check = GroupCheck(desk, self._certificate, "monitor_cert")
        self.fault = label("", "error", wraps=True)
        self.warning = label("", "warning", wraps=True)
        self.setLayout(column(self.place, self.rights, self.fault, self.warning, spacing=tokens.MEDIUM))
        for form in self.forms:
            form.judged.connect(self._show)
            form.judged.connect(self.check.soon)
        self.check.told.connect(self._tell)
        self._tell()
        self._show()

    @property
    def faults(self) -> dict[str, str]:
        """What a run would refuse though each field is right by itself: what mends it, and its title."""
        return {self.check.setting: "The monitor's certificate"} if self.check.words else {}

    def focus_on(self, name: str) -> QWidget | None:
        """Bring what stands beside the forms to attention, by its name in `faults`; None where none does."""
        return None

    @property
    def editor(self) -> PlaceEditor:
        """Of where it is served."""
        return cast(PlaceEditor, self.place.fields["monitor"].editor)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._is_asked:
            self._is_asked = True
            self._desk.later(own_addresses, self._offer)

    def _offer(self, answer: object) -> None:
        if isinstance(answer, list):
            self.editor.offer(answer)

    def _certificate(self) -> Callable[[], object] | None:
        """What sees whether the certificate can be used, where one is named."""
        settings, home = self._desk.configuration.settings.monitor, self._desk.home
        if not settings.monitor or not (settings.monitor_cert or settings.monitor_key):
            return None
        return lambda: secured(settings, home, (), lambda words: None)

    def _tell(self) -> None:
        self.fault.setText(self.check.words)
        self.fault.setVisible(bool(self.check.words))
        self.judged.emit()

    def _show(self) -> None:
        """Enable what means something, and warn of what is given away."""
        rights = self.rights.values
        is_on, is_tls = (
            bool(self.place.values["monitor"]),
            bool(rights["monitor_tls"] or rights["monitor_cert"]),
        )
        self.rights.setEnabled(is_on)
        warnings = []
        if is_on and rights["monitor_details"]:
            warnings.append(_NAMES_PATIENTS)
        if is_on and self.editor.network.isChecked() and not is_tls:
            warnings.append(_IN_THE_CLEAR)
        self.warning.setText("\n".join(warnings))
        self.warning.setVisible(bool(warnings))
