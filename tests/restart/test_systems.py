"""What the system's own commands are called with, and what is told of when it will start a run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from migrator.core.errors import UsageError
from migrator.jobs.restart_linux import Autostart, Systemd
from migrator.jobs.restart_macos import LaunchAgent
from migrator.jobs.restart_system import Start, start_of, usable_starter
from migrator.jobs.restart_windows import ScheduledTask
from tests.restart.system import Account

# There they would be handed to the real Task Scheduler.
pytestmark = pytest.mark.skipif(os.name == "nt", reason="an account of a POSIX system")

ONE = Start("0123456789", ("/usr/bin/python3", "/opt/dicom_migrator.py"), {}, "/mnt/archive")
UNIT = "dicom-migrator-0123456789.service"
TASK = "\\DICOM PACS Migrator\\dicom-migrator-0123456789"


def test_a_unit_is_enabled_and_not_started_now(here: Account) -> None:
    assert Systemd().refusal() == ""
    assert Systemd().write(ONE) == "when the system starts"
    assert [unit.name for unit in here.units] == [UNIT]
    assert ["systemctl", "--user", "enable", UNIT] in here.calls
    assert not [call for call in here.calls if "start" in call or "--now" in call]


def test_a_unit_of_who_does_not_linger_begins_at_log_in_and_how_to_change_that_is_told(here: Account) -> None:
    here.tool("loginctl", ("Linger", 0, "no"))
    words = Systemd().write(ONE)
    assert words.startswith("when you log in next")
    assert "loginctl enable-linger" in words
    assert not [call for call in here.calls if "enable-linger" in call]


def test_a_unit_is_removed_without_stopping_what_runs_in_it(here: Account) -> None:
    Systemd().write(ONE)
    assert Systemd().is_written(ONE.id)
    assert Systemd().remove(ONE.id)
    assert here.units == []
    assert here.calls[-2:] == [
        ["systemctl", "--user", "disable", UNIT],
        ["systemctl", "--user", "daemon-reload"],
    ]
    assert not Systemd().remove(ONE.id)


def test_a_unit_that_systemd_refuses_does_not_stay(here: Account) -> None:
    here.tool("systemctl", ("enable", 1, "Failed to enable unit: no room"))
    with pytest.raises(UsageError, match="no room"):
        Systemd().write(ONE)
    assert here.units == []


def test_without_systemd_a_desktop_starts_it_at_log_in(
    here: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.tool("systemctl", ("", 1, "Failed to connect to bus: No medium found"))
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "GNOME")
    starter = usable_starter()
    assert isinstance(starter, Autostart)
    assert "when you log in to the desktop" in starter.write(ONE)
    assert (here.home / ".config/autostart/dicom-migrator-0123456789.desktop").exists()
    assert starter.is_written(ONE.id)
    assert starter.remove(ONE.id)
    assert not starter.is_written(ONE.id)


def test_where_nothing_starts_programs_that_is_said(here: Account) -> None:
    here.tool("systemctl", ("", 1, "System has not been booted with systemd as init system"))
    with pytest.raises(
        UsageError, match=r"cannot be kept here: no systemd answers .*not been booted.*desktop"
    ):
        usable_starter()


def test_a_launch_agent_is_a_file_that_launchd_finds_at_log_in(here: Account) -> None:
    assert LaunchAgent().refusal() == ""
    assert LaunchAgent().write(ONE) == "when you log in next"
    assert (here.home / "Library/LaunchAgents/dicom-migrator-0123456789.plist").exists()
    assert LaunchAgent().remove(ONE.id)
    assert here.calls == []


def test_a_task_begins_at_the_systems_start_where_that_is_allowed(here: Account) -> None:
    here.tool("schtasks")
    here.tool("net")
    assert ScheduledTask().refusal() == ""
    assert ScheduledTask().write(ONE) == "when the system starts"
    created = here.calls[-1]
    assert created[:5] == ["schtasks", "/Create", "/TN", TASK, "/XML"]
    assert created[6:] == ["/F"]
    assert not Path(created[5]).exists()
    assert ScheduledTask().remove(ONE.id)
    assert here.calls[-1] == ["schtasks", "/Delete", "/TN", TASK, "/F"]


def test_a_task_that_only_an_administrator_may_have_begins_at_log_in_instead(here: Account) -> None:
    script = 'if grep -qa "B.o.o.t.T" "$5"; then echo "ERROR: Access is denied."; exit 1; fi'
    (here.tools / "schtasks").write_text(f"#!/bin/sh\n{script}\n")
    (here.tools / "schtasks").chmod(0o755)
    assert ScheduledTask().write(ONE).startswith("when you log in next: to begin at the start of the system")


def test_a_task_for_a_source_on_a_share_begins_at_log_in(here: Account) -> None:
    here.tool("schtasks")
    share = Start("0123456789", ONE.command, {}, "\\\\nas\\archive")
    assert ScheduledTask().write(share).startswith("when you log in next: the source is on a share")
    assert len(here.calls) == 1


def test_a_task_that_is_refused_altogether_is_told(here: Account) -> None:
    here.tool("schtasks", ("/Create", 1, "ERROR: Access is denied."))
    with pytest.raises(UsageError, match=r"does not take the task: ERROR: Access is denied\."):
        ScheduledTask().write(ONE)


def test_the_command_is_ours_and_finds_the_data_directory_and_the_private_environment(
    here: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DICOM_MIGRATOR_CACHE", "/var/cache/mine")
    monkeypatch.setenv("DICOM_MIGRATOR_EMAIL_PASSWORD", "hunter2")
    made = start_of("0123456789", here.data, "/mnt/archive")
    assert made.command[1].endswith("dicom_migrator.py")
    assert made.command[2:] == ("restart", "run", "0123456789", "--home", str(here.data))
    assert made.variables["DICOM_MIGRATOR_CACHE"] == "/var/cache/mine"
    assert "hunter2" not in str(made)
