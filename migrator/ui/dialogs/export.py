"""Writing the record of a migration as a table: CSV, or one JSON object per line."""

from __future__ import annotations

from PyQt5.QtWidgets import QDialog, QWidget

from migrator.ui.desk import Desk


class ExportDialog(QDialog):
    """Over the job that history lists by this id, or, without one, over the job on view."""

    def __init__(self, desk: Desk, parent: QWidget | None, job_id: str | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export")
