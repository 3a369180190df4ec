"""Showing a file in the system's own file manager."""

from __future__ import annotations

import sys
from pathlib import Path

from PyQt5.QtCore import QProcess, QUrl
from PyQt5.QtGui import QDesktopServices


def reveal(file: Path) -> bool:
    """Open the file's folder, with the file chosen where the system can do that; False where it is gone."""
    if not file.parent.is_dir():
        return False
    if file.exists() and sys.platform == "win32":
        return bool(QProcess.startDetached("explorer.exe", [f"/select,{file}"])[0])
    if file.exists() and sys.platform == "darwin":
        return bool(QProcess.startDetached("open", ["-R", str(file)])[0])
    return bool(QDesktopServices.openUrl(QUrl.fromLocalFile(str(file.parent))))
