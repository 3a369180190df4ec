"""migrate SOURCE --to NODE: the main job on the command line."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

from migrator.cli.migrate_words import exit_code, is_routine, ledger_lines, summary, words_of
from migrator.cli.options import add_settings, parse_node, settings_from
from migrator.cli.progress import ProgressReport
from migrator.cli.running import interruptible
from migrator.core.control import Control
from migrator.core.errors import UsageError
from migrator.core.events import Event
from migrator.jobs.home import data_home, refuse_inside, source_folder, start_logging, stop_logging
from migrator.jobs.migrate import MigrateJob, MigrateRequest, MigrateResult
from migrator.jobs.migrate_json import as_json

_log = logging.getLogger("migrator")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="the folder to copy; it is only ever read")
    parser.add_argument(
        "--to", metavar="NODE", action="append", required=True, help="AETITLE@host:port, host:port or host"
    )
    parser.add_argument("--calling-aet", metavar="AE", default="DICOM_MIGRATOR", help="our own AE title")
    parser.add_argument("--stream", action="store_true", help="send while still scanning, in bounded memory")
    parser.add_argument("--verify", action="store_true", help="compare by C-FIND at the end")
    parser.add_argument(
        "--resend-missing", action="store_true", help="verify, send again what is missing, and verify again"
    )
    parser.add_argument("--retry-failed", action="store_true", help="send only what failed in earlier runs")
    parser.add_argument("--restart", action="store_true", help="begin anew; the old manifest is kept aside")
    parser.add_argument(
        "--same-source", metavar="OLD", help="SOURCE is another mount of what this job knows as OLD"
    )
    parser.add_argument(
        "--trace-association",
        metavar="FILE",
        help="write the negotiations and the DIMSE commands of failing files to FILE",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    add_settings(parser, "send", "scan", "filter")


def run(arguments: argparse.Namespace) -> int:
    request = _request(arguments)
    log = start_logging(request.home, arguments.log_level)
    try:
        return _run(request, arguments.json)
    finally:
        stop_logging(log)


def _request(arguments: argparse.Namespace) -> MigrateRequest:
    if len(arguments.to) > 1:
        raise UsageError("one --to at a time, for now: run the command once for each destination")
    source = source_folder(arguments.source)
    if arguments.trace_association is not None:
        refuse_inside(Path(arguments.trace_association), source, "the trace")
    return MigrateRequest(
        source=arguments.source,
        node=parse_node(arguments.to[0], arguments.calling_aet),
        home=data_home(arguments.home, source),
        settings=settings_from(arguments),
        is_stream=arguments.stream,
        restart=arguments.restart,
        retry_failed=arguments.retry_failed,
        same_source=arguments.same_source,
        verify=arguments.verify,
        resend_missing=arguments.resend_missing,
        trace=arguments.trace_association,
    )


def _run(request: MigrateRequest, wants_json: bool) -> int:
    control = Control()
    reports: list[ProgressReport] = []

    def emit(event: Event) -> None:
        if is_routine(event) and not _log.isEnabledFor(logging.DEBUG):
            return
        words = words_of(event)
        if words is None:
            return
        _log.log(words.level, "%s", words.text)
        if words.is_shown:
            for report in reports:
                report.say(words.text)

    job = MigrateJob(request, control, emit)
    with interruptible(control), ProgressReport(job.snapshot) as report:
        reports.append(report)
        result = job.run()
        reports.clear()
    _tell(result, wants_json)
    return exit_code(result)


def _tell(result: MigrateResult, wants_json: bool) -> None:
    for line in ledger_lines(result.snapshot):
        _log.info("%s", line)
    print(summary(result), file=sys.stderr if wants_json else sys.stdout)
    if wants_json:
        values: dict[str, Any] = as_json(result)
        print(json.dumps(values))
