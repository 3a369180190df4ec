"""What each platform is given, as text: well formed, and with every path as it is, however it is spelt."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from migrator.core.errors import UsageError
from migrator.jobs.restart_linux import desktop_text, unit_text
from migrator.jobs.restart_macos import agent_text
from migrator.jobs.restart_system import Start
from migrator.jobs.restart_windows import is_on_share, task_text
from tests.conftest import lack
from tests.restart.system import read_unit

_TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
ODD = (
    "/opt/a b",
    "/opt/it's",
    '/opt/"q"',
    "/opt/50%h",
    "/opt/$HOME",
    "/opt/${X}",
    "/opt/b\\n",
    "/opt/Zürich 東京",
)


def start(*command: str, **variables: str) -> Start:
    return Start("0123456789", ("/usr/bin/python3", "/opt/dicom_migrator.py", *command), variables)


def read_exec(text: str) -> list[str]:
    """The words of a desktop entry's Exec, by the rules of its specification."""
    (value,) = (line.removeprefix("Exec=") for line in text.splitlines() if line.startswith("Exec="))
    value = value.replace("\\\\", "\\")
    words: list[str] = []
    characters = iter(value)
    for character in characters:
        if character == " ":
            continue
        assert character == '"'
        word = ""
        for inner in characters:
            if inner == '"':
                break
            word += next(characters) if inner == "\\" else inner
        assert "%" not in word.replace("%%", "")
        words.append(word.replace("%%", "%"))
    return words


@pytest.mark.parametrize("odd", ODD)
def test_a_unit_gives_every_path_as_it_is(odd: str) -> None:
    read = read_unit(unit_text(start("run", odd, DICOM_MIGRATOR_CACHE=odd)))
    assert read.command == ["/usr/bin/python3", "/opt/dicom_migrator.py", "run", odd]
    assert read.variables == {"DICOM_MIGRATOR_CACHE": odd}
    assert read.condition == "/opt/dicom_migrator.py"


def test_systemd_finds_nothing_to_complain_of_in_a_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        lack("systemd-analyze is not installed")
    assert analyze is not None
    program = tmp_path / 'a "program" of 50% it\'s'
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "dicom-migrator-0123456789.service"
    unit.write_text(unit_text(Start("0123456789", (str(program), *ODD), {"A": ODD[3]})))
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(
        [analyze, "verify", "--user", "--man=no", str(unit)],
        capture_output=True,
        env=environment,
        check=False,
    )
    told = (done.stdout + done.stderr).decode()
    assert unit.name not in told, told


def test_systemd_would_complain_of_a_unit_that_is_wrong(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        lack("systemd-analyze is not installed")
    assert analyze is not None
    unit = tmp_path / "wrong.service"
    unit.write_text(unit_text(start()).replace("Type=simple", "Type=sample"))
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(
        [analyze, "verify", "--user", "--man=no", str(unit)],
        capture_output=True,
        env=environment,
        check=False,
    )
    assert "wrong.service" in (done.stdout + done.stderr).decode()


@pytest.mark.parametrize("odd", ODD)
def test_a_desktop_entry_gives_every_path_as_it_is(odd: str) -> None:
    text = desktop_text(start("run", odd, DICOM_MIGRATOR_CACHE=odd))
    assert read_exec(text) == [
        *("/usr/bin/env", f"DICOM_MIGRATOR_CACHE={odd}"),
        *("/usr/bin/python3", "/opt/dicom_migrator.py", "run", odd),
    ]


@pytest.mark.parametrize("odd", [*ODD, "/opt/<a>&amp;"])
def test_a_launch_agent_gives_every_path_as_it_is_and_runs_at_log_in(odd: str) -> None:
    agent = plistlib.loads(agent_text(start("run", odd, DICOM_MIGRATOR_CACHE=odd)).encode())
    assert agent["ProgramArguments"] == ["/usr/bin/python3", "/opt/dicom_migrator.py", "run", odd]
    assert agent["EnvironmentVariables"] == {"DICOM_MIGRATOR_CACHE": odd}
    assert agent["RunAtLoad"] is True
    assert agent["Label"] == "dicom-migrator-0123456789"
    assert "KeepAlive" not in agent


@pytest.mark.parametrize(
    "odd", ["C:\\A b\\50%", 'C:\\it"s', "C:\\<a>&amp;", "C:\\Zürich 東京", "C:\\$HOME\\"]
)
def test_a_task_has_the_elements_of_its_schema_in_their_order(odd: str) -> None:
    command = Start("0123456789", ("C:\\Program Files\\Python\\python.exe", "restart", "run", odd))
    task = ElementTree.fromstring(task_text(command, "HOSPITAL\\ana", is_at_boot=True).encode("utf-16"))
    parts = [part.tag.removeprefix(_TASK) for part in task]
    assert parts == ["RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"]
    assert task.tag == f"{_TASK}Task"
    assert task.get("version") == "1.2"
    texts = {part.tag.removeprefix(_TASK): part.text for part in task.iter()}
    assert texts["Command"] == '"C:\\Program Files\\Python\\python.exe"'
    assert texts["Arguments"] == subprocess.list2cmdline(["restart", "run", odd])
    assert texts["ExecutionTimeLimit"] == "PT0S"
    assert texts["UserId"] == "HOSPITAL\\ana"


def test_a_task_at_the_start_needs_no_password_and_one_at_log_in_is_the_users_own() -> None:
    at_start = task_text(start(), "HOSPITAL\\ana", is_at_boot=True)
    at_log_in = task_text(start(), "HOSPITAL\\ana", is_at_boot=False)
    assert "<BootTrigger>" in at_start
    assert "<LogonType>S4U<" in at_start
    assert "<LogonTrigger><Enabled>true</Enabled><UserId>HOSPITAL\\ana<" in at_log_in
    assert "<LogonType>InteractiveToken<" in at_log_in


@pytest.mark.parametrize("source", ["\\\\nas\\archive", "//nas/archive", "\\\\?\\UNC\\nas\\archive"])
def test_a_share_is_known_as_one(source: str) -> None:
    assert is_on_share(source)


def test_a_folder_of_this_computer_is_no_share() -> None:
    assert not is_on_share("\\\\?\\C:\\archive")
    assert not is_on_share("/mnt/archive")


@pytest.mark.parametrize("text", [unit_text, desktop_text, agent_text])
@pytest.mark.parametrize("bad", ["/opt/a\nExecStart=/bin/sh", "/opt/a\x00", "/opt/\udcff"])
def test_what_could_begin_another_line_is_refused(text: object, bad: str) -> None:
    assert callable(text)
    with pytest.raises(UsageError, match="--resume-at-start"):
        text(start("run", bad))


@pytest.mark.parametrize("bad", ["C:\\%TEMP%\\a", "C:\\$(Arg0)", "C:\\a\nb"])
def test_what_the_task_scheduler_would_change_is_refused(bad: str) -> None:
    with pytest.raises(UsageError, match="--resume-at-start"):
        task_text(start(bad), "ana", is_at_boot=True)


def test_a_program_whose_path_systemd_does_not_take_is_found_by_env() -> None:
    one = Start("0123456789", ("/home/o'neill/$1/python", "run"))
    assert read_unit(unit_text(one)).command == ["/usr/bin/env", "/home/o'neill/$1/python", "run"]
    with pytest.raises(UsageError, match="systemd cannot be told to start"):
        unit_text(Start("0123456789", ("/home/o'neill/a=b/python", "run")))


def test_a_unit_is_passed_over_where_its_program_is_gone_whatever_that_is() -> None:
    one = Start("0123456789", ("/opt/DICOMPACSMigrator-cli", "restart", "run", "--home", "/home/a"))
    assert read_unit(unit_text(one)).condition == "/opt/DICOMPACSMigrator-cli"


def test_no_text_names_the_source() -> None:
    one = Start("0123456789", ("/usr/bin/python3", "run"), {}, "/mnt/ANNA^MUELLER")
    texts = [unit_text(one), desktop_text(one), agent_text(one), task_text(one, "ana", is_at_boot=True)]
    assert not [text for text in texts if "ANNA" in text]
