"""What the page is about: the job, its destinations, what of it is selected, and how the source is."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtGui import QResizeEvent
from PyQt5.QtWidgets import QComboBox, QFrame, QLabel, QSizePolicy, QWidget

from migrator.core.model import Node
from migrator.core.paths import encodable
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import button, column, label, row, set_role
from migrator.ui.widgets.tips import plain_tip

_SIGNS = {
    "good": ("shield-check", tokens.GREEN),
    "error": ("shield-alert", tokens.RED),
    "muted": ("shield-outline", tokens.MUTED),
}


class Head(QWidget):
    """Two lines: what goes from where to where, and what is to be known or done first."""

    configure = pyqtSignal()
    select = pyqtSignal()
    show_configured = pyqtSignal()
    destination_chosen = pyqtSignal(object)
    """The number of one destination, or None for all."""

    def __init__(self) -> None:
        super().__init__()
        self._job = _Elided()
        self._destinations = QComboBox()
        self._destinations.setAccessibleName("Destination on view")
        self._destinations.setToolTip("Whose rows and numbers are shown")
        self._destinations.activated.connect(self._choose)
        self.source = SourceBadge()
        self.note = label("", "muted")
        self._configure = button("Configuration", "cog", kind="link", tip="Set what is missing")
        self._select = button(
            "Choose in the File Browser", kind="link", tip="Choose patients, studies and series"
        )
        self._configured = button(
            "Show what is configured", kind="link", tip="Put the configured job on view"
        )
        for each, signal in (
            (self._configure, self.configure),
            (self._select, self.select),
            (self._configured, self.show_configured),
        ):
            each.clicked.connect(lambda checked, signal=signal: signal.emit())
        above = row(label("Upload", "heading"), self._job, self._destinations, self.source)
        above.setStretch(1, 1)
        below = row(self.note, self._configure, self._select, self._configured, None)
        layout = column(spacing=tokens.TIGHT)
        layout.addLayout(above)
        layout.addLayout(below)
        self.setLayout(layout)

    def show_job(self, source: str, nodes: Sequence[Node]) -> None:
        """The job on view; an empty source where there is none."""
        names = [str(node) for node in nodes]
        whither = names[0] if len(names) == 1 else f"{len(names)} destinations"
        self._job.set_text(f"{encodable(source)}  →  {whither}" if source else "", "\n".join(names))
        self._destinations.clear()
        self._destinations.addItems(["All destinations", *names])
        self._destinations.setVisible(len(names) > 1)

    def show_note(self, text: str, *, role: str = "muted", link: str = "") -> None:
        """`link` is configure, select, show_configured or nothing."""
        set_role(self.note, role)
        self.note.setText(text)
        self._configure.setVisible(link == "configure")
        self._select.setVisible(link == "select")
        self._configured.setVisible(link == "show_configured")

    def _choose(self, index: int) -> None:
        self.destination_chosen.emit(None if index == 0 else index - 1)


class SourceBadge(QFrame):
    """Whether the source is still as it was scanned."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "badge")
        self._sign = QLabel()
        self._shown: tuple[str, str] | None = None
        self.words = label()
        layout = row(self._sign, self.words)
        layout.setContentsMargins(tokens.SMALL, tokens.TIGHT, tokens.SMALL, tokens.TIGHT)
        self.setLayout(layout)

    def show_check(self, words: str, tone: str) -> None:
        if (words, tone) == self._shown:
            return
        self._shown = words, tone
        sign, colour = _SIGNS[tone]
        self._sign.setPixmap(icon(sign, colour).pixmap(16, 16))
        set_role(self.words, tone)
        self.words.setText(words)
        self.setAccessibleName(words)
        self.setToolTip("At the end of a run every file's size and time are compared with what the scan saw")


class _Elided(QLabel):
    """A text of data that is cut in its middle where it does not fit."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", "muted")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._whole = ""

    def set_text(self, text: str, tip: str) -> None:
        self._whole = text
        self.setToolTip(plain_tip("\n".join(filter(None, (text, tip)))) if text else "")
        self.setAccessibleName(text)
        self._cut()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._cut()

    def _cut(self) -> None:
        self.setText(self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideMiddle, self.width()))
