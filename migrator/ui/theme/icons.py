"""Icons of one family, in the theme's colours."""

from __future__ import annotations

from functools import cache

import qtawesome
from PyQt5.QtGui import QIcon

from migrator.ui.theme import tokens


@cache
def icon(name: str, colour: str = tokens.MUTED) -> QIcon:
    """A Material Design icon (`folder`, `play` …) in one of the tokens' colours."""
    made: QIcon = qtawesome.icon(
        f"mdi6.{name}", color=colour, color_disabled=tokens.FAINT, color_active=colour
    )
    return made
