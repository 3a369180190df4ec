"""The Connection Assistant: looks for DICOM nodes where it is told to look."""

from __future__ import annotations

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QDialog, QWidget

from migrator.ui.desk import Desk


class ConnectionAssistant(QDialog):
    """Finds nodes; asks before it contacts anything."""

    chosen = pyqtSignal(object)
    """The Node that was clicked."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.setWindowTitle("Connection Assistant")
