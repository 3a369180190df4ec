"""Runs that go on after a restart of the machine: what is kept of each, and that it goes on while it is one.

Each has a folder under `restart` in the data directory, for its owner only: `entry.json` (what is run),
`settings.json` (what `--settings` names), and copies of the lists that it filters by. Nothing secret is in
them. What the system itself is given is `restart_system.Start`; what that starts is `restart_run.go_on`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from migrator.core.control import Control
from migrator.core.errors import Cancelled, UsageError
from migrator.core.events import Emit, Notice
from migrator.jobs.migrate_model import MigrateRequest
from migrator.jobs.restart_system import Starter, mount_of, start_of, starters, usable_starter
from migrator.jobs.secrets import EMAIL_PASSWORD, WEBHOOK_URL, passphrase_of
from migrator.jobs.settings_file import FileDestination
from migrator.records.writing import write_whole

SETTINGS = "settings.json"
RESUMED = "--resumed"
"""The argument by which a run knows that it is one that goes on."""

_FOLDER, _ENTRY = "restart", "entry.json"
_LISTS = ("studies_from", "files_from")
_LEVELS = ("debug", "warning", "error")  # beside info, which is what is logged where nothing is said

_log = logging.getLogger("migrator.restart")


@dataclass(frozen=True, slots=True)
class Entry:
    """One run that goes on. `arguments` are those of our command, without --home and --settings.

    `mount` is the mount point that the source lies on, where that is not the system's own disk; `jobs` are
    the folders of its records; `folder` is where it was run, to which relative paths in its settings refer.
    `when` says when the system starts it; `tries` counts the starts since its last run that came to nothing.
    """

    id: str
    source: str
    destinations: tuple[str, ...]
    arguments: tuple[str, ...]
    jobs: tuple[str, ...]
    mount: str
    folder: str
    at: float
    when: str = ""
    tries: int = 0


def entries(home: Path) -> list[Entry]:
    """All of a data directory, the newest first. What is no entry is left out."""
    found = []
    for file in (home / _FOLDER).glob(f"*/{_ENTRY}"):
        with suppress(UsageError):
            found.append(entry_of(home, file.parent.name))
    return sorted(found, key=lambda one: one.at, reverse=True)


def is_there(home: Path) -> bool:
    """Whether this is a data directory in which a run was ever kept."""
    return (home / _FOLDER).is_dir()


class NoSuchRun(UsageError):
    """Nothing is kept under that id."""


def entry_of(home: Path, identity: str) -> Entry:
    """Raises NoSuchRun where this data directory has no such entry, UsageError where it cannot be read."""
    file = entry_folder(home, identity) / _ENTRY
    try:
        kept = json.loads(file.read_bytes())
        lists = {name: tuple(map(str, kept[name])) for name in ("destinations", "arguments", "jobs")}
        return Entry(**(kept | lists))
    except FileNotFoundError:
        raise NoSuchRun(f"no run goes on after a restart under the id {identity}") from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        why = getattr(error, "strerror", None) or "it is damaged"
        raise UsageError(f"what is kept of run {identity} cannot be read ({why}): {file}") from None


def entry_folder(home: Path, identity: str) -> Path:
    """Where an entry's files are. Raises UsageError for what is no id."""
    if not (identity.isascii() and identity.isalnum()):
        raise UsageError(f"{identity!r} is not the id of a run; restart list shows them")
    return home / _FOLDER / identity


def keep(home: Path, entry: Entry) -> None:
    """Write what is known of it. Raises UsageError."""
    write_whole(entry_folder(home, entry.id) / _ENTRY, json.dumps(asdict(entry)).encode())


def is_written(identity: str) -> bool:
    """Whether the system would start it."""
    return any(starter.is_written(identity) for starter in starters())


def remove(home: Path, identity: str) -> bool:
    """Take it back from the system, and forget it; whether there was anything. Raises UsageError."""
    folder = entry_folder(home, identity)
    removed = [starter.remove(identity) for starter in starters()]
    is_kept = folder.exists()
    shutil.rmtree(folder, ignore_errors=True)
    return is_kept or any(removed)


class Restart:
    """Keeps one run going on after a restart of the machine, if that was asked for."""

    def __init__(self, request: MigrateRequest, control: Control, emit: Emit) -> None:
        """Raises UsageError where nothing on this system would start the run again."""
        self._request = request
        self._control = control
        self._emit = emit
        self._starter: Starter | None = usable_starter() if request.resume_at_start else None

    @contextmanager
    def kept(self, root: str, jobs: Sequence[Path]) -> Iterator[None]:
        """While the block lasts, and until somebody ends the run in order, the system goes on with it.

        `root` is the source's real path, `jobs` the folders of the records. A run that has ended by itself,
        and one that its user has stopped, does not go on. Raises UsageError where it cannot be written.
        """
        if self._starter is None:
            yield
            return
        entry = self._write(self._starter, root, jobs)
        self._emit(Notice(f"Should the machine restart, this run goes on {entry.when}", "info"))
        for words in _secrets_of_the_shell(self._request):
            self._emit(Notice(words, "warning"))
        control, is_over = self._control, False
        try:
            yield
            is_over = not control.is_ended_by_system
        except Cancelled:
            is_over = not control.is_ended_by_system
            raise
        finally:
            if is_over:
                self._over(entry)
            elif is_written(entry.id):  # and nobody has removed it meanwhile
                who = "the system" if control.is_ended_by_system else "an error"
                words = f"This run was ended by {who}, and goes on {entry.when}"
                self._emit(Notice(f"{words}. To prevent that: restart remove {entry.id}", "info"))

    def _write(self, starter: Starter, root: str, jobs: Sequence[Path]) -> Entry:
        home = self._request.home
        identity = _identity(jobs)
        if self._request.is_resumed:
            with suppress(NoSuchRun):
                return self._kept_on(starter, replace(entry_of(home, identity), tries=0))
        entry = Entry(
            id=identity,
            source=root,
            destinations=tuple(str(target.node) for target in self._request.destinations),
            arguments=tuple(_arguments(self._request, root)),
            jobs=tuple(map(str, jobs)),
            mount=mount_of(root),
            folder=_working_folder(),
            at=time.time(),
        )
        folder = entry_folder(home, entry.id)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.parent.chmod(0o700)
            write_whole(folder / SETTINGS, json.dumps(_settings(self._request, folder)).encode())
            keep(home, entry)
            return self._kept_on(starter, entry)
        except (OSError, UsageError) as error:
            with suppress(UsageError):
                remove(home, entry.id)
            if isinstance(error, UsageError):
                raise
            raise UsageError(f"--resume-at-start: {folder} cannot be written: {error.strerror}") from error

    def _kept_on(self, starter: Starter, entry: Entry) -> Entry:
        """Have the system start it, and keep when. Raises UsageError."""
        home = self._request.home
        entry = replace(entry, when=starter.write(start_of(entry.id, home, entry.source)))
        keep(home, entry)
        return entry

    def _over(self, entry: Entry) -> None:
        """Nothing goes on any more."""
        try:
            remove(self._request.home, entry.id)
        except (OSError, UsageError) as error:
            self._emit(Notice(f"{error}; at the next start it ends by itself", "warning"))
            return
        if self._control.is_cancelled:
            self._emit(Notice("Stopped by its user: it does not go on after a restart", "info"))


def _working_folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - as text
    except OSError:  # somebody has removed it
        return str(Path.home())


def _secrets_of_the_shell(request: MigrateRequest) -> Iterator[str]:
    """Words for each secret that the system's start will lack, since only this environment holds it."""
    given: dict[str, str] = {}
    for target in request.destinations:
        notify, tls = target.settings.notify, target.node.tls
        if notify.email_user and not notify.email_password_file:
            given[EMAIL_PASSWORD.variable] = "--email-password-file"
        if notify.webhook != "off" and not notify.webhook_file:
            given[WEBHOOK_URL.variable] = "--webhook-file"
        if tls is not None and tls.key_passphrase and not target.settings.tls.key_passphrase_file:
            given[passphrase_of("").variable] = "--key-passphrase-file"
    for variable, option in given.items():
        if os.environ.get(variable):
            yield (
                f"{variable} is not set when the system starts: for a run that goes on then, name a file by "
                f"{option}, or use the system's keyring"
            )


def _identity(jobs: Sequence[Path]) -> str:
    """The same for every run of the same jobs: a later one takes the place of an earlier one."""
    text = "\n".join(sorted(map(str, jobs)))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:10]


def _arguments(request: MigrateRequest, root: str) -> Iterator[str]:
    """The command that goes on with a run. What begins anew is not begun anew once more."""
    yield from ("migrate", root, "--json", "--resume-at-start")
    for option, is_on in {
        "--stream": request.is_stream,
        "--verify": request.verify,
        "--resend-missing": request.resend_missing,
        "--integrity": request.integrity,
        "--retry-failed": request.retry_failed,
    }.items():
        if is_on:
            yield option
    if request.same_source is not None:
        yield from ("--same-source", request.same_source)
    if request.trace is not None:
        yield from ("--trace-association", str(Path(request.trace).absolute()))
    level = logging.getLevelName(logging.getLogger("migrator").level).lower()
    if level in _LEVELS:
        yield from ("--log-level", level)


def _settings(request: MigrateRequest, folder: Path) -> dict[str, Any]:
    """What `--settings` takes, with the lists that are filtered by beside it: theirs may be gone by then."""
    destinations = []
    for number, target in enumerate(request.destinations):
        node, settings = target.node, target.settings
        one = FileDestination(
            host=node.host, port=node.port, ae_title=node.ae_title, calling_ae_title=node.calling_ae_title
        ).model_dump(mode="json", exclude={"settings"})
        given = settings.model_dump(mode="json", exclude_unset=True)
        for name in _LISTS:
            if list_file := getattr(settings.filter, name):
                try:
                    content = Path(list_file).read_bytes()
                except OSError as error:
                    raise UsageError(f"cannot read the list {list_file}: {error.strerror}") from error
                copy = folder / (f"{name}-{number + 1}.txt" if number else f"{name}.txt")
                write_whole(copy, content)
                given.setdefault("filter", {})[name] = str(copy)
        destinations.append(one | {"settings": given})
    return {"settings": {}, "destinations": destinations}
