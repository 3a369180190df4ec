"""A run in a few words: for the title, the task bar, the tray and the status bar."""

from __future__ import annotations

from migrator.core.model import Node
from migrator.records.words import clock, counted, percent
from migrator.ui.running import Migration, Sight

TITLE = "DICOM PACS Migrator"
GOES_ON = "What it has recorded is safe: Resume, on the Upload page, goes on from there"
_LIMIT = 5
"""The exit code of a run that a limit of its settings has ended."""


def percent_of(sight: Sight) -> int | None:
    """How many percent of the run are settled: 100 only when all is."""
    total = sight.total
    share = None if total is None else total.share
    return None if share is None else percent(share)


def brief(sight: Sight) -> str:
    """47% - ETA 2:14:30; empty while nothing is on."""
    if not sight.is_live:
        return ""
    total, done = sight.total, percent_of(sight)
    if done is None or total is None:
        return (total.phase if total is not None else "starting").capitalize()
    parts = [f"{done}%"]
    if sight.is_paused:
        parts.append("paused")
    elif not total.run.pending:
        parts.append(total.phase)
    elif total.eta_seconds is not None:
        parts.append(f"ETA {clock(total.eta_seconds)}")
    return " - ".join(parts)


def title_of(sight: Sight | None) -> str:
    """The window's title."""
    words = brief(sight) if sight is not None else ""
    return f"{words} - {TITLE}" if words else TITLE


def nodes_in_words(nodes: tuple[Node, ...]) -> str:
    """ARCHIVE@pacs:104, or how many there are."""
    return str(nodes[0]) if len(nodes) == 1 else counted(len(nodes), "destination")


def job_in_words(migration: Migration | None) -> str:
    """From where to where."""
    if migration is None:
        return "No job on view"
    return f"{migration.source} to {nodes_in_words(migration.nodes)}"


def ending_in_words(sight: Sight) -> tuple[str, bool]:
    """How a run ended, and whether that is well; without patients."""
    total, code = sight.total, sight.code
    stored = "" if total is None else f"{counted(total.run.stored, 'instance')} stored"
    if code == 130:
        return _with("The run was cancelled", stored), True
    if code == _LIMIT:
        return _with("The run was stopped by a limit that was set", stored), False
    if code == -1:
        return f"The run was broken off: its process was ended. {GOES_ON}", False
    if code not in (0, 1, None):
        return "The run could not be done: the Upload page says why", False
    spoiled = 0 if total is None else total.run.spoiled
    if spoiled:
        stored += f", {counted(spoiled, 'path')} not"
    if code is None:  # another process's, which told nobody how
        is_well = total is not None and not total.run.pending and not spoiled
        return _with("The other process has ended its run", stored), is_well
    if spoiled:
        return _with("The run has ended", stored), False
    if code:
        return _with("The run has ended, but not all is well", stored), False
    return _with("The run has ended", stored), True


def _with(words: str, stored: str) -> str:
    return f"{words}: {stored}" if stored else words
