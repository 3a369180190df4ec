"""A donut: how a whole is made up, with its legend beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PyQt5.QtCore import QRectF, QSize, Qt
from PyQt5.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PyQt5.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from migrator.records.words import count
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import label, row

_WHOLE = 360 * 16  # Qt counts sixteenths of a degree
_LEAST = 32  # of those, for a part that is there at all: a single failure must be seen
_SIZE = 140
_RING = 16


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the whole."""

    title: str
    number: int
    colour: str


class Donut(QWidget):
    """A ring, with words in its middle; what it says is also its accessible description."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._parts: tuple[Part, ...] = ()
        self._middle = ("", "")
        self.setAccessibleName(name)
        self.setFixedSize(QSize(_SIZE, _SIZE))

    def show_parts(self, parts: Sequence[Part], middle: str, below: str) -> None:
        """Draw these, with a figure and what it is in the middle."""
        shown = tuple(one for one in parts if one.number > 0)
        if (shown, (middle, below)) != (self._parts, self._middle):
            self._parts, self._middle = shown, (middle, below)
            told = ", ".join(f"{count(one.number)} {one.title.lower()}" for one in shown) or "nothing yet"
            self.setAccessibleDescription(f"{middle} {below}: {told}")
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ring = QRectF(self.rect()).adjusted(_RING / 2, _RING / 2, -_RING / 2, -_RING / 2)
        self._arc(painter, ring, QColor(tokens.RAISED), (90 * 16, _WHOLE))
        begin = 90 * 16
        for part, length in zip(self._parts, lengths([one.number for one in self._parts]), strict=True):
            self._arc(painter, ring, QColor(part.colour), (begin, -length))
            begin -= length
        self._write(painter)
        painter.end()

    def _arc(self, painter: QPainter, ring: QRectF, colour: QColor, arc: tuple[int, int]) -> None:
        painter.setPen(QPen(colour, _RING, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        painter.drawArc(ring, *arc)

    def _write(self, painter: QPainter) -> None:
        figure, below = self._middle
        font = QFont(self.font())
        font.setPointSize(tokens.FIGURE)
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(QColor(tokens.TEXT))
        middle = self.rect().adjusted(0, -tokens.MEDIUM, 0, -tokens.MEDIUM)
        painter.drawText(middle, Qt.AlignmentFlag.AlignCenter, figure)
        height = painter.fontMetrics().height()
        font.setPointSize(tokens.CAPTION)
        font.setWeight(QFont.Weight.Normal)
        painter.setFont(font)
        painter.setPen(QColor(tokens.MUTED))
        painter.drawText(middle.adjusted(0, height, 0, height), Qt.AlignmentFlag.AlignCenter, below)


class DonutWithLegend(QWidget):
    """A donut and the table of its parts, those that are 0 included."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.donut = Donut(name)
        self._legend = QWidget()
        self._grid = QGridLayout(self._legend)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(tokens.TIGHT)
        self._numbers: dict[str, QLabel] = {}
        self.setLayout(row(self.donut, self._legend, spacing=tokens.LARGE))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def show_parts(self, parts: Sequence[Part], middle: str, below: str) -> None:
        """As Donut's."""
        for part in parts:
            if part.title not in self._numbers:
                self._add(part)
            self._numbers[part.title].setText(count(part.number))
        self.donut.show_parts(parts, middle, below)

    def _add(self, part: Part) -> None:
        line = len(self._numbers)
        dot = label("●")
        palette = dot.palette()
        palette.setColor(dot.foregroundRole(), QColor(part.colour))
        dot.setPalette(palette)
        number = label("0")
        number.setAlignment(Qt.Alignment(Qt.AlignmentFlag.AlignRight) | Qt.AlignmentFlag.AlignVCenter)
        self._numbers[part.title] = number
        for place, one in enumerate((dot, label(part.title, "muted"), number)):
            self._grid.addWidget(one, line, place)
        self._grid.setColumnStretch(1, 1)


def lengths(numbers: Sequence[int]) -> list[int]:
    """How long each part's arc is, in sixteenths of a degree; none that is there is too short to be seen."""
    total = sum(numbers)
    if not total:
        return []
    long = [max(_LEAST, round(_WHOLE * number / total)) for number in numbers]
    long[long.index(max(long))] -= sum(long) - _WHOLE
    return long
