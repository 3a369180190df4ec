"""export SOURCE --to NODE: the record of a migration as a table, one row per path."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from migrator.cli.chosen_job import add_job, chosen_manifest
from migrator.cli.running import interruptible, progress
from migrator.cli.terminal import surviving, tell
from migrator.core.control import Control
from migrator.core.errors import UsageError
from migrator.jobs.export import ExportTargets, export
from migrator.records.writing import PHI_NOTICE

_STDOUT = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_job(parser)
    parser.add_argument("--csv", metavar="FILE", help="write a table to FILE; it holds patients' names")
    parser.add_argument(
        "--jsonl",
        metavar="FILE",
        help="write one JSON object per line to FILE, or to stdout for -; it holds patients' names",
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0 all was written; 1 not all to stdout; 2 no such job, or nowhere to write; 130 stopped by
    the user, without files.
    """
    if arguments.csv is None and arguments.jsonl is None:
        raise UsageError("nothing to write: name a file by --csv or --jsonl")
    is_piped = arguments.jsonl == _STDOUT
    jsonl = None if is_piped else arguments.jsonl
    manifest = chosen_manifest(arguments, (arguments.csv, jsonl))
    out = _Out()
    targets = ExportTargets(
        Path(arguments.csv) if arguments.csv is not None else None,
        Path(jsonl) if jsonl is not None else None,
        out.write if is_piped else None,
    )
    control = Control()
    with interruptible(control):
        progress(0, 0, "Writing the record")
        count = export(manifest, targets, control)
    if out.has_failed:
        return 1
    tell(f"{count:,} paths exported\n{PHI_NOTICE}", to_stderr=True)
    return 0


class _Out:
    """Writes to stdout. What hinders that, as a reader that has gone, keeps no file from being written.

    `has_failed` tells that something else did: a disk that is full, say.
    """

    has_failed = False

    def write(self, data: bytes) -> None:
        with surviving(sys.stdout):
            try:
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
            except OSError as error:
                self.has_failed = self.has_failed or not isinstance(error, BrokenPipeError)
                raise
