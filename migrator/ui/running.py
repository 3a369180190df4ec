"""Commands of the engine as the window sees them: one that was launched, and a migration as a whole."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from migrator.core.errors import MigratorError
from migrator.core.model import Node
from migrator.engine.accounting import Ledger, Snapshot
from migrator.jobs.home import job_folder
from migrator.jobs.launch import Launched, Look, Watch, note_lost
from migrator.jobs.migrate_totals import total_of
from migrator.jobs.watched import Line
from migrator.ui.bridge import Bridge
from migrator.ui.real_path import real_path

_AGAIN = 500  # milliseconds until it is asked again what it has refused

_TOLD = 500  # lines that two destinations of one process may have in common, and not at the same time


class Running(QObject):
    """A command that was launched. Its signals come in the event loop."""

    looked = pyqtSignal(object)
    """A Look, five times a second, as long as it runs."""
    told = pyqtSignal(object)
    """The Lines that are new."""
    ended = pyqtSignal(int)
    """Its exit code; -1 where it ended without a word. Comes once."""

    def __init__(self, launched: Launched, bridge: Bridge) -> None:
        super().__init__()
        self.launched = launched
        self._bridge = bridge
        self.code: int | None = None
        self.last = Look()
        bridge.looked.connect(self._take)
        bridge.add(self)

    @property
    def name(self) -> str:
        return self.launched.name

    @property
    def is_on(self) -> bool:
        return self.code is None

    def look(self) -> Look:
        """For the bridge's thread."""
        look = self.launched.look()
        if look.code == -1:
            note_lost(self.launched.folder)
        return look

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """For the bridge's thread. Raises NotRunning, UsageError."""
        return self.launched.watch.ask(request)

    def do(self, action: str, then: Callable[[object], None] = lambda answer: None) -> None:
        """pause, resume or cancel."""
        self._bridge.ask(self, {"do": action}, then)

    def cancel(self) -> None:
        """Cancel it for sure: what has only just begun refuses that, and is asked again."""
        if self.is_on:
            self.do("cancel", self._cancel_again)

    def _cancel_again(self, answer: object) -> None:
        if isinstance(answer, MigratorError):
            QTimer.singleShot(_AGAIN, self.cancel)

    def result(self) -> Any:
        """What it printed as JSON, once it has ended; None where it printed none."""
        return self.launched.result()

    def _take(self, watched: object, look: object) -> None:
        if watched is not self or not isinstance(look, Look) or self.code is not None:
            return
        if look.code is not None and not look.snapshots:
            look = replace(look, snapshots=self.last.snapshots)  # killed, it could not tell its last ones
        self.last = look
        if look.lines:
            self.told.emit(look.lines)
        if look.code is not None:
            self.code = look.code
            self._bridge.remove(self)
            self.ended.emit(look.code)
        else:
            self.looked.emit(look)


class _Reach:
    """One destination's part of a run, reached through the job's folder; for the bridge's thread."""

    def __init__(self, folder: Path, node: str) -> None:
        self.folder = folder
        self.node = node
        self._watch = Watch(folder, f"a migration to {node}")

    def look(self) -> Look | None:
        return self._watch.look()

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return self._watch.ask(request)


@dataclass(frozen=True, slots=True)
class Sight:
    """A migration at one moment. `snapshots` and `paces` are those of the destinations, in their order.

    `paces` are as PacingView has them, empty while a destination does not answer. `is_live`: somebody works
    on it now. `code` is the exit code of what this window started, once that has ended. `monitor` is where
    its page is served, as Look has it.
    """

    snapshots: tuple[Snapshot, ...] = ()
    paces: tuple[Mapping[str, Any], ...] = ()
    is_live: bool = False
    is_paused: bool = False
    code: int | None = None
    monitor: Mapping[str, str] | None = None

    @property
    def total(self) -> Snapshot | None:
        """The sum over the destinations; None before the first numbers."""
        return total_of(self.snapshots) if self.snapshots else None


class Migration(QObject):
    """A job on view: a source, its destinations, and the run that is on, if any. Signals: in the event loop.

    `running` is what this window, or an earlier one, launched; None where the command line did, or none runs.
    """

    sighted = pyqtSignal(object)
    """A Sight, some five times a second while it runs, and once when it has ended."""
    told = pyqtSignal(object)
    """The Lines that are new."""
    ended = pyqtSignal(int)
    """The exit code, or -1 where nobody told."""

    def __init__(
        self, source: str, nodes: Sequence[Node], home: Path, bridge: Bridge, running: Running | None = None
    ) -> None:
        super().__init__()
        self.source = source
        self.nodes = tuple(nodes)
        real = real_path(source)
        self.folders = tuple(job_folder(home, real, node) for node in nodes)
        self.running = running
        self.sight = Sight(is_live=running is not None)
        self._bridge = bridge
        self._reaches = [
            _Reach(folder, str(node)) for folder, node in zip(self.folders, self.nodes, strict=True)
        ]
        self._looks: dict[int, Look | None] = {}
        self._told: deque[Line] = deque(maxlen=_TOLD)
        self._was_live = running is not None
        bridge.looked.connect(self._take)
        for reach in self._reaches:
            bridge.add(reach)
        if running is not None:
            running.told.connect(self.told)
            running.ended.connect(self._ended)

    @property
    def manifests(self) -> tuple[Path, ...]:
        """Each destination's manifest."""
        return tuple(folder / "manifest.jsonl" for folder in self.folders)

    def is_of(self, source: str, nodes: Sequence[Node]) -> bool:
        """Whether this is the job of this source and these destinations."""
        return self.source == source and self.nodes == tuple(nodes)

    def is_foreign_run_of(self, source: str, nodes: Sequence[Node]) -> bool:
        """Whether a process that no window has started migrates this source to these destinations now."""
        return self.is_foreign and self.is_of(source, nodes)

    @property
    def is_foreign(self) -> bool:
        """Whether a process that no window has started works on it now."""
        return self.sight.is_live and self._own is None

    def do(self, action: str, then: Callable[[object], None] = lambda answer: None) -> None:
        """pause, resume or cancel the whole run."""
        if self.running is not None and self.running.is_on:
            self.running.do(action, then)
            return
        for reach in self._reaches:
            self._bridge.ask(reach, {"do": action}, then)

    def ask(
        self,
        request: Mapping[str, Any],
        then: Callable[[object], None] = lambda answer: None,
        at: int | None = None,
    ) -> None:
        """Ask each destination, or the one of this number: prioritise, set (see `jobs/steering.py`)."""
        for number, reach in enumerate(self._reaches):
            if at is None or at == number:
                self._bridge.ask(reach, request, then)

    def let_go(self) -> None:
        """Look at the destinations no more; the run goes on, and its command is still the desk's to watch."""
        for reach in self._reaches:
            self._bridge.remove(reach)

    def _take(self, watched: object, look: object) -> None:
        number = next((index for index, one in enumerate(self._reaches) if one is watched), None)
        if number is None:
            if watched is self.running and self._own is not None:
                self._show()
            return
        self._looks[number] = look if isinstance(look, Look) else None
        if isinstance(look, Look) and look.lines and self.running is None:
            self._tell(look.lines)
        if self._own is None and number == len(self._reaches) - 1:
            self._show()

    def _tell(self, lines: Sequence[Line]) -> None:
        """Each once: one process tells the same lines of each of its destinations."""
        new = tuple(line for line in lines if line not in self._told)
        self._told.extend(new)
        if new:
            self.told.emit(new)

    @property
    def _own(self) -> Look | None:
        """The last look at what a window launched, as long as that is on."""
        return self.running.last if self.running is not None and self.running.is_on else None

    def _show(self) -> None:
        looks = [self._looks.get(number) for number in range(len(self._reaches))]
        own = self._own
        shown = own.snapshots if own is not None else ()
        if not shown:
            shown = tuple(look.snapshots[0] for look in looks if look is not None and look.snapshots)
        is_live = own is not None or any(look is not None for look in looks)
        snapshots = tuple(map(snapshot_of, shown)) if len(shown) == len(looks) else self.sight.snapshots
        is_paused = own.is_paused if own is not None else any(look.is_paused for look in looks if look)
        paces = tuple({} if look is None else look.pace for look in looks)
        was_live, self._was_live = self._was_live, is_live
        if is_live or was_live:
            served = (own, *looks) if own is not None else looks
            monitor = next((look.monitor for look in served if look is not None and look.monitor), None)
            if monitor is None and is_live and not shown:
                monitor = self.sight.monitor  # nobody answered just now
            self.sight = Sight(snapshots, paces, is_live, is_live and is_paused, monitor=monitor)
            self.sighted.emit(self.sight)
        if was_live and not is_live:
            self.ended.emit(-1)

    def _ended(self, code: int) -> None:
        self._was_live = False
        self._looks.clear()  # of before the end; what comes now is of another process
        paces: tuple[Mapping[str, Any], ...] = tuple({} for _ in self._reaches)
        last = () if self.running is None else self.running.last.snapshots
        snapshots = tuple(map(snapshot_of, last)) if len(last) == len(self._reaches) else self.sight.snapshots
        self.sight = Sight(snapshots, paces, is_live=False, is_paused=False, code=code)
        self.sighted.emit(self.sight)
        self.ended.emit(code)


def snapshot_of(values: Mapping[str, Any]) -> Snapshot:
    """A Snapshot from what came over the socket; what another version has beside is left out."""
    ledgers = {name: Ledger(**_known(Ledger, values[name])) for name in ("run", "job")}
    return Snapshot(**(_known(Snapshot, values) | ledgers))


def _known(kind: type[Snapshot] | type[Ledger], values: Mapping[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(kind)}
    return {name: value for name, value in values.items() if name in names}
