"""Elements in words, for people who want to see what changes."""

from __future__ import annotations

import struct

from pydicom.datadict import dictionary_has_tag, keyword_for_tag

from migrator.dicom.charsets import decoder_of
from migrator.dicom.editing.splice_elements import Element, items_of, vr_of

_MOST_SHOWN = 256
NUMBER_CODES = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}
TEXTS = frozenset(
    ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT")
)


def keyword_of(tag: int) -> str:
    """The attribute's keyword (PS3.6); its tag as (gggg,eeee) where it has none."""
    # In repeating groups a keyword alone would name several.
    known = keyword_for_tag(tag) if dictionary_has_tag(tag) else ""
    return known or f"({tag >> 16:04x},{tag & 0xFFFF:04x})"


def shown(element: Element | None, character_set: bytes) -> str:
    """A value for people, at most 256 letters of it; empty where there is no element."""
    if element is None:
        return ""
    if element.is_sequence:
        count = sum(1 for _ in items_of(element))
        return f"{count} item{'' if count == 1 else 's'}"
    vr = element.vr.decode("latin_1") or vr_of(element.tag)
    size = element.end - element.value
    if vr in TEXTS:
        raw = element.source.at(element.value, min(size, 4 * _MOST_SHOWN))
        text = decoder_of(character_set)(raw, vr == "PN").strip(" \0")
        return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"
    return _number(element, vr, size) or f"{size:,} bytes"


def _number(element: Element, vr: str, size: int) -> str:
    kind = "H" if vr == "AT" else NUMBER_CODES.get(vr if vr != "US or SS" else "US", "")
    unit = struct.calcsize("<" + kind) if kind else 0
    if not unit or size % unit or size > 32 * unit:
        return ""
    order = "<" if element.coding.is_little else ">"
    numbers = struct.unpack(f"{order}{size // unit}{kind}", element.raw)
    if vr == "AT":
        return "\\".join(f"({a:04x},{b:04x})" for a, b in zip(numbers[::2], numbers[1::2], strict=False))
    return "\\".join(f"{number:g}" if isinstance(number, float) else str(number) for number in numbers)
