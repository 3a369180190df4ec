"""echo NODE: does it answer?"""

from __future__ import annotations

import argparse
import json

from migrator.cli.options import NODE_HELP, add_calling, add_settings, destination_of
from migrator.cli.terminal import printable, tell
from migrator.core.errors import DestinationError, UsageError
from migrator.jobs.echo import answered, as_json, echo, words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("node", metavar="NODE", nargs="?", help=NODE_HELP)
    add_calling(parser)
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=float,
        default=10.0,
        help="seconds to wait for each answer (default: 10)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    add_settings(parser, "tls")


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0 it answers, 1 it refused C-ECHO; unreachable or rejected is an error (3)."""
    if not 0 < arguments.timeout <= 3600:
        raise UsageError("--timeout must be more than 0 and at most 3600 seconds")
    node, _ = destination_of(arguments.node, arguments)
    try:
        result = echo(node, arguments.timeout)
    except DestinationError as error:
        if arguments.json:
            tell(json.dumps({"reachable": False, "node": str(node), "reason": str(error)}))
        raise
    if arguments.json:
        tell(json.dumps({"reachable": True, **as_json(result)}))
    else:
        tell("\n".join(map(printable, words(result).splitlines())))
    return 0 if answered(result) else 1
