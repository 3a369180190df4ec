"""migrate SOURCE --to NODE: the main job on the command line."""

from __future__ import annotations

import argparse
import json
import logging
from contextlib import nullcontext
from pathlib import Path

from migrator.cli.migrate_words import exit_code, ledger_lines, summary, teller
from migrator.cli.monitor_words import Monitored, monitored
from migrator.cli.options import NODE_HELP, add_calling, add_settings, destinations_of
from migrator.cli.progress import ProgressReport
from migrator.cli.running import interruptible, logged
from migrator.cli.terminal import tell
from migrator.core.control import Control
from migrator.core.errors import UsageError
from migrator.core.model import Node
from migrator.core.settings import Settings
from migrator.jobs.home import data_home, refuse_inside, source_folder
from migrator.jobs.migrate import MigrateJob, MigrateRequest, MigrateResult, Target
from migrator.jobs.migrate_json import as_json
from migrator.jobs.restart import RESUMED
from migrator.jobs.verify import check_listening

_log = logging.getLogger("migrator")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="the folder to copy; it is only ever read")
    parser.add_argument(
        "--to",
        metavar="NODE",
        action="append",
        help=f"{NODE_HELP}; once for each destination that is to get everything",
    )
    add_calling(parser)
    parser.add_argument(
        "--stream", action="store_true", help="send while still scanning, without planning everything first"
    )
    parser.add_argument("--verify", action="store_true", help="compare by C-FIND at the end")
    parser.add_argument(
        "--integrity",
        action="store_true",
        help="SHA-256 of every file of the source before the first is sent, and a check of all at the end",
    )
    parser.add_argument(
        "--resend-missing", action="store_true", help="verify, send again what is missing, and verify again"
    )
    parser.add_argument("--retry-failed", action="store_true", help="send only what failed in earlier runs")
    parser.add_argument("--restart", action="store_true", help="begin anew; the old manifest is kept aside")
    parser.add_argument(
        "--resume-at-start",
        action="store_true",
        help="should the machine restart in the middle, go on when it starts; restart list shows such runs",
    )
    parser.add_argument(RESUMED, action="store_true", dest="is_resumed", help=argparse.SUPPRESS)
    parser.add_argument(
        "--same-source", metavar="OLD", help="SOURCE is another mount of what this job knows as OLD"
    )
    parser.add_argument(
        "--trace-association",
        metavar="FILE",
        help="write the negotiations and the DIMSE commands of failing files to FILE",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    groups = ("send", "recovery", "pace", "rule", "tls", "scan", "filter", "audit", "monitor", "notify")
    add_settings(parser, *groups, "proof.attributes,deep,listen")


def run(arguments: argparse.Namespace) -> int:
    request = _request(arguments)
    control = Control()
    with logged(request.home, arguments.log_level), monitored(request, control) as shown:
        result = run_job(request, control, shown)
        if shown is not None:
            shown.ended(result, exit_code(result))
        _tell(result, arguments.json)
    return exit_code(result)


def _request(arguments: argparse.Namespace) -> MigrateRequest:
    source = source_folder(arguments.source)
    if arguments.trace_association is not None:
        refuse_inside(Path(arguments.trace_association), source, "the trace")
    return MigrateRequest(
        source=arguments.source,
        destinations=tuple(
            _target(node, settings, arguments) for node, settings in destinations_of(arguments.to, arguments)
        ),
        home=data_home(arguments.home, source),
        is_stream=arguments.stream,
        restart=arguments.restart,
        retry_failed=arguments.retry_failed,
        same_source=arguments.same_source,
        verify=arguments.verify,
        resend_missing=arguments.resend_missing,
        trace=arguments.trace_association,
        integrity=arguments.integrity,
        resume_at_start=arguments.resume_at_start,
        is_resumed=arguments.is_resumed,
    )


def _target(node: Node, settings: Settings, arguments: argparse.Namespace) -> Target:
    """One destination with the settings for it, if they fit together. Raises UsageError."""
    if arguments.verify or arguments.resend_missing:
        check_listening(settings.proof)
    elif "proof.deep" in vars(arguments) and settings.proof.deep:
        raise UsageError("--deep compares after a verification: say --verify too")
    return Target(node, settings)


def run_job(request: MigrateRequest, control: Control, shown: Monitored | None = None) -> MigrateResult:
    """Run a migration that a signal can stop, with its progress on stderr and its events in the log.

    `shown` is its monitor, where it has one.
    """
    reports: list[ProgressReport] = []

    def say(text: str) -> None:
        for report in reports:
            report.say(text)

    emit = teller(say, names_destination=len(request.destinations) > 1)
    with interruptible(control):
        job = MigrateJob(request, control, emit if shown is None else shown.hearing(emit))
        if shown is not None:
            shown.shows(job)
        with ProgressReport(job.snapshots) as report:
            reports.append(report)
            with shown.saying(report.say) if shown is not None else nullcontext():
                try:
                    return job.run()
                finally:
                    reports.clear()


def _tell(result: MigrateResult, wants_json: bool) -> None:
    for one in result.destinations:
        for line in ledger_lines(one.snapshot):
            _log.info("%s: %s", one.node, line)
    tell(summary(result), to_stderr=wants_json)
    if wants_json:
        tell(json.dumps(as_json(result)))
