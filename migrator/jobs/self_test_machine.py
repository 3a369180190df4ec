"""What this machine and this installation bring along: versions, folders, time, TLS, keyring, window."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import re
import shutil
import ssl
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from importlib import metadata
from pathlib import Path

import keyring
from filelock import FileLock

from migrator import __version__
from migrator.bootstrap import libraries
from migrator.core.errors import UsageError
from migrator.jobs.home import data_home
from migrator.jobs.secrets import has_keyring
from migrator.jobs.self_test_model import ABSENT, FAILED, OK, Finding, Place, told
from migrator.jobs.self_test_tls import trouble_shaking_hands

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
_NEEDED_BYTES = 200 << 20
_EARLIEST = datetime(2026, 1, 1).timestamp()


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
        return Finding(f"package {name}", FAILED, f"cannot be imported: {error}", _anew()), version
    if pinned and version not in pinned and version[0] != "(":
        words = f"is {version}; {' or '.join(sorted(pinned))} was tested"
        return Finding(f"package {name}", FAILED, words, "install what requirements/base.lock names"), version
    return None, version


def _anew() -> str:
    """How what this program consists of is made whole again."""
    if getattr(sys, "frozen", False):
        return "fetch the program again, and compare its SHA-256"
    return f"remove {sys.prefix}, and start anew: the packages are set up again"


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


def data_directory(place: Place) -> Iterator[Finding]:
    """It can be written, locked and is its owner's; enough of the disk is free."""
    name = "data directory"
    try:
        home = data_home(str(place.home))
        with (
            tempfile.TemporaryDirectory(dir=home, prefix="self-test-") as folder,
            FileLock(Path(folder) / "lock", timeout=0),
        ):
            (Path(folder) / "file").write_bytes(b"\0" * 4096)
    except (OSError, UsageError) as error:
        remedy = "choose another with --home, or DICOM_MIGRATOR_HOME"
        yield Finding(name, FAILED, f"{place.home} cannot be written: {error}", remedy)
        return
    free = shutil.disk_usage(home).free
    full = f"only {free >> 20:,} MB are free in {home}" if free < _NEEDED_BYTES else ""
    yield told(name, full, f"{home}: writable, {free / 1e9:,.1f} GB free", "free some space, or use --home")
    if os.name == "posix" and stat.S_IMODE(home.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        words = f"{home} is open to others of this machine; what is recorded of migrations names files"
        yield Finding("data directory's owner", ABSENT, words, f"chmod 700 {home}")


def clock(place: Place) -> Iterator[Finding]:
    """The clock is not plainly wrong, and knows its time zone."""
    now = datetime.now().astimezone()
    words = f"{now:%Y-%m-%d %H:%M:%S}, UTC{now:%z} ({now.tzname()})"
    wrong = f"the clock says {now:%Y-%m-%d}" if time.time() < _EARLIEST else ""
    yield told("time", wrong, words, "set the clock: certificates are judged by it")


def tls(place: Place) -> Iterator[Finding]:
    """A handshake on the loopback interface, with a certificate made for it."""
    if importlib.util.find_spec("cryptography") is None:
        words = f"{ssl.OPENSSL_VERSION}; not tried: cryptography, which makes a certificate, is not there"
        yield Finding("TLS", ABSENT, words)
        return
    trouble, words = trouble_shaking_hands(place.work)
    yield told("TLS", trouble, f"handshake on the loopback interface: {words}", "report this")


def authorities(place: Place) -> Iterator[Finding]:
    """The authorities that this system trusts can be loaded."""
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    loaded = len(context.get_ca_certs())
    has_folder = bool(paths.capath) and any(Path(paths.capath or "").glob("*.0"))
    if loaded or has_folder:
        yield Finding("trusted authorities", OK, f"{loaded} loaded" if loaded else f"in {paths.capath}")
        return
    words = "this system's trusted authorities were not found: TLS works with --ca only"
    yield Finding("trusted authorities", ABSENT, words, "install ca-certificates, or set SSL_CERT_FILE")


def secrets_kept(place: Place) -> Iterator[Finding]:
    """Whether there is a keyring that can keep passwords."""
    backend = keyring.get_keyring()
    if has_keyring():
        yield Finding("keyring", OK, str(backend.name))
        return
    words = "this system has none; secrets come from a file or the environment instead"
    yield Finding("keyring", ABSENT, words)


def window(place: Place) -> Iterator[Finding]:
    """Whether a window could be shown here."""
    if missing := libraries.missing_libraries():
        first, *rest = libraries.explain(missing).split("\n")
        yield Finding("window", ABSENT, first, "; ".join(line.strip() for line in rest[:2]))
        return
    if importlib.util.find_spec("PyQt5") is None:
        words = "its packages are not set up in this environment; the first start of the window does that"
        yield Finding("window", ABSENT, words)
        return
    try:
        qt = importlib.import_module("PyQt5.QtCore").PYQT_VERSION_STR
        importlib.import_module("PyQt5.QtWidgets")
    except ImportError as error:
        yield Finding("window", ABSENT, f"PyQt5 cannot be loaded: {error}")
        return
    display = "" if libraries.has_display() else "; there is no display now"
    yield Finding("window", OK, f"PyQt5 {qt}{display}")
