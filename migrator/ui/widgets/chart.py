"""Throughput over time: files and megabytes per second, each with an axis of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy
import pyqtgraph
from PyQt5.QtCore import QEvent, QObject, Qt
from PyQt5.QtGui import QColor, QFont, QMouseEvent
from PyQt5.QtWidgets import QWidget

from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import column, label, row
from migrator.ui.widgets.chart_history import Point

FILES, MEGABYTES = tokens.ACCENT, tokens.GREEN
_MB = 1_000_000
_HEIGHT = 190
_NARROWEST = 60.0  # seconds that the axis shows at least


class ThroughputChart(QWidget):
    """Draws what `show_points` gives. It cannot be dragged or zoomed: it always shows all of it."""

    def __init__(self) -> None:
        super().__init__()
        self._points: Sequence[Point] = ()
        self._looked_at: float | None = None  # the moment under the mouse
        self._plot = pyqtgraph.PlotWidget(
            background=tokens.SURFACE, axisItems={"bottom": pyqtgraph.DateAxisItem()}
        )
        self._right = pyqtgraph.ViewBox(enableMouse=False, enableMenu=False)
        self._files = self._line(FILES)
        self._bytes = self._line(MEGABYTES)
        self._set_up()
        self._words = label("", "caption")
        self._words.setAlignment(Qt.AlignmentFlag.AlignRight)
        files, megabytes = label("● files/s", "caption"), label("● MB/s", "caption")
        for one, colour in ((files, FILES), (megabytes, MEGABYTES)):
            palette = one.palette()
            one.setProperty("role", "")
            palette.setColor(one.foregroundRole(), QColor(colour))
            one.setPalette(palette)
        self.setLayout(column(spacing=tokens.TIGHT))
        self._legend = QWidget()
        self._legend.setLayout(row(files, tokens.MEDIUM, megabytes, None, self._words))
        self.layout().addWidget(self._legend)
        self._nothing = label("The speed is drawn here while a run is on.", "muted")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.layout().addWidget(self._plot)
        self.layout().addWidget(self._nothing)
        self.setFixedHeight(_HEIGHT)
        self.show_points(())
        self._plot.viewport().installEventFilter(self)

    def _line(self, colour: str) -> Any:
        # Wider pens, and dashes, cost ten times as much to draw.
        return pyqtgraph.PlotDataItem(
            pen=pyqtgraph.mkPen(colour, width=1), connect="finite", antialias=True, skipFiniteCheck=False
        )

    def _set_up(self) -> None:
        item, font = self._plot.getPlotItem(), QFont()
        font.setPointSize(tokens.CAPTION)
        item.setMenuEnabled(False)
        item.hideButtons()
        item.setMouseEnabled(False, False)
        item.showAxis("right")
        item.scene().addItem(self._right)
        item.getAxis("right").linkToView(self._right)
        self._right.setXLink(item)
        for name in ("left", "right", "bottom"):
            axis = item.getAxis(name)
            axis.setPen(pyqtgraph.mkPen(tokens.LINE))
            axis.setTextPen(pyqtgraph.mkPen({"left": FILES, "right": MEGABYTES}.get(name, tokens.MUTED)))
            axis.setStyle(tickFont=font, autoExpandTextSpace=True)
            axis.enableAutoSIPrefix(False)
        for name in ("left", "right"):
            item.getAxis(name).setWidth(52)
        item.showGrid(y=True, alpha=0.12)
        item.addItem(self._files)
        self._right.addItem(self._bytes)
        item.vb.sigResized.connect(lambda: self._right.setGeometry(item.vb.sceneBoundingRect()))
        self._plot.setAccessibleName("Throughput over time")
        self._plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def show_points(self, points: Sequence[Point]) -> None:
        """Draw these, the oldest first."""
        self._points = points
        has_line = any(not one.is_gap for one in points)
        self._plot.setVisible(has_line)
        self._legend.setVisible(has_line)
        self._nothing.setVisible(not has_line)
        at = numpy.array([one.at for one in points])
        files = numpy.array([one.files for one in points])
        sent = numpy.array([one.bytes for one in points]) / _MB
        self._files.setData(at, files)
        self._bytes.setData(at, sent)
        item = self._plot.getPlotItem()
        item.setYRange(0, _top(files), padding=0)
        self._right.setYRange(0, _top(sent), padding=0)
        if points:
            item.setXRange(min(at[0], at[-1] - _NARROWEST), at[-1], padding=0)
        self._say(self._nearest())
        self.setAccessibleDescription(self._words.text())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove and self._points:
            box = self._plot.getPlotItem().vb
            self._looked_at = box.mapSceneToView(self._plot.mapToScene(event.pos())).x()
            self._say(self._nearest())
        elif event.type() == QEvent.Type.Leave:
            self._looked_at = None
            self._say(self._nearest())
        return super().eventFilter(watched, event)

    def _nearest(self) -> Point | None:
        """What is under the mouse, or else the newest."""
        at = self._looked_at
        if at is None or not self._points:
            return self._points[-1] if self._points else None
        return min(self._points, key=lambda point: abs(point.at - at))

    def _say(self, point: Point | None) -> None:
        """The figures of a moment."""
        if point is None:
            self._words.setText("")
            return
        clock = datetime.fromtimestamp(point.at).strftime("%H:%M:%S")
        if point.is_gap:
            self._words.setText(f"{clock}: nothing was sent")
        else:
            self._words.setText(f"{clock}: {point.files:,.1f} files/s, {point.bytes / _MB:,.1f} MB/s")


def _top(values: Any) -> float:
    """The upper end of an axis that shows these."""
    known = values[numpy.isfinite(values)]
    return max(1.0, float(known.max()) * 1.1) if len(known) else 1.0
