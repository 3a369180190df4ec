"""A user's account on a system of its own: its HOME, and on its PATH commands that write down how they were
called, in place of those of the real system. And units read as systemd reads them, without a shell.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers.keeping import Kept

ROOT = Path(__file__).resolve().parent.parent.parent

_TOOL = """#!{python} -IS
import json, sys
with open({calls!r}, "a") as file:
    file.write(json.dumps([{name!r}, *sys.argv[1:]]) + "\\n")
for words, code, text in {answers!r}:
    if words in " ".join(sys.argv[1:]):
        print(text)
        sys.exit(code)
"""


@dataclass
class Account:
    """`calls` is what the system's commands were called with."""

    home: Path
    tools: Path
    more: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.home / "the data"

    @property
    def units(self) -> list[Path]:
        return sorted((self.home / ".config/systemd/user").glob("*.service"))

    @property
    def calls(self) -> list[list[str]]:
        file = self.tools / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def tool(self, name: str, *answers: tuple[str, int, str]) -> None:
        """Put a command on the PATH; to arguments with these words it answers with this code and text."""
        file = self.tools / name
        calls = str(self.tools / "calls")
        file.write_text(_TOOL.format(python=sys.executable, calls=calls, name=name, answers=answers))
        file.chmod(0o755)

    @property
    def variables(self) -> dict[str, str]:
        """All that a process of this account has, and nothing of the tests' own environment."""
        return {"HOME": str(self.home), "PATH": f"{self.tools}:/usr/bin:/bin", "LANG": "C.UTF-8"} | self.more

    def command(self, *words: str) -> list[str]:
        return [sys.executable, str(ROOT / "dicom_migrator.py"), *words, "--home", str(self.data)]

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Our own command, as the account's user runs it."""
        variables = self.variables | {"DICOM_MIGRATOR_NO_BOOTSTRAP": "1"}
        return subprocess.Popen(
            self.command(*words), env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        variables = self.variables | {"DICOM_MIGRATOR_NO_BOOTSTRAP": "1"}
        return subprocess.run(
            self.command(*words), env=variables, capture_output=True, timeout=120, check=False
        )

    def boot(self, *more: str) -> subprocess.CompletedProcess[bytes]:
        """Run what the only unit says, as systemd does: with its variables and next to none beside."""
        (unit,) = self.units
        read = read_unit(unit.read_text("utf-8"))
        minimal = {"HOME": str(self.home), "PATH": f"{self.tools}:/usr/bin:/bin"}
        return subprocess.run(
            [*read.command, *more],
            env=minimal | read.variables,
            cwd="/",
            capture_output=True,
            timeout=120,
            check=False,
        )


@dataclass(frozen=True)
class Unit:
    """What systemd would make of a unit."""

    command: list[str]
    variables: Mapping[str, str]
    condition: str


def read_unit(text: str) -> Unit:
    """Read a unit by systemd's rules for quotes, escapes, specifiers and variables."""
    lines = [line.partition("=") for line in text.splitlines() if "=" in line]
    (start,) = (value for name, _, value in lines if name == "ExecStart")
    (condition,) = (value for name, _, value in lines if name == "ConditionPathExists")
    variables = {}
    for name, _, value in lines:
        if name == "Environment":
            (word,) = _words(value)
            key, _, content = _specifiers(word).partition("=")
            variables[key] = content
    command = [_dollars(_specifiers(word)) for word in _words(start)]
    return Unit(command, variables, _specifiers(condition))


def _words(line: str) -> list[str]:
    """Words in double quotes, in which a backslash escapes itself and quotes."""
    words, word, is_quoted = [], "", False
    characters = iter(line)
    for character in characters:
        if character == '"':
            is_quoted = not is_quoted
            if not is_quoted:
                words.append(word)
                word = ""
        elif character == "\\":
            escaped = next(characters)
            assert escaped in '\\"', f"not an escape that is written: {escaped}"
            word += escaped
        elif is_quoted:
            word += character
        else:
            assert character == " ", "every word is quoted"
    assert not is_quoted
    return words


def _specifiers(word: str) -> str:
    assert "%" not in word.replace("%%", ""), "systemd would put something else there"
    return word.replace("%%", "%")


def _dollars(word: str) -> str:
    assert "$" not in word.replace("$$", ""), "systemd would put a variable there"
    return word.replace("$$", "$")


class Once:
    """Done at the third object that a PACS is sent, which it keeps all the same."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self._left = 3

    def __call__(self, kept: Kept) -> int:
        self._left -= 1
        if self._left == 0:
            self._act()
        return 0
