"""What this machine brings along: folders, time, TLS, keyring, window."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import ssl
import stat
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from migrator.bootstrap import libraries
from migrator.core.errors import UsageError
from migrator.jobs.home import data_home
from migrator.jobs.secrets import has_keyring
from migrator.jobs.self_test_model import ABSENT, FAILED, OK, Finding, Place, told
from migrator.jobs.self_test_tls import trouble_shaking_hands

_NEEDED_BYTES = 200 << 20
_EARLIEST = datetime(2026, 1, 1).timestamp()


def data_directory(place: Place) -> Iterator[Finding]:
    """It can be written, locked and is its owner's; enough of the disk is free."""
    from filelock import FileLock  # late, as keyring below: where one is damaged, the others are tried

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
    import keyring

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
