"""The bare structure of an encoded dataset (PS3.5 7): where elements begin and end, without their meaning.

Sequences are walked through, never searched: bytes inside a value are no tags.
"""

from __future__ import annotations

import os
from struct import Struct

from pydicom._dicom_dict import DicomDictionary

from migrator.core.errors import DamagedFile

UNDEFINED = 0xFFFFFFFF
ITEM = 0xFFFEE000
ITEM_END = 0xFFFEE00D
SEQUENCE_END = 0xFFFEE0DD

# PS3.5 7.1.2: these have two reserved bytes and a length of four bytes, all others a length of two.
LONG_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_SEQUENCE_VRS = frozenset({b"SQ", b"UN"})

_MOST_NESTING = 128
_WINDOW = 8192


class Truncated(DamagedFile):
    """An element ends behind the end of the file."""


class Bytes:
    """A window on an open file. Positions are offsets in the file; `size` bounds every read."""

    def __init__(self, descriptor: int, size: int, head: bytes = b"") -> None:
        self.size = size
        self._descriptor = descriptor
        self._window = head
        self._start = 0

    def at(self, position: int, count: int) -> bytes:
        """Exactly `count` bytes at `position`. Raises Truncated when the file has fewer."""
        begin = position - self._start
        if begin < 0 or begin + count > len(self._window):
            if position + count > self.size:
                raise Truncated("an element's header is cut off")
            self._move(position, count)
            begin = 0
        return self._window[begin : begin + count]

    def _move(self, position: int, count: int) -> None:
        self._window = read_at(self._descriptor, max(count, _WINDOW), position)
        self._start = position
        if len(self._window) < count:
            raise Truncated("the file has become shorter")


def read_at(descriptor: int, count: int, position: int) -> bytes:
    """At most `count` bytes at `position`; on every system. The descriptor's own position is undefined."""
    os.lseek(descriptor, position, os.SEEK_SET)
    return os.read(descriptor, count)


class Coding:
    """One way to encode elements: explicit or implicit VR, little or big endian."""

    def __init__(self, *, is_implicit: bool, is_little: bool = True) -> None:
        order = "<" if is_little else ">"
        self.is_implicit = is_implicit
        self.is_little = is_little
        self._tag_and_length = Struct(order + "HHL").unpack
        self._tag_vr_length = Struct(order + "HH2sH").unpack
        self._long = Struct(order + "L").unpack

    def item(self, source: Bytes, position: int) -> tuple[int, int]:
        """Tag and length of an item or delimitation item, which have no VR (PS3.5 7.5)."""
        group, element, length = self._tag_and_length(source.at(position, 8))
        return group << 16 | element, length

    def element(self, source: Bytes, position: int) -> tuple[int, bytes, int, int]:
        """Tag, VR (empty where it is implicit), length and position of the value.

        Bytes that cannot be a VR mean an element with implicit VR inside a dataset with explicit VR.
        """
        head = source.at(position, 8)
        if not self.is_implicit:
            group, element, vr, length = self._tag_vr_length(head)
            if group == 0xFFFE:
                return group << 16 | element, b"", self.item(source, position)[1], position + 8
            if vr in LONG_VRS:
                return group << 16 | element, vr, self._long(source.at(position + 8, 4))[0], position + 12
            if vr in SHORT_VRS or b"AA" <= vr <= b"ZZ":
                return group << 16 | element, vr, length, position + 8
        group, element, length = self._tag_and_length(head)
        return group << 16 | element, b"", length, position + 8


_IMPLICIT_BY_ORDER = {is_little: Coding(is_implicit=True, is_little=is_little) for is_little in (True, False)}


def looks_implicit(head: bytes) -> bool:
    """Whether the element whose first six bytes these are has no VR; as pydicom decides it."""
    return not (0x40 < head[4] < 0x5B and 0x40 < head[5] < 0x5B)


def skip_undefined(source: Bytes, coding: Coding, tag: int, vr: bytes, position: int) -> int:
    """The position behind the sequence delimitation item of an element of undefined length.

    `position` is that of its value. Raises Truncated, and DamagedFile where the nesting is not sound.
    """
    return _Nesting(source).sequence(coding, tag, vr, position, 0)


class _Nesting:
    def __init__(self, source: Bytes) -> None:
        self._source = source

    def sequence(self, coding: Coding, tag: int, vr: bytes, position: int, depth: int) -> int:
        if depth > _MOST_NESTING:
            raise DamagedFile("sequences are nested too deeply")
        holds_datasets = is_sequence(tag, vr)
        while True:
            item, length = coding.item(self._source, position)
            position += 8
            if item == SEQUENCE_END:
                return position
            if item != ITEM or (length == UNDEFINED and not holds_datasets):
                raise DamagedFile("a sequence holds something else than items")
            if not holds_datasets:
                position += length
                _check_end(self._source, position)
            elif length:
                position = self._dataset(coding, position, length, depth)

    def _dataset(self, coding: Coding, position: int, length: int, depth: int) -> int:
        """The position behind an item's dataset, which must end where the item says."""
        end = self._source.size if length == UNDEFINED else position + length
        _check_end(self._source, end)
        if not coding.is_implicit and position < end and looks_implicit(self._source.at(position, 6)):
            # Sequences of VR UN hold implicit VR (PS3.5 6.2.2); delimiters have no VR either.
            coding = self._coding_of_item(coding, position)
        while length == UNDEFINED or position < end:
            tag, vr, size, position = coding.element(self._source, position)
            if tag == ITEM_END and length == UNDEFINED:
                return position
            if tag >> 16 == 0xFFFE:
                raise DamagedFile("a delimiter stands where none can be")
            if size == UNDEFINED:
                position = self.sequence(coding, tag, vr, position, depth + 1)
            else:
                position += size
            _check_end(self._source, position)
        if position != end:
            raise DamagedFile("an element runs out of its item")
        return position

    def _coding_of_item(self, coding: Coding, position: int) -> Coding:
        is_delimiter = coding.item(self._source, position)[0] == ITEM_END
        return coding if is_delimiter else _IMPLICIT_BY_ORDER[coding.is_little]


def is_sequence(tag: int, vr: bytes) -> bool:
    """Whether an element of undefined length holds datasets; otherwise it holds fragments (PS3.5 A.4)."""
    if vr:
        return vr in _SEQUENCE_VRS
    known = DicomDictionary.get(tag)
    return known is None or known[0] == "SQ"


def _check_end(source: Bytes, position: int) -> None:
    if position > source.size:
        raise Truncated("an element ends behind the end of the file")


def check_ending(source: Bytes, coding: Coding, position: int) -> None:
    """Walk the top-level elements from `position` on to the end of the file.

    Raises Truncated, and DamagedFile where an element of undefined length is not sound.
    """
    while position < source.size:
        if source.size - position < 8 or source.at(position, 4) == b"\0\0\0\0":
            if _is_zero(source, position):
                return  # padding behind the dataset, as some archives write it
            if source.size - position < 8:
                raise Truncated("an element's header is cut off")
        tag, vr, length, position = coding.element(source, position)
        if tag >> 16 == 0xFFFE:
            raise DamagedFile("a delimiter stands where none can be")
        position = (
            skip_undefined(source, coding, tag, vr, position) if length == UNDEFINED else position + length
        )
    _check_end(source, position)


def _is_zero(source: Bytes, position: int) -> bool:
    while position < source.size:
        count = min(_WINDOW, source.size - position)
        if source.at(position, count).strip(b"\0"):
            return False
        position += count
    return True


_EXPLICIT_PIXELS = b"\xe0\x7f\x10\x00"
_SEQUENCE_END_BYTES = b"\xfe\xff\xdd\xe0\0\0\0\0"
_PIXELS = Struct("<4x2s2xL").unpack_from
PIXELS_WITHIN = 4096  # bytes behind `position` in which pixel data is looked for


def ends_with_pixels(descriptor: int, size: int, head: bytes, position: int, start: int = 0) -> bool:
    """Whether pixel data that begins in `head`, soon behind `position`, ends exactly where the file does.

    A cheap proof that a file in explicit VR little endian is whole. `head` holds the file's bytes from
    `start` on. False means: not known this way.
    """
    index = position - start
    last = index + PIXELS_WITHIN
    while (index := head.find(_EXPLICIT_PIXELS, index, last)) >= 0:
        if index + 12 > len(head):
            return False
        vr, length = _PIXELS(head, index)
        if vr == b"OW" or vr == b"OB":
            if start + index + 12 + length == size:
                return True
            if length == UNDEFINED and size > start + index + 28:
                return read_at(descriptor, 8, size - 8) == _SEQUENCE_END_BYTES
        index += 4
    return False
