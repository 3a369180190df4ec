"""What the system calls after a restart: wait for source and network, then go on with the run.

The run itself is an ordinary `migrate` in a process of its own, started as the window starts one: the next
window finds it, and shows it live.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from migrator.core.control import Control
from migrator.core.errors import Cancelled, DestinationError, SourceError, UsageError
from migrator.core.settings_notify import NotifySettings
from migrator.jobs.launch import Launched, launch
from migrator.jobs.notifying import tell_given_up
from migrator.jobs.notifying_carriers import carriers_of
from migrator.jobs.restart import (
    RESUMED,
    SETTINGS,
    Entry,
    NoSuchRun,
    entry_folder,
    entry_of,
    is_there,
    keep,
    remove,
)

WAIT = 600.0  # seconds that source and network are waited for
MOST_TRIES = 5

_EVERY = 10.0  # seconds between two looks at both
_LOOK = 0.5  # seconds between two looks at the run
_CONNECT = 5.0  # seconds that a destination may take to answer
_LAST_LOOKS = 60  # at a run that was told to end, before it is left alone

_log = logging.getLogger("migrator.restart")


@dataclass(frozen=True, slots=True)
class Missing:
    """What is not there yet: why, and the exit code that says so; `is_part` where others are there."""

    why: str
    code: int
    is_part: bool = False


HOME_AWAY = Missing("the data directory is not there", SourceError.exit_code)


class GoOn:
    """Goes on with one run. `tell` is given every step in words; so is the log."""

    def __init__(self, home: Path, control: Control, tell: Callable[[str], None]) -> None:
        self._home = home
        self._control = control
        self._tell = tell
        self.every = _EVERY

    def run(self, identity: str, limit: float = WAIT) -> int:
        """The exit code: that of the run; 0 where there is nothing to go on with, or somebody does already;
        4 or 3 where the source, or every destination, is not there within `limit` seconds.

        Raises UsageError where the run cannot be started, Cancelled when it is stopped while it waits.
        """
        try:
            entry = entry_of(self._home, identity)
        except NoSuchRun:
            return self.forget(identity)
        if is_busy(entry):
            self._say(f"Run {identity} was gone on with already, by somebody else")
            return 0
        entry = replace(entry, tries=entry.tries + 1)
        keep(self._home, entry)
        missing = self._wait(entry, limit)
        code = self._go_on(entry) if missing is None else self.leave(missing)
        self._give_up_at_last(entry, missing.why if missing else f"the run ended with exit code {code}", code)
        return code

    def _go_on(self, entry: Entry) -> int:
        code = self._follow(self._start(entry))
        if code == UsageError.exit_code and self._is_served(entry):
            # Nothing was started; its address or port may not be free any more, or not be there yet.
            self._say("Trying it once more without its monitor")
            code = self._follow(self._start(entry, "monitor"))
        return code

    def finds_home(self, limit: float = WAIT) -> bool:
        """Whether the data directory is there within `limit` seconds: its disk may come late."""
        # A mount point without its mount is an empty folder.
        return self._until(lambda: None if is_there(self._home) else HOME_AWAY, limit) is None

    def forget(self, identity: str) -> int:
        """Nothing is known of this run: have the system start it no more. Returns exit code 0."""
        self._say("There is no such run any more: the system does not start it again")
        remove(self._home, identity)
        return 0

    def leave(self, missing: Missing) -> int:
        """Leave it to the next start of the system. Returns the exit code."""
        self._say(f"{missing.why}: not gone on with at this start of the system")
        return missing.code

    def _say(self, words: str) -> None:
        _log.info("%s", words)
        self._tell(words)

    def _wait(self, entry: Entry, limit: float) -> Missing | None:
        """Until source and destinations are there; what is missing when the time is up."""
        missing = self._until(lambda: missing_source(entry) or self._missing_destinations(entry), limit)
        # The run itself tries some of its destinations again, while it sends to the others.
        return None if missing is None or missing.is_part else missing

    def _until(self, look: Callable[[], Missing | None], limit: float) -> Missing | None:
        """Look until nothing is missing; what still is after `limit` seconds."""
        end = time.monotonic() + limit
        told = ""
        while missing := look():
            left = end - time.monotonic()
            if left <= 0:
                break
            if missing.why != told:
                told = missing.why
                self._say(f"Waiting, {left:.0f} s at most: {missing.why}")
            self._control.wait(min(self.every, left))
        return missing

    def _missing_destinations(self, entry: Entry) -> Missing | None:
        """Which destinations do not answer yet."""
        nodes = destinations_of(self._home, entry)
        silent = []
        for host, port in nodes:
            self._control.check()
            if not answers((host, port)):
                silent.append(f"{host}:{port}")
        if not silent:
            return None
        why = f"no answer from {', '.join(silent)}"
        return Missing(why, DestinationError.exit_code, is_part=len(silent) < len(nodes))

    def _give_up_at_last(self, entry: Entry, why: str, code: int) -> None:
        """Let no start follow where many came to nothing; one that begins counts anew. Raises UsageError."""
        if entry.tries < MOST_TRIES:
            return
        try:
            if entry_of(self._home, entry.id).tries < MOST_TRIES:
                return
        except NoSuchRun:  # it came to its end
            return
        asked = people_of(_settings(self._home, entry))
        remove(self._home, entry.id)
        self._say(f"{MOST_TRIES} starts of the system came to nothing: it is not tried again")
        for settings in asked:
            self._tell_people(settings, entry, why, code)

    def _tell_people(self, settings: NotifySettings, entry: Entry, why: str, code: int) -> None:
        try:
            tell_given_up(settings, entry, why, code, self._say)
        except UsageError as error:
            self._say(f"Nobody is told of it: {error}")

    def _is_served(self, entry: Entry) -> bool:
        with suppress(UsageError):  # it came to its end, and is not kept any more
            return without(_settings(self._home, entry), "monitor")
        return False

    def _start(self, entry: Entry, left_out: str = "") -> Launched:
        """Start it, without the settings of the group `left_out`."""
        with suppress(OSError):  # relative paths of the settings may name nothing then, and the run says so
            os.chdir(entry.folder)
        kept = _settings(self._home, entry)
        if trouble := trouble_with_notifications(kept):
            self._say(f"This run goes on, and nobody is told of it: {trouble}")
            without(kept, "notify")
        without(kept, left_out)
        self._say(f"Going on with run {entry.id}")
        return launch(self._home, [*entry.arguments, RESUMED], kept)

    def _follow(self, command: Launched) -> int:
        """Stay until it has ended, and pass on that it is to end. Returns its exit code."""
        patience = Control()  # which nobody cancels: what is to end is given its time
        looks = _LAST_LOOKS
        while (code := command.look().code) is None:
            if self._control.is_cancelled:
                if looks == _LAST_LOOKS and command.process_id is not None:
                    with suppress(OSError):
                        os.kill(command.process_id, signal.SIGTERM)
                looks -= 1
                if not looks:
                    command.leave()
                    return Cancelled.exit_code
            patience.wait(_LOOK)
        command.watch.close()
        why = command.messages().strip().rpartition("\n")[2] if code == UsageError.exit_code else ""
        self._say(f"The run ended with exit code {code}{': ' if why else ''}{why}")
        return code if code >= 0 else 1


def is_busy(entry: Entry) -> bool:
    """Whether a process works on one of its jobs right now."""
    for job in entry.jobs:
        file = Path(job, "manifest.lock")
        if not file.exists():
            continue
        try:
            with FileLock(str(file), timeout=0, mode=0o600):
                pass
        except Timeout:
            return True
        except OSError:
            continue
    return False


def missing_source(entry: Entry) -> Missing | None:
    """Why the source cannot be read yet: a mount point without its mount is an empty folder that can be."""
    try:
        with os.scandir(entry.source) as found:
            is_empty = next(found, None) is None
    except OSError as error:
        return Missing(f"the source cannot be read ({error.strerror})", SourceError.exit_code)
    if entry.mount and not os.path.ismount(entry.mount):
        return Missing("the source is not mounted", SourceError.exit_code)
    return Missing("the source is empty", SourceError.exit_code) if is_empty else None


def without(kept: Mapping[str, Any], group: str) -> bool:
    """Take a group out of the settings of a run; whether anything was set there."""
    taken = [one.get("settings", {}).pop(group, None) for one in kept["destinations"]]
    return any(taken)


def trouble_with_notifications(kept: Mapping[str, Any]) -> str:
    """Why the people whom a run's settings name cannot be told of it, in words; empty where they can.

    A secret may have come from a shell's environment, or lie in a keyring that nobody has unlocked yet: that
    must not keep a migration from going on.
    """
    try:
        for settings in people_of(kept):
            carriers_of(settings, _log.warning)
    except UsageError as error:
        return str(error)
    return ""


def people_of(kept: Mapping[str, Any]) -> list[NotifySettings]:
    """Who is told of a run, by each of its destinations that differ; what cannot be read is left out."""
    asked: list[NotifySettings] = []
    with suppress(KeyError, TypeError, ValueError, AttributeError):  # the run itself says so
        for one in kept["destinations"]:
            settings = NotifySettings.model_validate(one["settings"].get("notify", {}))
            if settings not in asked:
                asked.append(settings)
    return asked


def destinations_of(home: Path, entry: Entry) -> list[tuple[str, int]]:
    """Host and port of each. Raises UsageError where the settings cannot be read."""
    kept = _settings(home, entry)
    try:
        return [(str(one["host"]), int(one["port"])) for one in kept["destinations"]]
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"the settings of run {entry.id} cannot be read") from error


def answers(node: tuple[str, int]) -> bool:
    """Whether somebody accepts a connection there; nothing is sent."""
    try:
        socket.create_connection(node, _CONNECT).close()
    except (OSError, UnicodeError):
        return False
    return True


def _settings(home: Path, entry: Entry) -> dict[str, Any]:
    try:
        kept = json.loads((entry_folder(home, entry.id) / SETTINGS).read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"the settings of run {entry.id} cannot be read") from error
    if not isinstance(kept, dict):
        raise UsageError(f"the settings of run {entry.id} cannot be read")
    return kept
