"""Charts as SVG: plain shapes and text, for a page as for a PDF. Nothing in them comes from patients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

WIDTH = 760
_LEFT, _RIGHT = 58, 8
_GAP = 16  # between two runs
_PANEL = 92
_INK, _SOFT, _LINE = "#16202a", "#55636f", "#d5dce2"
_FILES, _BYTES = "#0b5c8a", "#2f7f5f"


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole; `color` is a CSS color."""

    name: str
    count: int
    color: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """Files and bytes in bins of `width` seconds from `begin` (seconds since the epoch) on."""

    name: str
    begin: float
    width: float
    files: tuple[int, ...]
    bytes: tuple[int, ...]

    @property
    def seconds(self) -> float:
        return self.width * len(self.files)


def bar(shares: Sequence[Share], font: str) -> str:
    """A stacked bar with a legend; parts too small to be seen are drawn a little wider."""
    shown = [share for share in shares if share.count]
    total = sum(share.count for share in shown)
    widths = _widths([share.count for share in shown], WIDTH - 2.0, 3.0)
    body: list[str] = []
    x = 1.0
    for share, width in zip(shown, widths, strict=True):
        body.append(_rect(x, 0, width, 22, share.color))
        x += width
    legend, height = _legend(shown, total, 40)
    return _svg(height, font, [*body, *legend])


def _legend(shares: Sequence[Share], total: int, y: float) -> tuple[list[str], float]:
    body: list[str] = []
    x = 1.0
    for share in shares:
        percent = f"{100 * share.count / total:.2f}".rstrip("0").rstrip(".")
        text = f"{share.name} {share.count:,} ({percent if percent != '0' else 'under 0.01'} %)"
        width = 24 + 6.1 * len(text)
        if x > 1 and x + width > WIDTH:
            x, y = 1.0, y + 18
        body += [_rect(x, y - 9, 10, 10, share.color), _text(x + 15, y, text, color=_INK)]
        x += width
    return body, y + 8


def throughput(stretches: Sequence[Stretch], font: str) -> str:
    """Files and megabytes per second, run beside run; the time between two runs is cut out and named."""
    room = WIDTH - _LEFT - _RIGHT - _GAP * (len(stretches) - 1)
    widths = _widths([one.seconds for one in stretches], room, min(24.0, room / len(stretches)))
    starts = [_LEFT + sum(widths[:number]) + _GAP * number for number in range(len(stretches))]
    places = list(zip(stretches, starts, widths, strict=True))
    body: list[str] = []
    for number, (title, color, scale) in enumerate((("files/s", _FILES, 1.0), ("MB/s", _BYTES, 1e6))):
        top = 18 + number * (_PANEL + 30)
        rates = [_rates(one, number == 1, scale) for one in stretches]
        body += _panel(top, title, color, [(*place, rate) for place, rate in zip(places, rates, strict=True)])
    body += _times(places, 18 + 2 * (_PANEL + 30) - 10)
    return _svg(18 + 2 * (_PANEL + 30) + 26, font, body)


def _rates(one: Stretch, is_bytes: bool, scale: float) -> list[float]:
    return [count / one.width / scale for count in (one.bytes if is_bytes else one.files)]


def _panel(
    top: float, title: str, color: str, places: Sequence[tuple[Stretch, float, float, list[float]]]
) -> Iterator[str]:
    most = _nice(max((rate for *_, rates in places for rate in rates), default=0.0))
    bottom = top + _PANEL
    yield _text(_LEFT, top - 7, title, color=color)
    for part in (0.0, 0.5, 1.0):
        y = bottom - part * _PANEL
        yield f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{WIDTH - _RIGHT}" y2="{y:.1f}" stroke="{_LINE}"/>'
        yield _text(_LEFT - 6, y + 3.5, f"{most * part:,.4g}", "end")
    for _, x, width, rates in places:
        step = width / max(1, len(rates))
        points = [f"{x:.1f},{bottom:.1f}"]
        for number, rate in enumerate(rates):
            y = bottom - rate / most * _PANEL
            points += [f"{x + number * step:.1f},{y:.1f}", f"{x + (number + 1) * step:.1f},{y:.1f}"]
        points.append(f"{x + width:.1f},{bottom:.1f}")
        style = f'fill="{color}" fill-opacity="0.55" stroke="{color}" stroke-width="0.6"'
        yield f'<polygon points="{" ".join(points)}" {style}/>'


def _times(places: Sequence[tuple[Stretch, float, float]], y: float) -> Iterator[str]:
    free = 0.0
    for number, (one, x, _) in enumerate(places):
        if number:
            for offset in (-5, -1):
                middle = x - _GAP / 2 + 3 + offset
                ends = f'x1="{middle - 2:.1f}" y1="{y - 4:.1f}" x2="{middle + 2:.1f}" y2="{y - 14:.1f}"'
                yield f'<line {ends} stroke="{_SOFT}"/>'
        when = datetime.fromtimestamp(one.begin)
        texts = (f"{one.name}: {when:%Y-%m-%d %H:%M}", _span(one.seconds))
        if x >= free:
            x = min(x, WIDTH - 6.1 * max(map(len, texts)))
            yield _text(x, y + 8, texts[0])
            yield _text(x, y + 20, texts[1])
            free = x + 6.1 * max(map(len, texts)) + 8


def _span(seconds: float) -> str:
    for unit, length in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"lasts {seconds / length:,.1f} {unit}"
    return f"lasts {seconds:,.0f} s"


def _widths(parts: Sequence[float], room: float, least: float) -> list[float]:
    """Widths in proportion to the parts, none below `least`, that fill the room together."""
    total = sum(parts) or 1.0
    floor = min(least, room / max(1, len(parts)))
    spare = room - floor * len(parts)
    return [floor + spare * part / total for part in parts]


def _nice(most: float) -> float:
    """A round number from `most` on, for the top of an axis."""
    if most <= 0:
        return 1.0
    magnitude = 10.0 ** len(str(int(most))) / 10 if most >= 1 else 0.1
    while magnitude > most:
        magnitude /= 10
    return next(magnitude * step for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if magnitude * step >= most)


def _rect(x: float, y: float, width: float, height: float, color: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start", color: str = _SOFT) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{escape(text)}</text>'


def _svg(height: float, font: str, body: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'font-family="{escape(font)}" font-size="11">{"".join(body)}</svg>'
    )
