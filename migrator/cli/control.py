"""control SOURCE --to NODE ACTION: steer a run that is on, from another terminal."""

from __future__ import annotations

import argparse
import json
from typing import Any

from migrator.cli.options import NODE_HELP, address_of
from migrator.cli.progress import duration
from migrator.cli.terminal import printable, tell
from migrator.core.errors import UsageError
from migrator.jobs.home import home_path
from migrator.jobs.steering import Steering

ACTIONS = ("pause", "resume", "cancel", "status", "prioritise", "set")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="the folder that is being migrated")
    parser.add_argument("action", metavar="ACTION", choices=ACTIONS, help=", ".join(ACTIONS))
    parser.add_argument(
        "settings", metavar="NAME=VALUE", nargs="*", help="what to set: workers=2, bandwidth=5, window=off …"
    )
    parser.add_argument("--to", metavar="NODE", required=True, help=NODE_HELP)
    parser.add_argument("--study", metavar="UID", help="the study to send first, by its instance UID")
    parser.add_argument("--patient", metavar="ID", help="the patient to send first, by the patient ID")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0 done; 1 no run is on, or nothing of what is to go first waits; 2 the run refused."""
    requests = _requests(arguments)
    node = address_of(arguments.to, arguments)
    with Steering(home_path(arguments.home), arguments.source, node) as steering:
        done = [steering.ask(request) for request in requests]
        answer = done[-1]
        if arguments.action == "set":
            answer = steering.ask({"do": "status"})["pace"]
    if arguments.json:
        tell(json.dumps(answer))
    else:
        tell("\n".join(map(printable, _words(arguments.action, answer))))
    return 1 if arguments.action == "prioritise" and not answer.get("instances") else 0


def _requests(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """What to ask of the run. Raises UsageError for a command that is not complete, or more than that."""
    action = arguments.action
    names_first = arguments.study is not None or arguments.patient is not None
    if names_first is not (action == "prioritise") or (arguments.study and arguments.patient):
        raise UsageError(
            "write `prioritise` with --study UID or --patient ID; the other actions need neither"
        )
    if bool(arguments.settings) is not (action == "set"):
        raise UsageError("write `set NAME=VALUE …`; the other actions take no settings")
    if action == "set":
        return [_setting(text) for text in arguments.settings]
    if action == "prioritise":
        return [{"do": action, "study": arguments.study, "patient": arguments.patient}]
    return [{"do": action}]


def _setting(text: str) -> dict[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        raise UsageError(f"{text!r} sets nothing; write NAME=VALUE: bandwidth=5")
    return {"do": "set", "name": name, "value": value}


_SAID = {
    "pause": "paused: what is under way ends, nothing new begins",
    "resume": "resumed",
    "cancel": "asked to stop; the state is saved, and the same command goes on later",
}


def _words(action: str, answer: dict[str, Any]) -> list[str]:
    if action == "status":
        return _status(answer)
    if action == "set":
        return _dials(answer)
    if action == "prioritise":
        count = answer["instances"]
        return [f"{count:,} instances go first" if count else "nothing of that waits to be sent"]
    return [_SAID[action]]


def _status(status: dict[str, Any]) -> list[str]:
    run, pace = status["run"], status["pace"]
    rates = f"{status['files_per_second']:,.0f} files/s, {status['bytes_per_second'] / 1e6:,.1f} MB/s"
    left = status["eta_seconds"]
    lines = [
        f"{status['destination']}: {status['phase']}",
        f"  {run['found'] - run['pending']:,} of {run['found']:,} paths settled, {rates}"
        + (f", {duration(left)} left" if left and run["pending"] else ""),
    ]
    counts = [
        f"{run[state]:,} {state}" for state in ("failed", "held", "unknown", "quarantined") if run[state]
    ]
    if counts:
        lines.append("  " + ", ".join(counts))
    hold = status.get("hold") or pace["hold"]
    return [*lines, *([f"  {hold}"] if hold else []), *_dials(pace)]


def _dials(pace: dict[str, Any]) -> list[str]:
    """How the dials stand, one line for each that is on."""
    lines = [f"  workers {pace['workers']}, of which {pace['allowed']} may send now"]
    if pace["bandwidth"]:
        lines.append(f"  bandwidth at most {pace['bandwidth']:g} MB/s")
    if pace["adaptive"]:
        lines.append(f"  adaptive; the destination takes {pace['latency']:.2f} s to answer")
    if pace["peak"]:
        days = f" {pace['peak_days']}" if pace["peak_days"] else ""
        lines.append(
            f"  peak {pace['peak']}{days}: {pace['peak_workers']} workers, {pace['peak_delay']:g} s apart"
        )
    if pace["window"]:
        days = f" {pace['window_days']}" if pace["window_days"] else ""
        lines.append(f"  window {pace['window']}{days}")
    if pace["start_at"]:
        lines.append(f"  starts at {pace['start_at']}")
    if pace["seconds_left"] is not None:
        lines.append(f"  stops in {duration(max(0.0, pace['seconds_left']))}")
    return lines
