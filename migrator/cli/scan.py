"""scan SOURCE: the inventory on the command line."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import nullcontext
from pathlib import Path

from migrator.cli.options import add_settings, settings_from
from migrator.cli.progress import ProgressReport
from migrator.cli.running import interruptible
from migrator.cli.scan_words import as_json, show
from migrator.cli.terminal import surviving, tell
from migrator.core.control import Control
from migrator.core.events import ignore
from migrator.core.model import Instance
from migrator.core.outcome import Problem, State
from migrator.jobs.home import refuse_inside, source_folder
from migrator.jobs.scan import ScanJob
from migrator.jobs.scan_list import ScanList
from migrator.records.table import INSTANCE_COLUMNS, Table, instance_row


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="the folder to look through; it is only ever read")
    parser.add_argument(
        "--csv", metavar="FILE", help="write one row per instance to FILE; it holds patients' names"
    )
    parser.add_argument(
        "--list",
        metavar="FILE",
        help="write every path found to FILE, as JSON lines like a manifest's; it holds patients' names",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    add_settings(parser, "scan", "filter")


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0, or 1 when something is damaged, unreadable or held; 130 when stopped."""
    settings = settings_from(arguments)
    for file in filter(None, (arguments.csv, arguments.list)):
        refuse_inside(Path(file), source_folder(arguments.source), "the file")
    control = Control()
    job = ScanJob(arguments.source, settings, ignore, control)
    with interruptible(control):
        table = Table(Path(arguments.csv), INSTANCE_COLUMNS) if arguments.csv is not None else None
        listed = ScanList(Path(arguments.list), arguments.source) if arguments.list is not None else None

        def visit(item: Instance | Problem) -> None:
            _add_row(table, item)
            if listed is not None:
                listed.add(item)

        with table or nullcontext(), listed or nullcontext(), ProgressReport(lambda: (job.snapshot(),)):
            job.run(visit)
            control.checkpoint()  # a scan that was stopped in its last moment leaves no table either
    if arguments.json:
        tell(json.dumps(as_json(job.inventory, arguments.source)))
    else:
        with surviving(sys.stdout):
            show(job.inventory, sys.stdout)
    return 1 if job.inventory.spoils else 0


def _add_row(table: Table | None, item: Instance | Problem) -> None:
    if table is None:
        return
    if isinstance(item, Instance):
        table.add(instance_row(item, State.PENDING, None))
    elif item.instance is not None:
        table.add(instance_row(item.instance, item.state, item.reason))
