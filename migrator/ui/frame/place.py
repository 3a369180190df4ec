"""Where the window was, and how it was divided: remembered, and put back where there is a screen."""

from __future__ import annotations

from PyQt5.QtCore import QByteArray, QRect, QSettings
from PyQt5.QtGui import QGuiApplication
from PyQt5.QtWidgets import QMainWindow, QSplitter

_GEOMETRY, _PAGE, _SPLITTER = "window/geometry", "window/page", "window/splitter"
_USUAL = (1280, 860)
_VISIBLE = 120  # pixels of the window that must be on a screen, in both directions


def restore(window: QMainWindow, state: QSettings) -> None:
    """Put the window where it was; where no screen shows that place, in the middle of the first."""
    kept = state.value(_GEOMETRY)
    if not (isinstance(kept, QByteArray) and window.restoreGeometry(kept)):
        window.resize(*_USUAL)
        _fit(window)
    elif not window.isMaximized() and not is_on_screen(window.frameGeometry(), screens()):
        _fit(window)
    for splitter in _splitters(window):
        sizes = state.value(_key(splitter))
        if isinstance(sizes, QByteArray):
            splitter.restoreState(sizes)


def keep(window: QMainWindow, state: QSettings, page: str) -> None:
    state.setValue(_GEOMETRY, window.saveGeometry())
    state.setValue(_PAGE, page)
    for splitter in _splitters(window):
        state.setValue(_key(splitter), splitter.saveState())


def page_of(state: QSettings) -> str:
    """The page that was on view; empty at a first start."""
    return str(state.value(_PAGE, ""))


def screens() -> list[QRect]:
    """What each screen has room for."""
    return [screen.availableGeometry() for screen in QGuiApplication.screens()]


def is_on_screen(frame: QRect, rooms: list[QRect]) -> bool:
    """Whether enough of the window's top, by which it is moved, can be seen."""
    top = QRect(frame.left(), frame.top(), frame.width(), _VISIBLE)
    seen = (top.intersected(room) for room in rooms)
    return any(part.width() >= _VISIBLE and part.height() >= _VISIBLE // 2 for part in seen)


def _fit(window: QMainWindow) -> None:
    """In the middle of the first screen, and not larger than it."""
    rooms = screens()
    if rooms:
        room = rooms[0]
        size = window.size().boundedTo(room.size())
        window.resize(size)
        window.move(room.center() - window.rect().center())


def _splitters(window: QMainWindow) -> list[QSplitter]:
    """Those that have a name."""
    return [one for one in window.findChildren(QSplitter) if one.objectName()]


def _key(splitter: QSplitter) -> str:
    return f"{_SPLITTER}/{splitter.objectName()}"
