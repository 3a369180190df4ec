"""The image of one file and its important tags, beside the tree of the source."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtWidgets import QVBoxLayout, QWidget

from migrator.ui.desk import Desk


class PreviewPane(QWidget):
    """Shows one file at a time; used from the event loop only. All reading happens elsewhere."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        QVBoxLayout(self)
        self.setAccessibleName("Preview")

    def show_file(self, path: Path, caption: str) -> None:
        """Show a file's image and tags as soon as they are read; the newest call wins."""

    def clear(self) -> None:
        """Show that nothing is selected."""
