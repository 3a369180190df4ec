"""Chooses the face. With a command: the command line. Without: the window, and only then is Qt imported."""

from __future__ import annotations

import sys

from migrator.bootstrap.launch import wants_window
from migrator.cli.main import main as command_line


def main() -> int:
    """Run what the arguments ask for; returns the exit code."""
    arguments = sys.argv[1:]
    if not wants_window(arguments):
        return command_line(arguments)
    from migrator.ui.app import main as window

    return window(arguments)


if __name__ == "__main__":
    sys.exit(main())
