"""The command line's entry: finds the command, reads its arguments, turns errors into exit codes."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from migrator import __version__
from migrator.cli.terminal import accept_all_text, printable, tell
from migrator.cli.watched import watched
from migrator.core.errors import Cancelled, MigratorError, UsageError

COMMANDS = {
    "demo": "make a sample archive and an embedded PACS; migrate, verify, report",
    "scan": "inventory of a folder: patients, studies, series, syntaxes, problems",
    "echo": "ask a node whether it answers (C-ECHO)",
    "discover": "look for DICOM nodes in a range of addresses",
    "profile": "save destinations with their settings under names",
    "preview": "show what rules would change in a file",
    "compat": "what the destination accepts, against what a folder holds: would everything get there?",
    "quality": "what is wrong with a folder before it is migrated, and what a migration does about it",
    "integrity": "SHA-256 of every file of a folder, and whether they are still the same",
    "dry-run": "the whole migration but the sending: what would become of every file, and why",
    "speed-test": "store a few files, and measure how fast the destination is and how long all will take",
    "migrate": "copy a folder to a PACS; resumes by itself",
    "verify": "compare the PACS with what was sent, down to missing SOP instances",
    "commit": "ask the PACS to commit to what it stored (Storage Commitment)",
    "report": "make one document of a migration: HTML and PDF",
    "export": "write what is recorded of a migration as a table, one row per path",
    "history": "list all migrations, each with the way to its report",
    "audit": "check an audit log: is it as it was written?",
    "self-test": "does this installation work? versions, decoders, TLS, a migration to itself, reports",
    "restart": "runs that go on after a restart of the machine: list, remove, go on now",
    "notify": "tell people how a run goes, by e-mail and webhook: try it out, keep its secrets",
    "control": "steer a run that is on: pause, resume, cancel, status, prioritise, set",
}

_GLOBAL = ("--home", "--log-level", "--profile", "--settings")
# These know the data directory; the others neither read nor keep anything there.
_KEEPING = frozenset(COMMANDS) - {"demo", "scan", "echo", "discover", "preview", "compat", "quality"}
# These use what a profile says.
PROFILED = frozenset(
    {"echo", "compat", "dry-run", "speed-test", "migrate", "verify", "commit", "report", "export", "notify"}
)


class Command(Protocol):
    """What a module of this package offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    accept_all_text()
    return watched(lambda: _checked(arguments))


def _checked(arguments: list[str]) -> int:
    """Run the command that these arguments name; errors are told, and become exit codes."""
    try:
        position = _command_in(arguments)
        if position is not None:
            name = arguments.pop(position)
            return _run(name, arguments)
        _overview().parse_args(arguments)
        tell(_overview().format_help())
        return 2
    except Cancelled as error:
        return error.exit_code
    except MigratorError as error:
        return _fail(error)
    except KeyboardInterrupt:
        return 130


def _command_in(arguments: list[str]) -> int | None:
    """Where the command stands: global options and their values may stand before it."""
    is_value = False
    for position, word in enumerate(arguments):
        if is_value:
            is_value = False
        elif word.startswith("-"):
            is_value = word in _GLOBAL
        else:
            return position
    return None


def _run(name: str, arguments: list[str]) -> int:
    if name not in COMMANDS:
        raise UsageError(f"there is no command {name!r}; the commands are {', '.join(COMMANDS)}")
    command = cast(Command, importlib.import_module(f"migrator.cli.{name.replace('-', '_')}"))
    parser = argparse.ArgumentParser(
        prog=f"dicom_migrator {name}", description=COMMANDS[name], allow_abbrev=False
    )
    command.add_arguments(parser)
    _add_global(parser, is_shown=name in _KEEPING)
    if name in PROFILED:
        add_profiled(parser)
    return command.run(parser.parse_args(arguments))


def add_profiled(parser: argparse.ArgumentParser) -> None:
    """What each command of `PROFILED` takes beside its own options."""
    parser.add_argument("--profile", metavar="NAME", help="use this saved profile")
    parser.add_argument(
        "--settings",
        dest="settings_file",
        metavar="FILE",
        help="settings and destinations as JSON; options and a profile go before them",
    )


def _add_global(parser: argparse.ArgumentParser, *, is_shown: bool) -> None:
    """Every command takes these, so that they may stand before any; only some have use for them."""
    home = "the data directory (default: ~/.dicom_migrator, or $DICOM_MIGRATOR_HOME)"
    log_level = "what the log file holds (default: info)"
    parser.add_argument("--home", metavar="DIR", help=home if is_shown else argparse.SUPPRESS)
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help=log_level if is_shown else argparse.SUPPRESS,
    )


def _overview() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    lines = "\n".join(f"  {name:<{width}}  {meaning}" for name, meaning in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="dicom_migrator",
        usage="dicom_migrator COMMAND [options]   (COMMAND --help shows its options)",
        description=f"Copy a DICOM archive to a PACS, verbatim and with proof.\n\ncommands:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"dicom_migrator {__version__}")
    _add_global(parser, is_shown=True)
    return parser


def _fail(error: MigratorError) -> int:
    lines = "\n".join(printable(line) for line in str(error).split("\n"))
    tell(f"dicom_migrator: {lines}", to_stderr=True)
    return error.exit_code
