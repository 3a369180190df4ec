"""history: all migrations of the data directory, each with the way to its report."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import datetime

from migrator.cli.terminal import printable, tell
from migrator.jobs.history import HistoryEntry, as_json, history, report_command
from migrator.jobs.home import home_path

_TROUBLES = ("pending", "failed", "held", "quarantined", "unknown")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0, also where there is none yet."""
    home = home_path(arguments.home)
    entries = history(home)
    if arguments.json:
        tell(json.dumps({"migrations": [as_json(entry, arguments.home) for entry in entries]}))
        return 0
    if not entries:
        tell(f"no migration is recorded in {printable(str(home))}")
    for entry in entries:
        for line in _lines(entry, arguments.home):
            tell(printable(line))
    return 0


def _lines(entry: HistoryEntry, home: str | None) -> Iterator[str]:
    """One migration for people; without patient data."""
    manifest, totals = entry.manifest, entry.totals
    aside = ", begun anew since" if manifest.is_aside else ""
    yield f"{manifest.id}  {_moment(entry.begun)}  {entry.verdict.word}{aside}"
    yield f"  {manifest.job.source} to {manifest.job.destination}"
    stored = totals.get("sent", 0) + totals.get("warned", 0)
    counts = [f"{stored:,} stored", f"{totals.get('skipped', 0):,} skipped"]
    counts += [f"{totals[state]:,} {state}" for state in _TROUBLES if totals.get(state)]
    yield f"  {', '.join(counts)}; {entry.proof}"
    ended = f"ended {_moment(entry.ended)}" if entry.ended else "not ended"
    who = f", by {entry.who}" if entry.who else ""
    yield f"  {entry.runs:,} run{'' if entry.runs == 1 else 's'}, {ended}{who}"
    yield f"  {report_command(entry, home)}"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M")
