"""Everything that can be set of a migration, in folds that say what differs from the defaults."""

from __future__ import annotations

from PyQt5.QtWidgets import QVBoxLayout, QWidget

from migrator.core.settings import SendSettings
from migrator.ui.desk import Desk
from migrator.ui.widgets.fields import SettingsForm


class OptionsPanel(QWidget):
    """All groups of settings, saved as they are changed."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        layout = QVBoxLayout(self)
        layout.addWidget(SettingsForm(SendSettings))
