"""How long it is until something may be sent, by the run that waits or by the schedule that is set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from migrator.core.control import Control
from migrator.core.settings import PaceSettings
from migrator.engine.pacing import Clock, Pacing
from migrator.engine.schedule import wall


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing is sent before `until` (seconds since the epoch); `words` say why."""

    until: float
    words: str

    def left(self, now: float) -> float:
        """Seconds until then; 0 once it has come."""
        return max(0.0, self.until - now)


def waiting_of(settings: PaceSettings, clock: Clock | None = None) -> Waiting | None:
    """What a run that was begun now would wait for; None where it would send at once."""
    view = Pacing(settings, 1, Control(), clock).view()
    return _waiting(view.opens_at, view.hold)


def waiting_run(paces: Iterable[Mapping[str, Any]]) -> Waiting | None:
    """What a run waits for, by its destinations' PacingViews: the first to open counts.

    None where at least one of them may send, or does not tell.
    """
    waits = [_waiting(pace.get("opens_at"), str(pace.get("hold", ""))) for pace in paces]
    known = [one for one in waits if one is not None]
    return min(known, key=lambda one: one.until) if known and len(known) == len(waits) else None


def countdown(seconds: float) -> str:
    """A time that is left, as a clock shows it: 0:00:09, 12:04:09, 2 days 3:00:00."""
    whole = math.ceil(seconds)
    days, rest = divmod(whole, 86_400)
    minutes, second = divmod(rest, 60)
    hours, minute = divmod(minutes, 60)
    shown = f"{hours}:{minute:02}:{second:02}"
    return f"{days} day{'s' if days > 1 else ''} {shown}" if days else shown


def proposed_start(now: float) -> datetime:
    """The next full hour by the clock on the wall: what a delayed start is likely to be, or after."""
    return wall(now).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _waiting(opens_at: object, hold: str) -> Waiting | None:
    if isinstance(opens_at, bool) or not isinstance(opens_at, int | float) or not math.isfinite(opens_at):
        return None
    return Waiting(float(opens_at), hold)
