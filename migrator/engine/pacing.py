"""One destination's dials: what holds its flow back, and turning them while it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from pydantic import BaseModel, ValidationError

from migrator.core.control import Control
from migrator.core.errors import UsageError
from migrator.core.settings import PaceSettings, SendSettings
from migrator.core.times import hours, moment
from migrator.engine.adaptive import Adaptive
from migrator.engine.schedule import NEVER, is_within, moment_of, next_change, wall
from migrator.engine.throttle import Throttle

_FRESH = 0.1  # seconds for which one look at the clock counts
_SMOOTH = 0.05  # part of the newest answer in the shown latency
_MB = 1_000_000
_DAY = 86400.0
_DAY_WORDS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FIXED = frozenset({"keep_awake"})  # concerns the whole run, so no single destination turns it

SETTABLE = ("workers", *(name for name in PaceSettings.model_fields if name not in _FIXED))


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the time comes from. `wall` gives seconds since the epoch, `zone` whose local time counts."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    zone: tzinfo | None = None


@dataclass(frozen=True, slots=True)
class PacingView:
    """How the dials stand.

    `allowed` is how many of the `workers` that are set may send now. `bandwidth` is in MB/s (0: no limit);
    `latency` is how many seconds the destination took to answer lately (0 before the first answer), `delay`
    the seconds between two files of a worker, `seconds_left` those until `max_duration` is over. While
    nothing may be sent before a certain moment, `opens_at` is that one, in seconds since the epoch.
    """

    workers: int
    allowed: int
    bandwidth: float
    adaptive: bool
    latency: float
    delay: float
    peak: str
    peak_days: str
    peak_workers: int
    peak_delay: float
    window: str
    window_days: str
    start_at: str
    max_duration: float
    seconds_left: float | None
    is_paused: bool
    hold: str
    opens_at: float | None = None


@dataclass(frozen=True, slots=True)
class _Look:
    """What the clock allows: nothing before `opens_at`. Counts until `fresh_until`."""

    fresh_until: float
    opens_at: float | None
    workers: int
    delay: float
    words: str

    @property
    def is_shut(self) -> bool:
        return self.opens_at is not None


class Pacing:
    """Shared by the workers of one destination and whoever steers it. All methods are for any thread.

    `max_duration` counts from here on, waiting included.
    """

    def __init__(
        self, settings: PaceSettings, workers: int, control: Control, clock: Clock | None = None
    ) -> None:
        self._control = control
        self._clock = clock = clock or Clock()
        self._began = clock.monotonic()
        self._lock = threading.Lock()
        self._settings = settings  # replaced as a whole, guarded by _lock, as all below; read without it
        self._workers = workers
        self._starts = self._start_of(settings)
        self._adaptive = Adaptive()
        self._latency = 0.0  # not guarded: two answers at once may count as one
        self._look = _Look(float("-inf"), None, workers, 0.0, "")
        self._throttle = Throttle(settings.bandwidth * _MB, clock.monotonic)
        self.pace = self._throttle.pace
        """Told how many bytes stand ready, waits as long as need be, and answers how many of them may go."""
        control.on_cancel(self._throttle.open)

    def workers(self) -> int:
        """How many associations may send now; 0 while nothing may."""
        if self._control.is_paused:
            return 0
        look, most = self._looked(), self._adaptive.most
        if look.is_shut:
            return 0
        return look.workers if most is None else min(look.workers, most)

    def delay(self) -> float:
        """Seconds to wait before a worker's next file."""
        return self._looked().delay + self._adaptive.delay

    def observed(self, latency: float) -> None:
        """A file's answer came so many seconds after its last byte."""
        self._latency += (latency - self._latency) * (_SMOOTH if self._latency else 1.0)
        if not self._settings.adaptive:
            return
        look = self._looked()
        with self._lock:
            if self._settings.adaptive:
                self._adaptive.observed(latency, self._clock.monotonic(), look.workers)

    def hold(self) -> str:
        """Why nothing, or less, is sent now, in words; empty where nothing holds."""
        if self._control.is_paused:
            return "paused"
        look, adaptive = self._looked(), self._adaptive
        if look.is_shut or not adaptive.holds:
            return look.words
        slowed = f"slowed down: the destination takes {adaptive.latency:.1f} s to answer"
        return f"{look.words}; {slowed}" if look.words else slowed

    def limit_reached(self) -> bool:
        """Whether the run has taken as long as the user allows."""
        left = self._seconds_left()
        return left is not None and left <= 0

    def set(self, name: str, value: str) -> None:
        """Turn a dial while it runs, by its name as an option; `off` is the default of most.

        Raises UsageError with what is wrong.
        """
        field = name.strip().lstrip("-").replace("-", "_")
        if field not in SETTABLE:
            known = ", ".join(one.replace("_", "-") for one in SETTABLE)
            raise UsageError(f"{name!r} cannot be set while a run is on; what can: {known}")
        group: type[BaseModel] = SendSettings if field == "workers" else PaceSettings
        checked = getattr(_checked(group, field, value), field)
        with self._lock:
            if field == "workers":
                self._workers = checked
            else:
                self._settings = self._settings.model_copy(update={field: checked})
            self._apply(field)

    def _apply(self, field: str) -> None:
        """With the lock held: what follows from a changed setting."""
        if field == "bandwidth":
            self._throttle.set_rate(self._settings.bandwidth * _MB)
        elif field == "adaptive":
            self._adaptive = Adaptive()
        elif field == "start_at":
            self._starts = self._start_of(self._settings)
        self._look = self._look_now()

    def view(self) -> PacingView:
        """All of it at this moment."""
        with self._lock:
            settings, workers = self._settings, self._workers
        return PacingView(
            workers=workers,
            allowed=self.workers(),
            bandwidth=settings.bandwidth,
            adaptive=settings.adaptive,
            latency=self._adaptive.latency or self._latency,
            delay=self.delay(),
            peak=settings.peak,
            peak_days=settings.peak_days,
            peak_workers=settings.peak_workers,
            peak_delay=settings.peak_delay,
            window=settings.window,
            window_days=settings.window_days,
            start_at=settings.start_at,
            max_duration=settings.max_duration,
            seconds_left=self._seconds_left(),
            is_paused=self._control.is_paused,
            hold=self.hold(),
            opens_at=self._looked().opens_at,
        )

    def _seconds_left(self) -> float | None:
        limit = self._settings.max_duration
        return limit - (self._clock.monotonic() - self._began) if limit else None

    def _start_of(self, settings: PaceSettings) -> float | None:
        if not settings.start_at:
            return None
        zone = self._clock.zone
        return moment_of(moment(settings.start_at, wall(self._clock.wall(), zone)), zone)

    def _looked(self) -> _Look:
        look = self._look
        if self._clock.monotonic() < look.fresh_until:
            return look
        with self._lock:
            self._look = look = self._look_now()
        return look

    def _look_now(self) -> _Look:
        """With the lock held: what the clock allows at this moment."""
        settings, zone, now = self._settings, self._clock.zone, self._clock.wall()
        fresh_until = self._clock.monotonic() + _FRESH
        workers, delay, words = self._workers, 0.0, ""
        if self._starts is not None and now < self._starts:
            at = _at(self._starts, now, zone)
            return _Look(fresh_until, self._starts, workers, delay, f"starts {at}")
        self._starts = None  # begun is begun, even if the clock is set back
        window = hours(settings.window, settings.window_days)
        if window is not None and not is_within(window, now, zone):
            opens_at = next_change(window, now, zone)
            at = _at(opens_at, now, zone)
            return _Look(fresh_until, opens_at, workers, delay, f"waiting for the window: opens {at}")
        peak = hours(settings.peak, settings.peak_days)
        if peak is not None and is_within(peak, now, zone):
            workers, delay = min(workers, settings.peak_workers), settings.peak_delay
            end = next_change(peak, now, zone)
            until = "" if end == NEVER else f" until {_at(end, now, zone).removeprefix('at ')}"
            words = f"peak hours{until}: {workers} association{'s' if workers > 1 else ''}"
        return _Look(fresh_until, None, workers, delay, words)


def _checked(group: type[BaseModel], field: str, value: str) -> Any:
    """The settings of a group, all as usual but this one. Raises UsageError with what is wrong."""
    default = group.model_fields[field].default
    given = default if value.lower() == "off" and not isinstance(default, bool) else value
    try:
        return group.model_validate({field: given})
    except ValidationError as error:
        words = error.errors()[0]["msg"].removeprefix("Value error, ")
        name = field.replace("_", "-")
        raise UsageError(f"{name}={value}: {words[:1].lower()}{words[1:]}") from None


def _at(then: float, now: float, zone: tzinfo | None) -> str:
    """A moment to come, in words as short as they can be."""
    shown = wall(then, zone)
    clock = f"at {shown:%H:%M}"
    if then - now < _DAY:
        return clock
    if then - now < 6 * _DAY:
        return f"on {_DAY_WORDS[shown.weekday()]} {clock}"
    return f"on {shown:%Y-%m-%d} {clock}"
