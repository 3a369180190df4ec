"""What an earlier window has left running: which commands still are on, and what a migration is about."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from migrator.core.errors import UsageError
from migrator.core.model import Node
from migrator.jobs.launch import SETTINGS, Launched, Look, launched, note_lost
from migrator.jobs.nodes import parse_node
from migrator.jobs.settings_file import SettingsFile, read_settings


@dataclass(frozen=True, slots=True)
class LeftRunning:
    """A command that is on, or was lost. `source` and `nodes` are a migration's, as it was started."""

    command: Launched
    look: Look
    source: str = ""
    nodes: tuple[Node, ...] = ()

    @property
    def is_lost(self) -> bool:
        """Whether its process has ended without a word: it was killed, or the machine was."""
        return self.look.code is not None


def left_running(home: Path, known: Collection[Path] = ()) -> list[LeftRunning]:
    """Every command that was started from this data directory and still is on, the newest first.

    Migrations that were lost come with them, once. `known` are the folders of those that are watched already.
    This asks each one, which takes a moment.
    """
    found = []
    for command in launched(home):
        if command.folder in known or command.has_ended:
            continue
        look = command.look()
        is_migration = command.name == "migrate" and len(command.arguments) > 1
        if look.code is not None:
            command.watch.close()
            if command.has_ended:  # just now, and in order
                continue
            note_lost(command.folder)
        if is_migration:
            found.append(LeftRunning(command, look, command.arguments[1], nodes_of(command)))
        elif look.code is None:
            found.append(LeftRunning(command, look))
    return sorted(found, key=lambda one: one.command.begun, reverse=True)


def nodes_of(command: Launched) -> tuple[Node, ...]:
    """The destinations of a migration, in its order: those that `--to` names, else all of its settings."""
    kept = _settings_of(command)
    named = list(_named_in(command.arguments))
    if not named:
        return tuple(one.node for one in kept.destinations)
    nodes = []
    for text in named:
        try:
            node = parse_node(text)
        except UsageError:
            return ()
        own = kept.destination(node)
        nodes.append(node if own is None else own.node)
    return tuple(nodes)


def _settings_of(command: Launched) -> SettingsFile:
    try:
        return read_settings(command.folder / SETTINGS)
    except UsageError:
        return SettingsFile()


def _named_in(arguments: Collection[str]) -> Iterator[str]:
    is_value = False
    for word in arguments:
        if is_value:
            yield word
        elif word.startswith("--to="):
            yield word.removeprefix("--to=")
        is_value = word == "--to"
