"""What this installation consists of. It imports none of what it judges: any of that may be damaged."""

from __future__ import annotations

import importlib
import platform
import re
import ssl
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from migrator import __version__
from migrator.bootstrap.trouble import how_anew
from migrator.jobs.self_test_model import ABSENT, FAILED, OK, Finding, Place

# What pyproject.toml pins, each with the module that it brings.
PACKAGES = {
    "cryptography": "cryptography.x509",
    "filelock": "filelock",
    "httpx2": "httpx2",
    "jinja2": "jinja2",
    "keyring": "keyring",
    "numpy": "numpy",
    "orjson": "orjson",
    "pydantic": "pydantic",
    "pydicom": "pydicom",
    "pyjpegls": "jpeg_ls",
    "pylibjpeg": "pylibjpeg",
    "pylibjpeg-libjpeg": "libjpeg",
    "pylibjpeg-openjpeg": "openjpeg",
    "pylibjpeg-rle": "rle",
    "pynetdicom": "pynetdicom",
    "rich": "rich",
    "segno": "segno",
    "starlette": "starlette",
    "typst": "typst",
    "uvicorn": "uvicorn",
    "wakepy": "wakepy",
}
_LOCK = Path(__file__).resolve().parents[2] / "requirements" / "base.lock"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def program(place: Place) -> Iterator[Finding]:
    """Which program, in which Python, on which system."""
    form = "executable" if getattr(sys, "frozen", False) else "Python"
    python = f"Python {platform.python_version()} ({platform.python_implementation()})"
    system = f"{platform.system()} {platform.release()}, {platform.machine()}"
    yield Finding("program", OK, f"DICOM PACS Migrator {__version__}, {form}: {sys.executable}")
    yield Finding("Python", OK, f"{python}, {ssl.OPENSSL_VERSION}, {system}")


def packages(place: Place) -> Iterator[Finding]:
    """Each package can be imported, and is the one that was tested."""
    locked = _locked()
    good: list[str] = []
    for name, module in PACKAGES.items():
        finding, version = _package(name, module, locked.get(name, set()))
        if finding is None:
            good.append(f"{name} {version}")
        else:
            yield finding
    against = "as locked" if locked else "no lock to compare with"
    yield Finding("packages", OK if good else FAILED, f"{', '.join(good)} ({against})")


def _package(name: str, module: str, pinned: set[str]) -> tuple[Finding | None, str]:
    """What is wrong with a package, and its version where that is known."""
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        version = "(version unknown)"  # an executable may lack what an installer writes
    try:
        importlib.import_module(module)
    # A damaged library fails in ways of its own, and the other packages are still to be looked at.
    except Exception as error:  # noqa: BLE001
        if name == "cryptography" and sys.platform == "darwin" and platform.machine() == "x86_64":
            words = "there is none for Intel Macs: the monitor makes no certificate of its own"
            return Finding(f"package {name}", ABSENT, words), version
        return Finding(f"package {name}", FAILED, f"cannot be imported: {error}", how_anew()), version
    if pinned and version not in pinned and version[0] != "(":
        words = f"is {version}; {' or '.join(sorted(pinned))} was tested"
        return Finding(f"package {name}", FAILED, words, "install what requirements/base.lock names"), version
    return None, version


def _locked() -> dict[str, set[str]]:
    """The versions that the lock allows, by package; empty where no lock lies beside the program."""
    try:
        text = _LOCK.read_text("utf-8")
    except OSError:
        return {}
    versions: dict[str, set[str]] = {}
    for name, version in _PIN.findall(text):
        versions.setdefault(name, set()).add(version)
    return versions
