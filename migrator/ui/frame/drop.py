"""What a folder that is dragged over the window meets: words that say what dropping it does, or why not."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtCore import QEvent, QMimeData, QObject, Qt
from PyQt5.QtGui import QDragEnterEvent, QDropEvent
from PyQt5.QtWidgets import QFrame, QWidget

from migrator.ui.desk import Desk
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import column, label, row


class DropOverlay(QFrame):
    """Covers the window while something is dragged over it, and takes folders."""

    def __init__(self, desk: Desk, window: QWidget) -> None:
        super().__init__(window)
        self._desk = desk
        self.setProperty("role", "overlay")
        self._sign = label()
        self._sign.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.words = label("", "heading", wraps=True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        middle = QWidget()
        middle.setLayout(column(None, self._sign, tokens.SMALL, self.words, None))
        self.setLayout(row(tokens.WIDE, middle, tokens.WIDE))
        self.hide()
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.DragEnter and isinstance(event, QDragEnterEvent):
            return self._enter(event)
        if kind == QEvent.Type.DragLeave:
            self.hide()
        elif kind == QEvent.Type.Drop and isinstance(event, QDropEvent):
            return self._drop(event)
        return super().eventFilter(watched, event)

    def refusal(self, folder: str) -> str:
        """Why this folder cannot become the source; empty where it can."""
        migration = self._desk.migration
        if not folder:
            return "Only one folder can be dropped here"
        if migration is not None and migration.sight.is_live and migration.source != folder:
            return f"A run from {migration.source} is on: the source can be changed once it has ended"
        return ""

    def _enter(self, event: QDragEnterEvent) -> bool:
        if not event.mimeData().hasUrls():
            return False
        refusal = self.refusal(folder_in(event.mimeData()))
        self.words.setText(refusal or "Drop the folder: it becomes the source")
        sign = icon("folder-remove", tokens.AMBER) if refusal else icon("folder-download", tokens.ACCENT)
        self._sign.setPixmap(sign.pixmap(64, 64))
        self.setGeometry(self.parentWidget().rect())
        self.raise_()
        self.show()
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()  # also what is refused: or nobody would see why
        return True

    def _drop(self, event: QDropEvent) -> bool:
        self.hide()
        folder = folder_in(event.mimeData())
        refusal = self.refusal(folder)
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        if refusal:
            self._desk.notice(refusal, "warning")
        else:
            self._desk.set_source(folder)
            self._desk.notice(f"The source is {folder} now", "success")
            self._desk.go("configuration")
        return True


def folder_in(data: QMimeData | None) -> str:
    """The one folder that is dragged; empty where that is something else."""
    if data is None:
        return ""
    places = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
    return places[0] if len(places) == 1 and len(data.urls()) == 1 and Path(places[0]).is_dir() else ""
