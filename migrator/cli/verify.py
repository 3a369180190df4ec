"""verify SOURCE --to NODE: is everything there?"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from migrator.cli.options import add_settings, parse_node, settings_from
from migrator.cli.running import interruptible
from migrator.core.control import Control
from migrator.core.errors import Cancelled
from migrator.core.events import Event, Notice, ignore
from migrator.jobs.home import data_home
from migrator.jobs.migrate import MigrateJob, MigrateRequest
from migrator.jobs.verify import VerifyReport, VerifyRequest, as_json, check_resendable, verify_source, words

_MOST_SHOWN = 20
_TELL_EVERY = 500  # studies


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="the folder that was migrated")
    parser.add_argument("--to", metavar="NODE", required=True, help="AETITLE@host:port, host:port or host")
    parser.add_argument("--calling-aet", metavar="AE", default="DICOM_MIGRATOR", help="our own AE title")
    parser.add_argument(
        "--same-source", metavar="OLD", help="SOURCE is another mount of what the job knows as OLD"
    )
    parser.add_argument(
        "--resend-missing", action="store_true", help="send again what is missing, and verify again"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    add_settings(parser, "scan")


def run(arguments: argparse.Namespace) -> int:
    request = VerifyRequest(
        arguments.source,
        parse_node(arguments.to, arguments.calling_aet),
        # The source may be unmounted by now; its path is still no place for our data.
        data_home(arguments.home, Path(os.path.realpath(arguments.source))),
        settings_from(arguments),
        arguments.same_source,
    )
    control = Control()
    with interruptible(control):
        try:
            report = _resend(request, control) if arguments.resend_missing else _verify(request, control)
        except Cancelled:
            return 130
    if report is None:
        return 130
    _tell(report, arguments.json)
    return 0 if report.is_proven else 1


def _verify(request: VerifyRequest, control: Control) -> VerifyReport:
    def say(event: Event) -> None:
        if isinstance(event, Notice):
            print(event.text, file=sys.stderr)

    def asked(studies: int) -> None:
        if studies % _TELL_EVERY == 0:
            print(f"verifying: {studies:,} studies asked for", file=sys.stderr)

    return verify_source(request, control, say, asked)


def _resend(request: VerifyRequest, control: Control) -> VerifyReport | None:
    check_resendable(request)
    migrate = MigrateRequest(
        request.source,
        request.node,
        request.home,
        request.settings,
        same_source=request.same_source,
        resend_missing=True,
        is_check_only=True,
    )
    return MigrateJob(migrate, control, ignore).run().verification


def _tell(report: VerifyReport, wants_json: bool) -> None:
    print(words(report), file=sys.stderr if wants_json else sys.stdout)
    if report.unsent:
        told = f"  {report.unsent:,} paths of this job were not sent; see migrate"
        print(told, file=sys.stderr if wants_json else sys.stdout)
    if wants_json:
        print(json.dumps(as_json(report)))
        return
    troubled = [study for study in report.studies if study.verdict.value != "match"]
    for study in troubled[:_MOST_SHOWN]:
        reason = f": {study.reason}" if study.reason else ""
        print(
            f"  {study.verdict.value:<9} {study.study_uid}: {study.matched:,} of {study.expected:,}{reason}"
        )
    if len(troubled) > _MOST_SHOWN:
        print(f"  … and {len(troubled) - _MOST_SHOWN:,} more; --json lists all, with the missing UIDs")
