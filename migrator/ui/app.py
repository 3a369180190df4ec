"""Opening the window, in this order: the data directory, the application with its theme, the desk (which
starts to look at what runs), the window, and what an earlier window has left running.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from PyQt5 import sip
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QApplication

from migrator import __version__
from migrator.core.errors import UsageError
from migrator.jobs.home import data_home, start_logging, stop_logging
from migrator.ui.collector import Collector
from migrator.ui.desk import Desk
from migrator.ui.dialogs.crash import CrashDialog
from migrator.ui.frame.crash import CrashGuard, Hooks
from migrator.ui.frame.signals import EndSignals
from migrator.ui.frame.signs import group_windows, window_icon
from migrator.ui.frame.words import TITLE
from migrator.ui.main_window import MainWindow
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
    hooks = Hooks(CrashGuard(lambda details: _tell_of_crash(details, home)), home / "logs")
    try:
        return _run(application, open_window(home))
    finally:
        hooks.remove()
        stop_logging(log)


def _run(application: QApplication, window: MainWindow) -> int:
    """Show the window until it is closed for good."""

    def close() -> None:
        window.let_close()
        window.close()

    window.left.connect(application.quit)
    application.commitDataRequest.connect(lambda session: window.let_close())
    signals, collector = EndSignals(close), Collector()
    try:
        window.show()
        return application.exec()
    finally:
        signals.remove()
        collector.stop()
        sip.delete(window)  # now: at the interpreter's end its parts would meet others that are gone


def make_application() -> QApplication:
    """The application, dressed in the theme; there can be one only."""
    group_windows()
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_EnableHighDpiScaling)
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_UseHighDpiPixmaps)
    QApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    application = QApplication(["dicom_migrator"])
    application.setApplicationName(TITLE)
    application.setApplicationVersion(__version__)
    application.setQuitOnLastWindowClosed(False)  # it may be in the tray, with no window to be seen
    application.setWindowIcon(window_icon())
    dress(application)
    return application


def _tell_of_crash(details: str, home: Path) -> None:
    window = next((one for one in QApplication.topLevelWidgets() if isinstance(one, MainWindow)), None)
    dialog = CrashDialog(details, home / "logs", window)
    dialog.exec()
    if not dialog.wants_to_quit:
        return
    if window is not None:
        window.let_close()
        window.close()
    else:
        QApplication.quit()


def open_window(home: Path) -> MainWindow:
    """The window over this data directory, not shown yet."""
    return MainWindow(Desk(home))


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dicom_migrator", allow_abbrev=False)
    parser.add_argument("--home")
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    return parser.parse_args(argv)
