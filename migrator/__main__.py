"""Chooses the face. With a command: the command line. The window comes later and is imported only then."""

from __future__ import annotations

import sys

from migrator.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
