"""Whether a value fits its VR (PS3.5 6.2), and its bytes."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from pydicom.valuerep import MAX_VALUE_LEN, VALIDATORS

from migrator.dicom.editing.splice_show import NUMBER_CODES
from migrator.dicom.editing.splice_texts import SINGLE

_VALIDATORS: dict[str, Callable[[str, str], tuple[bool, str]]] = VALIDATORS
# VRs of free text, at whose ends something may be put.
FREE = frozenset(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"))
NUMBERS = frozenset(NUMBER_CODES)
# Of control characters texts may hold those that divide lines and columns; an escape is the encoding's.
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f]")
_SHAPES = {
    "AS": "an age: 045Y, 006M, 012W, 003D",
    "CS": "capital letters, digits, spaces and underscores",
    "DA": "a date: YYYYMMDD",
    "DS": "a number of at most 16 letters",
    "DT": "a date and time: YYYYMMDDHHMMSS",
    "IS": "a whole number",
    "TM": "a time: HHMMSS",
    "UI": "a UID",
    "UR": "a URI",
}


def fault_of(vr: str, text: str) -> str | None:
    """What is wrong with a text (several values divided by backslashes) for its VR, in words."""
    values = [text] if vr in SINGLE else text.split("\\")
    return next((fault for value in values if (fault := _fault(vr, value)) is not None), None)


def _fault(vr: str, value: str) -> str | None:
    if CONTROLS.search(value):
        return "not without control characters"
    longest = MAX_VALUE_LEN.get(vr)
    if vr == "PN":
        return None if all(len(group) <= 64 for group in value.split("=")) else "longer than 64 letters"
    if longest is not None and len(value) > longest:
        return f"longer than {longest:,} letters"
    validator = _VALIDATORS.get(vr)
    if not value or validator is None:
        return None
    # pydicom also takes the ranges that queries are made of.
    is_valid = validator(vr, value)[0] and not (vr in ("DA", "TM") and "-" in value)
    return None if is_valid else f"not {_SHAPES.get(vr, f'a value of VR {vr}')}"


def number_bytes(vr: str, text: str, *, is_little: bool) -> bytes:
    """Numbers divided by backslashes, in binary. Raises ValueError in words."""
    order = "<" if is_little else ">"
    convert = float if vr in ("FL", "FD") else int
    try:
        return b"".join(
            struct.pack(order + NUMBER_CODES[vr], convert(value)) for value in text.split("\\") if value
        )
    except (ValueError, struct.error, OverflowError) as error:
        raise ValueError(f"not a number that VR {vr} can hold") from error
