"""The monitor of a migration on the command line: where it is, how to pair, a QR code to scan."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from migrator.cli import running
from migrator.cli.options import warn
from migrator.cli.terminal import tell
from migrator.core.control import Control
from migrator.core.errors import Cancelled, MigratorError, UsageError
from migrator.core.events import Emit
from migrator.core.settings_monitor import MonitorSettings
from migrator.engine.accounting import Snapshot
from migrator.jobs.exit_codes import exit_code
from migrator.jobs.migrate import MigrateJob, MigrateRequest, MigrateResult
from migrator.monitor.place import check
from migrator.monitor.watched import Steering, Watched

if TYPE_CHECKING:
    from migrator.monitor.serve import Place


class Monitored:
    """One run as its monitor sees it, if it has one; `say` is how lines are told just now."""

    def __init__(
        self, request: MigrateRequest, control: Control, why: Callable[[BaseException], str]
    ) -> None:
        """`why` says of an error what the page may show."""
        self._job: MigrateJob | None = None
        self._why = why
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
        stops = [self._why(one.stopped_by) for one in result.destinations if one.stopped_by is not None]
        self.watched.ending = "; ".join(stops)
        alone = {str(one.node): MigrateResult((one,), source_check=None) for one in result.destinations}
        self.watched.codes = {node: exit_code(one) for node, one in alone.items()}
        self.watched.code = code

    def broke_off(self, error: BaseException) -> None:
        """The run came to no result: the page shows how it ended, whatever ended it."""
        if isinstance(error, KeyboardInterrupt | Cancelled):
            self.watched.code = Cancelled.exit_code
            return
        self.watched.ending = self._why(error)
        self.watched.code = error.exit_code if isinstance(error, MigratorError) else 1

    def _snapshots(self) -> Sequence[Snapshot]:
        return self._job.snapshots() if self._job is not None else ()


@contextmanager
def monitored(request: MigrateRequest, control: Control) -> Iterator[Monitored | None]:
    """Serve a run's monitor, where its settings ask for one, and tell on stderr where. Raises UsageError."""
    settings = _settings_of(request)
    if not settings.monitor:
        yield None
        return
    # Only runs that are watched pay for loading a web server, and the words.
    from migrator.jobs.notifying_words import trouble_words
    from migrator.monitor.serve import serving

    shown = Monitored(request, control, partial(trouble_words, details=settings.monitor_details))
    with serving(settings, request.home, shown.watched, warn, lambda place: _paired(shown, place)) as place:
        for line in place_lines(place) if place is not None else ():
            tell(line, to_stderr=True)
        try:
            yield shown
        except BaseException as error:
            shown.broke_off(error)
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
