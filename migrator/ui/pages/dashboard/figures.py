"""The figures at the top of the dashboard, and how the job is made up."""

from __future__ import annotations

from PyQt5.QtCore import Qt
from PyQt5.QtGui import QFont, QFontMetrics, QResizeEvent
from PyQt5.QtWidgets import QFrame, QGridLayout, QSizePolicy, QWidget

from migrator.engine.accounting import Snapshot
from migrator.jobs.standing import Standing, mean_of
from migrator.records.words import clock, count, span
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import column, label, set_look, set_role
from migrator.ui.widgets.chart_donut import Part
from migrator.ui.widgets.elided import ElidedLabel

_HEIGHT = 34
_MB = 1_000_000


class Figure(QFrame):
    """One large number with its caption above and a note below."""

    def __init__(self, caption: str) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._caption = caption
        self._figure = label("-", "figure")
        self._note = ElidedLabel("caption", Qt.TextElideMode.ElideRight)
        layout = column(label(caption, "caption"), self._figure, self._note, spacing=0)
        layout.setContentsMargins(tokens.MEDIUM, tokens.SMALL, tokens.MEDIUM, tokens.SMALL)
        self.setLayout(layout)
        self.setMinimumWidth(100)
        self._figure.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._figure.setFixedHeight(_HEIGHT)

    @property
    def text(self) -> str:
        return self._figure.text()

    def show_figure(self, figure: str, note: str = "", *, is_bad: bool = False) -> None:
        self._figure.setText(figure)
        self._note.say(note)
        set_look(self._figure, "tone", "bad" if is_bad else "")
        self._fit()
        self.setAccessibleName(f"{self._caption}: {figure} {note}".rstrip())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Use smaller letters where the figure would be cut off."""
        font = QFont(self._figure.font())
        font.setPointSize(tokens.FIGURE)
        font.setWeight(QFont.Weight.DemiBold)
        room = self.width() - 2 * tokens.MEDIUM - tokens.TIGHT
        is_large = QFontMetrics(font).horizontalAdvance(self._figure.text()) > room
        set_role(self._figure, "title" if is_large else "figure")


class Figures(QWidget):
    """Rates and time left of a run that is on; what became of the job's files."""

    def __init__(self) -> None:
        super().__init__()
        self.files = Figure("Files/s")
        self.megabytes = Figure("MB/s")
        self.left = Figure("Time left")
        self.done = Figure("Done")
        self.healed = Figure("Healed")
        self.trouble = Figure("Failed, held")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(tokens.SMALL)
        for place, one in enumerate(
            (self.files, self.megabytes, self.left, self.done, self.healed, self.trouble)
        ):
            grid.addWidget(one, 0, place)
            grid.setColumnStretch(place, 1)

    def show_standing(self, standing: Standing, total: Snapshot | None, *, is_live: bool) -> None:
        """`total` are the last numbers of a run, None where none was seen; `is_live`: it is on."""
        if total is None or not is_live:
            self._show_last(total)
        else:
            self.files.show_figure(f"{total.files_per_second:,.1f}", "last 10 s")
            self.megabytes.show_figure(f"{total.bytes_per_second / _MB:,.1f}", "last 10 s")
            self.left.show_figure(_left(total), _pass(total))
        self.done.show_figure(count(standing.done), f"of {count(standing.found)} found")
        self.healed.show_figure(count(standing.recovered), f"of {count(standing.stored)} stored")
        self.trouble.show_figure(
            count(standing.troubled), f"{count(standing.held)} held", is_bad=bool(standing.troubled)
        )

    def _show_last(self, total: Snapshot | None) -> None:
        """Nothing moves: what is known of the run that was on is its mean."""
        mean = mean_of(total)
        files, megabytes, note, took = "-", "-", "no run is on", "no run is on"
        if mean is not None:
            files, megabytes = f"{mean.files:,.1f}", f"{mean.bytes / _MB:,.1f}"
            note, took = "mean of the last run", f"it sent for {span(mean.seconds)}"
        self.files.show_figure(files, note)
        self.megabytes.show_figure(megabytes, note)
        self.left.show_figure("-", took)


def parts_of(standing: Standing) -> list[Part]:
    """How the job is made up, in the colours that the tables have for it."""
    colours = tokens.STATUS
    return [
        Part("Sent", standing.ok, colours["OK"]),
        Part("Healed", standing.healed, colours["HEALED"]),
        Part("Remapped", standing.remapped, colours["REMAP"]),
        Part("Warned", standing.warned, colours["WARN"]),
        Part("Skipped", standing.skipped, colours["SKIP"]),
        Part("Held", standing.held, colours["HELD"]),
        Part("Failed", standing.failed, colours["FAIL"]),
        Part("Pending", standing.pending, tokens.FAINT),
    ]


def share_words(share: float | None) -> str:
    """A share as a percentage that is 100 % only where it is all."""
    if share is None:
        return "-"
    if 0.999 <= share < 1:
        return "99.9%"
    return f"{share:.0%}" if share in (0, 1) else f"{share:.1%}"


def _left(total: Snapshot) -> str:
    return "-" if total.eta_seconds is None else clock(total.eta_seconds)


def _pass(total: Snapshot) -> str:
    if total.wave:
        return f"wave {total.wave} over what failed"
    return total.phase
