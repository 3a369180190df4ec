"""The four fields that name a destination, each with what is wrong with it below."""

from __future__ import annotations

from PyQt5.QtCore import QSize, Qt, pyqtSignal
from PyQt5.QtGui import QResizeEvent
from PyQt5.QtWidgets import QGridLayout, QLineEdit, QWidget

from migrator.core.errors import UsageError
from migrator.jobs.nodes import parse_node
from migrator.ui.configuration import Destination
from migrator.ui.pages.configuration.destination_check import NO_PORT, faults, port_of
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import column, label, set_look, set_role

_WIDE = 720  # pixels from which all four stand in one row

_FIELDS = {
    "host": ("Host", "Name or IP address of the PACS", "pacs.example.org"),
    "port": ("Port", "1 to 65535", "104"),
    "ae_title": ("Called AE title", "What the PACS calls itself", "ANY-SCP"),
    "calling_ae_title": ("Our AE title", "The PACS must know it", "DICOM_MIGRATOR"),
}


class LineField(QWidget):
    """A line with its title above and, below, a hint or what is wrong."""

    def __init__(self, title: str, hint: str, example: str) -> None:
        super().__init__()
        self.line = QLineEdit()
        self.line.setPlaceholderText(example)
        self.line.setAccessibleName(title)
        self.line.setToolTip(hint)
        self._hint = hint
        self._words = label(hint, "caption", wraps=True)
        name = label(title)
        name.setBuddy(self.line)
        layout = column(name, self.line, self._words, spacing=tokens.TIGHT)
        layout.addStretch(1)
        self.setLayout(layout)
        self.say("")

    def say(self, error: str) -> None:
        """Show what is wrong; nothing brings the hint back."""
        set_role(self._words, "error" if error else "caption")
        self._words.setText(error or self._hint)
        set_look(self.line, "invalid", "true" if error else "false")
        self.line.setAccessibleDescription(error or self._hint)

    @property
    def words(self) -> str:
        return self._words.text()


class DestinationForm(QWidget):
    """Edits host, port and AE titles of one destination; all else of it stays as it was loaded."""

    edited = pyqtSignal(object)
    """The Destination as it stands here now, right or wrong; a port that cannot be read is NO_PORT."""
    confirmed = pyqtSignal()
    """Enter was pressed in one of the fields."""

    def __init__(self) -> None:
        super().__init__()
        self._destination = Destination()
        self._is_loading = False
        self.fields = {name: LineField(*texts) for name, texts in _FIELDS.items()}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(tokens.LARGE)
        self._grid.setVerticalSpacing(tokens.SMALL)
        self._columns = 0
        self._arrange(4)
        for field in self.fields.values():
            field.line.textEdited.connect(self._take)
            field.line.returnPressed.connect(self._confirm)
        self.fields["host"].line.editingFinished.connect(self._take_apart)

    def load(self, destination: Destination) -> None:
        """Show a destination; a field that says the same is left alone."""
        self._destination = destination
        shown = self._read()
        for name, field in self.fields.items():
            value = getattr(destination, name)
            if value != getattr(shown, name):
                field.line.setText("" if value == NO_PORT else str(value))
        self._judge()

    def focus(self, name: str) -> None:
        """Bring one field to attention."""
        line = self.fields[name].line
        line.setFocus(Qt.FocusReason.OtherFocusReason)
        line.selectAll()

    def _read(self) -> Destination:
        text = {name: field.line.text().strip() for name, field in self.fields.items()}
        # As `parse_node` has it, so that the command line finds the same job.
        host = text["host"].strip("[]").lower()
        return self._destination.model_copy(update=text | {"host": host, "port": port_of(text["port"])})

    def _take(self) -> None:
        self._destination = self._read()
        self._judge()
        self.edited.emit(self._destination)

    def _confirm(self) -> None:
        self._take_apart()  # Enter comes before the field is left
        self.confirmed.emit()

    def _take_apart(self) -> None:
        """Spread a whole node that was written or pasted into the host's field over the fields."""
        text = self.fields["host"].line.text().strip()
        if ":" not in text and "@" not in text:
            return
        try:
            node = parse_node(text)
        except UsageError:
            return
        parts = {"host": node.host}
        if "@" in text:
            parts["ae_title"] = node.ae_title
        if text.rpartition("]")[2].rpartition("@")[2].find(":") >= 0:
            parts["port"] = str(node.port)
        for name, part in parts.items():
            self.fields[name].line.setText(part)
        self._take()

    def _judge(self) -> None:
        found = faults(self._destination)
        for name, field in self.fields.items():
            is_missing = name == "host" and not self._destination.host
            field.say("" if is_missing else found.get(name, ""))

    # How it is laid out

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange(4 if event.size().width() >= _WIDE else 2)

    def _arrange(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        for place, field in enumerate(self.fields.values()):
            self._grid.addWidget(field, place // columns, place % columns)
        for number, stretch in enumerate((5, 2, 4, 4) if columns == 4 else (3, 2, 0, 0)):
            self._grid.setColumnStretch(number, stretch)

    def minimumSizeHint(self) -> QSize:
        """Narrow enough for two columns, whatever the present number of them is."""
        return QSize(_WIDE // 2, super().minimumSizeHint().height())
