"""compat SOURCE --to NODE: will the destination take what the source holds?"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import nullcontext
from pathlib import Path

from migrator.cli.compat_words import lines_of
from migrator.cli.migrate_words import teller
from migrator.cli.options import NODE_HELP, add_calling, add_settings, destination_of
from migrator.cli.progress import ProgressReport
from migrator.cli.running import interruptible, progress
from migrator.cli.terminal import printable, surviving, tell
from migrator.core.control import Control
from migrator.jobs.compat import COLUMNS, CompatJob, CompatReport, CompatRequest, as_json, row_of
from migrator.jobs.home import refuse_inside, source_folder
from migrator.records.table import Table

_TELL_EVERY = 10  # associations


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="the folder to look through; it is only ever read")
    parser.add_argument("--to", metavar="NODE", help=NODE_HELP)
    add_calling(parser)
    parser.add_argument(
        "--all",
        action="store_true",
        help="ask for every storage class and transfer syntax known, not only for those of the source",
    )
    parser.add_argument(
        "--csv", metavar="FILE", help="write one row per SOP class and transfer syntax to FILE"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    add_settings(parser, "scan", "filter", "send", "recovery", "tls")


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0, or 1 when something that the source holds has no way; 130 when stopped."""
    node, settings = destination_of(arguments.to, arguments)
    if arguments.csv is not None:
        refuse_inside(Path(arguments.csv), source_folder(arguments.source), "the file")
    request = CompatRequest(arguments.source, node, settings, arguments.all)
    # The table begins first: that it cannot be written is not to be learnt after hours.
    with Table(Path(arguments.csv), COLUMNS) if arguments.csv is not None else nullcontext() as table:
        report = _compared(request)
        if table is not None:
            for cell in report.cells:
                table.add(row_of(cell, report))
    if arguments.json:
        tell(json.dumps(as_json(report)))
    else:
        with surviving(sys.stdout):
            for line in lines_of(report):
                print(printable(line))
    return 0 if report.is_compatible else 1


def _compared(request: CompatRequest) -> CompatReport:
    control = Control()
    reports: list[ProgressReport] = []

    def say(text: str) -> None:
        for report in reports:
            report.say(text)

    def asked(done: int, of: int) -> None:
        progress(done, of, "Asking what the destination accepts")
        if done % _TELL_EVERY == 0:
            say(f"asking: {done:,} of {of:,} associations")

    with interruptible(control):
        job = CompatJob(request, control, teller(say))
        with ProgressReport(lambda: (job.snapshot(),)) as report:
            reports.append(report)
            result = job.run(asked)
        control.checkpoint()
    return result
