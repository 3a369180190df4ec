"""Writing files that hold patients' data: whole or not at all, and for their owner only."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from migrator.core.errors import UsageError

PHI_NOTICE = (
    "Contains protected health information. For authorised persons only: keep, pass on and destroy it as the "
    "law and your institution require."
)


@contextmanager
def whole_file(file: Path) -> Iterator[BinaryIO]:
    """A stream whose content appears as `file`, mode 0600, when the `with` block ends without an error.

    Raises UsageError when nothing can be written there.
    """
    if file.exists() and not file.is_file():
        raise UsageError(f"cannot write {file}: it is no regular file")  # root would replace /dev/null
    try:
        # mkstemp makes it readable by its owner only.
        descriptor, temporary = tempfile.mkstemp(".tmp", f".{file.name}-", file.absolute().parent)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(file)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def write_whole(file: Path, data: bytes) -> None:
    """Write `data` as `file`, all of it or nothing. Raises UsageError."""
    with whole_file(file) as stream:
        stream.write(data)
