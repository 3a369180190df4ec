"""Progress on a terminal, or a line every few seconds without one. Renders on a ticker, never per event."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TextIO

from migrator.cli import running
from migrator.cli.terminal import SteadyConsole
from migrator.engine.accounting import Snapshot

_LINE_SECONDS = 5.0
_TERMINAL_SECONDS = 0.4


class ProgressReport:
    """Shows snapshots, one of each destination, on stderr while its `with` block runs."""

    def __init__(self, ask: Callable[[], Sequence[Snapshot]], stream: TextIO | None = None) -> None:
        self._ask = ask
        self._stream = stream or sys.stderr
        self._done = threading.Event()
        self._console = SteadyConsole(file=self._stream)
        self._thread = threading.Thread(target=self._show, name="progress", daemon=True)

    def __enter__(self) -> ProgressReport:
        if running.STAGE is not None:
            running.STAGE.ask = self._ask
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
        if running.STAGE is not None:
            return  # who watches sees the numbers; lines of them would bury what matters
        with suppress(OSError):
            if self._console.is_terminal:
                self._show_bar()
            else:
                self._show_lines()

    def _show_lines(self) -> None:
        while not self._done.wait(_LINE_SECONDS):
            for line in lines_of(self._ask()):
                self.say(line)

    def _show_bar(self) -> None:
        # Only a terminal needs it, and every other start would wait for it.
        from rich.progress import BarColumn, Progress, TaskID, TextColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[numbers]}", markup=False),
        )
        # refresh_per_second would start a thread that renders beside the senders; we render here instead.
        with Progress(*columns, console=self._console, auto_refresh=False, transient=True) as bar:
            tasks: list[TaskID] = []
            while not self._done.wait(_TERMINAL_SECONDS):
                snapshots = self._ask()
                tasks += [bar.add_task("", total=None, numbers="") for _ in snapshots[len(tasks) :]]
                for task, snapshot in zip(tasks, snapshots, strict=True):
                    bar.update(
                        task,
                        description=_title(snapshot, snapshots),
                        total=snapshot.run.found if snapshot.phase != "scanning" else None,
                        completed=snapshot.run.found - snapshot.run.pending,
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
    if snapshot.hold:
        parts.append(f"({snapshot.hold})")
    return "  ".join(parts)


def lines_of(snapshots: Sequence[Snapshot]) -> list[str]:
    """Progress where lines cannot be overwritten: one for each destination."""
    return [f"{_title(snapshot, snapshots)}: {numbers_of(snapshot)}" for snapshot in snapshots]


def _title(snapshot: Snapshot, among: Sequence[Snapshot]) -> str:
    """The phase, and whose it is where there are several."""
    return snapshot.phase if len(among) == 1 else f"{snapshot.destination} {snapshot.phase}"


def duration(seconds: float) -> str:
    """Hours, minutes and seconds as people write them."""
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    if hour:
        return f"{hour} h {minute:02} min"
    return f"{minute} min {second:02} s" if minute else f"{second} s"
