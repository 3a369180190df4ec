"""The source: a folder that is looked at in a thread, for it may be on a slow share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt5.QtCore import Qt, QTimer, pyqtSignal
from PyQt5.QtWidgets import QFileDialog, QLineEdit, QMenu, QPushButton, QWidget

from migrator.core.errors import MigratorError
from migrator.jobs.home import usable_source
from migrator.ui.configuration import Configuration
from migrator.ui.desk import Desk, Selection
from migrator.ui.widgets.basics import button, card, column, label, row, set_look, set_role
from migrator.ui.widgets.fields_words import sentence

_AFTER = 300  # milliseconds after the last key

_HINT = "A folder with DICOM files. It is only ever read. Drop one anywhere on the window"
_GOOD = "A folder that can be read"


class SourceCard(QWidget):
    """Keeps the source of the configuration; what is typed counts when the field is left."""

    judged = pyqtSignal()
    """What is known of the source has changed."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._configured = ""
        self._looked_at = ""
        self._judged = ("", "")  # a source and what is wrong with it
        self._is_typed = False  # and not confirmed by leaving the field
        self._length = 0  # of the text before the last key
        self.line = QLineEdit()
        self.line.setPlaceholderText("Folder with the DICOM files")
        self.line.setAccessibleName("Source folder")
        self.line.setToolTip(_HINT)
        self._words = label(_HINT, "caption", wraps=True)
        self.browse = button("Browse…", "folder-open-outline", tip="Choose the source folder")
        self.recent = self._make_recent()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._look_at_typed)
        self._lay_out()
        self.line.textEdited.connect(self._edited)
        self.line.editingFinished.connect(self._leave)
        self.browse.clicked.connect(lambda: self._browse())
        desk.configuration_changed.connect(self.load)
        desk.leaving.connect(self._leave)
        self.load(desk.configuration)

    @property
    def fault(self) -> str:
        """What is wrong with the source; empty where nothing is, or nothing is known yet."""
        return self._judged[1] if self.is_known else ""

    @property
    def is_known(self) -> bool:
        """Whether the source has been looked at: the configured one, or what stands in the field by now."""
        return self._judged[0] in (self._configured, self._text)

    @property
    def words(self) -> str:
        """What is said of the folder."""
        return self._words.text()

    @property
    def _text(self) -> str:
        return self.line.text().strip()

    def load(self, configuration: Configuration) -> None:
        """Show the configured source where it is another one now; what is being typed is left alone."""
        self.recent.setEnabled(bool(configuration.recent))
        source = configuration.source
        if source == self._configured:
            return
        self._configured = source
        if source != self._text:
            self.line.setText(source)
            self._length = len(source)
        self._look(source)

    def look_again(self) -> None:
        """See whether the configured source is still there; a disk may be gone meanwhile."""
        if self._configured and self._text == self._configured and self.is_known:
            self._ask(self._configured)

    def take(self, source: str) -> None:
        """Make this the source; the selection was of the former one."""
        self._timer.stop()
        self._is_typed = False
        self._make(source)
        self._remember()

    def _make(self, source: str) -> None:
        if source != self._desk.configuration.source:
            self._desk.select(Selection())
            self._desk.update(source=source)

    def _remember(self) -> None:
        """Put a source that was chosen, and is one, among the recent."""
        source, fault = self._judged
        configuration = self._desk.configuration
        if self._is_typed or fault or not source:
            return
        if source == configuration.source != "".join(configuration.recent[:1]):
            self._desk.change(configuration.with_source(source))

    def focus(self) -> None:
        self.line.setFocus(Qt.FocusReason.OtherFocusReason)
        self.line.selectAll()

    # What it is made of

    def _make_recent(self) -> QPushButton:
        made = button("Recent", "history", kind="menu")
        made.setAccessibleName("Recent source folders")
        menu = QMenu(made)
        menu.aboutToShow.connect(lambda: self._fill(menu))
        made.setMenu(menu)
        return made

    def _fill(self, menu: QMenu) -> None:
        menu.clear()
        for source in self._desk.configuration.recent:
            # A single & would be taken as a mark of the next letter.
            menu.addAction(source.replace("&", "&&"), self._taking(source))

    def _taking(self, source: str) -> Callable[[], None]:
        return lambda: self.take(source)

    def _lay_out(self) -> None:
        frame, layout = card("Source")
        layout.addLayout(row(self.line, self.browse, self.recent))
        layout.addWidget(self._words)
        self.setLayout(column(frame, spacing=0))

    # What is done with it

    def _edited(self, text: str) -> None:
        # A key over a selection makes the text shorter; it is no more than a beginning.
        was_pasted = len(text) - self._length > 1
        self._length = len(text)
        if was_pasted:
            self.take(self._text)
        else:
            self._is_typed = True
            self._timer.start(_AFTER)

    def _leave(self) -> None:
        self.take(self._text)

    def _browse(self) -> None:
        at = self._text or str(Path.home())
        folder = QFileDialog.getExistingDirectory(self, "Choose the source folder", at)
        if folder:
            self.take(str(Path(folder)))

    def _look_at_typed(self) -> None:
        self._look(self._text)

    def _look(self, source: str) -> None:
        """Look at a folder in a thread, and say what it is."""
        self._looked_at = source
        if not source:
            self._judge(source, "")
            return
        self._say("caption", "Looking…")
        self.judged.emit()
        self._ask(source)

    def _ask(self, source: str) -> None:
        def take(came: object) -> None:
            if source == self._looked_at:
                self._judge(source, _fault(came))

        self._desk.later(lambda: usable_source(source, self._desk.home), take)

    def _judge(self, source: str, fault: str) -> None:
        self._judged = (source, fault)
        self._say(
            "error" if fault else "good" if source else "caption", fault or (_GOOD if source else _HINT)
        )
        if self._is_typed and not fault and source == self._text and not self._is_anything_lost:
            self._make(source)
        self._remember()
        self.judged.emit()

    @property
    def _is_anything_lost(self) -> bool:
        """Whether another source, with all that was chosen of it, would be left for one half typed."""
        configuration = self._desk.configuration
        return configuration.source in configuration.recent

    def _say(self, role: str, words: str) -> None:
        set_role(self._words, role)
        self._words.setText(words)
        set_look(self.line, "invalid", "true" if role == "error" else "false")
        self.line.setAccessibleDescription(words)


def _fault(came: object) -> str:
    """What is wrong, from what looking at the folder came to."""
    if isinstance(came, MigratorError):
        return sentence(str(came))
    if isinstance(came, Exception):
        return f"The folder cannot be looked at ({type(came).__name__})"
    return ""
