"""verify SOURCE --to NODE: is everything there?"""

from __future__ import annotations

import argparse
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from migrator.cli.migrate import run_job
from migrator.cli.migrate_words import teller
from migrator.cli.options import NODE_HELP, add_calling, add_settings, destination_of
from migrator.cli.running import interruptible, logged, progress
from migrator.cli.terminal import printable, tell
from migrator.core.control import Control
from migrator.core.errors import Cancelled
from migrator.jobs.home import data_home, refuse_inside
from migrator.jobs.migrate import MigrateRequest, Target
from migrator.jobs.verify import (
    StudyResult,
    VerifyReport,
    VerifyRequest,
    check_resendable,
    proving_of,
    verify_source,
    words,
)
from migrator.jobs.verify_csv import write_csv
from migrator.jobs.verify_json import as_json

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
    parser.add_argument(
        "--csv",
        metavar="FILE",
        help="one row per study, series, and instance or attribute that is not as sent",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    add_settings(parser, "proof.attributes,deep,listen", "send", "tls", "scan")


def run(arguments: argparse.Namespace) -> int:
    node, settings = destination_of(arguments.to, arguments)
    # The source may be unmounted by now; its path is still no place for our data.
    source = Path(os.path.realpath(arguments.source))
    if arguments.csv is not None:
        refuse_inside(Path(arguments.csv), source, "the table")
    home = data_home(arguments.home, source)
    request = VerifyRequest(arguments.source, node, home, settings, arguments.same_source)
    with logged(request.home, arguments.log_level):
        report = _resend(request) if arguments.resend_missing else _verify(request)
        _tell(report, arguments.json)
        if arguments.csv is not None:
            write_csv(Path(arguments.csv), report)
    return 0 if report.is_clean else 1


def _verify(request: VerifyRequest) -> VerifyReport:
    def asked(studies: int, total: int) -> None:
        progress(studies, total, "Asking for each study")
        if studies % _TELL_EVERY == 0:
            tell(f"verifying: {studies:,} studies asked for", to_stderr=True)

    def compared(objects: int, total: int) -> None:
        progress(objects, total, "Retrieving and comparing instances")
        if objects % _TELL_EVERY == 0:
            tell(f"verifying: {objects:,} instances retrieved and compared", to_stderr=True)

    control = Control()
    proving = replace(proving_of(request), asked=asked, compared=compared)
    with interruptible(control):
        return verify_source(request, control, teller(lambda text: tell(text, to_stderr=True)), proving)


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
        tell(printable(line), to_stderr=wants_json)
    if wants_json:
        tell(json.dumps(as_json(report)))
        return
    shown = [line for study in report.studies for line in _lines(study)]
    for line in shown[:_MOST_SHOWN]:
        tell(printable(line))
    if len(shown) > _MOST_SHOWN:
        tell(f"  … and {len(shown) - _MOST_SHOWN:,} more; --json and --csv list all, with the missing UIDs")


def _lines(study: StudyResult) -> Iterator[str]:
    """What is not as it should be with a study; values of attributes stay untold."""
    name = study.study_uid or "(unknown)"
    if study.verdict.value != "match":
        reason = f": {study.reason}" if study.reason else ""
        yield f"  {study.verdict.value:<9} {name}: {study.matched:,} of {study.expected:,}{reason}"
    if study.elsewhere_count:
        yield f"  elsewhere {name}: {study.elsewhere_count:,} instances are under another series"
    if study.difference_count:
        assert study.attributes is not None
        names = dict.fromkeys(one.attribute for one in study.attributes.differences)
        yield f"  different {name}: {', '.join(names)}"
