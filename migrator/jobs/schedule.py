"""What a schedule means at this moment, in the words of the run that would keep to it."""

from __future__ import annotations

from migrator.core.control import Control
from migrator.core.settings import PaceSettings
from migrator.engine.pacing import Clock, Pacing


def schedule_words(settings: PaceSettings, workers: int, clock: Clock | None = None) -> str:
    """What would hold a run back that was begun now; empty where nothing would."""
    return Pacing(settings, workers, Control(), clock).hold()
