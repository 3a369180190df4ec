"""Making a Secondary Capture copy of an image (PS3.3 A.8): its pixel data stays, its class is another."""

from __future__ import annotations

import struct
import uuid

from pydicom.uid import UID

from migrator.core.errors import CannotEncode
from migrator.dicom.contexts import NATIVE
from migrator.dicom.editing.original_attributes import append_item
from migrator.dicom.editing.splice import Draft
from migrator.dicom.editing.splice_elements import encoded
from migrator.dicom.names import name_of

SINGLE_FRAME = "1.2.840.10008.5.1.4.1.1.7"
SINGLE_BIT = "1.2.840.10008.5.1.4.1.1.7.1"
GRAYSCALE_BYTE = "1.2.840.10008.5.1.4.1.1.7.2"
GRAYSCALE_WORD = "1.2.840.10008.5.1.4.1.1.7.3"
TRUE_COLOR = "1.2.840.10008.5.1.4.1.1.7.4"

_IMAGE_TYPE = 0x00080008
_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018
_CONVERSION_TYPE = 0x00080064
_DERIVATION = 0x00082111
_SOURCE_IMAGES = 0x00082112
_REFERENCED_CLASS, _REFERENCED_INSTANCE = 0x00081150, 0x00081155
_PAGE_NUMBERS = 0x00182001
_SAMPLES, _PHOTOMETRIC, _PLANAR, _FRAMES = 0x00280002, 0x00280004, 0x00280006, 0x00280008
_INCREMENT = 0x00280009
_BITS = (0x00280100, 0x00280101, 0x00280102, 0x00280103)
_BURNED_IN = 0x00280301
_INTERCEPT, _SLOPE, _RESCALE_TYPE = 0x00281052, 0x00281053, 0x00281054
_MODALITY_LUT = 0x00283000
_LUT_SHAPE = 0x20500020
_PIXEL_DATA = 0x7FE00010

# PS3.3 C.8.6.3: what Frame Increment Pointer of a multi-frame Secondary Capture may point to (C.8.6.4, and
# C.7.6.16 for functional groups).
_INCREMENTS = frozenset({0x00181063, 0x00181065, *range(0x00182001, 0x00182007), 0x52009230})
# PS3.3 C.11.2: window, LUT and their words.
_VOI_LUT = (0x00281050, 0x00281051, 0x00281055, 0x00281056, 0x00283010)
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_OID, "DICOM_MIGRATOR Secondary Capture copy")
_LONGEST_DERIVATION = 1024  # letters of an ST


def copy_uid(uid: str) -> str:
    """The SOP instance UID of an object's Secondary Capture copy: always the same for the same object."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, uid).int}"


def reclassify(draft: Draft, transfer_syntax: str) -> None:
    """Make a Secondary Capture copy that references the object it was made from.

    Raises CannotEncode, in words, for what is no image or fits none of these classes.
    """
    frames = _frames(draft)
    new_class = SINGLE_FRAME if frames == 1 else multi_frame_class(draft, transfer_syntax)
    old_class, old_uid = draft.text(_SOP_CLASS), draft.text(_SOP_INSTANCE)
    coding = draft.coding
    source = encoded(coding, _REFERENCED_CLASS, "UI", old_class.encode("latin_1"))
    source += encoded(coding, _REFERENCED_INSTANCE, "UI", old_uid.encode("latin_1"))
    if not draft.text(_CONVERSION_TYPE):
        draft.set_text(_CONVERSION_TYPE, "WSD")
    types = draft.text(_IMAGE_TYPE).split("\\")
    draft.set_text(_IMAGE_TYPE, "\\".join(("DERIVED", *(types[1:] or ("SECONDARY",)))))
    words = f"Secondary Capture copy of {name_of(old_class)}, pixel values unchanged, by DICOM_MIGRATOR"
    before = draft.text(_DERIVATION)
    draft.set_text(_DERIVATION, f"{before}; {words}"[:_LONGEST_DERIVATION] if before else words)
    append_item(draft, _SOURCE_IMAGES, source)
    if frames == 1:
        draft.delete(_FRAMES)
        draft.delete(_INCREMENT)
    else:
        _add_multi_frame(draft, new_class, frames)
    # The object itself is told of by Source Image Sequence.
    with draft.untraced():
        draft.set_raw(_SOP_CLASS, "UI", new_class.encode())
        draft.set_raw(_SOP_INSTANCE, "UI", copy_uid(old_uid).encode())


def _frames(draft: Draft) -> int:
    if draft.get(_PIXEL_DATA) is None or not draft.text(_PHOTOMETRIC):
        raise CannotEncode("a Secondary Capture copy can only be made of an image with integer pixel data")
    text = draft.text(_FRAMES)
    if text and not text.isdecimal():
        raise CannotEncode("the number of frames is no number")
    return max(1, int(text or 1))


def multi_frame_class(draft: Draft, transfer_syntax: str) -> str:
    """The multi-frame class whose constraints the pixel data fits (PS3.3 A.8.2.4 to A.8.5.4)."""
    samples, photometric = _number(draft, _SAMPLES), draft.text(_PHOTOMETRIC)
    allocated, stored, high, signed = (_number(draft, tag) for tag in _BITS)
    if samples == 1 and photometric == "MONOCHROME2" and not signed and high == stored - 1:
        _require_plain_presentation(draft)
        if (allocated, stored) == (1, 1):
            return SINGLE_BIT
        if (allocated, stored) == (8, 8):
            return GRAYSCALE_BYTE
        if allocated == 16 and 9 <= stored <= 16:
            return GRAYSCALE_WORD
    is_byte_color = (samples, allocated, stored, high, signed) == (3, 8, 8, 7, 0)
    if is_byte_color and photometric in _color_spaces(transfer_syntax) and not _number(draft, _PLANAR):
        return TRUE_COLOR
    kind = f"{photometric}, {samples} samples of {stored} in {allocated} {'signed ' if signed else ''}bits"
    raise CannotEncode(f"multi-frame images of {kind} fit no Secondary Capture class")


def _require_plain_presentation(draft: Draft) -> None:
    """C.8.6.3: stored values are displayed as they are, so windows must not mean rescaled ones."""
    is_rescaled = not (_is_number(draft, _INTERCEPT, 0) and _is_number(draft, _SLOPE, 1))
    if is_rescaled or draft.get(_MODALITY_LUT) is not None:
        raise CannotEncode("a multi-frame Secondary Capture cannot have this image's rescaling of its values")
    if draft.text(_LUT_SHAPE) not in ("", "IDENTITY"):
        raise CannotEncode("a multi-frame Secondary Capture cannot have this image's presentation LUT")


def _color_spaces(transfer_syntax: str) -> tuple[str, ...]:
    """PS3.3 A.8.5.4: which colour space goes with which compression."""
    if transfer_syntax in NATIVE or not UID(transfer_syntax).is_encapsulated:
        return ("RGB",)
    return ("RGB", "YBR_RCT", "YBR_ICT", "YBR_PARTIAL_420", "YBR_FULL_422")


def _is_number(draft: Draft, tag: int, number: float) -> bool:
    """Whether a DS is absent, or says this. Raises ValueError for what is no number."""
    text = draft.text(tag)
    return not text or float(text) == number


def _number(draft: Draft, tag: int) -> int:
    """A US value; 0 where there is none."""
    return int.from_bytes(draft.raw(tag)[:2], "little" if draft.coding.is_little else "big")


def _add_multi_frame(draft: Draft, new_class: str, frames: int) -> None:
    """What the multi-frame classes need beyond the image, and what they forbid (PS3.3 A.8, C.8.6.3)."""
    if not draft.text(_BURNED_IN):
        draft.set_text(_BURNED_IN, "YES")  # nobody said that there is none
    if new_class in (GRAYSCALE_BYTE, GRAYSCALE_WORD):
        draft.set_text(_LUT_SHAPE, "IDENTITY")
        for tag, value in ((_INTERCEPT, "0"), (_SLOPE, "1"), (_RESCALE_TYPE, "US")):
            draft.set_text(tag, value)
    forbidden = [] if new_class in (GRAYSCALE_BYTE, GRAYSCALE_WORD) else list(_VOI_LUT)
    forbidden += [e.tag for e in draft.elements if e.tag >> 24 == 0x60 and not e.tag >> 16 & 1]
    for tag in forbidden:
        draft.delete(tag)
    _point_at_increments(draft, frames)


def _point_at_increments(draft: Draft, frames: int) -> None:
    """Frame Increment Pointer, to what the object has; else pages are numbered."""
    order = "<" if draft.coding.is_little else ">"
    raw = draft.raw(_INCREMENT)
    words = struct.unpack(f"{order}{len(raw) // 2}H", raw[: len(raw) // 2 * 2])
    tags = [group << 16 | number for group, number in zip(words[::2], words[1::2], strict=False)]
    if tags and all(tag in _INCREMENTS and _has_value(draft, tag) for tag in tags):
        return
    draft.set_text(_PAGE_NUMBERS, "\\".join(map(str, range(1, frames + 1))))
    place = struct.pack(order + "HH", _PAGE_NUMBERS >> 16, _PAGE_NUMBERS & 0xFFFF)
    draft.set_raw(_INCREMENT, "AT", place)


def _has_value(draft: Draft, tag: int) -> bool:
    element = draft.get(tag)
    return element is not None and element.end > element.value
