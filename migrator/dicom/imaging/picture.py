"""What is shown of an object, and how values become shades of grey (PS3.3 C.11.2).

Needs numpy only: the window applies it at every move of the mouse.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy
from numpy.typing import NDArray

Shades = NDArray[numpy.uint8]

_SHADES = 255
_SMALL = 512


class Function(str, Enum):
    """VOI LUT Function (0028,1056)."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


@dataclass(frozen=True, slots=True)
class Window:
    """A range of values that is spread over all shades; `words` is its explanation."""

    center: float
    width: float
    function: Function = Function.LINEAR
    words: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A VOI LUT: a shade from 0 to 1 for `first` and each whole value that follows."""

    first: float
    entries: NDArray[numpy.float32]
    words: str = ""

    @property
    def window(self) -> Window:
        """About the same as a window, from which a hand may go on."""
        count = len(self.entries)
        return Window(self.first + count / 2, max(1, count))


Voi = Window | Curve


@dataclass(frozen=True, slots=True, eq=False)
class Gray:
    """Numbers of values (rows by columns, 8 or 16 bits), and the value that each number stands for.

    `low` and `high` bound the values that occur, padding left out; `presets` are the file's own, `initial` is
    what to begin with. `is_inverted`: the lowest value is white.
    """

    indices: NDArray[Any]
    values: NDArray[numpy.float64]
    low: float
    high: float
    initial: Voi
    presets: tuple[Voi, ...] = ()
    is_inverted: bool = False
    smaller: tuple[NDArray[Any], ...] = ()

    @property
    def layers(self) -> tuple[NDArray[Any], ...]:
        """The picture, then each time half as large."""
        return (self.indices, *self.smaller)

    @property
    def full(self) -> Window:
        """All values that occur."""
        span = self.high - self.low
        return Window((self.low + self.high) / 2, span or 1.0, Function.LINEAR_EXACT, "Full range")


@dataclass(frozen=True, slots=True, eq=False)
class Colour:
    """Red, green and blue: rows by columns by three, 8 bits each."""

    rgb: Shades
    smaller: tuple[Shades, ...] = ()

    @property
    def layers(self) -> tuple[Shades, ...]:
        """The picture, then each time half as large."""
        return (self.rgb, *self.smaller)


Picture = Gray | Colour


@dataclass(frozen=True, slots=True)
class Tag:
    """An attribute for people; `group` is the heading it stands under."""

    group: str
    tag: str
    name: str
    value: str
    vr: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One look at an object. Without a `picture`, `absence` says what it is instead of an image, or `trouble`
    why its image cannot be shown; beside a picture `trouble` says what is wrong with the file.

    `rate` is in frames a second, 0 where the object names none; `aspect` is a pixel's height over its width.
    `is_last`: the process that looked keeps so much memory that the next look should be another's.
    """

    tags: tuple[Tag, ...] = ()
    picture: Picture | None = None
    absence: str = ""
    trouble: str = ""
    modality: str = ""
    frames: int = 1
    frame: int = 0
    rate: float = 0.0
    aspect: float = 1.0
    is_last: bool = False


CT_PRESETS = (
    Window(40, 80, words="Brain"),
    Window(40, 400, words="Soft tissue"),
    Window(50, 350, words="Mediastinum"),
    Window(-600, 1500, words="Lung"),
    Window(60, 160, words="Liver"),
    Window(480, 2500, words="Bone"),
)
"""Windows in Hounsfield units that radiology commonly uses."""


def halves(pixels: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """The same each time half as large, down to a few hundred pixels: what a small pane draws quickly and
    without jagged lines. Each pixel is the mean of four; of an odd size the last one is left out."""
    made: list[NDArray[Any]] = []
    wide = numpy.uint16 if pixels.dtype.itemsize == 1 else numpy.uint32
    while min(pixels.shape[:2]) >= 2 and max(pixels.shape[:2]) > _SMALL:
        rows, columns = (length & ~1 for length in pixels.shape[:2])
        total: NDArray[Any] = pixels[0:rows:2, 0:columns:2].astype(wide)
        for down, right in ((0, 1), (1, 0), (1, 1)):
            total += pixels[down:rows:2, right:columns:2]
        pixels = ((total + 2) >> 2).astype(pixels.dtype)
        made.append(pixels)
    return tuple(made)


def narrowest(window: Window, picture: Gray) -> float:
    """The least width that makes sense: one value, or a small part of what occurs."""
    if window.function is Function.LINEAR:
        return 1.0
    return max((picture.high - picture.low) / 65536, 1e-12)


def widest(window: Window, picture: Gray) -> float:
    """The width beyond which nothing changes any more that people can see."""
    return max(window.width, 100 * (picture.high - picture.low), 100.0)


def shades(values: NDArray[numpy.float64], voi: Voi, *, is_inverted: bool = False) -> Shades:
    """The shade of each value, 0 for black to 255 for white."""
    # A quotient that is too large for a number is clipped as any other.
    with numpy.errstate(over="ignore"):
        part = _curve(values, voi) if isinstance(voi, Curve) else _FUNCTIONS[voi.function](values, voi)
    if is_inverted:
        part = 1.0 - part
    table: Shades = (part * _SHADES + 0.5).astype(numpy.uint8)
    return table


def _linear(values: NDArray[numpy.float64], window: Window) -> NDArray[numpy.float64]:
    # PS3.3 C.11.2.1.2.1; a width of 1 is a threshold.
    center, width = window.center - 0.5, max(1.0, window.width) - 1
    if not width:
        return (values > center).astype(numpy.float64)
    return numpy.clip((values - center) / width + 0.5, 0.0, 1.0)


def _linear_exact(values: NDArray[numpy.float64], window: Window) -> NDArray[numpy.float64]:
    # PS3.3 C.11.2.1.3.2
    return numpy.clip((values - window.center) / window.width + 0.5, 0.0, 1.0)


def _sigmoid(values: NDArray[numpy.float64], window: Window) -> NDArray[numpy.float64]:
    # PS3.3 C.11.2.1.3.1; beyond 50 a shade no longer changes, and exp would overflow.
    steep = numpy.clip(-4 * (values - window.center) / window.width, -50, 50)
    part: NDArray[numpy.float64] = 1 / (1 + numpy.exp(steep))
    return part


_FUNCTIONS = {
    Function.LINEAR: _linear,
    Function.LINEAR_EXACT: _linear_exact,
    Function.SIGMOID: _sigmoid,
}


def _curve(values: NDArray[numpy.float64], curve: Curve) -> NDArray[numpy.float64]:
    places = numpy.clip(numpy.rint(values - curve.first), 0, len(curve.entries) - 1).astype(numpy.int64)
    return curve.entries[places].astype(numpy.float64)
