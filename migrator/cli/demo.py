"""demo: everything once, on a sample archive and an embedded PACS."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

from migrator.cli.migrate_words import summary
from migrator.cli.progress import ProgressReport
from migrator.cli.running import interruptible, progress
from migrator.cli.terminal import tell
from migrator.core.control import Control
from migrator.core.errors import Cancelled
from migrator.core.events import ignore
from migrator.jobs.demo import DemoResult, demo
from migrator.jobs.demo_serving import DemoPlace, serve_demo
from migrator.jobs.migrate import MigrateJob

# How people call this very program.
_ME = "DICOMPACSMigrator-cli" if getattr(sys, "frozen", False) else "python dicom_migrator.py"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--keep", metavar="DIR", help="keep the sample archive in DIR, which must be new or empty"
    )
    either.add_argument(
        "--serve",
        metavar="DIR",
        help="migrate nothing: only make the archive and the PACS, in DIR, which must be new or empty, until "
        "Ctrl-C; DIR is removed then",
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit code 0 when the result is exactly what this archive must give, else 1."""
    control = Control()
    tell("Making a sample archive and starting a PACS on the loopback interface …")
    if arguments.serve is not None:
        return _serve(Path(arguments.serve), control)
    with interruptible(control), ExitStack() as report:

        def started(job: MigrateJob) -> None:
            report.enter_context(ProgressReport(job.snapshots))

        try:
            result = demo(arguments.keep, control, ignore, started)
        except Cancelled:
            return 130
    return _tell(result, arguments.keep)


def _serve(folder: Path, control: Control) -> int:
    """Exit code 0 once it was told to stop."""

    def ready(place: DemoPlace) -> None:
        progress(1, 1, "the demo's PACS answers")
        tell(f"Try:  {_ME} migrate {place.source} --to {place.node} --verify")
        tell("Ctrl-C stops the PACS and removes the archive.")

    with interruptible(control):
        serve_demo(folder, control, ready)
    return 0


def _tell(result: DemoResult, kept: str | None) -> int:
    truth = result.truth
    tell(
        f"Migrated {truth.patients} patients, {truth.studies} studies to {result.node}, and asked it back:\n"
    )
    tell(summary(result.result, names_manifest=False))
    if result.deviations:
        tell("\nThis is NOT what this archive must give:")
        tell("\n".join(f"  {deviation}" for deviation in result.deviations))
        return 1
    tell(
        "\nExactly what this archive must give: the odd files in it are named above or skipped with a reason,"
        "\nand every other object is in the PACS, byte for byte."
    )
    source = kept or "FOLDER"
    tell(
        "\nTry next:"
        + ("" if kept else f"\n  {_ME} demo --keep sample            keep the archive to play with")
        + f"\n  {_ME} quality {source}"
        + f"\n  {_ME} echo AETITLE@host:port          does your own PACS answer?"
        + f"\n  {_ME} dry-run {source} --to AETITLE@host:port"
        + f"\n  {_ME} migrate {source} --to AETITLE@host:port --limit-studies 10 --verify"
        + f"\n  {_ME} report {source} --to AETITLE@host:port --html report.html"
    )
    return 0
