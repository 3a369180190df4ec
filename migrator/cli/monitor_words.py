"""The monitor of a migration on the command line: where it is, how to pair, a QR code to scan."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from migrator.cli import running
from migrator.cli.options import warn
from migrator.cli.terminal import tell
from migrator.core.control import Control
from migrator.core.errors import MigratorError, UsageError
from migrator.core.events import Emit
from migrator.core.settings_monitor import MonitorSettings
from migrator.engine.accounting import Snapshot
from migrator.jobs.migrate import MigrateJob, MigrateRequest, MigrateResult
from migrator.monitor.place import check
from migrator.monitor.watched import Steering, Watched

if TYPE_CHECKING:
    from migrator.monitor.serve import Place


class Monitored:
    """One run as its monitor sees it, if it has one; `say` is how lines are told just now."""

    def __init__(self, request: MigrateRequest, control: Control) -> None:
        self._job: MigrateJob | None = None
        self.say: Callable[[str], None] = _tell
        self.watched = Watched(
            self._snapshots, lambda: control.is_paused, Steering.of(control), source=request.source
        )

    def hearing(self, emit: Emit) -> Emit:
        """An Emit whose problems are shown."""
        return self.watched.problems.hearing(emit)

    def shows(self, job: MigrateJob) -> None:
        """From now on it shows, and steers, this job."""
        self._job = job
        self.watched.steering = Steering(
            lambda: job.pause("monitor"), lambda: job.resume("monitor"), lambda: job.cancel("monitor")
        )

    @contextmanager
    def saying(self, say: Callable[[str], None]) -> Iterator[None]:
        """While it lasts, lines are told in this way."""
        self.say = say
        try:
            yield
        finally:
            self.say = _tell

    def ended(self, result: MigrateResult, code: int) -> None:
        """The run came to this result, and the command to this exit code."""
        stops = [str(one.stopped_by) for one in result.destinations if one.stopped_by is not None]
        self.watched.ending = "; ".join(stops)
        self.watched.code = code

    def _snapshots(self) -> Sequence[Snapshot]:
        return self._job.snapshots() if self._job is not None else ()


@contextmanager
def monitored(request: MigrateRequest, control: Control) -> Iterator[Monitored | None]:
    """Serve a run's monitor, where its settings ask for one, and tell on stderr where. Raises UsageError."""
    settings = _settings_of(request)
    if not settings.monitor:
        yield None
        return
    from migrator.monitor.serve import serving  # only runs that are watched pay for loading a web server

    shown = Monitored(request, control)
    watched = shown.watched
    with serving(settings, request.home, watched, warn, lambda place: _paired(shown, place)) as place:
        for line in place_lines(place):
            tell(line, to_stderr=True)
        try:
            yield shown
        except MigratorError as error:
            watched.ending, watched.code = str(error), error.exit_code
            raise
        except BaseException as error:  # Ctrl-C too: the page shows how it ended, whatever ended it
            watched.code = 130 if isinstance(error, KeyboardInterrupt) else 1
            raise


def _settings_of(request: MigrateRequest) -> MonitorSettings:
    """How to serve it: one run has one monitor. Raises UsageError."""
    asked = [target.settings.monitor for target in request.destinations]
    for one in asked:
        check(one)
    named = [one for one in asked if one.monitor]
    if any(one != named[0] for one in named):
        raise UsageError("the destinations' settings name different monitors, and one run has one")
    return named[0] if named else MonitorSettings()


def place_lines(place: Place) -> Iterator[str]:
    """What people need to know of it: the addresses, the code, the fingerprint, and what a phone can scan."""
    yield f"Monitor: {place.address}{_code(place)}"
    others = [one for one in place.addresses[1:] if not re.search(r"//(localhost|127\.0\.0\.1):", one)]
    if not place.is_local and others:
        yield f"  also as {', '.join(others)}"
    if place.fingerprint:
        yield f"  its certificate's SHA-256: {place.fingerprint}"
    if not place.is_local and running.STAGE is None and (drawn := qr_code(place.link)):
        yield drawn


def _code(place: Place) -> str:
    # Lines of a command that a window started are kept; the window shows the code by itself.
    return f" (code {place.code})" if place.code and running.STAGE is None else ""


def qr_code(text: str) -> str:
    """A QR code drawn with half blocks; empty where stderr is no terminal, or cannot show them."""
    if not sys.stderr.isatty():
        return ""
    import segno

    drawn = io.StringIO()
    segno.make(text, micro=False).terminal(drawn, compact=True)
    try:
        drawn.getvalue().encode(sys.stderr.encoding or "ascii")
    except (UnicodeError, LookupError):
        return ""
    return drawn.getvalue().rstrip("\n")


def _paired(shown: Monitored, place: Place) -> None:
    if running.STAGE is None:
        shown.say(f"A browser was paired with the monitor; the next one needs the code {place.code}")


def _tell(words: str) -> None:
    tell(words, to_stderr=True)
