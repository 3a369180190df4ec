"""Asking again where an association is refused for now."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from migrator.core.control import Control
from migrator.core.errors import AssociationRejected

_WAITS = (0.1, 0.4, 1.5)  # seconds

_Answer = TypeVar("_Answer")


def where_there_is_room(ask: Callable[[], _Answer], control: Control) -> _Answer:
    """What `ask` gives; some times more, where the association that it opens is refused for now.

    An archive may count an association among those that it serves for a moment after it has confirmed that it
    is released. Raises what `ask` raises, and Cancelled.
    """
    for wait in _WAITS:
        try:
            return ask()
        except AssociationRejected as error:
            if not error.is_transient:
                raise
        control.wait(wait)
    return ask()
