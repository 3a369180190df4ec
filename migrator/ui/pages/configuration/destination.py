"""The destinations of a migration: one form, and a table above it as soon as there are several."""

from __future__ import annotations

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QHBoxLayout, QWidget

from migrator.core.model import Node
from migrator.core.settings import TlsSettings
from migrator.ui.configuration import Configuration, Destination
from migrator.ui.desk import Desk
from migrator.ui.dialogs.assistant import ConnectionAssistant
from migrator.ui.pages.configuration.destination_check import faults, title
from migrator.ui.pages.configuration.destination_echo import Echoes, EchoView
from migrator.ui.pages.configuration.destination_form import DestinationForm
from migrator.ui.pages.configuration.destination_table import DestinationTable
from migrator.ui.pages.configuration.destination_tls import TlsPanel
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import Fold, button, card, column, label, row, tool


class DestinationCard(QWidget):
    """Keeps the destinations of the configuration; the current one stands in the form."""

    moved = pyqtSignal()
    """Another destination is the current one."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.current = 0
        self.echoes = Echoes(desk)
        self.table = DestinationTable(self.echoes)
        self.form = DestinationForm()
        self.tls = TlsPanel(desk)
        self.view = EchoView()
        self._name = label("", "caption")
        self._make_tools()
        self._lay_out()
        self.table.picked.connect(self.pick)
        self.table.switched.connect(self._switch)
        self.form.edited.connect(self._edit)
        self.form.confirmed.connect(lambda: self._test())
        self.tls.edited.connect(self._encrypt)
        self.echoes.changed.connect(self._show_answer)
        desk.configuration_changed.connect(self.load)
        self.load(desk.configuration)

    @property
    def destination(self) -> Destination:
        """The current one."""
        return self._all[self.current]

    def pick(self, current: int) -> None:
        """Bring another destination into the form."""
        if current != self.current:
            self.current = current
            self.load(self._desk.configuration)
            self.moved.emit()

    def focus(self, number: int, field: str) -> None:
        """Bring one field of one destination to attention."""
        self.pick(number)
        self.form.focus(field)

    def open_tls(self) -> None:
        """Unfold how the current destination is spoken to by TLS."""
        self._fold.open()

    def replace(self, destination: Destination) -> None:
        """Put another destination into the place of the current one."""
        changed = list(self._all)
        changed[self.current] = destination
        self._keep(changed)

    def load(self, configuration: Configuration) -> None:
        """Show what is configured; a field that says the same is left alone."""
        several = len(self._all) > 1
        self.current = min(self.current, len(self._all) - 1)
        self.table.setVisible(several)
        self._tools.setVisible(several)
        self._name.setVisible(several)
        self.add.setVisible(not several)
        self.table.load(self._all, self.current)
        self._name.setText(f"{title(self.destination, self.current)}: the one that is edited below")
        self.form.load(self.destination)
        self.tls.load(self.destination.tls)
        self._fold.note(self.tls.note)
        self._up.setEnabled(self.current > 0)
        self._down.setEnabled(self.current < len(self._all) - 1)
        self._show_answer()

    @property
    def _all(self) -> tuple[Destination, ...]:
        return self._desk.configuration.destinations or (Destination(),)

    # What it is made of

    def _make_tools(self) -> None:
        self.test = button("Test", "lan-connect", tip="Ask it by C-ECHO whether it answers (Enter)")
        self.seek = button("Find…", "radar", tip="Look for DICOM nodes in the network")
        self.seek.setAccessibleName("Find a destination in the network")
        self.add = button("Add another destination", "plus", kind="quiet")
        self.test.clicked.connect(lambda: self._test())
        self.seek.clicked.connect(lambda: self._find())
        self.add.clicked.connect(lambda: self._add(Destination()))
        self.test_all = button("Test all", "lan-check", kind="quiet")
        self.test_all.clicked.connect(lambda: self._test_all())
        self._up = tool("arrow-up", "Move the destination up", lambda: self._shift(-1))
        self._down = tool("arrow-down", "Move the destination down", lambda: self._shift(1))
        more = (
            tool("plus", "Add a destination", lambda: self._add(Destination())),
            tool("content-copy", "Duplicate the destination", self._duplicate),
            tool("minus", "Remove the destination", self._remove),
        )
        self._tools = QWidget()
        self._tools.setLayout(row(*more, self._up, self._down, self.test_all, None))

    def _lay_out(self) -> None:
        frame, layout = card("Destination")
        layout.addWidget(self.table)
        layout.addWidget(self._tools)
        layout.addWidget(self._name)
        layout.addWidget(self.form)
        layout.addLayout(self._actions())
        layout.addWidget(self.view)
        self._fold = Fold("TLS", self.tls)
        layout.addWidget(self._fold)
        self.setLayout(column(frame, spacing=0))

    def _actions(self) -> QHBoxLayout:
        return row(self.test, self.seek, self.add, None, spacing=tokens.SMALL)

    # What is done with it

    def _keep(self, destinations: list[Destination]) -> None:
        self._desk.update(destinations=tuple(destinations))

    def _edit(self, destination: Destination) -> None:
        self.echoes.forget(self.destination)
        self.replace(destination)

    def _encrypt(self, tls: TlsSettings) -> None:
        self._edit(self.destination.model_copy(update={"tls": tls}))

    def _switch(self, number: int, is_on: bool) -> None:
        changed = list(self._all)
        changed[number] = changed[number].model_copy(update={"is_on": is_on})
        self._keep(changed)

    def _add(self, destination: Destination) -> None:
        """Add one behind the current one, and edit it."""
        changed = [*self._all[: self.current + 1], destination, *self._all[self.current + 1 :]]
        self.current += 1
        self._keep(changed)
        self.moved.emit()
        self.form.focus("host")

    def _duplicate(self) -> None:
        # Not by its profile's name: that is one destination's.
        self._add(self.destination.model_copy(update={"name": ""}))

    def _remove(self) -> None:
        self.echoes.forget(self.destination)
        changed = [one for number, one in enumerate(self._all) if number != self.current]
        self.current = max(0, min(self.current, len(changed) - 1))
        self._keep(changed or [Destination()])
        self.moved.emit()

    def _shift(self, by: int) -> None:
        there = self.current + by
        if 0 <= there < len(self._all):
            changed = list(self._all)
            changed[self.current], changed[there] = changed[there], changed[self.current]
            self.current = there
            self._keep(changed)

    def _test(self) -> None:
        if self.echoes.is_asked(self.destination):
            self.echoes.forget(self.destination)
            return
        wrong = faults(self.destination)
        if wrong:
            self.form.focus(next(iter(wrong)))
        else:
            self.echoes.ask(self.destination)

    def _test_all(self) -> None:
        for one in self._all:
            if not faults(one) and not self.echoes.is_asked(one):
                self.echoes.ask(one)

    def _show_answer(self) -> None:
        is_asked = self.echoes.is_asked(self.destination)
        self.view.show_answer(self.echoes.answer(self.destination), is_asked=is_asked)
        self.test.setText("Stop" if is_asked else "Test")
        self.test.setIcon(icon("stop" if is_asked else "lan-connect", tokens.TEXT))
        self.test.setAccessibleName("Stop the test" if is_asked else "Test the destination by C-ECHO")

    def _find(self) -> None:
        assistant = ConnectionAssistant(self._desk, self, self.destination.calling_ae_title)
        assistant.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        assistant.chosen.connect(self._fill)
        assistant.open()

    def _fill(self, node: Node) -> None:
        """Take over where a node that was found is; how we call ourselves stays."""
        one = self.destination
        where = {"host": node.host, "port": node.port, "ae_title": node.ae_title, "name": ""}
        tls = one.tls.model_copy(update={"tls": node.tls is not None})
        self._edit(one.model_copy(update={**where, "tls": tls}))
        self.test.setFocus()
