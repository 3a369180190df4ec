"""What no code expected: logged by type and place, never with its text (which may name a patient), and told.

Exceptions of the event loop and of threads come to one `CrashGuard`; what kills the process itself leaves its
traces in `logs/crash.log`.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TextIO

from PyQt5.QtCore import QMessageLogContext, QObject, QtMsgType, pyqtSignal, qInstallMessageHandler

from migrator.ui.dialogs.about import versions_in_lines

_log = logging.getLogger("migrator.window")
_MOST_SHOWN = 3
"""Dialogs in one session: what fails again and again must not bury the window."""

_PACKAGE = Path(__file__).resolve().parents[2]
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.DEBUG,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def details_of(error: BaseException) -> str:
    """The type of an error and of its causes, the places, and the versions; nothing of its text."""
    lines: list[str] = []
    seen: set[int] = set()
    inner: BaseException | None = error
    while inner is not None and id(inner) not in seen:
        seen.add(id(inner))
        lines.append(f"{'caused by ' if lines else ''}{type(inner).__module__}.{type(inner).__qualname__}")
        lines += (f"  {_place(one)}" for one in traceback.extract_tb(inner.__traceback__))
        inner = inner.__cause__ or inner.__context__
    return "\n".join([*lines, "", versions_in_lines()])


def _place(frame: traceback.FrameSummary) -> str:
    file = Path(frame.filename)
    name = file.relative_to(_PACKAGE.parent) if _PACKAGE in file.parents else file.name
    return f"{name}:{frame.lineno} in {frame.name}"


class CrashGuard(QObject):
    """Takes what nobody caught; `show` is called in the event loop, with the details, once at a time."""

    _caught = pyqtSignal(str)

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__()
        self._show = show
        self._is_showing = False
        self._shown = 0
        self._caught.connect(self._tell)

    def caught(self, error: BaseException) -> None:
        """Log it, and tell. For any thread; never raises."""
        with suppress(Exception):
            details = details_of(error)
            _log.error("a part of the window failed\n%s", details)
            self._caught.emit(details)

    def _tell(self, details: str) -> None:
        if self._is_showing or self._shown >= _MOST_SHOWN:
            return
        self._is_showing = True
        self._shown += 1
        try:
            self._show(details)
        finally:
            self._is_showing = False


class Hooks:
    """Leads to a guard what Python, its threads and Qt would write on stderr; `remove` puts back what was."""

    def __init__(self, guard: CrashGuard, logs: Path) -> None:
        self._guard = guard
        self._before = (sys.excepthook, threading.excepthook)
        self._faults: TextIO | None = None
        with suppress(OSError):
            logs.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._faults = open(logs / "crash.log", "a", encoding="utf-8", opener=_private)  # noqa: SIM115
            faulthandler.enable(self._faults)
        sys.excepthook = self._exception
        threading.excepthook = self._in_thread
        self._qt_before = qInstallMessageHandler(_of_qt)

    def remove(self) -> None:
        sys.excepthook, threading.excepthook = self._before
        qInstallMessageHandler(self._qt_before)
        if self._faults is not None:
            faulthandler.disable()
            self._faults.close()

    def _exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt | SystemExit):
            self._before[0](kind, error, trace)
        else:
            self._guard.caught(error)

    def _in_thread(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            self._guard.caught(arguments.exc_value)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _of_qt(kind: QtMsgType, context: QMessageLogContext, text: str | None) -> None:
    """Qt's own messages, which name no patient: they are about widgets, fonts and files of ours."""
    _log.log(_LEVELS.get(kind, logging.WARNING), "Qt: %s", text)
