"""Where a picture stands in its pane, and the pixels that are to be drawn: the visible ones only.

Of a picture that is shown small the copy of the nearest size is used, so that a drag of the mouse costs the
pane's pixels, not the picture's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray
from PyQt5.QtCore import QPointF, QRectF, QSizeF
from PyQt5.QtGui import QImage

from migrator.jobs.imaging import Colour, Gray, Picture, Voi, shades

_MOST_ZOOM = 64.0


@dataclass(frozen=True, slots=True)
class Placed:
    """An image, and where in the pane it belongs; `data` is the image's memory."""

    image: QImage
    target: QRectF
    data: bytes


class Canvas:
    """A picture in a pane: how it is windowed, and how far it is zoomed and moved."""

    def __init__(self) -> None:
        self.picture: Picture | None = None
        self.voi: Voi | None = None
        self.is_inverted = False
        self.zoom = 1.0
        self._aspect = 1.0
        self._pane = QSizeF(1, 1)
        self._centre = QPointF(0.5, 0.5)  # the point of the picture in the middle of the pane, in parts of it
        self._table: NDArray[numpy.uint8] | None = None

    def show(self, picture: Picture | None, aspect: float = 1.0) -> None:
        """Take another picture; zoom and window stay until they are set."""
        self.picture = picture
        self._aspect = aspect
        self._table = None

    def set_voi(self, voi: Voi | None) -> None:
        self.voi = voi
        self._table = None

    def invert(self, is_inverted: bool) -> None:
        self.is_inverted = is_inverted
        self._table = None

    def resize(self, size: QSizeF) -> None:
        self._pane = size
        self._keep_in()

    def fit(self) -> None:
        """The whole picture, as large as it can be."""
        self.zoom = 1.0
        self._centre = QPointF(0.5, 0.5)

    def zoom_by(self, factor: float, at: QPointF) -> None:
        """Zoom so that what is at a point of the pane stays there."""
        before = self.whole
        zoom = min(_MOST_ZOOM, max(1.0, self.zoom * factor))
        change = zoom / self.zoom
        self.zoom = zoom
        corner = at - (at - before.topLeft()) * change
        self._put(QRectF(corner, before.size() * change))

    def move(self, by: QPointF) -> None:
        self._put(self.whole.translated(by))

    @property
    def whole(self) -> QRectF:
        """Where all of the picture is, beyond the pane where it is zoomed."""
        size = self._size() * self.zoom
        x = self._pane.width() / 2 - self._centre.x() * size.width()
        y = self._pane.height() / 2 - self._centre.y() * size.height()
        return QRectF(QPointF(x, y), size)

    def _put(self, whole: QRectF) -> None:
        middle = QPointF(self._pane.width() / 2, self._pane.height() / 2) - whole.topLeft()
        self._centre = QPointF(middle.x() / whole.width(), middle.y() / whole.height())
        self._keep_in()

    def _keep_in(self) -> None:
        """No empty pane where there is picture to fill it."""
        size = self._size() * self.zoom
        self._centre = QPointF(
            _kept(self._centre.x(), self._pane.width() / size.width()),
            _kept(self._centre.y(), self._pane.height() / size.height()),
        )

    def _size(self) -> QSizeF:
        """Of the picture when it fits."""
        if self.picture is None:
            return QSizeF(1, 1)
        rows, columns = self.picture.layers[0].shape[:2]
        wide, high = float(columns), rows * self._aspect
        scale = min(self._pane.width() / wide, self._pane.height() / high)
        return QSizeF(max(1e-3, wide * scale), max(1e-3, high * scale))

    def visible(self, ratio: float) -> Placed | None:
        """What is to be drawn; `ratio` is how many pixels of the screen one of the pane's is."""
        if self.picture is None:
            return None
        whole = self.whole
        layer, factor = self._layer(whole.width() * ratio, whole.height() * ratio)
        rows, columns = self.picture.layers[0].shape[:2]
        x_scale, y_scale = whole.width() / columns * factor, whole.height() / rows * factor
        left = max(0, math.floor(-whole.left() / x_scale))
        top = max(0, math.floor(-whole.top() / y_scale))
        right = min(layer.shape[1], math.ceil((self._pane.width() - whole.left()) / x_scale))
        bottom = min(layer.shape[0], math.ceil((self._pane.height() - whole.top()) / y_scale))
        if right <= left or bottom <= top:
            return None
        target = QRectF(
            whole.left() + left * x_scale,
            whole.top() + top * y_scale,
            (right - left) * x_scale,
            (bottom - top) * y_scale,
        )
        return self._placed(layer[top:bottom, left:right], target)

    def _layer(self, wide: float, high: float) -> tuple[NDArray[Any], int]:
        """The smallest copy that is still no smaller than what is drawn, and how much smaller it is."""
        assert self.picture is not None
        found, factor = self.picture.layers[0], 1
        for number, layer in enumerate(self.picture.layers[1:], 1):
            if layer.shape[1] < wide and layer.shape[0] < high:
                break
            found, factor = layer, 1 << number
        return found, factor

    def _placed(self, pixels: NDArray[Any], target: QRectF) -> Placed:
        if isinstance(self.picture, Colour):
            rgb = 255 - pixels if self.is_inverted else pixels
            return _drawn(rgb, target, QImage.Format.Format_RGB888)
        if self._table is None:
            assert isinstance(self.picture, Gray)
            is_inverted = self.picture.is_inverted != self.is_inverted
            voi = self.voi or self.picture.initial
            self._table = shades(self.picture.values, voi, is_inverted=is_inverted)
        return _drawn(self._table[pixels], target, QImage.Format.Format_Grayscale8)


def _kept(centre: float, part: float) -> float:
    """A middle that leaves no gap, where the pane shows this part of the picture."""
    if part >= 1:
        return 0.5
    return min(1 - part / 2, max(part / 2, centre))


def _drawn(pixels: NDArray[Any], target: QRectF, kind: QImage.Format) -> Placed:
    rows, columns = pixels.shape[:2]
    data = pixels.tobytes()
    return Placed(QImage(data, columns, rows, len(data) // rows, kind), target, data)
