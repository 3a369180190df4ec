"""The page Configuration: what a first migration needs on top, everything else folded below it."""

from __future__ import annotations

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QWidget

from migrator.ui.desk import Desk
from migrator.ui.pages.configuration.destination import DestinationCard
from migrator.ui.pages.configuration.options import OptionsPanel
from migrator.ui.pages.configuration.page_summary import Lack, Summary, lacks
from migrator.ui.pages.configuration.profiles import ProfileBar
from migrator.ui.pages.configuration.source import SourceCard
from migrator.ui.pages.page import Page
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import column, label, row, scrolled


class ConfigurationPage(Page):
    """The page Configuration. Everything on it is kept as it is changed."""

    name = "configuration"
    title = "Configuration"
    icon = "tune"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.source = SourceCard(desk)
        self.destination = DestinationCard(desk)
        self.profiles = ProfileBar(desk, self.destination)
        self.options = OptionsPanel(desk)
        self.summary = Summary(desk, self._go_to)
        content = QWidget()
        whole = column(self.source, self.destination, self.options, None, spacing=tokens.MEDIUM)
        content.setLayout(whole)
        self.area = scrolled(content)
        # It scrolls to what has the focus; a stop of its own would show nothing.
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.body.addLayout(row(label(self.title, "heading"), None, self.profiles))
        self.body.addWidget(self.profiles.message)
        self.body.addWidget(self.area, 1)
        self.body.addWidget(self.summary)
        self.source.judged.connect(self._sum_up)
        desk.configuration_changed.connect(self._changed)
        desk.selection_changed.connect(self._changed)
        self._sum_up()

    def shown(self) -> None:
        self.profiles.refresh()

    def _changed(self, what: object) -> None:
        self._sum_up()

    def _sum_up(self) -> None:
        configuration = self.desk.configuration
        fault = self.source.fault
        self.summary.show_state(lacks(configuration, fault), bool(configuration.source) and not fault)

    def _go_to(self, lack: Lack) -> None:
        """Bring the field that keeps it from being ready to attention."""
        if lack.number < 0:
            self.source.focus()
            field: QWidget = self.source.line
        elif lack.field == "is_on":
            self.destination.table.setFocus()
            field = self.destination.table
        else:
            self.destination.focus(lack.number, lack.field)
            field = self.destination.form
        self.area.ensureWidgetVisible(field)
