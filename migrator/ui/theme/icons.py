"""Icons of one family, in the theme's colours."""

from __future__ import annotations

from functools import cache

import qtawesome
from PyQt5.QtCore import QSize
from PyQt5.QtGui import QIcon

from migrator.ui.theme import tokens

_SIZES = (16, 18, 20, 24, 32, 48, 64)


@cache
def icon(name: str, colour: str = tokens.MUTED) -> QIcon:
    """A Material Design icon (`folder`, `play` …) in one of the tokens' colours."""
    drawn = qtawesome.icon(f"mdi6.{name}", color=colour, color_disabled=tokens.FAINT, color_active=colour)
    # Drawn once: qtawesome's own icons call Python at every repaint, and Qt crashed in the midst of one.
    made = QIcon()
    for side in _SIZES:
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Disabled):
            made.addPixmap(drawn.pixmap(QSize(side, side), mode), mode)
    return made
