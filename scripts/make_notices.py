"""Write THIRD_PARTY_NOTICES.md from the metadata of the packages that requirements/window.lock names.

Run it with a Python 3.11 on Linux whose environment holds them: scripts/make_notices.py --write, or without
the option to see whether the file is still right (exit code 1 where it is not).
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTICES = ROOT / "THIRD_PARTY_NOTICES.md"

OPENING = """# Third-party notices

DICOM PACS Migrator itself is under the MIT licence (LICENSE). It installs the packages below, unchanged,
from the package index; each keeps its own licence, whose text most bring in their `.dist-info` folder.

**PyQt5 and pylibjpeg-libjpeg are under the GPL, version 3.** PyQt5 shows the window, and is installed when
one is first opened; pylibjpeg-libjpeg decodes JPEG, and is loaded only when an image must be decompressed.
Whoever distributes a bundle that holds one of them (an installer, an exe, a container image) distributes the
whole under the terms of the GPL.

**The portable executables are such a bundle, and as a whole under the GPL, version 3.** Beside the packages
they hold the Python interpreter (PSF-2.0) with the libraries that it brings (OpenSSL, SQLite, libffi, zlib
and others, each under its own free licence), the start of PyInstaller (GPL-2.0, with an exception for what it
starts), and on Linux those libraries of the building system that Qt needs (X11, xcb, GLib, fontconfig,
PulseAudio and others: MIT-style and LGPL-2.1). The packages' licences lie in their `_internal` folder, in
`*.dist-info`. Their source is this project's, at the tag of the version that they tell, and that of the
packages in exactly the versions below; `scripts/build_exe.py` makes the executables of it.

| package | version | licence | home |
|---|---|---|---|
"""

# What the metadata leaves out or muddles, from the files that the packages bring along.
STATED = {
    "numpy": "BSD-3-Clause; its wheels hold OpenBLAS (BSD-3-Clause) and libgfortran (GPL-3.0 with exception)",
    "pydicom": "MIT, with parts under BSD-style terms",
    "pyjpegls": "MIT; holds CharLS (BSD-3-Clause)",
    "pyqt5": "GPL-3.0",
    "pyqt5-qt5": "LGPL-3.0: the libraries of Qt",
    "pyqt5-sip": "BSD-2-Clause",
    "qtawesome": "MIT; holds icon fonts: Material Design Icons (Apache-2.0) and others (OFL-1.1)",
    "pylibjpeg-libjpeg": "GPL-3.0; holds libjpeg by Thomas Richter (GPL-3.0)",
    "pylibjpeg-openjpeg": "MIT; holds OpenJPEG (BSD-2-Clause)",
}

# What is installed on other systems only, so that its metadata cannot be read here: licence and home.
ELSEWHERE = {
    "exceptiongroup": ("MIT", "https://github.com/agronholm/exceptiongroup"),
    "httpx2-jsfetch": ("BSD-3-Clause", "https://github.com/pydantic/httpx2"),
    "pywin32-ctypes": ("BSD-3-Clause", "https://github.com/enthought/pywin32-ctypes"),
}


def main() -> int:
    text = notices()
    if "--write" in sys.argv[1:]:
        NOTICES.write_text(text, encoding="utf-8", newline="\n")
        return 0
    return 0 if NOTICES.exists() and NOTICES.read_text("utf-8") == text else 1


def notices() -> str:
    lock = (ROOT / "requirements" / "window.lock").read_text("utf-8")
    pins = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock, re.MULTILINE)
    return OPENING + "".join(row(name, version) for name, version in pins)


def row(name: str, version: str) -> str:
    """A package's line; some are locked in two versions, each for other Pythons, under one licence."""
    try:
        about = metadata(name)
    except PackageNotFoundError:
        licence, home = ELSEWHERE[name]
        return f"| {name} | {version} | {licence} | <{home}> |\n"
    return f"| {name} | {version} | {licence_of(name, about)} | {home_of(about)} |\n"


def licence_of(name: str, about: PackageMetadata) -> str:
    """The licence as the package names it: an SPDX expression, a classifier, or a short text."""
    if name in STATED:
        return STATED[name]
    if expression := about.get("License-Expression"):
        return str(expression)
    classifiers = [text for text in about.get_all("Classifier") or [] if text.startswith("License ::")]
    words = [text.rpartition(":: ")[2] for text in classifiers]
    words = [text for text in words if text != "OSI Approved"]
    free = (about.get("License") or "").strip()
    return ", ".join(words) or (free if free and "\n" not in free else "see its files")


def home_of(about: PackageMetadata) -> str:
    links = dict(text.split(", ", 1) for text in about.get_all("Project-URL") or [])
    named = {name.lower(): address for name, address in links.items()}
    chosen = about.get("Home-page") or next(
        (named[name] for name in ("homepage", "repository", "source", "documentation") if name in named), ""
    )
    return f"<{chosen}>" if chosen else ""


if __name__ == "__main__":
    sys.exit(main())
