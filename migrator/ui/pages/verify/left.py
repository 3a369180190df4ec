"""A check that an earlier window has left running: what it is, and what it is about."""

from __future__ import annotations

from collections.abc import Sequence

from migrator.jobs.left_running import LeftRunning, nodes_of
from migrator.ui.pages.verify.job import Job
from migrator.ui.pages.verify.others import OTHERS, Other


def left_check(left: LeftRunning, jobs: Sequence[Job]) -> tuple[str, Job | None, Other | None] | None:
    """The title of a check, its job, and which of the further checks it is; None for another command.

    A check of a source alone is about the one of `jobs` that has this source.
    """
    words = left.command.arguments
    other = next((one for one in OTHERS if words[: len(one.words)] == one.words), None)
    if other is None and left.command.name not in ("verify", "commit"):
        return None
    place = 1 if other is None else len(other.words)
    source = words[place] if len(words) > place else ""
    nodes = nodes_of(left.command)
    its = [Job(source, node) for node in nodes[:1]] or [one for one in jobs if one.source == source]
    return _title(left, other), its[0] if its else None, other


def _title(left: LeftRunning, other: Other | None) -> str:
    words = left.command.arguments
    if other is not None:
        return other.title
    if left.command.name == "commit":
        return "Storage Commitment"
    if "--resend-missing" in words:
        return "Resending what is missing"
    return "Deep check" if any(word.startswith("--deep") for word in words) else "Verifying"
