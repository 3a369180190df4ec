"""speed-test SOURCE --to NODE: how fast is the destination, and how long will it take?"""

from __future__ import annotations

import argparse
import json
import sys

from migrator.cli.migrate_words import teller
from migrator.cli.options import NODE_HELP, add_calling, add_settings, destination_of
from migrator.cli.progress import ProgressReport, duration
from migrator.cli.running import interruptible, logged
from migrator.cli.terminal import printable, tell
from migrator.core.control import Control
from migrator.core.errors import UsageError
from migrator.jobs.home import data_home, source_folder
from migrator.jobs.speed_test import MOST_SAMPLES, MOST_WORKERS, Plan, SpeedTestJob, SpeedTestRequest
from migrator.jobs.speed_test_words import as_json, lines_of, plan_words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="SOURCE", help="the folder that is to be copied; it is only ever read"
    )
    parser.add_argument("--to", metavar="NODE", help=NODE_HELP)
    add_calling(parser)
    parser.add_argument("--yes", action="store_true", help="store the samples without asking")
    parser.add_argument(
        "--samples",
        metavar="N",
        type=int,
        default=8,
        help=f"how many files to store, 1 to {MOST_SAMPLES} (default: 8)",
    )
    parser.add_argument(
        "--workers-up-to",
        metavar="N",
        type=int,
        default=8,
        help=f"the most workers to measure, 1 to {MOST_WORKERS} (default: 8)",
    )
    parser.add_argument(
        "--step",
        metavar="S",
        type=float,
        default=2.0,
        help="about how many seconds each of the two rounds of each number of workers takes (default: 2)",
    )
    parser.add_argument(
        "--same-source", metavar="OLD", help="SOURCE is another mount of what this job knows as OLD"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    add_settings(parser, "send", "recovery", "rule", "tls", "scan", "filter")


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0 measured; 1 a sample was refused; 2 nobody agreed; 3 no association; 130 interrupted."""
    request = _request(arguments)
    if not arguments.yes and (sys.stdin is None or not sys.stdin.isatty()):  # None: a Windows service
        raise UsageError("speed-test stores files in the destination: say --yes where nobody can be asked")
    control = Control()
    with logged(request.home, arguments.log_level):
        job = SpeedTestJob(request, control, teller(lambda text: tell(text, to_stderr=True)))
        with interruptible(control), ProgressReport(job.snapshots):
            plan = job.plan()
        # Asked outside of it: there Ctrl-C would wait for the answer.
        if not arguments.yes and not _agreed(plan, str(request.node)):
            raise UsageError("nothing was sent")
        with interruptible(control):
            result = job.measure(plan)
        kept = as_json(result)
        if result.forecast is not None:
            job.keep(kept)
        for line in [*lines_of(result), *_estimate_lines(kept)]:
            tell(printable(line), to_stderr=arguments.json)
        if arguments.json:
            tell(json.dumps(kept))
    return 0 if result.is_stored else 1


def _request(arguments: argparse.Namespace) -> SpeedTestRequest:
    for option, value, most in (
        ("--samples", arguments.samples, MOST_SAMPLES),
        ("--workers-up-to", arguments.workers_up_to, MOST_WORKERS),
    ):
        if not 1 <= value <= most:
            raise UsageError(f"{option} {value}: 1 to {most}")
    if not 0 < arguments.step <= 60:
        raise UsageError(f"--step {arguments.step:g}: more than 0 and at most 60 seconds")
    source = source_folder(arguments.source)
    node, settings = destination_of(arguments.to, arguments)
    return SpeedTestRequest(
        source=arguments.source,
        node=node,
        home=data_home(arguments.home, source),
        settings=settings,
        same_source=arguments.same_source,
        samples=arguments.samples,
        workers=arguments.workers_up_to,
        step_seconds=arguments.step,
    )


def _agreed(plan: Plan, node: str) -> bool:
    tell(f"{plan_words(plan, node)}.", to_stderr=True)
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _estimate_lines(kept: dict[str, object]) -> list[str]:
    remaining, seconds = kept["remaining"], kept["estimate"]
    if not isinstance(remaining, dict) or not isinstance(seconds, dict):
        return []
    if not remaining["files"]:
        return ["Nothing is left to be sent"]
    return [
        f"What is left, {remaining['files']:,} files and {remaining['bytes'] / 1e9:,.2f} GB, takes "
        f"{duration(seconds['low'])} to {duration(seconds['high'])} at that"
    ]
