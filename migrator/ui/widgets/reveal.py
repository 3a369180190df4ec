"""Showing a file in the system's own file manager."""

from __future__ import annotations

import sys
from pathlib import Path

from PyQt5.QtCore import QProcess, QUrl
from PyQt5.QtGui import QDesktopServices


def whereabouts(file: Path) -> Path | None:
    """What of a file can be shown: itself, its folder, or nothing. A share takes its time: for a thread."""
    if file.exists():
        return file
    return file.parent if file.parent.is_dir() else None


def show(file: Path, there: Path) -> bool:
    """Open the file's folder, with the file chosen where the system can do that and the file is there."""
    if there == file and sys.platform == "win32":
        return bool(QProcess.startDetached("explorer.exe", ["/select,", str(file)])[0])
    if there == file and sys.platform == "darwin":
        return bool(QProcess.startDetached("open", ["-R", str(file)])[0])
    return bool(QDesktopServices.openUrl(QUrl.fromLocalFile(str(file.parent))))


def reveal(file: Path) -> bool:
    """Both at once; False where the folder is gone."""
    there = whereabouts(file)
    return there is not None and show(file, there)
