"""quality SOURCE: what is wrong with an archive, on the command line and in files for people."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from rich.table import Table as ShownTable
from rich.text import Text

from migrator.cli.options import add_settings, settings_from
from migrator.cli.progress import ProgressReport, duration
from migrator.cli.running import interruptible
from migrator.cli.terminal import SteadyConsole, printable, surviving, tell
from migrator.core.control import Control
from migrator.core.errors import UsageError
from migrator.jobs.home import refuse_inside, source_folder
from migrator.jobs.quality import TABLE_COLUMNS, Finding, QualityJob, QualityReport, as_json, table_row
from migrator.records.quality_page import quality_page
from migrator.records.table import Table
from migrator.records.words import counted
from migrator.records.writing import whole_file

_MOST_SHOWN = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="the folder to look through; it is only ever read")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.add_argument(
        "--csv", metavar="FILE", help="write one row per finding and file to FILE; it holds patients' data"
    )
    parser.add_argument(
        "--html", metavar="FILE", help="write a report for people to FILE; it holds patients' data"
    )
    add_settings(parser, "scan.settle,readers")


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0, or 1 when errors were found; 130 when stopped, with no result at all."""
    settings = settings_from(arguments)
    source = source_folder(arguments.source)
    for file in (arguments.csv, arguments.html):
        if file is not None:
            refuse_inside(Path(file), source, "the file")
    if arguments.csv is not None and arguments.csv == arguments.html:
        raise UsageError("--csv and --html cannot be the same file")
    control = Control()
    # The files begin first: that one cannot be written is not to be learnt after hours.
    with interruptible(control), ExitStack() as files:
        table = page = None
        if arguments.csv is not None:
            table = files.enter_context(Table(Path(arguments.csv), TABLE_COLUMNS))
        if arguments.html is not None:
            page = files.enter_context(whole_file(Path(arguments.html)))
        job = QualityJob(
            arguments.source,
            settings.scan,
            control,
            lambda kind, example: None if table is None else table.add(table_row(kind, example)),
        )
        with ProgressReport(lambda: (job.snapshot(),)):
            report = job.run()
        if page is not None:
            page.write(quality_page(as_json(report)).encode())
    if arguments.json:
        tell(json.dumps(as_json(report)))
    else:
        with surviving(sys.stdout):
            _show(report, sys.stdout)
    return 1 if report.has_errors else 0


def _show(report: QualityReport, stream: TextIO) -> None:
    """The findings with example paths; details may hold patients' data, and stay in the files."""
    console = SteadyConsole(file=stream, highlight=False)
    if report.findings and console.is_terminal:
        console.print(_table(report))
    elif report.findings:
        stream.write("".join(f"{line}\n" for line in _lines(report)))
    stream.write(f"{_summary(report)}\n")


def _table(report: QualityReport) -> ShownTable:
    shown = ShownTable()
    for title in ("severity", "count", "finding, where, and what a migration does"):
        shown.add_column(title, justify="right" if title == "count" else "left")
    for finding in report.findings:
        words = finding.words
        where = "\n".join([words.title, *(f"  {path}" for path in _paths(finding)), f"  {words.action}"])
        count = counted(finding.count, words.unit)
        shown.add_row(Text(words.severity.value), Text(count), Text(where))
    return shown


def _lines(report: QualityReport) -> Iterator[str]:
    for finding in report.findings:
        words = finding.words
        yield f"{words.severity.value}: {words.title}: {counted(finding.count, words.unit)}"
        yield from (f"    {path}" for path in _paths(finding))
        yield f"  {words.action}"


def _paths(finding: Finding) -> Iterator[str]:
    return map(printable, dict.fromkeys(example.path for example in finding.examples[:_MOST_SHOWN]))


def _summary(report: QualityReport) -> str:
    inventory = report.inventory
    kinds = ", ".join(
        f"{count:,} {severity.value}{'' if count == 1 else 's'}" for severity, count in report.kinds.items()
    )
    seen = f"{counted(inventory.paths, 'path')}, {counted(inventory.instances, 'instance')} looked at"
    end = f"kinds of findings: {kinds or 'none'}" if inventory.instances else "there is no DICOM object in it"
    return f"{seen} in {duration(report.seconds)}; {end}"
