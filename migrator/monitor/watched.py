"""What a monitor needs of the command that it shows: a few callables, so that any job can be shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from migrator.core.control import Control
from migrator.engine.accounting import Snapshot
from migrator.monitor.problems import Problems


@dataclass(slots=True)
class Steering:
    """What those who may do it can do to the run. Each may raise MigratorError with words."""

    pause: Callable[[], None]
    resume: Callable[[], None]
    cancel: Callable[[], None]

    @classmethod
    def of(cls, control: Control) -> Steering:
        return cls(control.pause, control.resume, control.cancel)


@dataclass(slots=True)
class Watched:
    """One run. `snapshots` is asked from the monitor's thread, at most once a second and when it was steered,
    `is_paused` from there too.

    `steering` may be replaced once the job that it steers is made. `source` is shown only with
    --monitor-details, as is a problem's path. `started` is seconds since the epoch.

    When the run is over, who runs it sets `code`, the exit code. Before that, `ending` may say why it ended
    as it did; where it came to a result, `codes` tells of each destination which code it alone would have.
    """

    snapshots: Callable[[], Sequence[Snapshot]]
    is_paused: Callable[[], bool]
    steering: Steering
    source: str = ""
    started: float = field(default_factory=time.time)
    problems: Problems = field(default_factory=Problems)
    codes: Mapping[str, int] = field(default_factory=dict)
    code: int | None = None
    ending: str = ""
