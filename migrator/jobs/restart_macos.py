"""macOS: a launch agent of the user, which is started when its user logs in.

What is started without anybody logged in, a launch daemon, is an administrator's to write and may not read
a user's folders. Putting the file there is enough: launchd reads it at log-in. Asking launchd to load it now
would start the command at once, since it runs at load.
"""

from __future__ import annotations

import plistlib
from pathlib import Path
from typing import Any

from migrator.jobs.restart_system import PREFIX, Start, check_text, remove_file, write_text


class LaunchAgent:
    """Files in the user's ~/Library/LaunchAgents."""

    def refusal(self) -> str:
        return ""

    def write(self, start: Start) -> str:
        write_text(self._file(start.id), agent_text(start))
        return "when you log in next"

    def remove(self, identity: str) -> bool:
        return remove_file(self._file(identity))

    def is_written(self, identity: str) -> bool:
        return self._file(identity).exists()

    def _file(self, identity: str) -> Path:
        return Path.home() / "Library" / "LaunchAgents" / f"{PREFIX}{identity}.plist"


def agent_text(start: Start) -> str:
    """The property list (launchd.plist(5))."""
    for word in (*start.command, *start.variables.values()):
        check_text(word)
    agent: dict[str, Any] = {
        "Label": start.name,
        "ProgramArguments": list(start.command),
        "RunAtLoad": True,
        # Ending takes a few seconds: what is in flight is answered, and the record is saved.
        "ExitTimeOut": 30,
    }
    if start.variables:
        agent["EnvironmentVariables"] = dict(start.variables)
    return plistlib.dumps(agent).decode("utf-8")
