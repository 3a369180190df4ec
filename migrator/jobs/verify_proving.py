"""What a verification is told: whom to ask, how, and whom to keep posted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from migrator.core.model import Node
from migrator.core.settings import Settings


def _nobody(count: int, total: int) -> None:
    """For callers that do not care."""


@dataclass(frozen=True, slots=True)
class Proving:
    """`root` is where the source is now, if it is still there; `home` the data directory.

    `asked` hears how many studies were asked for, and of how many; `compared` how many objects were retrieved
    and compared, likewise.
    """

    node: Node
    settings: Settings
    home: Path
    root: str
    asked: Callable[[int, int], None] = _nobody
    compared: Callable[[int, int], None] = _nobody
