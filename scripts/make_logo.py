"""Draw logo.png: an arrow that leads into an archive. Standard library only.

python scripts/make_logo.py
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

SIZE = 256
SAMPLES = 4  # per pixel and direction, so that edges are smooth

Colour = tuple[int, int, int, int]
Shape = Callable[[float, float], bool]
Picture = list[tuple[Shape, Colour]]

CLEAR: Colour = (0, 0, 0, 0)
NAVY: Colour = (16, 42, 67, 255)
TEAL: Colour = (45, 212, 191, 255)
WHITE: Colour = (255, 255, 255, 255)


def rounded(left: float, top: float, right: float, bottom: float, radius: float) -> Shape:
    """A rectangle with round corners; coordinates run from 0 to 1, downwards."""

    def inside(x: float, y: float) -> bool:
        near_x = min(max(x, left + radius), right - radius)
        near_y = min(max(y, top + radius), bottom - radius)
        return (x - near_x) ** 2 + (y - near_y) ** 2 <= radius**2

    return inside


def arrow(middle: float, top: float, neck: float, tip: float) -> Shape:
    """An arrow downwards: a shaft from `top` to `neck`, a head from there to `tip`."""

    def inside(x: float, y: float) -> bool:
        if top <= y <= neck:
            return abs(x - middle) <= 0.095
        return neck <= y <= tip and abs(x - middle) <= (tip - y) * 0.95

    return inside


def tray(x: float, y: float) -> bool:
    """The archive: an open box."""
    outside = rounded(0.16, 0.52, 0.84, 0.85, 0.07)(x, y)
    return outside and not (0.275 <= x <= 0.725 and y <= 0.735)


# The last shape that covers a point gives its colour.
PICTURE: Picture = [
    (rounded(0.0, 0.0, 1.0, 1.0, 0.2), NAVY),
    (tray, WHITE),
    (arrow(0.5, 0.13, 0.4, 0.66), TEAL),
]


def colour_at(picture: Picture, x: float, y: float) -> Colour:
    return next((colour for shape, colour in reversed(picture) if shape(x, y)), CLEAR)


def pixel(picture: Picture, size: int, column: int, row: int) -> bytes:
    """The mean of the samples in one pixel, weighted by their opacity."""
    steps = [(index + 0.5) / SAMPLES for index in range(SAMPLES)]
    samples = [colour_at(picture, (column + dx) / size, (row + dy) / size) for dx in steps for dy in steps]
    opacity = sum(sample[3] for sample in samples)
    weight = opacity or 1
    mixed = [round(sum(sample[i] * sample[3] for sample in samples) / weight) for i in range(3)]
    return bytes((*mixed, round(opacity / len(samples))))


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(picture: Picture, size: int) -> bytes:
    """A picture of so many pixels each way, as a PNG file."""
    columns = range(size)
    rows = (b"\0" + b"".join(pixel(picture, size, column, row) for column in columns) for row in range(size))
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)  # 8 bits, red green blue alpha
    body = zlib.compress(b"".join(rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def main() -> None:
    (Path(__file__).resolve().parent.parent / "logo.png").write_bytes(png(PICTURE, SIZE))


if __name__ == "__main__":
    main()
