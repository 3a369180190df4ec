"""Opening source files so that nobody else notices: read-only, shared, without touching access times."""

from __future__ import annotations

import os
import sys

from migrator.core.paths import long_path

if sys.platform == "win32":
    import ctypes
    import msvcrt
    from ctypes import wintypes

    _GENERIC_READ = 0x80000000
    _SHARE_READ_WRITE_DELETE = 0x1 | 0x2 | 0x4
    _OPEN_EXISTING = 3
    _INVALID_HANDLE = wintypes.HANDLE(-1).value

    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel32.CreateFileW.restype = wintypes.HANDLE
    _kernel32.CreateFileW.argtypes = (
        wintypes.LPCWSTR,
        wintypes.DWORD,
        wintypes.DWORD,
        wintypes.LPVOID,
        wintypes.DWORD,
        wintypes.DWORD,
        wintypes.HANDLE,
    )

    def open_readonly(path: str) -> int:
        """Open a file for reading while others may write, rename or delete it; returns a descriptor.

        Paths may be longer than 260 characters. Raises OSError.
        """
        handle = _kernel32.CreateFileW(
            long_path(path), _GENERIC_READ, _SHARE_READ_WRITE_DELETE, None, _OPEN_EXISTING, 0, None
        )
        if handle == _INVALID_HANDLE:
            raise ctypes.WinError(ctypes.get_last_error())
        return msvcrt.open_osfhandle(handle, os.O_RDONLY | os.O_BINARY | os.O_NOINHERIT)

else:
    _flags = os.O_RDONLY | getattr(os, "O_NOATIME", 0)

    def open_readonly(path: str) -> int:
        """Open a file for reading without updating its access time where that is allowed.

        Returns a descriptor. Raises OSError.
        """
        global _flags
        try:
            return os.open(path, _flags)
        except PermissionError:
            descriptor = os.open(path, os.O_RDONLY)
        # Linux grants O_NOATIME to a file's owner only; an archive has one owner, so it is not tried again.
        _flags = os.O_RDONLY
        return descriptor
