"""An operating-system lock on a file: many may use an environment, only one may change it.

On POSIX it is flock: shared while used, exclusive while changed; it survives exec, so a running migrator
holds it. On Windows there is only the exclusive lock; a running program keeps its folder from being renamed.
A file system without locks (some network shares) is used without.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class Hold:
    """A lock that is held until `release`, or until the process and those that inherited it end."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self._path = path
        self.descriptor = descriptor

    def keep(self) -> None:
        """Let the lock survive exec: the program that follows goes on holding it."""
        if self.descriptor is not None:
            os.set_inheritable(self.descriptor, True)

    def release(self, *, remove: bool = False) -> None:
        """Give the lock back; with `remove`, delete its file too."""
        if remove:
            with suppress(OSError):
                self._path.unlink()
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


def claim(path: Path, waiting: Callable[[], None]) -> Hold:
    """The exclusive lock; calls `waiting` once where another holds it, and waits. Raises OSError."""
    hold = try_claim(path)
    if hold is None:
        waiting()
        while (hold := _claim_patiently(path)) is None:
            continue
    return hold


if sys.platform == "win32":
    import msvcrt

    def share(path: Path) -> Hold | None:
        """Nothing to hold: see the module's text."""
        return Hold(path, None)

    def try_claim(path: Path) -> Hold | None:
        """The exclusive lock, or None while another holds it. Raises OSError."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            os.close(descriptor)
            return None
        return Hold(path, descriptor)

    def _claim_patiently(path: Path) -> Hold | None:
        time.sleep(0.2)
        return try_claim(path)

else:
    import fcntl

    def share(path: Path) -> Hold | None:
        """The shared lock, or None while another has claimed it."""
        try:
            return _lock(path, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            # A cache that an administrator prepared and that we may only read: there is nothing to protect.
            return Hold(path, None)

    def try_claim(path: Path) -> Hold | None:
        """The exclusive lock, or None while another holds or shares it. Raises OSError."""
        return _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _claim_patiently(path: Path) -> Hold | None:
        return _lock(path, fcntl.LOCK_EX)

    def _lock(path: Path, kind: int) -> Hold | None:
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(descriptor, kind)
            except BlockingIOError:
                os.close(descriptor)
                return None
            except OSError:
                return Hold(path, descriptor)
            if _is_still_at(path, descriptor):
                return Hold(path, descriptor)
            os.close(descriptor)

    def _is_still_at(path: Path, descriptor: int) -> bool:
        # Whoever removed an environment removed its lock file too, perhaps while we waited for it.
        try:
            return os.path.samestat(path.stat(), os.fstat(descriptor))
        except FileNotFoundError:
            return False
