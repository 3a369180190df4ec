"""The page Configuration: what a first migration needs on top, everything else folded below it."""

from __future__ import annotations

from PyQt5.QtCore import QEvent, Qt
from PyQt5.QtWidgets import QApplication, QWidget

from migrator.ui.desk import Desk
from migrator.ui.pages.configuration.destination import DestinationCard
from migrator.ui.pages.configuration.options import OptionsPanel
from migrator.ui.pages.configuration.page_summary import SETTINGS, Lack, Summary, lacks, open_settings
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
        self.options.judged.connect(self._sum_up)
        desk.configuration_changed.connect(self._changed)
        desk.selection_changed.connect(self._changed)
        self._sum_up()

    def shown(self) -> None:
        self.profiles.refresh()
        self.source.look_again()

    def _changed(self, what: object) -> None:
        self._sum_up()

    def _sum_up(self) -> None:
        configuration = self.desk.configuration
        fault, is_known = self.source.fault, self.source.is_known
        options = self.options
        found = [
            *lacks(configuration, fault),
            *open_settings(options.errors, options.rules.is_modified),
            *(Lack(words, SETTINGS, name) for name, words in options.faults.items()),
        ]
        self.summary.show_state(found, bool(configuration.source) and is_known and not fault)

    def _go_to(self, lack: Lack) -> None:
        """Bring the field that keeps it from being ready to attention."""
        field: QWidget
        if lack.number == SETTINGS:
            self.bring(lack.field)
            return
        if lack.number < 0:
            self.source.focus()
            field = self.source.line
        elif lack.field == "is_on":
            self.destination.table.setFocus()
            field = self.destination.table
        else:
            self.destination.focus(lack.number, lack.field)
            field = self.destination.form
        self._scroll_to(field)

    def bring(self, setting: str) -> None:
        """Bring a setting to attention, or the rules where no name is given."""
        self._scroll_to(self.options.focus(setting))

    def _scroll_to(self, field: QWidget) -> None:
        # A fold that was just opened has its place only after this.
        QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
        self.area.ensureWidgetVisible(field)
