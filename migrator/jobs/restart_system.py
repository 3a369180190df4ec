"""What starts a command of ours when the system does, as each platform has it: what all of them share.

A `Starter` writes one small file per run, which names our own command and nothing of the run itself: no
path of the source, no destination, nothing of a patient. `run_tool` is the one place from which the system's
own commands are called.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from migrator.core.errors import UsageError
from migrator.jobs.launch import program

PREFIX = "dicom-migrator-"
TITLE = "DICOM PACS Migrator"

_PATIENCE = 30.0  # seconds that one of the system's commands may take
_CARRIED = ("DICOM_MIGRATOR_CACHE", "XDG_CACHE_HOME")  # where the private environment lies
# What is called from a window must not show another one, and answers as a console would.
_FLAGS, _ENCODING = 0, "utf-8"
if sys.platform == "win32":
    _FLAGS, _ENCODING = subprocess.CREATE_NO_WINDOW, "oem"
_IN_PLACE = "DICOM_MIGRATOR_NO_BOOTSTRAP"


@dataclass(frozen=True, slots=True)
class Start:
    """What is to be started: `id` is the run's, the command's first word an absolute path."""

    id: str
    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    """Where the run reads. It is never written; where it lies may decide how a start is asked for."""

    @property
    def name(self) -> str:
        """What the system calls it."""
        return f"{PREFIX}{self.id}"


class Starter(Protocol):
    """One platform's way of starting commands."""

    def refusal(self) -> str:
        """Why it cannot be used here, in words; empty where it can."""

    def write(self, start: Start) -> str:
        """Have the system start this from now on; when it will, in words. Raises UsageError."""

    def remove(self, identity: str) -> bool:
        """Take back what was written; whether there was anything. Raises UsageError."""

    def is_written(self, identity: str) -> bool:
        """Whether the system still has it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How one of the system's commands ended."""

    code: int
    text: str


def run_tool(*words: str) -> Answer:
    """Run one of the system's commands; code 127 says that it is not there, 124 that it never ended."""
    found = _tool(words[0])
    if found is None:
        return Answer(127, f"{words[0]} is not installed")
    try:
        done = subprocess.run(
            [found, *words[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_variables(),
            timeout=_PATIENCE,
            check=False,
            creationflags=_FLAGS,
        )
    except subprocess.TimeoutExpired:
        return Answer(124, f"{words[0]} does not answer")
    except OSError as error:
        return Answer(126, f"{words[0]} cannot be run: {error.strerror}")
    return Answer(done.returncode, done.stdout.decode(_ENCODING, "replace").strip())


def _tool(name: str) -> str | None:
    """Where a command of the system is. On Windows a search would begin in the folder that we are in."""
    if os.name != "nt":
        return shutil.which(name)
    file = Path(os.environ.get("SYSTEMROOT", "C:\\Windows"), "System32", f"{name}.exe")
    return str(file) if file.is_file() else None


def _variables() -> dict[str, str]:
    """Ours; and where a log-in by `su` or a timer left it out, how the user's own systemd is found."""
    variables = dict(os.environ)
    if hasattr(os, "getuid") and "XDG_RUNTIME_DIR" not in variables:
        folder = f"/run/user/{os.getuid()}"
        if os.path.isdir(folder):  # noqa: PTH112
            variables["XDG_RUNTIME_DIR"] = folder
    return variables


def start_of(identity: str, home: Path, source: str) -> Start:
    """The command that goes on with a run: our own, as its user has started it.

    It names the mount point of the data directory, which may not be mounted yet when it is called.

    Raises UsageError where a path cannot be written down for the system.
    """
    words = _program()
    command = [*words, "restart", "run", identity, "--home", str(home)]
    if mount := mount_of(str(home)):
        command += ["--mount", mount]
    variables = {name: os.environ[name] for name in _CARRIED if os.environ.get(name)}
    if not is_private() and words[0] == sys.executable and not getattr(sys, "frozen", False):
        variables[_IN_PLACE] = "1"
    for text in (*command, *variables.values()):
        check_text(text)
    return Start(identity, tuple(command), variables, source)


def _program() -> list[str]:
    """Our program, by the Python that made the private environment: that one may be gone by then."""
    words = program()
    base = str(getattr(sys, "_base_executable", "") or "")
    if is_private() and words[0] == sys.executable and Path(base).is_file():
        words[0] = base
    return words


def is_private() -> bool:
    """Whether this Python is that of an environment which our launcher has made, and would make again."""
    return Path(sys.prefix).name.startswith("env-") and (Path(sys.prefix) / "complete").exists()


def check_text(text: str) -> None:
    """Raise UsageError where no such file can hold this text: a line break in it, or what is no text."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        printable = text.encode("utf-8", "backslashreplace").decode()
        raise UsageError(f"--resume-at-start: the path {printable} is not readable text") from None
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise UsageError(f"--resume-at-start: the path {text!r} holds a line break or a control character")


def remove_file(file: Path) -> bool:
    """Remove it; whether it was there. Raises UsageError."""
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UsageError(f"{file} cannot be removed: {error.strerror}") from error
    return True


def write_text(file: Path, text: str) -> None:
    """Write a file that the system reads, with the folders it lies in. Raises UsageError."""
    # Not by `records.writing`: others than its owner may read this, and nothing in it is secret.
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f".{file.name}.new")
        new.write_text(text, "utf-8", newline="\n")
        new.chmod(0o644)
        new.replace(file)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error


def starters() -> Sequence[Starter]:
    """Those of this platform, the best first."""
    if sys.platform == "win32":
        from migrator.jobs.restart_windows import ScheduledTask

        return (ScheduledTask(),)
    if sys.platform == "darwin":
        from migrator.jobs.restart_macos import LaunchAgent

        return (LaunchAgent(),)
    from migrator.jobs.restart_linux import Autostart, Systemd

    return (Systemd(), Autostart())


def usable_starter() -> Starter:
    """The best that can be used here. Raises UsageError that says why none can."""
    reasons = []
    for starter in starters():
        reason = starter.refusal()
        if not reason:
            return starter
        reasons.append(reason)
    raise UsageError(f"--resume-at-start cannot be kept here: {'; '.join(reasons)}")


def mount_of(folder: str) -> str:
    """The mount point that a folder lies on; empty for the system's own disk, and on Windows."""
    if os.name == "nt":
        return ""
    place = Path(folder)
    for one in (place, *place.parents):
        if one.is_mount():
            return "" if one == Path(one.anchor) else str(one)
    return ""


def is_away(folder: Path, mount: str) -> bool:
    """Whether the disk is not there on which a folder lies, that `mount_of` named when it was there."""
    return not Path(folder.anchor).exists() or (bool(mount) and not os.path.ismount(mount))
