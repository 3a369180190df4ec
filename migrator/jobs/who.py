"""Who runs this program, for records that name a responsible person."""

from __future__ import annotations

import getpass
import platform


def operator() -> str:
    """The user's name at this machine's name; "unknown" for what the system has no name for."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"  # a container may run as a number that no password file lists
    return f"{user}@{platform.node() or 'unknown'}"
