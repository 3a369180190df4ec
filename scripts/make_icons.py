"""Draw the icons of the monitor's page from the logo, for the home screen of a phone. Standard library only.

python scripts/make_icons.py
"""

from __future__ import annotations

from pathlib import Path

from make_logo import NAVY, PICTURE, Picture, Shape, png

STATIC = Path(__file__).resolve().parent.parent / "migrator" / "monitor" / "static"


def everywhere(x: float, y: float) -> bool:
    return True


def shrunk(shape: Shape, scale: float) -> Shape:
    """The shape around the middle, smaller."""
    return lambda x, y: shape((x - 0.5) / scale + 0.5, (y - 0.5) / scale + 0.5)


def filled(scale: float) -> Picture:
    """The logo without its round corners: the phone cuts a shape of its own out of the whole square."""
    return [(everywhere, NAVY), *((shrunk(shape, scale), colour) for shape, colour in PICTURE[1:])]


ICONS: dict[str, tuple[Picture, int]] = {
    "icon-192.png": (PICTURE, 192),
    "icon-512.png": (PICTURE, 512),
    # What a mask keeps for certain is a circle of 80 % (W3C, Web Application Manifest, "Icon masks").
    "icon-maskable-512.png": (filled(0.8), 512),
    "apple-touch-icon.png": (filled(0.9), 180),
}


def main() -> None:
    for name, (picture, size) in ICONS.items():
        (STATIC / name).write_bytes(png(picture, size))


if __name__ == "__main__":
    main()
