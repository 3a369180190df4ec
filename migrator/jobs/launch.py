"""Starting a command in a process of its own, which goes on when this one ends, and finding it again.

Each has a folder under `running` in the data directory, for its owner only: `command.json` (what was asked),
`settings.json` (what `--settings` names), `result.json` (its stdout), `messages.txt` (its stderr),
`control.json` while it runs (see `jobs/steering.py`), and `ended.json` from then on. Nothing secret is in any
of them.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migrator.core.errors import NotRunning, UsageError
from migrator.engine.filters import lines_of, plain_path
from migrator.jobs.steering import Steering, is_gone
from migrator.jobs.watched import LINES, Line, Progress
from migrator.records.writing import write_whole

VARIABLE = "DICOM_MIGRATOR_WATCH"
SETTINGS = "settings.json"

_FOLDER = "running"
_COMMAND, _RESULT, _MESSAGES, _ENDED = "command.json", "result.json", "messages.txt", "ended.json"
_BIRTH = 60.0  # seconds in which a process must have begun to answer
_KEPT = 50  # of those that have ended
_LAST_LINES = 500  # that are kept with how it ended, for who looks too late
_MOST_RESULT = 256 << 20


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a launched command, or at one destination's run, shows.

    `snapshots` are as `Snapshot.as_dict` has them, and the last ones once it has ended; `pace` is as
    PacingView; `code` is the exit code once it has ended, and -1 where it ended without a word. `monitor` is
    where its page is served, if it is: `address`, and a `code` to pair with, or "" where none is asked for.
    """

    snapshots: tuple[Mapping[str, Any], ...] = ()
    progress: Progress | None = None
    lines: tuple[Line, ...] = ()
    is_paused: bool = False
    pace: Mapping[str, Any] = field(default_factory=dict)
    code: int | None = None
    monitor: Mapping[str, str] | None = None


class Watch:
    """Looks at what another process is at, through the `control.json` of a folder. For one thread."""

    def __init__(self, folder: Path, what: str) -> None:
        self.folder = folder
        self._what = what
        self._steering: Steering | None = None
        self._next = 0

    def look(self) -> Look | None:
        """What it is at; None where nobody is there. Who is there and does not answer shows nothing new."""
        try:
            return self._look_of(self.ask({"do": "watch", "since": self._next}))
        except (NotRunning, UsageError):
            self.close()
            return None if is_gone(self.folder) else Look()
        except (KeyError, TypeError, ValueError):  # of another version of this program
            return Look()

    def _look_of(self, answer: Mapping[str, Any]) -> Look:
        self._next = int(answer["next"])
        progress = answer.get("progress")
        return Look(
            snapshots=tuple(answer["snapshots"]),
            progress=Progress(**progress) if progress else None,
            lines=tuple(Line(*line) for line in answer["lines"]),
            is_paused=bool(answer["is_paused"]),
            pace=answer.get("pace") or {},
            monitor=answer.get("monitor"),
        )

    def not_seen(self, ended: Mapping[str, Any]) -> tuple[Line, ...]:
        """Of the last lines that a command kept those that no look has shown."""
        lines = ended.get("lines", ())
        unseen = lines[max(0, self._next - int(ended.get("first", 0))) :]
        self._next += len(unseen)
        return tuple(Line(*line) for line in unseen)

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Raises NotRunning where nobody answers, UsageError where it refuses."""
        if self._steering is None:
            self._steering = Steering.of_folder(self.folder, self._what)
        try:
            return self._steering.ask(dict(request))
        except NotRunning:
            self.close()
            raise

    def close(self) -> None:
        if self._steering is not None:
            self._steering.close()
            self._steering = None


class Launched:
    """One command that was started in a process of its own, by this process or an earlier one."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes] | None = None) -> None:
        """Raises UsageError where the folder is not that of a launched command."""
        self.folder = folder
        self._process = process
        command = _read(folder / _COMMAND)
        if command is None:
            raise UsageError(f"{folder} holds no command")
        self.arguments: tuple[str, ...] = tuple(map(str, command["arguments"]))
        self.begun = float(command["at"])
        self.watch = Watch(folder, f"the command {self.name}")
        self._was_there = process is None

    @property
    def name(self) -> str:
        """The command: migrate, verify …"""
        return self.arguments[0] if self.arguments else ""

    @property
    def process_id(self) -> int | None:
        """Of a process that this one has started; else None."""
        return None if self._process is None else self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it is known how it ended; what was killed does not tell (see `note_lost`)."""
        return (self.folder / _ENDED).exists()

    def look(self) -> Look:
        """What it is at; with `code` once it has ended. Never raises."""
        ended = _read(self.folder / _ENDED)
        look = self.watch.look() if ended is None else None
        if look is not None:
            self._was_there = True
            return look
        may_come = self._may_come()  # asked first: it may end in between, having kept how
        ended = ended or _read(self.folder / _ENDED)
        if ended is not None:
            self._reap()
            snapshots = tuple(ended.get("snapshots", ()))
            return Look(snapshots, lines=self.watch.not_seen(ended), code=int(ended["code"]))
        return Look(code=None if may_come else self._code_without_a_word())

    def _code_without_a_word(self) -> int:
        """Of a process that is gone, and could not keep how it ended: the disk was full, or it was killed."""
        code = None if self._process is None or os.name == "nt" else self._process.poll()
        return code if code is not None and code > 0 else -1

    def _may_come(self) -> bool:
        """Whether it may still begin to answer, or is just writing how it ended."""
        if self._process is not None:
            return self._process.poll() is None
        return not (self.folder / "control.json").exists() and time.time() - self.begun < _BIRTH

    def ask(self, do: str) -> None:
        """pause, resume or cancel. Raises NotRunning, UsageError."""
        self.watch.ask({"do": do})

    def result(self) -> Any:
        """What it printed as JSON; None where it printed none."""
        file = self.folder / _RESULT
        try:
            if file.stat().st_size > _MOST_RESULT:
                return None
            return json.loads(file.read_bytes())
        except (OSError, ValueError):
            return None

    def messages(self) -> str:
        """The end of what it told on stderr."""
        try:
            with (self.folder / _MESSAGES).open("rb") as stream:
                stream.seek(max(0, (self.folder / _MESSAGES).stat().st_size - 16_384))
                return stream.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def leave(self) -> None:
        """Look no more; where it runs, it goes on, and outlives this process."""
        self.watch.close()
        if self._process is not None and self._process.poll() is None:
            self._process.returncode = 0  # or Python would warn of a child that nobody waited for
        self._process = None

    def _reap(self) -> None:
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(5.0)

    def forget(self) -> None:
        """Remove its folder, once it has ended."""
        self.watch.close()
        self._reap()
        shutil.rmtree(self.folder, ignore_errors=True)


def launch(
    home: Path,
    arguments: Sequence[str],
    settings: Mapping[str, Any] | None = None,
    lists: Mapping[str, Sequence[str]] | None = None,
) -> Launched:
    """Start `dicom_migrator ARGUMENTS` with this data directory; `settings` go to it as `--settings`.

    `lists` are the entries of filters that are files (`studies_from`, `files_from`), by the filter's name.
    Raises UsageError where it cannot be started.
    """
    folder = home / _FOLDER / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
    words = [*arguments, "--home", str(home)]
    try:
        _make_room(home / _FOLDER)
        folder.mkdir(mode=0o700)
        if settings is not None:
            whole = _with_lists(settings, _narrowed(settings, lists or {}, arguments), folder)
            write_whole(folder / SETTINGS, json.dumps(whole).encode())
            words += ["--settings", str(folder / SETTINGS)]
        write_whole(folder / _COMMAND, json.dumps({"arguments": words, "at": time.time()}).encode())
        process = _start([*program(), *words], folder)
    except (OSError, UsageError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        why = (error.strerror or error) if isinstance(error, OSError) else error
        raise UsageError(f"{arguments[0]} cannot be started: {why}") from error
    return Launched(folder, process)


def _narrowed(
    settings: Mapping[str, Any], lists: Mapping[str, Sequence[str]], arguments: Sequence[str]
) -> dict[str, list[str]]:
    """These entries, as far as a list that is configured has them too: choosing never widens a filter.

    Raises UsageError where the configured list cannot be read.
    """
    root = os.path.realpath(arguments[1]) if len(arguments) > 1 else ""
    narrowed = {name: list(entries) for name, entries in lists.items()}
    for name, entries in narrowed.items():
        if file := settings.get("settings", {}).get("filter", {}).get(name):
            wanted = {plain_path(line, root) for line in lines_of(file)}
            narrowed[name] = [entry for entry in entries if plain_path(entry) in wanted]
    return narrowed


def _with_lists(
    settings: Mapping[str, Any], lists: Mapping[str, Sequence[str]], folder: Path
) -> dict[str, Any]:
    """The settings with these filters, whose entries are written to files beside."""
    filters = dict(settings.get("settings", {}).get("filter", {}))
    for name, entries in lists.items():
        text = "".join(f"{entry}\n" for entry in entries)
        write_whole(folder / f"{name}.txt", text.encode("utf-8", "surrogateescape"))
        filters[name] = str(folder / f"{name}.txt")
    groups = dict(settings.get("settings", {})) | ({"filter": filters} if filters else {})
    return dict(settings) | {"settings": groups}


def launched(home: Path) -> Iterator[Launched]:
    """All that were started and not yet forgotten, the newest first."""
    for folder in sorted((home / _FOLDER).glob("*-*"), reverse=True):
        with suppress(UsageError, KeyError, ValueError, TypeError):
            yield Launched(folder)


def note_end(folder: Path, code: int, snapshots: Sequence[Mapping[str, Any]] = ()) -> None:
    """Keep how the command of this folder ended, with its last numbers and lines; called by the command."""
    lines, first = LINES.last(_LAST_LINES)
    told = {"first": first, "lines": [[line.at, line.level, line.text] for line in lines]}
    _keep_end(folder, {"code": code, "snapshots": list(snapshots), **told})


def note_lost(folder: Path) -> None:
    """Keep that a command has ended without a word: it is told of once, and its folder goes in time."""
    if not (folder / _ENDED).exists():
        _keep_end(folder, {"code": -1})


def _keep_end(folder: Path, told: Mapping[str, Any]) -> None:
    with suppress(UsageError):
        write_whole(folder / _ENDED, json.dumps({"at": time.time(), **told}).encode())


def _make_room(folder: Path) -> None:
    """Make the folder of all launched commands, and remove the oldest that have ended."""
    folder.mkdir(mode=0o700, exist_ok=True)
    ended = sorted(one.parent for one in folder.glob(f"*/{_ENDED}"))
    for old in ended[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def program() -> list[str]:
    """How this very program is started once more."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    script = Path(__file__).resolve().parents[2] / "dicom_migrator.py"
    return [sys.executable, str(script)] if script.exists() else [sys.executable, "-m", "migrator"]


def _start(command: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    """Start it on its own: it outlives us, and no signal of our terminal reaches it."""
    variables = os.environ | {VARIABLE: str(folder), "DICOM_MIGRATOR_NO_BOOTSTRAP": "1"}
    options: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        options = {"creationflags": flags}
    with (
        open(folder / _RESULT, "wb", opener=_private) as result,
        open(folder / _MESSAGES, "wb", opener=_private) as messages,
    ):
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=result, stderr=messages, env=variables, **options
        )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _read(file: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
