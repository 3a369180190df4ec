"""What is wrong with a file that is no sendable instance: one place for states and reasons."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.core.model import Reason
from migrator.core.outcome import Problem, State


@dataclass(frozen=True, slots=True)
class Found:
    """A file as the walk found it: what a reader is asked to look at."""

    path: str
    size: int
    mtime_ns: int

    def skipped(self, reason: Reason) -> Problem:
        """No image object; nothing is lost by leaving it out."""
        return Problem(self.path, self.size, self.mtime_ns, State.SKIPPED, reason)

    def quarantined(self, reason: Reason, detail: str = "") -> Problem:
        """A damaged object that cannot be sent."""
        return Problem(self.path, self.size, self.mtime_ns, State.QUARANTINED, reason, detail)

    def failed(self, reason: Reason, detail: str = "") -> Problem:
        """Not readable now; a later run may be luckier."""
        return Problem(self.path, self.size, self.mtime_ns, State.FAILED, reason, detail, may_retry=True)
