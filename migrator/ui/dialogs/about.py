"""About: versions of everything, the licences, and where to ask."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from PyQt5.QtCore import PYQT_VERSION_STR, QT_VERSION_STR, Qt
from PyQt5.QtWidgets import QApplication, QDialog, QFormLayout, QFrame, QWidget

from migrator import __version__
from migrator.ui.dialogs.licences import LicencesDialog
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, card, column, label, row

_PACKAGES = {
    "pydicom": "pydicom",
    "pynetdicom": "pynetdicom",
    "numpy": "numpy",
    "pylibjpeg": "pylibjpeg",
    "pylibjpeg-libjpeg": "pylibjpeg-libjpeg (JPEG)",
    "pylibjpeg-openjpeg": "pylibjpeg-openjpeg (JPEG 2000)",
    "pylibjpeg-rle": "pylibjpeg-rle (RLE)",
    "pyjpegls": "pyjpegls (JPEG-LS)",
    "pydantic": "pydantic",
    "pyqtgraph": "pyqtgraph",
    "qtawesome": "QtAwesome",
}


def versions() -> dict[str, str]:
    """The version of everything that matters, by its name."""
    found = {
        "DICOM PACS Migrator": __version__,
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "Qt": QT_VERSION_STR,
        "PyQt5": PYQT_VERSION_STR,
    }
    for name, title in _PACKAGES.items():
        try:
            found[title] = version(name)
        except PackageNotFoundError:
            found[title] = "not installed"
    return found | {"System": f"{platform.system()} {platform.release()} {platform.machine()}"}


def versions_in_lines() -> str:
    """The same as lines to copy, with where Python is."""
    lines = [f"{name}: {one}" for name, one in versions().items()]
    return "\n".join([*lines, f"Executable: {sys.executable}"])


class AboutDialog(QDialog):
    """Tells what this is, and what it is made of."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("About DICOM PACS Migrator")
        self.setMinimumWidth(520)
        sign = label()
        sign.setPixmap(QApplication.windowIcon().pixmap(56, 56))
        title = QWidget()
        title.setLayout(
            column(
                label("DICOM PACS Migrator", "heading"),
                label(f"Version {__version__}: copies a DICOM archive to a PACS, with proof", "muted"),
                spacing=tokens.TIGHT,
            )
        )
        self.copy = button("Copy", "content-copy", tip="Copy all versions, for whoever helps you")
        self.copy.clicked.connect(lambda: self._copy())
        licences = button("Licences…")
        licences.clicked.connect(lambda: LicencesDialog(self).open())
        close = button("Close", kind="primary")
        close.clicked.connect(self.accept)
        close.setDefault(True)
        close.setFocus()
        layout = column(spacing=tokens.LARGE)
        layout.addLayout(row(sign, title, None, spacing=tokens.LARGE))
        layout.addWidget(self._table())
        layout.addWidget(label(_LICENCE, "caption", wraps=True))
        layout.addLayout(row(self.copy, licences, None, close))
        layout.setContentsMargins(tokens.WIDE, tokens.WIDE, tokens.WIDE, tokens.LARGE)
        self.setLayout(layout)

    def _table(self) -> QFrame:
        frame, inside = card()
        form = QFormLayout()
        form.setHorizontalSpacing(tokens.WIDE)
        form.setVerticalSpacing(tokens.TIGHT)
        for name, one in versions().items():
            value = label(one)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            form.addRow(label(name, "muted"), value)
        inside.addLayout(form)
        return frame

    def _copy(self) -> None:
        QApplication.clipboard().setText(versions_in_lines())
        self.copy.setText("Copied")


_LICENCE = (
    "Under the MIT licence. PyQt5 and pylibjpeg-libjpeg, which it uses, are under the GPL, version 3: a "
    "bundle that holds them is under the terms of the GPL as a whole."
)
