"""verify SOURCE --to NODE: is everything there?"""

from __future__ import annotations

import argparse
import json
import logging
import os
from pathlib import Path

from migrator.cli.migrate import run_job
from migrator.cli.migrate_words import teller
from migrator.cli.options import NODE_HELP, add_calling, add_settings, destination_of
from migrator.cli.running import interruptible, logged
from migrator.cli.terminal import printable, tell
from migrator.core.control import Control
from migrator.core.errors import Cancelled
from migrator.jobs.home import data_home
from migrator.jobs.migrate import MigrateRequest, Target
from migrator.jobs.verify import VerifyReport, VerifyRequest, as_json, check_resendable, verify_source, words

_log = logging.getLogger("migrator")

_MOST_SHOWN = 20
_TELL_EVERY = 500  # studies


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="the folder that was migrated")
    parser.add_argument("--to", metavar="NODE", help=NODE_HELP)
    add_calling(parser)
    parser.add_argument(
        "--same-source", metavar="OLD", help="SOURCE is another mount of what the job knows as OLD"
    )
    parser.add_argument(
        "--resend-missing", action="store_true", help="send again what is missing, and verify again"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    add_settings(parser, "send", "tls", "scan")


def run(arguments: argparse.Namespace) -> int:
    node, settings = destination_of(arguments.to, arguments)
    request = VerifyRequest(
        arguments.source,
        node,
        # The source may be unmounted by now; its path is still no place for our data.
        data_home(arguments.home, Path(os.path.realpath(arguments.source))),
        settings,
        arguments.same_source,
    )
    with logged(request.home, arguments.log_level):
        report = _resend(request) if arguments.resend_missing else _verify(request)
        _tell(report, arguments.json)
    return 0 if report.is_proven else 1


def _verify(request: VerifyRequest) -> VerifyReport:
    def asked(studies: int) -> None:
        if studies % _TELL_EVERY == 0:
            tell(f"verifying: {studies:,} studies asked for", to_stderr=True)

    control = Control()
    with interruptible(control):
        return verify_source(request, control, teller(lambda text: tell(text, to_stderr=True)), asked)


def _resend(request: VerifyRequest) -> VerifyReport:
    check_resendable(request)
    migrate = MigrateRequest(
        request.source,
        (Target(request.node, request.settings),),
        request.home,
        same_source=request.same_source,
        resend_missing=True,
        is_check_only=True,
    )
    report = run_job(migrate, Control()).destinations[0].verification
    if report is None:
        raise Cancelled("stopped by the user")
    return report


def _tell(report: VerifyReport, wants_json: bool) -> None:
    lines = words(report).splitlines()
    if report.unsent:
        lines.append(f"  {report.unsent:,} paths of this job were not sent; see migrate")
    for line in lines:
        _log.info("%s", line)
        tell(line, to_stderr=wants_json)
    if wants_json:
        tell(json.dumps(as_json(report)))
        return
    troubled = [study for study in report.studies if study.verdict.value != "match"]
    for study in troubled[:_MOST_SHOWN]:
        name, reason = study.study_uid or "(unknown)", f": {study.reason}" if study.reason else ""
        counts = f"{study.matched:,} of {study.expected:,}"
        tell(printable(f"  {study.verdict.value:<9} {name}: {counts}{reason}"))
    if len(troubled) > _MOST_SHOWN:
        tell(f"  … and {len(troubled) - _MOST_SHOWN:,} more; --json lists all, with the missing UIDs")
