"""Which job the Verify page is about."""

from __future__ import annotations

from dataclasses import dataclass, field

from migrator.core.model import Node
from migrator.jobs.verified import Verified
from migrator.ui.desk import Desk


@dataclass(frozen=True, slots=True)
class Job:
    """A source and one of its destinations."""

    source: str
    node: Node

    def words(self, command: str, *options: str) -> list[str]:
        """A command about this job."""
        return [command, self.source, "--to", str(self.node), "--json", *options]


@dataclass(frozen=True, slots=True)
class State:
    """What the page's parts show. `job` is None where nothing is configured; `is_on`: a check runs;
    `is_run_on`: the migration on view does. What is known counts once `is_read`, and where `is_readable`.
    """

    job: Job | None = None
    verified: Verified = field(default_factory=Verified)
    is_on: bool = False
    is_run_on: bool = False
    is_read: bool = True
    is_readable: bool = True

    @property
    def has_record(self) -> bool:
        return self.verified.manifest is not None

    @property
    def why_not(self) -> str:
        """Why what needs a record cannot be done; nothing where it can."""
        if self.job is None:
            return "Choose a source and a destination first"
        if self.is_on:
            return "Another check is on"
        if not self.is_read:
            return "The record is being read"
        if not self.is_readable:
            return "The record cannot be read"
        return "" if self.has_record else "Nothing was migrated from here to there yet"


def jobs_of(desk: Desk) -> list[Job]:
    """The job on view, for each of its destinations; without one, what is configured."""
    if desk.migration is not None:
        return [Job(desk.migration.source, node) for node in desk.migration.nodes]
    configuration = desk.configuration
    if not configuration.source:
        return []
    return [Job(configuration.source, one.node) for one in configuration.chosen]
