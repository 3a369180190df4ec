"""The layers of packages. Each has a complete lock, and so an environment of its own."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Layer(NamedTuple):
    """A set of packages: its name, and its lock relative to the root of the clone."""

    name: str
    lock: str

    def lock_in(self, root: Path) -> Path:
        return root / self.lock


BASE = Layer("base", "requirements/base.lock")
WINDOW = Layer("window", "requirements/window.lock")  # with those of the base; from the first window on
DEV = Layer("dev", "requirements/dev.lock")
