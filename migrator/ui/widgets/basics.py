"""Labels, buttons, cards and rows, as the theme has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon

_Layout = TypeVar("_Layout", bound=QBoxLayout)


def label(text: str = "", role: str = "", *, wraps: bool = False) -> QLabel:
    """A text, never markup; `role`: heading, title, caption, muted, figure, code, error, warning or good."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wraps)
    made.setProperty("role", role)
    return made


def set_role(widget: QWidget, role: str) -> None:
    """Dress a widget in another role."""
    set_look(widget, "role", role)


def set_look(widget: QWidget, name: str, value: str) -> None:
    """Set a property that the style sheet looks at, and draw the widget accordingly."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def button(text: str, icon_name: str = "", *, kind: str = "", tip: str = "") -> QPushButton:
    """A button; `kind` is primary, danger, quiet, link, menu or nothing."""
    made = QPushButton(text)
    if icon_name:
        colours = {"primary": tokens.ON_ACCENT, "danger": tokens.RED}
        made.setIcon(icon(icon_name, colours.get(kind, tokens.TEXT)))
    made.setProperty("kind", kind)
    made.setToolTip(tip)
    made.setAutoDefault(False)
    return made


def tool(icon_name: str, name: str, act: Callable[[], None]) -> QToolButton:
    """A button with an icon alone; `name` is its tooltip and what a screen reader says."""
    made = QToolButton()
    made.setIcon(icon(icon_name, tokens.TEXT))
    made.setToolTip(name)
    made.setAccessibleName(name)
    made.clicked.connect(lambda: act())
    return made


def card(title: str = "") -> tuple[QFrame, QVBoxLayout]:
    """A framed group and the layout for what is in it."""
    frame = QFrame()
    frame.setProperty("role", "card")
    layout = QVBoxLayout(frame)
    layout.setContentsMargins(tokens.LARGE, tokens.MEDIUM, tokens.LARGE, tokens.LARGE)
    layout.setSpacing(tokens.SMALL)
    if title:
        layout.addWidget(label(title, "title"))
    return frame, layout


def row(*parts: QWidget | int | None, spacing: int = tokens.SMALL) -> QHBoxLayout:
    """Widgets beside each other; an int is a gap in pixels, None is what stretches."""
    return _fill(QHBoxLayout(), parts, spacing)


def column(*parts: QWidget | int | None, spacing: int = tokens.SMALL) -> QVBoxLayout:
    """Widgets below each other; parts as in `row`."""
    return _fill(QVBoxLayout(), parts, spacing)


def _fill(layout: _Layout, parts: tuple[QWidget | int | None, ...], spacing: int) -> _Layout:
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for part in parts:
        if part is None:
            layout.addStretch(1)
        elif isinstance(part, int):
            layout.addSpacing(part)
        else:
            layout.addWidget(part)
    return layout


def scrolled(content: QWidget) -> QScrollArea:
    """A widget that scrolls where the window is too small for it."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(content)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # what is in it takes the focus, and is scrolled to
    return area


class Fold(QWidget):
    """A titled group that opens and closes; `note` says beside the title what differs from the usual."""

    def __init__(self, title: str, content: QWidget, *, is_open: bool = False) -> None:
        super().__init__()
        self._title = title
        self._content = content
        self._head = QToolButton()
        self._head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._head.setCheckable(True)
        self._head.setProperty("kind", "quiet")
        self._head.setAccessibleName(title)
        self._note = label("", "caption")
        self._head.toggled.connect(self._turn)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row(self._head, self._note, None))
        layout.addWidget(content)
        self._head.setText(title)
        self._head.setChecked(is_open)
        self._turn(is_open)

    @property
    def is_open(self) -> bool:
        return self._head.isChecked()

    def open(self, is_open: bool = True) -> None:
        self._head.setChecked(is_open)

    def note(self, text: str) -> None:
        self._note.setText(text)

    def _turn(self, is_open: bool) -> None:
        self._head.setIcon(icon("chevron-down" if is_open else "chevron-right"))
        self._content.setVisible(is_open)
