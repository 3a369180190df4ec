"""Making a JPEG codestream readable that a strict decoder refuses over its header, its image data untouched.

The scans of a sequential DCT image name the whole spectrum, 0 to 63 (ISO/IEC 10918-1 B.2.3). Some encoders of
12 bit images wrote 0 to 0 there; lenient decoders never look, and others refuse the image.
"""

from __future__ import annotations

_START_OF_SCAN = b"\xff\xda"
_SEQUENTIAL = frozenset({0xC0, 0xC1})
_OTHER_FRAMES = frozenset({0xC2, 0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)})
_ITEM = b"\xfe\xff\x00\xe0"


def repair_fragments(encapsulated: bytes) -> bytes:
    """Encapsulated pixel data (PS3.5 A.4, without its sequence delimiter or with it), repaired.

    The very same object where nothing was to be repaired; never another length.
    """
    repaired: bytearray | None = None
    position = 0
    while encapsulated[position : position + 4] == _ITEM and position + 8 <= len(encapsulated):
        size = int.from_bytes(encapsulated[position + 4 : position + 8], "little")
        start, position = position + 8, position + 8 + size
        for place in _narrow_scans(encapsulated, start, min(position, len(encapsulated))):
            repaired = repaired or bytearray(encapsulated)
            repaired[place] = 63
    return encapsulated if repaired is None else bytes(repaired)


def _narrow_scans(data: bytes, start: int, end: int) -> list[int]:
    """Where the scan headers of a sequential image say that its spectrum ends at 0."""
    scan = _first_scan(data, start, end)
    places: list[int] = []
    while 0 <= scan < end - 4:
        length = int.from_bytes(data[scan + 2 : scan + 4], "big")
        last = scan + 2 + length - 1
        if last < end and data[last - 2 : last] == b"\0\0":
            places.append(last - 1)
        # Image data never holds this marker: a byte of FF is followed by 00 there.
        scan = data.find(_START_OF_SCAN, scan + 2 + max(2, length), end)
    return places


def _first_scan(data: bytes, start: int, end: int) -> int:
    """The first start of scan of a sequential DCT image; -1 for all else."""
    if data[start : start + 2] != b"\xff\xd8":
        return -1
    is_sequential = False
    position = start + 2
    while position + 4 <= end and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker == 0xDA:
            return position if is_sequential else -1
        if marker in _OTHER_FRAMES:
            return -1
        is_sequential = is_sequential or marker in _SEQUENTIAL
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return -1
