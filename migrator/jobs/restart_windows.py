"""Windows: a scheduled task, at the system's start where that is allowed, else at its user's log-in.

A task at the start of the system runs without a stored password as "service for user" (S4U), which only an
administrator may ask for, and which has no access to other computers' shares. So a source on a share, and a
user without such rights, get a task that starts at the user's own log-in.
"""

from __future__ import annotations

import getpass
import os
import re
import subprocess
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from migrator.core.errors import UsageError
from migrator.jobs.restart_system import PREFIX, TITLE, Answer, Start, check_text, run_tool

_NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_AT_START, _AT_LOG_IN = "when the system starts", "when you log in next"


class ScheduledTask:
    """Tasks of the user, in a folder of our own of the Task Scheduler."""

    def refusal(self) -> str:
        answer = run_tool("schtasks", "/Query", "/?")
        return "" if answer.code == 0 else f"the Task Scheduler does not answer ({answer.text})"

    def write(self, start: Start) -> str:
        is_share = is_on_share(start.source)
        if not is_share:
            answer = self._create(start, is_at_boot=True)
            if answer.code == 0:
                return _AT_START
        answer = self._create(start, is_at_boot=False)
        if answer.code:
            raise UsageError(f"the Task Scheduler does not take the task: {answer.text}")
        why = (
            "the source is on a share, which nobody reaches who is not logged in"
            if is_share
            else "to begin at the start of the system, it must be asked for by an administrator"
        )
        return f"{_AT_LOG_IN}: {why}"

    def remove(self, identity: str) -> bool:
        if not self.is_written(identity):
            return False
        answer = run_tool("schtasks", "/Delete", "/TN", _path(identity), "/F")
        if answer.code:
            raise UsageError(f"the scheduled task {_path(identity)} cannot be removed: {answer.text}")
        return True

    def is_written(self, identity: str) -> bool:
        return run_tool("schtasks", "/Query", "/TN", _path(identity)).code == 0

    def _create(self, start: Start, *, is_at_boot: bool) -> Answer:
        """Hand the task over in a file, which schtasks takes as UTF-16 only."""
        text = task_text(start, _user(), is_at_boot=is_at_boot)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{start.name}.xml"
            file.write_text(text, "utf-16")
            return run_tool("schtasks", "/Create", "/TN", _path(start.id), "/XML", str(file), "/F")


def _path(identity: str) -> str:
    return f"\\{TITLE}\\{PREFIX}{identity}"


def _user() -> str:
    return f"{os.environ.get('USERDOMAIN', '.')}\\{getpass.getuser()}"


def is_on_share(source: str) -> bool:
    """Whether a path names another computer, or a drive that its user's log-in has connected."""
    if source.startswith(("\\\\", "//")):
        return not source.startswith(("\\\\?\\", "//?/")) or source[4:8].upper() in ("UNC\\", "UNC/")
    drive = source[:2]
    return bool(re.fullmatch("[A-Za-z]:", drive)) and run_tool("net", "use", drive).code == 0


def task_text(start: Start, user: str, *, is_at_boot: bool) -> str:
    """The task's XML (Task Scheduler schema 1.2), to be written as UTF-16.

    Variables cannot be given to a task: it finds its private environment where the system keeps caches.
    Raises UsageError for a path that the Task Scheduler would change.
    """
    for word in start.command:
        check_text(word)
        if re.search(r"%[^%]+%|\$\(", word):
            raise UsageError(
                f"--resume-at-start: the Task Scheduler would read a variable in the path {word}"
            )
    task = ElementTree.Element("Task", {"version": "1.2", "xmlns": _NAMESPACE})
    about = ElementTree.SubElement(task, "RegistrationInfo")
    _add(about, Author=user, Description=f"{TITLE}: goes on with run {start.id} after a restart")
    triggers = ElementTree.SubElement(task, "Triggers")
    if is_at_boot:
        _add(ElementTree.SubElement(triggers, "BootTrigger"), Enabled="true")
    else:
        _add(ElementTree.SubElement(triggers, "LogonTrigger"), Enabled="true", UserId=user)
    principals = ElementTree.SubElement(task, "Principals")
    _add(
        ElementTree.SubElement(principals, "Principal", {"id": "Author"}),
        UserId=user,
        LogonType="S4U" if is_at_boot else "InteractiveToken",
        RunLevel="LeastPrivilege",
    )
    _add(
        ElementTree.SubElement(task, "Settings"),
        MultipleInstancesPolicy="IgnoreNew",
        DisallowStartIfOnBatteries="false",
        StopIfGoingOnBatteries="false",
        StartWhenAvailable="true",
        ExecutionTimeLimit="PT0S",  # it would be ended after three days
    )
    actions = ElementTree.SubElement(task, "Actions", {"Context": "Author"})
    _add(
        ElementTree.SubElement(actions, "Exec"),
        Command=f'"{start.command[0]}"',
        Arguments=subprocess.list2cmdline(start.command[1:]),
    )
    return '<?xml version="1.0" encoding="UTF-16"?>\n' + ElementTree.tostring(task, encoding="unicode")


def _add(parent: ElementTree.Element, **texts: str) -> None:
    """Elements with a text each, in this order."""
    for name, text in texts.items():
        ElementTree.SubElement(parent, name).text = text
