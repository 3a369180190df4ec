"""The README tells every command, option and setting, and nothing that does not exist."""

from __future__ import annotations

import argparse
import importlib
import re
from pathlib import Path

import pytest

from migrator.cli.main import COMMANDS, PROFILED, add_profiled
from scripts.readme_tables import renewed

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text("utf-8")
_ELSEWHERE = {"--help", "--wheelhouse", "--version", "--home", "--log-level"}


def options_of(command: str) -> set[str]:
    parser = argparse.ArgumentParser(add_help=False)
    importlib.import_module(f"migrator.cli.{command.replace('-', '_')}").add_arguments(parser)
    if command in PROFILED:
        add_profiled(parser)
    told = [action for action in parser._actions if action.help != argparse.SUPPRESS]
    return {spelling for action in told for spelling in action.option_strings}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_its_options_stand_in_the_readme(command: str) -> None:
    assert f"| `{command}" in README
    assert not {option for option in options_of(command) if not re.search(rf"{option}[` ]", README)}


def test_the_readme_promises_no_option_that_does_not_exist() -> None:
    known = _ELSEWHERE.union(*(options_of(command) for command in COMMANDS))
    in_tables = {
        option
        for line in README.splitlines()
        if line.startswith("| `-")
        for option in re.findall(r"`(--[a-z-]+)", line.split("|")[1])
    }
    assert in_tables
    assert in_tables <= known


def test_the_tables_of_settings_are_those_of_their_declarations() -> None:
    assert renewed(README) == README, "run scripts/readme_tables.py"
