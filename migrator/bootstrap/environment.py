"""Where a private environment lies, whether it is complete, and which others it replaces."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from migrator.bootstrap import SetupError, locking

MARKER = "complete"
PROGRAM = "program-"  # what the folder of an unpacked program begins with (see unpacking)
_LAYOUT = b"1\n"  # raise it when environments of an older launcher must not be used any more


class Environment(NamedTuple):
    """A private environment in `folder` for exactly what `lock` says, present or not."""

    folder: Path
    layer: str
    lock: Path
    digest: str

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")

    @property
    def packages(self) -> Path:
        """Its site-packages."""
        if sys.platform == "win32":
            return self.folder / "Lib" / "site-packages"
        return self.folder / "lib" / "python{}.{}".format(*sys.version_info) / "site-packages"

    @property
    def temporary(self) -> Path:
        """Where set-up keeps what it needs only meanwhile; on the same disk, so that one check is enough."""
        return self.folder / "tmp"

    @property
    def lock_file(self) -> Path:
        """The file by whose OS lock those who use and those who change the environment avoid each other."""
        return lock_file_of(self.folder)


def cache_folder() -> Path:
    """The folder of all private environments: $DICOM_MIGRATOR_CACHE, else the system's place for caches.

    Raises SetupError where this user has no home directory that could be found.
    """
    try:
        return _cache_folder()
    except RuntimeError as error:
        from migrator.bootstrap import trouble  # late: hardly any start has trouble

        raise SetupError(trouble.no_home()) from error


def make_cache(folder: Path) -> None:
    """Make the folder, which others may read at most, whatever this user's umask is. Raises OSError."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o755, exist_ok=True)


def _cache_folder() -> Path:
    if chosen := os.environ.get("DICOM_MIGRATOR_CACHE"):
        return Path(chosen).expanduser().absolute()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "dicom_migrator"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "dicom_migrator"
    # The XDG specification says that a relative path is to be ignored.
    shared = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(shared) if os.path.isabs(shared) else Path.home() / ".cache") / "dicom_migrator"  # noqa: PTH117


def environment_for(layer: str, lock: Path, cache: Path) -> Environment:
    """The environment that holds exactly what `lock` says, for this Python on this kind of machine."""
    content = lock.read_bytes().replace(b"\r\n", b"\n")
    digest = hashlib.sha256(_LAYOUT + content).hexdigest()
    machine = "-".join((sys.implementation.cache_tag or sys.implementation.name, sys.platform, _machine()))
    return Environment(cache / f"env-{digest[:16]}-{machine}", layer, lock, digest)


def lock_file_of(folder: Path) -> Path:
    """The lock file of a folder in the cache."""
    return folder.with_name(folder.name + ".lock")


def _machine() -> str:
    # platform.machine() may start a process on Windows; there the width of a pointer tells enough.
    return platform.machine() if sys.platform != "win32" else ("64" if sys.maxsize > 2**32 else "32")


def is_complete(environment: Environment) -> bool:
    """Whether it was installed to its end and is still all there, as far as one listing shows."""
    try:
        layer, digest, *names = (environment.folder / MARKER).read_text("utf-8").splitlines()
        present = set(os.listdir(environment.packages))  # noqa: PTH208
    except (OSError, ValueError):
        return False
    return (
        (layer, digest) == (environment.layer, environment.digest)
        and present.issuperset(names)
        and environment.python.exists()
        and (environment.folder / "pyvenv.cfg").exists()
    )


def mark_complete(environment: Environment) -> None:
    """Write the marker, as the very last step; all that it vouches for is on the disk before it."""
    if sys.platform != "win32":
        os.sync()
    names = sorted(path.name for path in environment.packages.iterdir())
    marker = environment.folder / MARKER
    unfinished = marker.with_suffix(".part")
    with unfinished.open("w", encoding="utf-8") as file:
        file.write("\n".join((environment.layer, environment.digest, *names)) + "\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(marker)


def remove_replaced(environment: Environment) -> None:
    """Remove the environments of the same layer that were made from another lock, unless one is in use."""
    for folder in _replaced_by(environment):
        with suppress(OSError):
            remove_unless_used(folder)


def remove_unless_used(folder: Path) -> None:
    """Delete an environment or a program, and its lock file, unless somebody uses it. Raises OSError."""
    claim = locking.try_claim(lock_file_of(folder))
    if claim is None:
        return
    try:
        remove(folder)
    except BaseException:
        # Or whoever starts it meanwhile would wait for our end.
        claim.release()
        raise
    claim.release(remove=True)


def remove(folder: Path) -> None:
    """Delete an environment, its marker first, so that an interrupted removal leaves no complete one.

    Raises OSError.
    """
    if not folder.exists():
        return
    if sys.platform == "win32":
        # Renaming fails while a program of the environment runs: nothing is torn out from under it.
        folder = folder.rename(folder.with_name(f"removed-{os.getpid()}-{folder.name}"))
    (folder / MARKER).unlink(missing_ok=True)
    shutil.rmtree(folder)


def share_program(root: Path) -> locking.Hold | None:
    """What keeps an unpacked program from being removed while it runs; None while it is being changed.

    From now on it counts as used. A clone is no unpacked program, and needs nothing of the kind.
    """
    if not root.name.startswith(PROGRAM):
        return locking.Hold(root, None)
    with suppress(OSError):
        os.utime(root / MARKER)
    if sys.platform == "win32":
        # A folder in which a file is open cannot be renamed, and so is not removed.
        with suppress(OSError):
            return locking.Hold(root, os.open(root / MARKER, os.O_RDONLY))
        return locking.Hold(root, None)
    return locking.share(lock_file_of(root))


def _replaced_by(environment: Environment) -> Iterator[Path]:
    for marker in environment.folder.parent.glob(f"env-*/{MARKER}"):
        with suppress(OSError, ValueError):
            layer, digest, *_ = marker.read_text("utf-8").splitlines()
            if layer == environment.layer and digest != environment.digest:
                yield marker.parent
