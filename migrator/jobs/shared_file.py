"""Reading a file that its writer may replace or rename meanwhile, on Windows too."""

from __future__ import annotations

import os
import sys
from io import BufferedReader
from pathlib import Path

if sys.platform == "win32":
    import _winapi
    import msvcrt

    _READ, _OPEN_EXISTING = 0x80000000, 3
    _SHARE_ALL = 0x1 | 0x2 | 0x4  # read, write, and delete, which Python's own open() leaves out

    def open_shared(file: Path) -> BufferedReader:
        """Open a file for reading without standing in the way of its writer. Raises OSError."""
        handle = _winapi.CreateFile(str(file), _READ, _SHARE_ALL, 0, _OPEN_EXISTING, 0, 0)
        return os.fdopen(msvcrt.open_osfhandle(handle, os.O_RDONLY | os.O_BINARY), "rb")

else:

    def open_shared(file: Path) -> BufferedReader:
        """Open a file for reading without standing in the way of its writer. Raises OSError."""
        return file.open("rb")
