"""Reading much in a thread without holding up the event loop."""

from __future__ import annotations

import gc
from pathlib import Path

from migrator.jobs.verified import Verified, read_verified
from migrator.ui.pages.verify.job import Job


def read(home: Path, job: Job, printed: Path | None) -> Verified:
    """What is kept of the job. Raises UsageError."""
    # The collector would go through all studies several times, with the GIL held: a third of a second each
    # time where they are many. What is read has no cycles, so nothing is kept alive by leaving it out.
    gc.disable()
    try:
        return read_verified(home, job.source, job.node, printed)
    finally:
        gc.freeze()
        gc.enable()
