"""Opening the window, in this order: the data directory, the application with its theme, the desk (which
starts to look at what runs), the window, and what an earlier window has left running.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QApplication

from migrator import __version__
from migrator.core.errors import UsageError
from migrator.jobs.home import data_home, start_logging, stop_logging
from migrator.ui.desk import Desk
from migrator.ui.main_window import TITLE, MainWindow
from migrator.ui.theme.sheet import dress


def main(argv: Sequence[str]) -> int:
    """Open the window and return its exit code once it is closed."""
    arguments = _arguments(argv)
    try:
        home = data_home(arguments.home)
    except UsageError as error:
        print(f"dicom_migrator: {error}", file=sys.stderr)
        return 2
    application = make_application()
    log = start_logging(home, arguments.log_level)
    try:
        window = open_window(home)
        window.show()
        return application.exec()
    finally:
        stop_logging(log)


def make_application() -> QApplication:
    """The application, dressed in the theme; there can be one only."""
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_EnableHighDpiScaling)
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_UseHighDpiPixmaps)
    application = QApplication(["dicom_migrator"])
    application.setApplicationName(TITLE)
    application.setApplicationVersion(__version__)
    dress(application)
    return application


def open_window(home: Path) -> MainWindow:
    """The window over this data directory, not shown yet."""
    return MainWindow(Desk(home))


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dicom_migrator", allow_abbrev=False)
    parser.add_argument("--home")
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    return parser.parse_args(argv)
