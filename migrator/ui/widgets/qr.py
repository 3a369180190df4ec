"""A QR code for a phone's camera: black on white, with its quiet zone, in whole pixels of the screen."""

from __future__ import annotations

import segno
from PyQt5.QtCore import QRect, QSize
from PyQt5.QtGui import QColor, QImage, QPainter, QPaintEvent
from PyQt5.QtWidgets import QSizePolicy, QWidget

from migrator.ui.theme import tokens

_QUIET = 4
"""Modules of white around it, as ISO/IEC 18004 asks for."""
_SIZE = 300  # pixels: eight for each module of the usual address


class QrCode(QWidget):
    """Shows a text; nothing at all without one."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._text = ""
        self._image = QImage()
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @property
    def text(self) -> str:
        """What a camera reads."""
        return self._text

    def show_text(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self._image = _image_of(text) if text else QImage()
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(_SIZE, _SIZE)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._image.isNull():
            return
        # In pixels of the screen: a module that ends between two of them is a blur to a camera.
        ratio = self.devicePixelRatioF()
        room = int(min(self.width(), self.height()) * ratio)
        side = self._image.width() * max(1, room // self._image.width())
        left, top = (int(length * ratio - side) // 2 for length in (self.width(), self.height()))
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(tokens.PAPER))
        painter.scale(1 / ratio, 1 / ratio)
        painter.drawImage(QRect(left, top, side, side), self._image)
        painter.end()


def _image_of(text: str) -> QImage:
    """One pixel for each module."""
    matrix = segno.make_qr(text, error="m").matrix
    side = len(matrix) + 2 * _QUIET
    image = QImage(side, side, QImage.Format.Format_RGB32)
    image.fill(QColor(tokens.PAPER))
    ink = QColor(tokens.INK)
    for y, line in enumerate(matrix, _QUIET):
        for x, module in enumerate(line, _QUIET):
            if module:
                image.setPixelColor(x, y, ink)
    return image
