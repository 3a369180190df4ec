"""What can go wrong while setting up, in words that say what helps."""

from __future__ import annotations

import errno
import re
import sys
from pathlib import Path

NEEDED_BYTES = 500 * 2**20  # the dev layer takes about 400 MB, with the downloads beside it

_WHEELHOUSE = "for a machine without internet, see --wheelhouse in the README"

# The first that pip's output matches is said; the order matters, since a retry's text follows many causes.
_CAUSES = (
    (
        r"No space left on device|Disk quota exceeded|not enough space on the disk",
        "the disk is full; free some space, or move the folder with DICOM_MIGRATOR_CACHE",
    ),
    (
        r"DO NOT MATCH THE HASHES",
        "a downloaded package is not the one that was tested (its hash differs); nothing was installed. "
        "A damaged download passes with the next start; a proxy or an index that changes files does not",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError|SSL: ",
        "the package index's certificate is not trusted; where the network inspects TLS, point PIP_CERT at "
        "the certificate of its authority",
    ),
    (
        r"Proxy Authentication Required|ProxyError|Cannot connect to proxy",
        "the proxy refused or does not answer; check HTTPS_PROXY, or pip's own setting 'proxy'",
    ),
    (
        r"\b40[13] (?:Client )?(?:Error|Unauthorized|Forbidden)",
        "the package index refused; check the name and password in pip's setting 'index-url'",
    ),
    (
        r"Retrying \(|NewConnectionError|Temporary failure in name resolution|Network is unreachable|"
        r"ConnectTimeout|ReadTimeout|Read timed out|Connection (?:refused|reset|aborted)|getaddrinfo failed",
        f"no connection to the package index; check the network or pip's proxy settings; {_WHEELHOUSE}",
    ),
    (
        r"Permission denied|Access is denied|Read-only file system",
        "writing was not permitted; choose another folder with DICOM_MIGRATOR_CACHE",
    ),
)


def explain(output: str, log: Path | None) -> str:
    """Why pip failed, from what it wrote; ends by naming the log that holds all of it."""
    ending = f" (pip's own words are in {log})" if log else ""
    for pattern, words in _CAUSES:
        if re.search(pattern, output):
            return f"set-up failed: {words}{ending}"
    if missing := re.search(r"No matching distribution found for (\S+)", output):
        return (
            f"set-up failed: neither index nor wheelhouse has {missing[1]} for this Python"
            f" ({sys.version.split()[0]}, {sys.platform}){ending}"
        )
    last = next((line for line in reversed(output.splitlines()) if line.startswith("ERROR")), "pip failed")
    return f"set-up failed: {last}{ending}"


def explain_os_error(error: OSError, cache: Path) -> str:
    """Why the system refused to let us work in the cache folder."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"set-up failed: no space is left on the disk of {cache}; DICOM_MIGRATOR_CACHE moves the folder"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        where = error.filename or cache
        return f"set-up failed: no permission to write {where}; DICOM_MIGRATOR_CACHE moves the folder"
    return f"set-up failed in {cache}: {error}; DICOM_MIGRATOR_CACHE moves the folder"


def no_space(cache: Path, free: int) -> str:
    return (
        f"set-up needs {NEEDED_BYTES >> 20} MB in {cache}, and {free >> 20} MB are free;"
        " free some space, or move the folder with DICOM_MIGRATOR_CACHE"
    )


def no_home() -> str:
    return (
        "this user has no home directory: set HOME, or name the folder for what is set up with"
        " DICOM_MIGRATOR_CACHE"
    )


def no_pip(hint: str) -> str:
    return f"this Python has no pip: install {_debian_package()} {hint}"


def no_venv() -> str:
    return f"this Python lacks the module venv of its standard library: install {_debian_package()}"


def _debian_package() -> str:
    return "the package python{}.{}-venv (on Debian and Ubuntu: apt install python3-venv)".format(
        *sys.version_info
    )


def explain_import_error(error: ImportError) -> str:
    """What is wrong where a package that was set up cannot be loaded, and what to do."""
    return f"this installation is damaged: {error}. What to do: {how_anew()}"


def how_anew() -> str:
    """How what this program consists of is made whole again."""
    if getattr(sys, "frozen", False):
        return "fetch the program again, and compare its SHA-256"
    return f"remove {sys.prefix}, and start anew: the packages are set up again"
