"""Leaving out what archives stumble over: private elements, and values that do not fit their VR."""

from __future__ import annotations

import re

from pydicom.valuerep import MAX_VALUE_LEN

from migrator.core.edits import Change
from migrator.dicom.charsets import decoder_of
from migrator.dicom.editing.rules_values import CONTROLS, fault_of
from migrator.dicom.editing.splice import Draft
from migrator.dicom.editing.splice_elements import (
    CHARACTER_SET,
    Element,
    creators_of,
    encoded,
    is_private,
    vr_of,
)
from migrator.dicom.editing.splice_show import keyword_of, shown
from migrator.dicom.editing.splice_texts import GOVERNED, SINGLE, encode_text

_TRAILING_PADDING = 0xFFFCFFFC
# Without these an object is another one, or cannot be displayed: they go as they are.
_IDENTIFYING = frozenset({0x00080005, 0x00080016, 0x00080018, 0x0020000D, 0x0020000E})
_PIXEL_GROUP = 0x0028
_CHECKED = frozenset(("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UI"))
_CUT = frozenset(("AE", "CS", "LO", "LT", "SH", "ST"))
_OLD_SEPARATORS = {"DA": r"(?<=\d)\.(?=\d)", "TM": r"(?<=\d):(?=\d)"}
_WHOLE = re.compile(r"[+-]?\d+\.0*")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def strip_private(draft: Draft) -> None:
    """Leave out every private element (PS3.5 7.8), in sequences too."""
    draft.rewrite(_Stripper(draft, creators_of(draft.elements)))


class _Stripper:
    """Drops private elements."""

    def __init__(self, draft: Draft, creators: dict[int, str]) -> None:
        self._draft = draft
        self._creators = creators

    def changed(self, element: Element) -> bytes | None:
        if not is_private(element.tag):
            return None
        creator = self._creators.get(element.tag >> 8, "")
        before = f"private element of {creator}" if creator else "private element"
        self._draft.changes.append(Change(keyword_of(element.tag), before, ""))
        return b""

    def within(self, sequence: Element, elements: list[Element]) -> _Stripper:
        return _Stripper(self._draft, creators_of(elements))


def clean(draft: Draft) -> dict[int, bytes]:
    """Leave out private elements, group lengths, padding, and values that do not fit their VR (PS3.5 6.2).

    Such a value is trimmed or cut where that mends it, else emptied. Returns the top level's old ones.
    """
    strip_private(draft)
    irregular: dict[int, bytes] = {}
    draft.rewrite(_Cleaner(draft, draft.character_set, irregular))
    draft.drop_tail()
    return irregular


class _Cleaner:
    def __init__(self, draft: Draft, character_set: bytes, irregular: dict[int, bytes] | None) -> None:
        self._draft = draft
        self._set = character_set
        self._irregular = irregular  # of the top level only

    def changed(self, element: Element) -> bytes | None:
        tag = element.tag
        if not tag & 0xFFFF or tag == _TRAILING_PADDING:
            self._draft.changes.append(Change(keyword_of(tag), shown(element, self._set), ""))
            return b""
        vr = element.vr.decode("latin_1") or vr_of(tag)
        if vr not in _CHECKED or tag in _IDENTIFYING or tag >> 16 == _PIXEL_GROUP:
            return None
        raw = element.raw
        text = decoder_of(self._set)(raw, vr == "PN").rstrip(" \0")
        if fault_of(vr, text) is None and not len(raw) & 1:
            return None
        mended = self._mended(vr, text)
        new = encoded(element.coding, tag, vr, mended)
        after = decoder_of(self._set)(mended, vr == "PN")
        self._draft.changes.append(Change(keyword_of(tag), shown(element, self._set), after))
        if self._irregular is not None:
            self._irregular[tag] = raw
        return new

    def _mended(self, vr: str, text: str) -> bytes:
        separator = "\n" if vr in SINGLE else "\\"
        values = [_mended(vr, value) for value in text.split(separator)]
        data = encode_text(self._set, vr, separator.join(values)) if any(values) else b""
        # What cannot be written as the object's character set has it is left out: this is the last resort.
        return b"" if data is None else data

    def within(self, sequence: Element, elements: list[Element]) -> _Cleaner:
        own = next((one.raw for one in elements if one.tag == CHARACTER_SET), self._set)
        return _Cleaner(self._draft, own, None)


def _mended(vr: str, text: str) -> str:
    """The value as its VR allows it; empty where that cannot be made of it."""
    text = CONTROLS.sub("", text)
    if vr not in GOVERNED:
        text = text.strip()
    if vr == "CS":
        text = text.upper()
    elif vr in ("DA", "TM"):
        text = re.sub(_OLD_SEPARATORS[vr], "", text)  # as ACR-NEMA wrote them
    elif vr == "DS" and len(text) > MAX_VALUE_LEN["DS"] and _NUMBER.fullmatch(text):
        text = f"{float(text):.9e}"
    elif vr == "IS" and _WHOLE.fullmatch(text):
        text = text.partition(".")[0]
    if vr in _CUT:
        text = text[: MAX_VALUE_LEN[vr]].rstrip()
    return text if fault_of(vr, text) is None else ""
