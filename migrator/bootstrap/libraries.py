"""The system's libraries that a window needs on Linux: which are missing, and what brings them.

Qt itself ends the program without a useful word when one of them lacks, so they are looked for before.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable, Mapping

# What Qt's packages do not bring: the library, and its package in Debian's family and in Red Hat's.
_NEEDED = {
    "libGL.so.1": ("libgl1", "mesa-libGL"),
    "libfontconfig.so.1": ("libfontconfig1", "fontconfig"),
    "libfreetype.so.6": ("libfreetype6", "freetype"),
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libdbus-1.so.3": ("libdbus-1-3", "dbus-libs"),
    "libX11-xcb.so.1": ("libx11-xcb1", "libX11-xcb"),
    "libXext.so.6": ("libxext6", "libXext"),
    "libxkbcommon.so.0": ("libxkbcommon0", "libxkbcommon"),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0", "libxkbcommon-x11"),
    "libxcb-icccm.so.4": ("libxcb-icccm4", "xcb-util-wm"),
    "libxcb-image.so.0": ("libxcb-image0", "xcb-util-image"),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1", "xcb-util-keysyms"),
    "libxcb-randr.so.0": ("libxcb-randr0", "libxcb"),
    "libxcb-render.so.0": ("libxcb-render0", "libxcb"),
    "libxcb-render-util.so.0": ("libxcb-render-util0", "xcb-util-renderutil"),
    "libxcb-shape.so.0": ("libxcb-shape0", "libxcb"),
    "libxcb-shm.so.0": ("libxcb-shm0", "libxcb"),
    "libxcb-sync.so.1": ("libxcb-sync1", "libxcb"),
    "libxcb-xfixes.so.0": ("libxcb-xfixes0", "libxcb"),
    "libxcb-xinerama.so.0": ("libxcb-xinerama0", "libxcb"),
    "libxcb-xkb.so.1": ("libxcb-xkb1", "libxcb"),
}
# Without a display only these are needed (tests, screenshots).
_ALWAYS = ("libGL.so.1", "libfontconfig.so.1", "libfreetype.so.6", "libglib-2.0.so.0", "libXext.so.6")
_WITHOUT_DISPLAY = ("offscreen", "minimal", "vnc")

DEBIAN = {library: packages[0] for library, packages in _NEEDED.items()}
"""The package of each in Debian and its relatives."""


def has_display(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a window could be shown at all, as far as one can know."""
    if sys.platform != "linux" or environment.get("QT_QPA_PLATFORM"):
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def missing_libraries(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The libraries that a window needs here and that this system lacks."""
    if sys.platform != "linux":
        return []
    is_bare = environment.get("QT_QPA_PLATFORM", "").startswith(_WITHOUT_DISPLAY)
    return [library for library in (_ALWAYS if is_bare else _NEEDED) if not is_here(library)]


def explain(missing: Iterable[str]) -> str:
    """What to install, in the words of the systems that are used most."""
    lacking = list(missing)
    debian = " ".join(dict.fromkeys(_NEEDED[library][0] for library in lacking))
    red_hat = " ".join(dict.fromkeys(_NEEDED[library][1] for library in lacking))
    return (
        f"the window needs libraries that this system lacks: {', '.join(lacking)}\n"
        f"  Debian, Ubuntu:  sudo apt install {debian}\n"
        f"  Fedora, RHEL:    sudo dnf install {red_hat}\n"
        "All commands work without them: dicom_migrator.py --help"
    )


NO_DISPLAY = (
    "there is no display for a window (DISPLAY and WAYLAND_DISPLAY are not set); all commands work without "
    "one: dicom_migrator.py --help"
)


def is_here(library: str) -> bool:
    """Whether the system's loader finds this library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
