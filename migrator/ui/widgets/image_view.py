"""A picture that is windowed, zoomed and moved by mouse and keyboard."""

from __future__ import annotations

import math

from PyQt5.QtCore import QEvent, QPoint, QPointF, QSize, QSizeF, Qt, pyqtSignal
from PyQt5.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PyQt5.QtWidgets import QSizePolicy, QWidget

from migrator.jobs.imaging import Colour, Curve, Gray, Picture, Voi, Window, narrowest, widest
from migrator.ui.theme import tokens
from migrator.ui.widgets.image_canvas import Canvas

_NOTCH = 120  # of a wheel, in eighths of a degree
_ZOOM = 1.25
# What a pixel of a drag changes, in parts of the width.
_WIDTH_STEP = 0.006
_LEVEL_STEP = 0.004
_KEY_PIXELS = 12  # of a drag that a key stands for
_FRAME_KEYS = {
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Up: -1,
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_Down: 1,
    Qt.Key.Key_PageUp: -10,
    Qt.Key.Key_PageDown: 10,
    Qt.Key.Key_Home: -(1 << 30),
    Qt.Key.Key_End: 1 << 30,
}
_HELP = (
    "Drag: window (across) and level (up and down). Wheel: frames, or zoom; with Ctrl always zoom."
    " Right or middle drag: move. Double-click: reset.\n"
    "Keys: + and - width, [ and ] level, arrows frames, Space plays, I inverts, Ctrl with + and - zooms,"
    " R resets."
)


class ImageView(QWidget):
    """Fits the picture to its size; the aspect of its pixels is kept."""

    window_changed = pyqtSignal(object)
    """The Voi that is applied now."""
    stepped = pyqtSignal(int)
    """So many frames on."""
    play_wanted = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self._canvas = Canvas()
        self._has_frames = False
        self._last: QPoint | None = None
        self._wheel = 0
        self.setMinimumSize(120, 100)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Image")
        self.setAccessibleDescription(_HELP)
        self.setToolTip(_HELP)

    def sizeHint(self) -> QSize:
        return QSize(360, 320)

    @property
    def picture(self) -> Picture | None:
        return self._canvas.picture

    @property
    def voi(self) -> Voi | None:
        """What the values are windowed by; None for a picture in colour."""
        return self._canvas.voi

    @property
    def is_inverted(self) -> bool:
        return self._canvas.is_inverted

    @property
    def zoom(self) -> float:
        """1 where all of the picture is shown."""
        return self._canvas.zoom

    def show_picture(self, picture: Picture, aspect: float, frames: int) -> None:
        """Show a new picture as its file wants it to be shown."""
        self._canvas.show(picture, aspect)
        self._has_frames = frames > 1
        self._canvas.invert(False)
        self.reset()

    def show_frame(self, picture: Picture, aspect: float) -> None:
        """Show another frame; window, zoom and place stay, where the window was chosen by hand."""
        before = self._canvas.picture
        is_initial = isinstance(before, Gray) and self._canvas.voi is before.initial
        self._canvas.show(picture, aspect)
        if isinstance(picture, Colour):
            self.set_voi(None)
        elif is_initial or self._canvas.voi is None:
            self.set_voi(picture.initial)
        self.update()

    def clear(self) -> None:
        """Show nothing, and keep nothing of what was shown."""
        self._canvas.show(None)
        self._has_frames = False
        self._canvas.invert(False)
        self.reset()

    def reset(self) -> None:
        """The whole picture, windowed as at first."""
        self._canvas.fit()
        picture = self._canvas.picture
        self.set_voi(picture.initial if isinstance(picture, Gray) else None)

    def set_voi(self, voi: Voi | None) -> None:
        self._canvas.set_voi(voi)
        self.window_changed.emit(voi)
        self.update()

    def invert(self, is_inverted: bool) -> None:
        self._canvas.invert(is_inverted)
        self.update()

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        self._canvas.zoom_by(factor, at or QPointF(self.rect().center()))
        self.update()

    def _drag_window(self, across: int, down: int) -> None:
        picture, voi = self._canvas.picture, self._canvas.voi
        if not isinstance(picture, Gray) or voi is None:
            return
        window = voi.window if isinstance(voi, Curve) else voi
        # In parts of the width, so that narrow windows move finely.
        width = window.width * math.exp(across * _WIDTH_STEP)
        width = min(widest(window, picture), max(narrowest(window, picture), width))
        center = window.center + down * window.width * _LEVEL_STEP
        self.set_voi(Window(center, width, window.function))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._last = event.pos()
        self.setFocus(Qt.FocusReason.MouseFocusReason)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._last is None:
            return
        by, self._last = event.pos() - self._last, event.pos()
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._drag_window(by.x(), by.y())
        else:
            self._canvas.move(QPointF(by))
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._last = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.reset()

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.accept()
        is_zoom = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier) or not self._has_frames
        turn = event.angleDelta().y()
        if is_zoom:
            self.zoom_by(_ZOOM ** (turn / _NOTCH), event.position())
            return
        # Touchpads send small parts of a notch.
        self._wheel += turn
        notches = int(self._wheel / _NOTCH)
        if notches:
            self._wheel -= notches * _NOTCH
            self.stepped.emit(-notches)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if event.key() in _FRAME_KEYS and self._has_frames:
            self.stepped.emit(_FRAME_KEYS[Qt.Key(event.key())])
        elif not (self._zoom_key(event.key()) if is_control else self._plain_key(event)):
            super().keyPressEvent(event)

    def _zoom_key(self, key: int) -> bool:
        factors = {Qt.Key.Key_Plus: _ZOOM, Qt.Key.Key_Equal: _ZOOM, Qt.Key.Key_Minus: 1 / _ZOOM}
        if key == Qt.Key.Key_0:
            self._canvas.fit()
            self.update()
        elif key in factors:
            self.zoom_by(factors[Qt.Key(key)])
        else:
            return False
        return True

    def _plain_key(self, event: QKeyEvent) -> bool:
        drags = {"+": (1, 0), "=": (1, 0), "-": (-1, 0), "[": (0, -1), "]": (0, 1)}
        text = event.text().lower()
        if text in drags:
            across, down = drags[text]
            self._drag_window(across * _KEY_PIXELS, down * _KEY_PIXELS)
        elif text == "r":
            self.reset()
        elif text == "i":
            self.invert(not self.is_inverted)
            self.window_changed.emit(self.voi)
        elif text == " " and self._has_frames:
            self.play_wanted.emit()
        else:
            return False
        return True

    def event(self, event: QEvent) -> bool:
        # Otherwise Qt would take these keys for shortcuts of the window first.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            keys = (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus, Qt.Key.Key_R, Qt.Key.Key_I)
            if event.key() in keys:
                event.accept()
                return True
        return super().event(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._canvas.resize(QSizeF(self.size()))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(tokens.IMAGE))
        placed = self._canvas.visible(self.devicePixelRatioF())
        if placed is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(placed.target, placed.image)
        if self.hasFocus():
            painter.setPen(QPen(QColor(tokens.ACCENT), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        painter.end()
