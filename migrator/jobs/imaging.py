"""Looking at one file: its important attributes in words, and one frame ready for the screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from migrator.dicom.imaging.imager import Imager as _Imager
from migrator.dicom.imaging.picture import CT_PRESETS as CT_PRESETS  # the faces' too
from migrator.dicom.imaging.picture import Colour as Colour
from migrator.dicom.imaging.picture import Curve as Curve
from migrator.dicom.imaging.picture import Function as Function
from migrator.dicom.imaging.picture import Gray as Gray
from migrator.dicom.imaging.picture import Look as Look
from migrator.dicom.imaging.picture import Picture as Picture
from migrator.dicom.imaging.picture import Tag as Tag
from migrator.dicom.imaging.picture import Voi as Voi
from migrator.dicom.imaging.picture import Window as Window
from migrator.dicom.imaging.picture import narrowest as narrowest
from migrator.dicom.imaging.picture import shades as shades
from migrator.dicom.imaging.picture import widest as widest
from migrator.records.words import day


@dataclass(frozen=True, slots=True)
class Wanted:
    """One frame of one file; the first frame has the number 0."""

    path: str
    frame: int = 0


class Imager:
    """Looks at files by a process of its own, which ends when closed. For any thread."""

    def __init__(self) -> None:
        self._imager = _Imager()

    def look(self, wanted: Wanted, is_cancelled: Callable[[], bool] = lambda: False) -> Look:
        """Raises Cancelled; all else that goes wrong stands in the result."""
        found = self._imager.look(wanted.path, wanted.frame, is_cancelled)
        tags = (replace(tag, value=_words(tag)) for tag in found.tags)
        return replace(found, tags=tuple(tag for tag in tags if tag.value))

    def close(self) -> None:
        """End the process; a look that is under way is cancelled."""
        self._imager.close()


def _words(tag: Tag) -> str:
    if tag.vr == "PN":
        # Empty components at the end mean nothing (PS3.5 6.2).
        return "=".join(group.rstrip("^ ") for group in tag.value.split("=")).rstrip("=")
    if tag.vr == "DA":
        return day(tag.value)
    whole = tag.value.partition(".")[0]
    if tag.vr == "TM" and len(whole) == 6 and whole.isascii() and whole.isdigit():
        return f"{whole[:2]}:{whole[2:4]}:{whole[4:]}" + tag.value[6:]
    return tag.value.replace("\\", " \\ ")


def preset_words(voi: Voi) -> str:
    """What a menu calls a window or a LUT."""
    if isinstance(voi, Curve):
        return voi.words or "VOI LUT"
    numbers = window_words(voi)
    return f"{voi.words} ({numbers})" if voi.words else numbers


def window_words(voi: Voi) -> str:
    """The read-out: the level (center) and the width."""
    if isinstance(voi, Curve):
        return preset_words(voi)
    return f"L {_plain(voi.center)}  W {_plain(voi.width)}"


def narrow_window_words(voi: Voi) -> str:
    """The same where there is little room."""
    return "VOI LUT" if isinstance(voi, Curve) else f"{_plain(voi.center)} / {_plain(voi.width)}"


def _plain(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 or number == round(number) else f"{number:.4g}"
