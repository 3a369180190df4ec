"""The single file dicom_migrator.pyz: its program is unpacked once into the cache, and runs from there.

Why it does not run out of the archive: decoders are spawned, and the window starts our own command line by
the path of a script; templates and pictures are files. Unpacked, it is a clone like any other, in one place
for all starts, and its environment is the clone's own.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import platform
import sys
import time
import zipimport
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from migrator.bootstrap import SETUP_FAILED, SetupError, locking, trouble
from migrator.bootstrap.environment import (
    MARKER,
    PROGRAM,
    cache_folder,
    lock_file_of,
    make_cache,
    remove,
    remove_unless_used,
    share_program,
)

CONTENTS = "CONTENTS"  # of the archive: a line for each file of the program, "SHA-256 size name"
WHEELS = "wheels/"  # in the archive, of the form that needs no internet
WHEELS_FOR = "wheels/for.json"

# A run that is to go on after a restart names its program's folder, and a machine may be off for long.
_UNUSED_SECONDS = 365 * 86400.0
_INTERRUPTED = 130


class _Member(NamedTuple):
    digest: str
    size: int
    name: str


def run(archive: str) -> int:
    """Run the program of this archive with sys.argv; returns its exit code, or does not return (exec).

    6 says that it could not be unpacked.
    """
    try:
        root, hold = unpacked(Path(archive))
    except SetupError as error:
        print(f"dicom_migrator: {error}", file=sys.stderr)
        return SETUP_FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    hold.keep()
    if _member(Path(archive), WHEELS_FOR) is not None and not any(
        word.startswith("--wheelhouse") for word in sys.argv
    ):
        sys.argv.insert(1, f"--wheelhouse={archive}")
    # From here on everything is imported from the folder, also what was imported from the archive.
    for name in [name for name in sys.modules if name.partition(".")[0] in ("migrator", "dicom_migrator")]:
        del sys.modules[name]
    sys.path[0] = str(root)
    code: int = importlib.import_module("dicom_migrator").main()
    return code


def unpacked(archive: Path) -> tuple[Path, locking.Hold]:
    """The folder with this archive's program, and the lock that keeps it from being removed.

    Raises SetupError.
    """
    contents = _member(archive, CONTENTS)
    if contents is None:
        raise _damaged(archive)
    folder = cache_folder() / f"{PROGRAM}{hashlib.sha256(contents).hexdigest()[:16]}"
    while True:
        hold = share_program(folder)
        if hold is not None:
            if _is_complete(folder, contents):
                return folder, hold
            hold.release()
        try:
            _unpack_alone(archive, folder, contents)
        except OSError as error:
            raise SetupError(trouble.explain_os_error(error, folder.parent)) from error


def check_carried(archive: Path, layer: str) -> None:
    """Raise SetupError where an archive does not carry the packages of this layer for this Python."""
    import json  # late, as below: a start that finds all in place needs none of it

    text = _member(archive, WHEELS_FOR)
    if text is None:
        raise SetupError(f"{archive} carries no packages: --wheelhouse needs a folder of wheels")
    try:
        told = json.loads(text)
        layers, told_python, told_platform = told["layers"], told["python"], told["platform"]
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(archive) from error
    here = {
        "python": "{}.{}".format(*sys.version_info),
        "sys_platform": sys.platform,
        "platform_machine": platform.machine(),
    }
    if any(told.get(key) != value for key, value in here.items()):
        raise SetupError(
            f"{archive.name} carries packages for Python {told_python} on {told_platform}, and this is "
            f"Python {here['python']} on {sys.platform}, {platform.machine()}: fetch the file that is for "
            "this, or start it with that Python"
        )
    if layer not in layers:
        raise SetupError(
            f"{archive.name} carries no packages for the {layer}: a file that was made with --window does; "
            "the commands work without: --help shows them"
        )


def unpack_wheels(archive: Path, folder: Path) -> Path:
    """Unpack the packages that an archive carries into a new `folder`. Raises SetupError and OSError."""
    from zipfile import BadZipFile, ZipFile

    folder.mkdir()
    try:
        with ZipFile(archive) as opened:
            for name in opened.namelist():
                if name.startswith(WHEELS) and name.endswith(".whl"):
                    # Its last part only: nobody has looked yet at where the archive is from.
                    (folder / Path(name).name).write_bytes(opened.read(name))
    except (BadZipFile, EOFError, RuntimeError, zlib.error) as error:
        raise _damaged(archive) from error
    return folder


def _member(archive: Path, name: str) -> bytes | None:
    """What an archive holds under this name; None where it holds nothing there, or is none."""
    try:
        return zipimport.zipimporter(str(archive)).get_data(name)
    except (OSError, ImportError, zlib.error):
        return None


def _damaged(archive: Path) -> SetupError:
    return SetupError(f"{archive} is damaged: fetch it again, and compare its SHA-256")


def _members(contents: bytes) -> Iterator[_Member]:
    for line in contents.decode("utf-8").splitlines():
        digest, size, name = line.split(" ", 2)
        yield _Member(digest, int(size), name)


def _is_complete(folder: Path, contents: bytes) -> bool:
    """Whether it was unpacked to its end, and every file is still there in its size."""
    try:
        if (folder / MARKER).read_bytes() != contents:
            return False
        root = str(folder)
        return all(os.stat(f"{root}/{one.name}").st_size == one.size for one in _members(contents))  # noqa: PTH116
    except OSError:
        return False


def _unpack_alone(archive: Path, folder: Path, contents: bytes) -> None:
    """Unpack, unless another start does it meanwhile; then remove what nobody uses any more."""
    make_cache(folder.parent)
    claim = locking.claim(lock_file_of(folder), lambda: None)
    try:
        if not _is_complete(folder, contents):
            # The marker is written last: without it, the folder is what an interrupted start left behind.
            remove(folder)
            try:
                _unpack(archive, folder, contents)
            except BaseException:
                with suppress(OSError):
                    remove(folder)
                raise
            _remove_unused(folder)
    finally:
        claim.release()


def _unpack(archive: Path, folder: Path, contents: bytes) -> None:
    from zipfile import BadZipFile, ZipFile

    try:
        with ZipFile(archive) as opened:
            for member in _members(contents):
                data = opened.read(member.name)
                if (hashlib.sha256(data).hexdigest(), len(data)) != (member.digest, member.size):
                    raise _damaged(archive)
                _write(folder / member.name, data)
    except (BadZipFile, EOFError, KeyError, ValueError, RuntimeError, zlib.error) as error:
        raise _damaged(archive) from error
    if sys.platform != "win32":
        os.sync()
    _write(folder / MARKER, contents)


def _write(file: Path, data: bytes) -> None:
    """Write a file that others may read at most, whatever this user's umask is."""
    file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with open(file, "wb", opener=lambda path, flags: os.open(path, flags, 0o644)) as stream:
        stream.write(data)


def _remove_unused(folder: Path) -> None:
    """Remove other programs of this kind that nobody has started for a year, unless one is in use.

    What an interrupted start or removal left of one goes as well, a year after.
    """
    for other in folder.parent.glob(f"{PROGRAM}*"):
        with suppress(OSError):
            if other == folder or not other.is_dir():
                continue
            marker = other / MARKER
            used = (marker if marker.exists() else other).stat().st_mtime
            if time.time() - used >= _UNUSED_SECONDS:
                remove_unless_used(other)
