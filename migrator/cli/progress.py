"""Progress on a terminal, or a line every few seconds without one. Renders on a ticker, never per event."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TextIO

from rich.progress import BarColumn, Progress, TextColumn

from migrator.cli.terminal import SteadyConsole
from migrator.engine.accounting import Snapshot

_LINE_SECONDS = 5.0
_TERMINAL_SECONDS = 0.4


class ProgressReport:
    """Shows snapshots on stderr while its `with` block runs."""

    def __init__(self, ask: Callable[[], Snapshot], stream: TextIO | None = None) -> None:
        self._ask = ask
        self._stream = stream or sys.stderr
        self._done = threading.Event()
        self._console = SteadyConsole(file=self._stream)
        self._thread = threading.Thread(target=self._show, name="progress", daemon=True)

    def __enter__(self) -> ProgressReport:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def say(self, text: str) -> None:
        """Print a message without disturbing the bar; never raises, for the job goes on unseen too."""
        with suppress(OSError):
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _show(self) -> None:
        with suppress(OSError):
            if self._console.is_terminal:
                self._show_bar()
            else:
                self._show_lines()

    def _show_lines(self) -> None:
        while not self._done.wait(_LINE_SECONDS):
            self.say(line_of(self._ask()))

    def _show_bar(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[numbers]}"))
        # refresh_per_second would start a thread that renders beside the senders; we render here instead.
        with Progress(*columns, console=self._console, auto_refresh=False, transient=True) as bar:
            task = bar.add_task("starting", total=None, numbers="")
            while not self._done.wait(_TERMINAL_SECONDS):
                snapshot = self._ask()
                total = snapshot.run.found if snapshot.phase != "scanning" else None
                done = snapshot.run.found - snapshot.run.pending
                bar.update(
                    task,
                    description=snapshot.phase,
                    total=total,
                    completed=done,
                    numbers=numbers_of(snapshot),
                )
                bar.refresh()


def numbers_of(snapshot: Snapshot) -> str:
    """Counts, rates, time left and failures, in one short line."""
    run = snapshot.run
    if snapshot.phase == "scanning":
        return f"{run.found:,} paths found"
    parts = [
        f"{run.found - run.pending:,}/{run.found:,}",
        f"{snapshot.files_per_second:,.0f} files/s",
        f"{snapshot.bytes_per_second / 1e6:,.1f} MB/s",
    ]
    if snapshot.eta_seconds is not None and run.pending:
        parts.append(f"{duration(snapshot.eta_seconds)} left")
    troubled = run.failed + run.unknown + run.quarantined
    if troubled:
        parts.append(f"{troubled:,} failed")
    if run.held:
        parts.append(f"{run.held:,} held")
    return "  ".join(parts)


def line_of(snapshot: Snapshot) -> str:
    return f"{snapshot.phase}: {numbers_of(snapshot)}"


def duration(seconds: float) -> str:
    """Hours, minutes and seconds as people write them."""
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    if hour:
        return f"{hour} h {minute:02} min"
    return f"{minute} min {second:02} s" if minute else f"{second} s"
