"""A number that is turned while a run is on: it is sent, and what the run says to it stands beside."""

from __future__ import annotations

import time
from collections.abc import Callable

from PyQt5.QtWidgets import QDoubleSpinBox, QSpinBox, QWidget

from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import label, row
from migrator.ui.widgets.fields_editors import keep_still

_KNOWN_AFTER = 1.5  # seconds in which a run tells what was set


class Dial(QWidget):
    """Shows what is set, and calls `turned` with what the user sets; never with what it was told."""

    def __init__(
        self, caption: str, spin: QSpinBox | QDoubleSpinBox, tip: str, turned: Callable[[str], None]
    ) -> None:
        super().__init__()
        self.spin = spin
        self._turned = turned
        self._is_told = False
        self._set_at = float("-inf")
        spin.setKeyboardTracking(False)
        spin.setToolTip(tip)
        spin.setAccessibleName(caption)
        spin.setAccessibleDescription(tip)
        spin.setFixedWidth(104)
        keep_still(spin)
        spin.valueChanged.connect(self._changed)
        self.setLayout(row(label(caption, "muted"), spin, spacing=tokens.SMALL))

    def show_value(self, value: float) -> None:
        """What is set now; while somebody types, and until the run knows of it, what they set counts."""
        is_typing = self.spin.hasFocus() and self.spin.lineEdit().isModified()
        if is_typing or time.monotonic() - self._set_at < _KNOWN_AFTER or self.spin.value() == value:
            return
        self._is_told = True
        self.spin.setValue(value)  # type: ignore[arg-type]
        self._is_told = False

    def _changed(self, value: float) -> None:
        if not self._is_told:
            self._set_at = time.monotonic()
            self._turned(f"{value:g}")


class _PlainSpinBox(QDoubleSpinBox):
    """Shows no more digits than there are: a limit of 0.04 is not the same as none."""

    def textFromValue(self, value: float) -> str:
        return f"{value:g}"


def workers_dial(turned: Callable[[str], None]) -> Dial:
    spin = QSpinBox()
    spin.setRange(1, 16)
    tip = "Associations at the same time; counts for this run, at once"
    return Dial("Workers", spin, tip, turned)


def bandwidth_dial(turned: Callable[[str], None]) -> Dial:
    spin = _PlainSpinBox()
    spin.setRange(0, 100_000)
    spin.setDecimals(3)
    spin.setSpecialValueText("no limit")
    spin.setSuffix(" MB/s")
    tip = "At most so much to this destination; 0 is no limit. Counts for this run, at once"
    return Dial("Bandwidth", spin, tip, turned)
