"""Chooses the face. With a command: the command line. Without: the window, and only then is Qt imported."""

from __future__ import annotations

import sys
from collections.abc import Callable

from migrator.bootstrap import SETUP_FAILED
from migrator.bootstrap.launch import wants_window
from migrator.bootstrap.trouble import explain_import_error


def main() -> int:
    """Run what the arguments ask for; returns the exit code."""
    return guarded(command_line if not wants_window(sys.argv[1:]) else _window)


def command_line() -> int:
    """Run the command line, whatever the arguments."""
    from migrator.cli.main import main as run

    return run(sys.argv[1:])


def _window() -> int:
    from migrator.ui.app import main as run

    return run(sys.argv[1:])


def guarded(face: Callable[[], int]) -> int:
    """Run a face; where a package cannot be loaded, say so and what to do, and return 6."""
    try:
        return face()
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "migrator":
            raise
        words = explain_import_error(error)
        if sys.stderr is None:  # Windows shows what ends a program with windows, and nothing that it prints
            raise ImportError(words) from error
        print(f"dicom_migrator: {words}", file=sys.stderr)
        return SETUP_FAILED


if __name__ == "__main__":
    sys.exit(main())
