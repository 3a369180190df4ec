"""What is asked of a migration, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from migrator.checks.verify_report import VerifyReport
from migrator.core.errors import MigratorError
from migrator.core.model import Instance, Node
from migrator.core.settings import Settings
from migrator.engine.accounting import Snapshot
from migrator.engine.manifest_lines import Row
from migrator.engine.partial import PartialStudy
from migrator.engine.source_check import SourceCheck
from migrator.engine.upload import Ending
from migrator.jobs.integrity_around import SourceProof
from migrator.jobs.migrate_totals import total_of


@dataclass(frozen=True, slots=True)
class Target:
    """One destination, and the settings for it; of these, the first destination's say how to scan."""

    node: Node
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True, slots=True)
class MigrateRequest:
    """What is asked for. `same_source` is the path under which the job knows this source already.

    With `is_check_only` nothing new is looked for: only what was sent is verified, and resent if so asked.
    With `only` nothing is looked for either: these, and no others, are sent as if a scan had found them.
    With `is_rehearsal` everything is done but the sending; `home` is then one to be thrown away.
    With `resume_at_start` the system goes on with the run when it is started anew; with `is_resumed` the
    system has done so, and what is kept for its next start stays as its user has asked for it.
    """

    source: str
    destinations: tuple[Target, ...]
    home: Path
    is_stream: bool = False
    restart: bool = False
    retry_failed: bool = False
    same_source: str | None = None
    verify: bool = False
    resend_missing: bool = False
    is_check_only: bool = False
    is_rehearsal: bool = False
    trace: str | None = None
    integrity: bool = False
    only: tuple[Instance, ...] = ()
    resume_at_start: bool = False
    is_resumed: bool = False

    @property
    def settings(self) -> Settings:
        """How to scan, and what of it is wanted."""
        return self.destinations[0].settings


@dataclass(frozen=True, slots=True)
class DestinationResult:
    """How it ended for one destination. `problems` are the job's, at most a thousand of `problem_count`.

    `failure` is what ended this destination alone, while others went on.
    """

    node: Node
    snapshot: Snapshot
    ending: Ending
    verification: VerifyReport | None
    manifest: Path
    damaged_lines: int
    problems: tuple[Row, ...]
    problem_count: int
    partial: tuple[PartialStudy, ...] = ()
    failure: MigratorError | None = None

    @property
    def stopped_by(self) -> MigratorError | None:
        """What kept it from coming to its end, other than the user."""
        return self.failure or self.ending.stopped_by


@dataclass(frozen=True, slots=True)
class MigrateResult:
    """How it ended, for each destination in the order asked for. The source is the same for all."""

    destinations: tuple[DestinationResult, ...]
    source_check: SourceCheck | None
    integrity: SourceProof | None = None

    @property
    def snapshot(self) -> Snapshot:
        """The sum over the destinations."""
        return total_of([one.snapshot for one in self.destinations])

    @property
    def is_cancelled(self) -> bool:
        return any(one.ending.is_cancelled for one in self.destinations)
