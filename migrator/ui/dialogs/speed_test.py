"""The speed test: how fast the destination is, by how many workers, and how long the rest will take."""

from __future__ import annotations

from PyQt5.QtWidgets import QDialog, QWidget

from migrator.ui.desk import Desk


class SpeedTestDialog(QDialog):
    """Asks, measures the first chosen destination, and offers the number of workers that it recommends."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.setWindowTitle("Speed test")
