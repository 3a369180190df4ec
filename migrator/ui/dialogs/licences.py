"""Our licence, and those of everything that is installed with us."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtGui import QFontDatabase
from PyQt5.QtWidgets import QDialog, QPlainTextEdit, QTabWidget, QWidget

from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, column, row

ROOT = Path(__file__).resolve().parents[3]
FILES = {"DICOM PACS Migrator": "LICENSE", "Everything else": "THIRD_PARTY_NOTICES.md"}


class LicencesDialog(QDialog):
    """Shows the texts as they stand in the files."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Licences")
        self.resize(820, 600)
        self.tabs = QTabWidget()
        for title, name in FILES.items():
            view = QPlainTextEdit(text_of(name))
            view.setReadOnly(True)
            view.setAccessibleName(f"Licence: {title}")
            view.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
            view.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
            self.tabs.addTab(view, title)
        close = button("Close")
        close.clicked.connect(self.accept)
        layout = column(self.tabs, spacing=tokens.MEDIUM)
        layout.addLayout(row(None, close))
        layout.setContentsMargins(tokens.LARGE, tokens.LARGE, tokens.LARGE, tokens.LARGE)
        self.setLayout(layout)


def text_of(name: str) -> str:
    """What stands in a file that is delivered with the program."""
    try:
        return (ROOT / name).read_text("utf-8")
    except OSError:
        return f"{name} was not delivered with this copy of the program; it stands at its project's page."
