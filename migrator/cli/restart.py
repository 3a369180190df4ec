"""restart list|remove|run: runs that go on when the system starts anew."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from migrator.cli.running import interruptible, logged
from migrator.cli.terminal import printable, tell
from migrator.core.control import Control
from migrator.core.errors import UsageError
from migrator.core.times import duration
from migrator.jobs.home import home_path
from migrator.jobs.restart import Entry, entries, is_written, remove
from migrator.jobs.restart_run import HOME_AWAY, WAIT, GoOn
from migrator.jobs.restart_system import is_away
from migrator.records.words import moment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", choices=("list", "remove", "run"), help="run: what the system calls when it starts"
    )
    parser.add_argument("id", metavar="ID", nargs="?", help="remove, run: which one; list shows the ids")
    parser.add_argument("--all", action="store_true", help="remove: every one of this data directory")
    parser.add_argument(
        "--wait", metavar="T", help="run: how long source and network are waited for (default: 10m)"
    )
    parser.add_argument(
        "--mount", metavar="DIR", default="", help="run: the mount point that the data directory lies on"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Exit code 0; of `run`, that of the migration, or 4 or 3 where source or destinations stay away."""
    _check(arguments)
    home = home_path(arguments.home)
    if arguments.action == "run":
        return _run(home, arguments)
    if arguments.action == "list":
        _list(home, arguments.json)
    else:
        _remove(home, arguments)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuse what the action has no use for. Raises UsageError."""
    action = arguments.action
    if arguments.all and action != "remove":
        raise UsageError(f"restart {action} has no use for --all")
    if arguments.wait is not None and action != "run":
        raise UsageError(f"restart {action} has no use for --wait")
    if arguments.mount and action != "run":
        raise UsageError(f"restart {action} has no use for --mount")
    if action == "list" and arguments.id is not None:
        raise UsageError("restart list takes no id")
    if action != "list" and (arguments.id is None) != arguments.all:
        other = " or --all" if action == "remove" else ""
        raise UsageError(f"restart {action} takes one id{other}; restart list shows them")
    if action == "run" and arguments.json:
        raise UsageError("restart run has no use for --json: its result is kept in the data directory")


def _list(home: Path, wants_json: bool) -> None:
    found = entries(home)
    if wants_json:
        tell(json.dumps({"runs": [_as_json(one) for one in found]}))
        return
    for one in found:
        tell(printable(f"{one.id}  since {moment(one.at)}  {one.source} to {', '.join(one.destinations)}"))
        tell(printable(f"            goes on {one.when}" if is_written(one.id) else f"            {_LOST}"))
    if not found:
        tell("no run goes on after a restart; migrate --resume-at-start makes one do so", to_stderr=True)


_LOST = "the system does not know of it any more: it was removed there, and does not go on"


def _as_json(entry: Entry) -> dict[str, object]:
    return {
        "id": entry.id,
        "source": entry.source,
        "destinations": list(entry.destinations),
        "at": entry.at,
        "when": entry.when,
        "tries": entry.tries,
        "is_written": is_written(entry.id),
    }


def _remove(home: Path, arguments: argparse.Namespace) -> None:
    wanted = [one.id for one in entries(home)] if arguments.all else [arguments.id]
    for identity in wanted:
        if not remove(home, identity) and not arguments.all:
            raise UsageError(f"no run goes on after a restart under the id {identity}")
        tell(f"{identity} does not go on after a restart any more", to_stderr=arguments.json)
    if arguments.json:
        tell(json.dumps({"removed": wanted}))


def _say(words: str) -> None:
    # What Windows starts as a program with windows has no stderr; the log is told as well.
    if sys.stderr is not None:
        tell(printable(words), to_stderr=True)


def _run(home: Path, arguments: argparse.Namespace) -> int:
    try:
        limit = WAIT if arguments.wait is None else duration(arguments.wait)
    except ValueError as error:
        raise UsageError(f"--wait {arguments.wait}: {error}") from None
    control = Control()
    go_on = GoOn(home, control, _say)
    with interruptible(control):
        if not go_on.finds_home(limit):
            if is_away(home, arguments.mount):
                return go_on.leave(HOME_AWAY)
            return go_on.forget(arguments.id)  # nothing is made again that somebody has deleted
        with logged(home, arguments.log_level):
            return go_on.run(arguments.id, limit)
