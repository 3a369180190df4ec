"""What the Upload page's actions may do now, and why not. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.ui.configuration import Configuration


@dataclass(frozen=True, slots=True)
class Standing:
    """`missing` says what is not configured. `is_configured`: the job on view is the one that is configured.

    `is_own`: this window, or an earlier one, has started what is on; `work` says what that is where it is no
    migration. `has_run` tells that the job on view
    was begun before, `has_failed` that something of it can be tried again.
    """

    missing: str = ""
    is_configured: bool = True
    is_live: bool = False
    is_own: bool = True
    work: str = ""
    is_paused: bool = False
    is_ending: bool = False
    has_run: bool = False
    has_failed: bool = False

    @property
    def resumes(self) -> bool:
        """Whether a start goes on with what an earlier run has left."""
        return self.is_configured and self.has_run

    @property
    def against_start(self) -> str:
        """Why nothing can be started; empty where it can."""
        if self.is_live:
            return f"{self.work or 'A migration'} is on"
        return self.missing

    @property
    def against_check(self) -> str:
        """Why no dry run can be made: it may be while a migration is on."""
        return self.missing

    @property
    def against_retry(self) -> str:
        if self.against_start:
            return self.against_start
        if not self.is_configured:
            return "The job on view is not the one that is configured"
        return "" if self.has_failed else "Nothing has failed"

    @property
    def against_steering(self) -> str:
        """Why nothing can be paused or cancelled."""
        if self.is_ending:
            return "It is being cancelled"
        return "" if self.is_live else "No migration is on"


def missing_in(configuration: Configuration) -> str:
    """What is to be configured before anything can be copied."""
    if configuration.is_ready:
        return ""
    if not configuration.source and not configuration.chosen:
        return "No source folder and no destination are set yet"
    return "No destination is set yet" if configuration.source else "No source folder is set yet"
