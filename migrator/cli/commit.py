"""commit SOURCE --to NODE: does the destination commit to what it stored?"""

from __future__ import annotations

import argparse
import json
import logging
import os
import time
from pathlib import Path

from migrator.cli.options import NODE_HELP, add_calling, add_settings, destination_of
from migrator.cli.running import interruptible, logged, progress
from migrator.cli.terminal import printable, tell
from migrator.core.control import Control
from migrator.jobs.commit import CommitJob, CommitRequest
from migrator.jobs.commit import Progress as CommitProgress
from migrator.jobs.commit_report import CommitReport, as_json, words
from migrator.jobs.home import data_home

_log = logging.getLogger("migrator")

_TELL_SECONDS = 5.0
_MOST_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="the folder that was migrated")
    parser.add_argument("--to", metavar="NODE", help=NODE_HELP)
    add_calling(parser)
    parser.add_argument(
        "--same-source", metavar="OLD", help="SOURCE is another mount of what the job knows as OLD"
    )
    parser.add_argument("--csv", metavar="FILE", type=Path, help="write every instance with its answer there")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    add_settings(parser, "send.acse_timeout,dimse_timeout,network_timeout", "tls", "proof.listen,commit_wait")


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0 everything is committed; 1 something is not; 130 interrupted, with what was answered."""
    node, settings = destination_of(arguments.to, arguments)
    # The source may be unmounted by now; its path is still no place for our data.
    home = data_home(arguments.home, Path(os.path.realpath(arguments.source)))
    request = CommitRequest(arguments.source, node, home, settings, arguments.same_source, arguments.csv)
    control = Control()
    with logged(home, arguments.log_level), interruptible(control):
        report = CommitJob(request, control, _Teller()).run()
        _tell(report, arguments.json)
    if report.interrupted:
        return 130
    return 0 if report.is_committed else 1


class _Teller:
    """Tells on stderr how far a call is, every few seconds where that changed."""

    def __init__(self) -> None:
        self._told_at = time.monotonic()
        self._told: CommitProgress | None = None

    def __call__(self, so_far: CommitProgress) -> None:
        now, answered = time.monotonic(), so_far.committed + so_far.failed
        words = "Asking, by C-FIND, about what has no answer" if so_far.studies else "Waiting for the results"
        progress(answered, so_far.requested, words if so_far.asked else "Asking for commitment")
        if now - self._told_at < _TELL_SECONDS or so_far == self._told:
            return
        self._told_at, self._told = now, so_far
        asked = f", C-FIND asked about {so_far.studies:,} studies" if so_far.studies else ""
        tell(
            f"committing: {so_far.asked:,} of {so_far.requested:,} asked, {so_far.committed:,} "
            f"committed, {so_far.failed:,} failed{asked}",
            to_stderr=True,
        )


def _tell(report: CommitReport, wants_json: bool) -> None:
    for line in words(report):
        _log.info("%s", line)
        tell(printable(line), to_stderr=wants_json)
    if wants_json:
        tell(json.dumps(as_json(report)))
        return
    for failure in report.failures[:_MOST_SHOWN]:
        tell(printable(f"  failed  {failure.uid}: {failure.reason} ({failure.code})"))
    if report.failed > _MOST_SHOWN:
        tell(f"  … and {report.failed - _MOST_SHOWN:,} more; --csv lists all")
