"""Closing the window: what is on goes on, or is cancelled first; never by accident."""

from __future__ import annotations

from migrator.ui.desk import Desk
from migrator.ui.dialogs.quit import LASTING

_LET_BE = LASTING | {"report", "export"}
"""Commands that are not cancelled with the window: the lasting ones are asked about, these are short."""


def is_run_on(desk: Desk) -> bool:
    """Whether something is on that is worth going on without a window."""
    return any(one.is_on and one.name in LASTING for one in desk.commands)


def cancel_the_rest(desk: Desk) -> None:
    """Cancel what nobody would read without a window: scans, searches, rehearsals."""
    for running in desk.commands:
        if running.is_on and running.name not in _LET_BE and running.name != "demo":
            running.do("cancel")
