"""dry-run SOURCE --to NODE: what would a migration do?"""

from __future__ import annotations

import argparse
import json
import logging
from contextlib import suppress
from pathlib import Path

from migrator.cli.dry_run_words import summary
from migrator.cli.migrate_words import exit_code, ledger_lines, teller
from migrator.cli.options import NODE_HELP, add_calling, add_settings, destination_of
from migrator.cli.progress import ProgressReport
from migrator.cli.running import interruptible, logged
from migrator.cli.terminal import tell
from migrator.core.control import Control
from migrator.jobs.dry_run import COLUMNS, DryRunJob, DryRunRequest, DryRunResult, as_json, cells_of
from migrator.jobs.home import data_home, refuse_inside, source_folder
from migrator.records.table import Table

_log = logging.getLogger("migrator")


class _NoTable(Exception):
    """The table is not to appear."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="SOURCE", help="the folder that is to be copied; it is only ever read"
    )
    parser.add_argument("--to", metavar="NODE", help=NODE_HELP)
    add_calling(parser)
    parser.add_argument("--retry-failed", action="store_true", help="only what failed in earlier runs")
    parser.add_argument(
        "--restart",
        action="store_true",
        help="as if the job began anew: what earlier runs did counts for nothing",
    )
    parser.add_argument(
        "--same-source", metavar="OLD", help="SOURCE is another mount of what this job knows as OLD"
    )
    parser.add_argument(
        "--csv", metavar="FILE", help="write one row per path to FILE: what would happen to it, and why"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    add_settings(parser, "send", "recovery", "rule", "tls", "scan", "filter")


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: those that the migration would have."""
    source = source_folder(arguments.source)
    if arguments.csv is not None:
        refuse_inside(Path(arguments.csv), source, "the file")
    node, settings = destination_of(arguments.to, arguments)
    request = DryRunRequest(
        source=arguments.source,
        node=node,
        home=data_home(arguments.home, source),
        settings=settings,
        retry_failed=arguments.retry_failed,
        restart=arguments.restart,
        same_source=arguments.same_source,
    )
    with logged(request.home, arguments.log_level):
        result = _rehearsed(request, arguments.csv)
        for line in ledger_lines(result.migration.snapshot):
            _log.info("%s: dry run: %s", node, line)
        tell(summary(result), to_stderr=arguments.json)
        if arguments.json:
            tell(json.dumps(as_json(result)))
    if result.is_interrupted:
        return 130
    code = exit_code(result.migration)
    return 1 if code == 5 else code  # that the destination went away is no limit that the user has set


def _rehearsed(request: DryRunRequest, csv: str | None) -> DryRunResult:
    control = Control()
    reports: list[ProgressReport] = []

    def say(text: str) -> None:
        for report in reports:
            report.say(text)

    _log.info("a dry run begins: nothing will be sent to %s", request.node)
    with interruptible(control):
        job = DryRunJob(request, control, teller(say))
        with ProgressReport(job.snapshots) as report:
            reports.append(report)
            return _tabled(job, csv)


def _tabled(job: DryRunJob, csv: str | None) -> DryRunResult:
    """Run it, with a table where one is wanted; what was interrupted leaves none."""
    if csv is None:
        return job.run(lambda verdict: None)
    results: list[DryRunResult] = []
    with suppress(_NoTable), Table(Path(csv), COLUMNS) as table:
        results.append(job.run(lambda verdict: table.add(cells_of(verdict))))
        if results[0].is_interrupted:
            raise _NoTable
    return results[0]
