"""Something in the window went wrong: what that means, where the log is, and what can be done."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtCore import QUrl
from PyQt5.QtGui import QDesktopServices, QFontDatabase
from PyQt5.QtWidgets import QApplication, QDialog, QPlainTextEdit, QWidget

from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import button, column, label, row


class CrashDialog(QDialog):
    """`wants_to_quit` tells afterwards whether the window is to be closed. `details` hold no patient data."""

    def __init__(self, details: str, logs: Path, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.wants_to_quit = False
        self._details = details
        self._logs = logs
        self.setWindowTitle("Something went wrong")
        self.setMinimumWidth(580)
        sign = label()
        sign.setPixmap(icon("alert-circle-outline", tokens.AMBER).pixmap(40, 40))
        view = QPlainTextEdit(details)
        view.setReadOnly(True)
        view.setAccessibleName("Details")
        view.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        view.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        view.setMinimumHeight(150)
        self.copy = button("Copy details", "content-copy", tip="They hold no patient data")
        self.copy.clicked.connect(lambda: self._copy())
        folder = button("Open log folder", "folder-open-outline")
        folder.clicked.connect(lambda: self._open())
        self.leave = button("Quit")
        self.leave.clicked.connect(lambda: self._quit())
        self.go_on = button("Continue", kind="primary")
        self.go_on.setDefault(True)
        self.go_on.clicked.connect(self.accept)
        text = QWidget()
        text.setLayout(
            column(
                label("A part of this window failed.", "heading"),
                label(_WORDS, wraps=True),
                label(f"The log is in {logs}", "muted", wraps=True),
            )
        )
        layout = column(spacing=tokens.MEDIUM)
        head = row(sign, text, spacing=tokens.LARGE)
        head.setStretch(1, 1)
        layout.addLayout(head)
        layout.addWidget(view, 1)
        layout.addLayout(row(self.copy, folder, None, self.leave, self.go_on))
        layout.setContentsMargins(tokens.WIDE, tokens.WIDE, tokens.WIDE, tokens.LARGE)
        self.setLayout(layout)
        self.go_on.setFocus()

    def _open(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._logs)))

    def _copy(self) -> None:
        QApplication.clipboard().setText(self._details)
        self.copy.setText("Copied")

    def _quit(self) -> None:
        self.wants_to_quit = True
        self.accept()


_WORDS = (
    "A run that is on goes on: it is a process of its own, and its record is safe on the disk. You can go on "
    "too; if something looks wrong, quit and open the window again: it finds the run. Please report the "
    "details below."
)
