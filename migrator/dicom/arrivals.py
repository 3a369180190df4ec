"""Objects that come back from a destination: each a bare data set in a file of ours, one at a time."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from migrator.core.model import ContextPair


@dataclass(frozen=True, slots=True)
class Arrived:
    """One object as it came. `by` is the service that brought it; the file is the taker's to remove."""

    path: Path
    uid: str
    pair: ContextPair
    by: str


class Tray:
    """Holds the one object that is waited for; all others are not kept. For any thread."""

    def __init__(self, folder: Path) -> None:
        """Files are made in `folder`, readable by their owner only."""
        self._folder = folder
        self._changed = threading.Condition()
        self._wanted = ""  # guarded by _changed, as all below
        self._arrived: Arrived | None = None

    def expect(self, uid: str) -> None:
        """Wait for this object from now on; what came before and was not taken is thrown away."""
        with self._changed:
            self._drop()
            self._wanted = uid

    def wants(self, uid: str) -> bool:
        with self._changed:
            return uid == self._wanted and self._arrived is None

    def draft(self, uid: str) -> Draft | None:
        """A new file for an object that begins to arrive; None where it is not wanted. Raises OSError."""
        if not self.wants(uid):
            return None
        descriptor, name = tempfile.mkstemp(".dcm", "retrieved-", self._folder)
        return Draft(descriptor, Path(name))

    def put(self, arrived: Arrived) -> None:
        """An object that came whole; the first one counts."""
        with self._changed:
            if arrived.uid == self._wanted and self._arrived is None:
                self._arrived = arrived
                self._changed.notify_all()
            else:
                arrived.path.unlink(missing_ok=True)

    def take(self, seconds: float = 0.0) -> Arrived | None:
        """The object, waited for so long if need be; None where it did not come."""
        with self._changed:
            self._changed.wait_for(lambda: self._arrived is not None, seconds)
            arrived, self._arrived = self._arrived, None
            return arrived

    def _drop(self) -> None:
        arrived, self._arrived = self._arrived, None
        if arrived is not None:
            arrived.path.unlink(missing_ok=True)


class Draft:
    """A file that grows while its object arrives. Owns the descriptor."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self.path = path
        self.trouble = ""
        """Why it cannot be kept, in words."""

    def write(self, data: bytes) -> None:
        """Append. Never raises: what cannot be written is `trouble`."""
        if self.trouble:
            return
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            self.trouble = f"it cannot be kept here: {error.strerror}"

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def discard(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)
