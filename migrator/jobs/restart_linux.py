"""Linux: a unit of the user's own systemd; where none answers, an entry that a desktop starts at log-in."""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from migrator.core.errors import UsageError
from migrator.jobs.restart_system import (
    PREFIX,
    TITLE,
    Start,
    check_text,
    remove_file,
    run_tool,
    write_text,
)


def _configuration() -> Path:
    """The user's folder of settings, as the XDG specification has it: a relative path there is ignored."""
    chosen = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    return chosen if chosen.is_absolute() else Path.home() / ".config"


class Systemd:
    """Units of the user: no rights are needed, and files and mounts are seen as the user sees them."""

    def refusal(self) -> str:
        answer = run_tool("systemctl", "--user", "show", "--property=Version")
        if answer.code == 0:
            return ""
        return (
            f"no systemd answers for this user ({answer.text.splitlines()[0] if answer.text else 'silent'})"
        )

    def write(self, start: Start) -> str:
        text = unit_text(start)
        file = self._file(start.id)
        write_text(file, text)
        answer = run_tool("systemctl", "--user", "enable", file.name)
        if answer.code:
            remove_file(file)
            raise UsageError(f"systemd does not take {file.name}: {answer.text}")
        return _when()

    def remove(self, identity: str) -> bool:
        file = self._file(identity)
        if not self.is_written(identity):
            return False
        # It only takes the link away; the run itself, which may be what calls this, goes on.
        run_tool("systemctl", "--user", "disable", file.name)
        link = file.parent / "default.target.wants" / file.name
        removed = [remove_file(one) for one in (link, file)]
        run_tool("systemctl", "--user", "daemon-reload")
        return any(removed)

    def is_written(self, identity: str) -> bool:
        return self._file(identity).exists()

    def _file(self, identity: str) -> Path:
        return _configuration() / "systemd" / "user" / f"{PREFIX}{identity}.service"


def _when() -> str:
    """When a user's units are started: that is the system's start only where the user lingers."""
    user = getpass.getuser()
    answer = run_tool("loginctl", "show-user", user, "--property=Linger", "--value")
    lingers = answer.text.strip() == "yes" if not answer.code else _lingers(user)
    if lingers:
        return "when the system starts"
    return (
        "when you log in next; to have it begin when the system starts, without anybody logged in: "
        f"loginctl enable-linger {user}"
    )


def _lingers(user: str) -> bool:
    """Of a user who is not logged in, whom loginctl does not know."""
    return Path("/var/lib/systemd/linger", user).exists()


def unit_text(start: Start) -> str:
    """The unit. It names no network or mount to wait for, since the user's systemd knows of neither: the
    command itself waits for both. Raises UsageError for what cannot be written in one.
    """
    program = start.command[1] if PurePosixPath(start.command[1]).is_absolute() else start.command[0]
    variables = [f"Environment={_quoted(f'{name}={value}')}" for name, value in start.variables.items()]
    lines = [
        "[Unit]",
        f"Description={TITLE}: goes on with run {start.id} after a restart",
        # Where the program is gone, nothing fails at every start.
        f"ConditionPathExists={_specified(program)}",
        "",
        "[Service]",
        "Type=simple",
        *variables,
        f"ExecStart={' '.join(_quoted(word, is_command=True) for word in _startable(start.command))}",
        # Ending takes a few seconds: what is in flight is answered, and the record is saved.
        "TimeoutStopSec=30",
        "",
        "[Install]",
        "WantedBy=default.target",
        "",
    ]
    return "\n".join(lines)


def _startable(command: Sequence[str]) -> Sequence[str]:
    """The command with a first word as systemd takes it, which some characters may not be in."""
    if not set(command[0]) & set("\"'\\$"):
        return command
    if "=" in command[0]:
        raise UsageError(f"--resume-at-start: systemd cannot be told to start {command[0]}")
    return ("/usr/bin/env", *command)


def _specified(text: str) -> str:
    """As it stands where systemd looks for specifiers (%h …), and for nothing else."""
    check_text(text)
    return text.replace("%", "%%")


def _quoted(text: str, *, is_command: bool = False) -> str:
    """One word as systemd reads it (systemd.syntax, systemd.service): quotes, specifiers, variables."""
    text = _specified(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text.replace("$", "$$") if is_command else text}"'


class Autostart:
    """Entries that a desktop starts when its user logs in (XDG autostart)."""

    def refusal(self) -> str:
        if os.environ.get("XDG_CURRENT_DESKTOP"):
            return ""
        return "nobody is logged in to a desktop, which could start it at the next log-in"

    def write(self, start: Start) -> str:
        write_text(self._file(start.id), desktop_text(start))
        return "when you log in to the desktop next, since no systemd answers for this user"

    def remove(self, identity: str) -> bool:
        return remove_file(self._file(identity))

    def is_written(self, identity: str) -> bool:
        return self._file(identity).exists()

    def _file(self, identity: str) -> Path:
        return _configuration() / "autostart" / f"{PREFIX}{identity}.desktop"


def desktop_text(start: Start) -> str:
    """The entry (Desktop Entry Specification 1.5)."""
    variables = [f"{name}={value}" for name, value in start.variables.items()]
    command = [*(["/usr/bin/env", *variables] if variables else []), *start.command]
    lines = [
        "[Desktop Entry]",
        "Type=Application",
        f"Name={TITLE}: run {start.id}",
        "Comment=Goes on with a migration after a restart",
        f"Exec={_exec(command)}",
        "Terminal=false",
        "NoDisplay=true",
        "",
    ]
    return "\n".join(lines)


def _exec(command: Sequence[str]) -> str:
    """The words of a command as Exec has them: quoted, field codes (%f …) doubled, and then as a value."""
    words = []
    for word in command:
        check_text(word)
        for character in '\\"`$':
            word = word.replace(character, f"\\{character}")
        words.append(f'"{word}"'.replace("%", "%%"))
    return " ".join(words).replace("\\", "\\\\")
