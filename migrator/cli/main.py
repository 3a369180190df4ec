"""The command line's entry: finds the command, reads its arguments, turns errors into exit codes."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from migrator import __version__
from migrator.core.errors import DestinationError, MigratorError, SourceError, UsageError

COMMANDS = {
    "demo": "make a sample archive and an embedded PACS; migrate, verify, report",
    "scan": "inventory of a folder: patients, studies, series, syntaxes, problems",
    "echo": "ask a node whether it answers (C-ECHO)",
    "migrate": "copy a folder to a PACS; resumes by itself",
    "verify": "compare the PACS with what was sent, down to missing SOP instances",
}


class Command(Protocol):
    """What a module of this package offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = next((word for word in arguments if not word.startswith("-")), None)
    try:
        if name is not None and name in COMMANDS:
            return _run(name, arguments)
        _overview().parse_args(arguments)
        _overview().print_help()
        return 2
    except UsageError as error:
        return _fail(error, 2)
    except DestinationError as error:
        return _fail(error, 3)
    except SourceError as error:
        return _fail(error, 4)
    except MigratorError as error:
        return _fail(error, 1)
    except KeyboardInterrupt:
        return 130


def _run(name: str, arguments: list[str]) -> int:
    command = cast(Command, importlib.import_module(f"migrator.cli.{name.replace('-', '_')}"))
    arguments.remove(name)
    parser = argparse.ArgumentParser(
        prog=f"dicom_migrator {name}", description=COMMANDS[name], allow_abbrev=False
    )
    command.add_arguments(parser)
    parser.add_argument(
        "--home",
        metavar="DIR",
        help="the data directory (default: ~/.dicom_migrator, or $DICOM_MIGRATOR_HOME)",
    )
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="what the log file holds (default: info)",
    )
    return command.run(parser.parse_args(arguments))


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
    parser.add_argument("command", nargs="?", choices=COMMANDS, metavar="COMMAND", help=argparse.SUPPRESS)
    return parser


def _fail(error: MigratorError, code: int) -> int:
    print(f"dicom_migrator: {error}", file=sys.stderr)
    return code
