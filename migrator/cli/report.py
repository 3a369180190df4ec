"""report SOURCE --to NODE: one document of a migration, as HTML and as PDF."""

from __future__ import annotations

import argparse
from pathlib import Path

from migrator.cli.chosen_job import add_job, chosen_manifest
from migrator.cli.options import warn
from migrator.cli.running import interruptible, progress
from migrator.cli.terminal import printable, tell
from migrator.core.control import Control
from migrator.core.errors import UsageError
from migrator.jobs.home import home_path
from migrator.jobs.report import ReportFiles, write_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_job(parser)
    parser.add_argument(
        "--html", metavar="FILE", help="write the report as one page to FILE; it holds patients' names"
    )
    parser.add_argument(
        "--pdf", metavar="FILE", help="write the report as PDF to FILE; it holds patients' names"
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0 written, whatever it says; 1 no PDF could be made; 2 no such job, nowhere to write."""
    if arguments.html is None and arguments.pdf is None:
        raise UsageError("nothing to write: name a file by --html or --pdf")
    files = ReportFiles(
        *(Path(name) if name is not None else None for name in (arguments.html, arguments.pdf))
    )
    manifest = chosen_manifest(arguments, (arguments.html, arguments.pdf))
    control = Control()
    with interruptible(control):
        progress(0, 0, "Reading the record and setting the report")
        report, told = write_report(manifest, files, home_path(arguments.home), control)
    if told:
        warn(told)
    for file in (files.html, files.pdf):
        if file is not None:
            tell(printable(f"written: {file}"), to_stderr=True)
    tell(f"{report.headline.word}: {report.headline.sentence}")
    return 0
