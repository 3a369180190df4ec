"""A job that was recorded: its folder, its manifest, and what later checks keep beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrator.core.errors import UsageError
from migrator.core.model import Node
from migrator.engine.manifest_rows import header_of
from migrator.jobs import pieces
from migrator.jobs.home import job_folder, known_source
from migrator.records.writing import write_whole

# What is kept beside a manifest, each the newest of its kind.
VERIFICATION = "verification.json"
COMMITMENT = "commitment.json"
SPEED_TEST = "speed-test.json"
INTEGRITY = "integrity.json"


@dataclass(frozen=True, slots=True)
class RecordedJob:
    """One job's folder in the data directory. `source` and `destination` are as its manifest names them."""

    folder: Path
    source: str
    destination: str

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.jsonl"

    def keep(self, name: str, value: dict[str, Any]) -> None:
        """Replace what is kept under this name. Raises UsageError when it cannot be written."""
        write_whole(self.folder / name, json.dumps(value).encode())

    def kept(self, name: str, makers: pieces.Makers | None = None) -> dict[str, Any] | None:
        """What was kept under this name; None where nothing was, or it cannot be read."""
        try:
            value = pieces.loads((self.folder / name).read_text("utf-8"), makers)
        except (OSError, ValueError):
            return None
        return value if isinstance(value, dict) else None


def job_in(folder: Path) -> RecordedJob | None:
    """The job of this folder; None where it holds no manifest that can be read."""
    header = header_of(folder / "manifest.jsonl")
    if header is None:
        return None
    return RecordedJob(folder, str(header.get("source", "")), str(header.get("destination", "")))


def recorded_job(source: str, node: Node, home: Path, same_source: str | None = None) -> RecordedJob:
    """The job that copied this source to this node. The source itself need not be there any more.

    `same_source` is the path under which the job knows it. Raises UsageError when there is no such job.
    """
    known_as = known_source(source if same_source is None else same_source, home, node)
    job = job_in(job_folder(home, known_as, node))
    if job is None:
        raise UsageError(f"the record of {source} to {node} cannot be read")
    return job


def all_jobs(home: Path) -> list[RecordedJob]:
    """Every job of this data directory."""
    found = (job_in(folder) for folder in sorted((home / "jobs").glob("*")))
    return [job for job in found if job is not None]
