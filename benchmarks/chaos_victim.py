"""The migrator, as chaos runs it: python chaos_victim.py TREE RECORD COMMAND ...

Runs the command of the source tree TREE, and appends to RECORD a line "inode size" for every file that was
forced to the disk: what a power cut would leave of it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


def recording(record: int, fsync: Callable[[int], None]) -> Callable[[int], None]:
    """`fsync`, which tells `record` what it forced; the size is that of before, which is surely forced."""

    def forced(descriptor: int) -> None:
        status = os.fstat(descriptor)
        fsync(descriptor)
        os.write(record, f"{status.st_ino} {status.st_size}\n".encode())

    return forced


def main() -> int:
    tree, record, *arguments = sys.argv[1:]
    sys.path[0] = tree
    from migrator.cli.main import main as command

    os.fsync = recording(os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), os.fsync)
    return command(arguments)


if __name__ == "__main__":
    sys.exit(main())
