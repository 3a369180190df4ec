"""The program's own icon, in the sizes that task bars, trays and switchers ask for."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from PyQt5.QtCore import Qt
from PyQt5.QtGui import QIcon, QPixmap

from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon

LOGO = Path(__file__).resolve().parents[3] / "logo.png"
_SIZES = (16, 20, 24, 32, 40, 48, 64, 128, 256)
_ID = "DicomPacsMigrator.Window"


def window_icon() -> QIcon:
    """The logo; a cloud where it was not delivered."""
    logo = QPixmap(str(LOGO)) if LOGO.exists() else QPixmap()
    if logo.isNull():
        return icon("cloud-upload", tokens.ACCENT)
    made = QIcon()
    for size in _SIZES:
        smooth = Qt.TransformationMode.SmoothTransformation
        made.addPixmap(logo.scaled(size, size, Qt.AspectRatioMode.KeepAspectRatio, smooth))
    return made


def group_windows() -> None:
    """On Windows, let the task bar know our windows as one program's, and not as Python's."""
    if sys.platform == "win32":
        import ctypes

        with suppress(AttributeError, OSError):
            ctypes.windll.shell32.SetCurrentProcessExplicitAppUserModelID(_ID)
