"""Whether there is as much pixel data as the header says, encoded as it says (PS3.3 C.7.6.3, PS3.5 8, A.4).

Lengths are compared; of the pixels themselves at most the first bytes of the first frame are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from migrator.core.inspection import Fault, Kind
from migrator.dicom.contexts import NATIVE, uid_words
from migrator.dicom.editing.splice_show import keyword_of
from migrator.dicom.structure import ITEM, UNDEFINED, Bytes, Coding

FLOAT_PIXELS, DOUBLE_PIXELS, PIXELS = 0x7FE00008, 0x7FE00009, 0x7FE00010
EXTENDED_OFFSETS = 0x7FE00001
_SAMPLES, _PHOTOMETRIC, _FRAMES = 0x00280002, 0x00280004, 0x00280008
_ROWS, _COLUMNS, _ALLOCATED = 0x00280010, 0x00280011, 0x00280100
WANTED = frozenset({_SAMPLES, _PHOTOMETRIC, _FRAMES, _ROWS, _COLUMNS, _ALLOCATED})
"""Tags of the values that describe pixel data."""

_BITS = {FLOAT_PIXELS: 32, DOUBLE_PIXELS: 64}
# Samples per pixel that are stored where chrominance is subsampled (PS3.3 C.7.6.3.1.2), in halves.
_HALF_SAMPLES = {b"YBR_FULL_422": 4, b"YBR_PARTIAL_422": 4, b"YBR_PARTIAL_420": 3}
_MOST_FRAGMENTS = 64  # that are walked to learn whether there is one for every frame

_ROOT = "1.2.840.10008.1.2"
_RLE = f"{_ROOT}.5"
# Their pixel data is elsewhere (PS3.5 A.6, A.7, A.10).
_REFERENCED = frozenset(f"{_ROOT}.4.{number}" for number in (94, 95, 204, 205))
_JPEG = frozenset(f"{_ROOT}.4.{number}" for number in (*range(50, 67), 70, 80, 81))
_JPEG_2000 = frozenset(f"{_ROOT}.4.{number}" for number in (90, 91, 201, 202, 203))
# In these one fragment is one frame or a part of one; a video's holds many (PS3.5 A.4).
_BY_FRAME = _JPEG | _JPEG_2000 | {_RLE}
_JPEG_START, _JPEG_2000_STARTS = b"\xff\xd8", (b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP")
_MOST_RLE_SEGMENTS = 15


class PixelData(NamedTuple):
    """An element of pixel data: where its value begins in `source`, and its length.

    `offsets` is the number of frames that an extended offset table lists, 0 without one.
    """

    tag: int
    source: Bytes
    coding: Coding
    value: int
    length: int
    offsets: int = 0


def pixel_faults(values: Mapping[int, bytes], pixels: PixelData, syntax: str) -> Iterator[Fault]:
    """What is wrong with pixel data under this transfer syntax, by the values that describe it.

    Raises Truncated where fragments are cut off.
    """
    bits = (_ALLOCATED,) if pixels.tag == PIXELS else ()
    described = (_SAMPLES, _PHOTOMETRIC, _ROWS, _COLUMNS, *bits)
    missing = [tag for tag in described if not values.get(tag, b"").strip(b" \0")]
    frames = _frames(values)
    if frames is None:
        missing.append(_FRAMES)
    if missing:
        yield Fault(Kind.NO_PIXEL_DESCRIPTION, ", ".join(map(keyword_of, missing)))
    is_native = syntax in NATIVE
    is_encapsulated = pixels.length == UNDEFINED
    if is_encapsulated and is_native:
        yield Fault(Kind.PIXELS_ENCODING, f"compressed in fragments, under {uid_words(syntax)}")
    elif not is_encapsulated and _is_compressed(syntax):
        yield Fault(Kind.PIXELS_ENCODING, f"not in fragments, under {uid_words(syntax)}")
    elif frames is None:
        return  # nothing to compare with
    elif is_encapsulated:
        yield from _fragment_faults(frames, pixels, syntax)
    elif is_native and not missing:
        yield from _length_faults(values, frames, pixels)


def _is_compressed(syntax: str) -> bool:
    is_named = syntax.startswith(f"{_ROOT}.4.") or syntax in (_RLE, f"{_ROOT}.1.98")
    return is_named and syntax not in _REFERENCED


def _length_faults(values: Mapping[int, bytes], frames: int, pixels: PixelData) -> Iterator[Fault]:
    order = "little" if pixels.coding.is_little else "big"

    def number(tag: int) -> int:
        return int.from_bytes(values[tag][:2], order)  # type: ignore[arg-type]

    half_samples = _HALF_SAMPLES.get(values[_PHOTOMETRIC].strip(b" \0"), 2 * number(_SAMPLES))
    bits = _BITS.get(pixels.tag) or number(_ALLOCATED)
    expected = -(-number(_ROWS) * number(_COLUMNS) * frames * half_samples * bits // 16)
    if pixels.length < expected:
        yield Fault(Kind.PIXELS_SHORT, f"{pixels.length:,} bytes of {expected:,}")
    elif pixels.length > expected + (expected & 1):
        yield Fault(Kind.PIXELS_LONG, f"{pixels.length:,} bytes in place of {expected:,}")


def _frames(values: Mapping[int, bytes]) -> int | None:
    """How many frames are announced: one where nothing is said; None for what is no number."""
    try:
        return max(1, int(values.get(_FRAMES, b"").strip(b" \0") or b"1"))
    except ValueError:
        return None


def _fragment_faults(frames: int, pixels: PixelData, syntax: str) -> Iterator[Fault]:
    source, coding = pixels.source, pixels.coding
    tag, length = coding.item(source, pixels.value)
    if tag != ITEM:
        yield Fault(Kind.FRAMES, "there is no frame")
        return
    first = pixels.value + 8 + length
    if syntax not in _BY_FRAME:
        return
    found = listed = pixels.offsets or length // 4
    if not listed:
        # Several fragments may be one frame, but for RLE (PS3.5 A.4.2).
        most = frames + (syntax == _RLE)
        found = _count_fragments(pixels, first, most) if most <= _MOST_FRAGMENTS else frames
    if found != frames:
        words = f"{found:,} frame{'' if found == 1 else 's'}"
        yield Fault(Kind.FRAMES, f"{words}, where {frames:,} are announced")
    if found:
        yield from _codec_faults(source.at(first + 8, 6), syntax)


def _count_fragments(pixels: PixelData, position: int, most: int) -> int:
    """How many fragments there are from `position` on, at most so many."""
    count = 0
    while count < most:
        tag, length = pixels.coding.item(pixels.source, position)
        if tag != ITEM:
            break
        count += 1
        position += 8 + length
    return count


def _codec_faults(start: bytes, syntax: str) -> Iterator[Fault]:
    """What the first frame's codestream begins with (PS3.5 8.2, G.3) against what the syntax names."""
    if syntax in _JPEG:
        is_right = start.startswith(_JPEG_START)
    elif syntax in _JPEG_2000:
        is_right = start.startswith(_JPEG_2000_STARTS)
    else:
        is_right = 1 <= int.from_bytes(start[:4], "little") <= _MOST_RLE_SEGMENTS
    if not is_right:
        yield Fault(Kind.PIXELS_CODESTREAM, f"begins with {start[:4].hex()}, under {uid_words(syntax)}")
