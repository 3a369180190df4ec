"""Which recorded job a command means: by source and node, or by the id that `history` lists."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

from migrator.cli.options import NODE_HELP, address_of
from migrator.core.errors import UsageError
from migrator.jobs.history import RecordedManifest, manifest_by_id, manifest_of, sources_of
from migrator.jobs.home import data_home, home_path, refuse_inside
from migrator.jobs.recorded import recorded_job


def add_job(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name a recorded job."""
    parser.add_argument("source", metavar="SOURCE", nargs="?", help="the folder that was migrated")
    parser.add_argument("--to", metavar="NODE", help=NODE_HELP)
    parser.add_argument(
        "--same-source", metavar="OLD", help="SOURCE is another mount of what the job knows as OLD"
    )
    parser.add_argument(
        "--job", metavar="ID", help="the migration that history lists by this id, instead of SOURCE and --to"
    )


def chosen_manifest(arguments: argparse.Namespace, files: Iterable[str | None]) -> RecordedManifest:
    """The manifest that the arguments name, none of the `files` to be written being inside its source.

    Neither the source nor the destination need be there any more. Raises UsageError.
    """
    written = [Path(file) for file in files if file is not None]
    if len({os.path.normcase(os.path.realpath(file)) for file in written}) < len(written):
        raise UsageError("one file cannot be written twice: name different ones")
    if arguments.job is not None:
        if arguments.source is not None or arguments.to is not None or arguments.same_source is not None:
            raise UsageError("name the job by --job, or by SOURCE and --to; not by both")
        manifest = manifest_by_id(home_path(arguments.home), arguments.job)
    elif arguments.source is None:
        raise UsageError("name the job: by SOURCE and --to, or by --job with an id that history lists")
    else:
        node = address_of(arguments.to, arguments)
        home = data_home(arguments.home, Path(os.path.realpath(arguments.source)))
        manifest = manifest_of(recorded_job(arguments.source, node, home, arguments.same_source))
    sources = [Path(os.path.realpath(arguments.source))] if arguments.source is not None else []
    for source in (*sources, *sources_of(manifest)):
        for file in written:
            refuse_inside(file, source, "the file")
    return manifest
