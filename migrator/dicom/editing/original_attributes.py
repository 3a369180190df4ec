"""What attributes were before they were changed: Original Attributes Sequence (PS3.3 C.12.1.1.9.1)."""

from __future__ import annotations

import struct
from datetime import datetime

from migrator.dicom.editing.splice import Draft
from migrator.dicom.editing.splice_elements import Element, encoded, item_bytes, items_of, recoded_item, vr_of

ORIGINAL_ATTRIBUTES = 0x04000561
MODIFYING_SYSTEM = "DICOM_MIGRATOR"

_MODIFIED = 0x04000550
_NONCONFORMING = 0x04000551
_NONCONFORMING_VALUE = 0x04000552
_AT = 0x04000562
_SYSTEM = 0x04000563
_SOURCE = 0x04000564
_REASON = 0x04000565
_SELECTOR = 0x00720026


def add_originals(draft: Draft, irregular: dict[int, bytes], at: datetime) -> None:
    """Append an item that tells of the draft's originals; `irregular` are values that do not fit their VR.

    What was absent is told as empty. Where nothing was changed, nothing is added. `at` without a time zone
    is local time.
    """
    originals = dict(draft.originals)
    if not originals and not irregular:
        return
    coding = draft.coding
    old = b"".join(_original(draft, tag, element) for tag, element in sorted(originals.items()))
    content = encoded(coding, _MODIFIED, "SQ", item_bytes(coding, old))
    if irregular:
        items = b"".join(_irregular(draft, tag, raw) for tag, raw in sorted(irregular.items()))
        content += encoded(coding, _NONCONFORMING, "SQ", items)
    # With its offset: the object may have a time zone of its own (0008,0201).
    content += encoded(coding, _AT, "DT", at.astimezone().strftime("%Y%m%d%H%M%S%z").encode())
    content += encoded(coding, _SYSTEM, "LO", MODIFYING_SYSTEM.encode())
    content += encoded(coding, _SOURCE, "LO", b"")
    content += encoded(coding, _REASON, "CS", b"COERCE")
    append_item(draft, ORIGINAL_ATTRIBUTES, content)


def append_item(draft: Draft, tag: int, content: bytes) -> None:
    """Append an item to a sequence, which is made where there is none."""
    before = draft.get(tag)
    items = b""
    if before is not None and before.is_sequence:
        items = b"".join(recoded_item(before, item, draft.coding) for item in items_of(before))
    draft.set_raw(tag, "SQ", items + item_bytes(draft.coding, content))


def _original(draft: Draft, tag: int, element: Element | None) -> bytes:
    if element is None:
        return encoded(draft.coding, tag, vr_of(tag), b"")
    vr = element.vr.decode("latin_1") or vr_of(tag)
    return encoded(draft.coding, tag, vr, element.raw)


def _irregular(draft: Draft, tag: int, raw: bytes) -> bytes:
    coding = draft.coding
    place = struct.pack("<HH" if coding.is_little else ">HH", tag >> 16, tag & 0xFFFF)
    content = encoded(coding, _SELECTOR, "AT", place)
    return item_bytes(coding, content + encoded(coding, _NONCONFORMING_VALUE, "OB", raw))
