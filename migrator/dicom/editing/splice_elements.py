"""Elements where they stand in an encoded data set (PS3.5 7), and writing them anew in the same encoding."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from pydicom.datadict import dictionary_VR, private_dictionary_VR

from migrator.core.errors import CannotEncode, DamagedFile
from migrator.dicom.structure import (
    ITEM,
    ITEM_END,
    LONG_VRS,
    SEQUENCE_END,
    UNDEFINED,
    Bytes,
    Coding,
    is_sequence,
    looks_implicit,
    skip_undefined,
)

CHARACTER_SET = 0x00080005
# PS3.5 6.2: what is padded with a space; UI and binary values are padded with zero.
SPACED = frozenset(
    ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT")
)
_IMPLICIT = {is_little: Coding(is_implicit=True, is_little=is_little) for is_little in (True, False)}
_LONGEST_SHORT = 0xFFFF
# Each level takes some frames of Python's stack.
_MOST_NESTING = 64


class Element(NamedTuple):
    """An element of `source`: from `start` to `end`, its value from `value` on, of `length` bytes.

    `vr` is empty where the encoding does not say it; an undefined length is UNDEFINED.
    """

    source: Bytes
    coding: Coding
    tag: int
    vr: bytes
    start: int
    value: int
    length: int
    end: int

    @property
    def raw(self) -> bytes:
        """The value's bytes; of undefined length, with the items, without the delimiter at the end."""
        end = self.end - 8 if self.length == UNDEFINED else self.end
        return self.source.at(self.value, end - self.value)

    @property
    def whole(self) -> bytes:
        return self.source.at(self.start, self.end - self.start)

    @property
    def is_sequence(self) -> bool:
        """Whether it holds data sets.

        Of unknown VR and known length it does where the dictionary says so and an item begins (PS3.5 6.2.2).
        """
        if self.vr == b"SQ":
            return True
        if self.length == UNDEFINED:
            return is_sequence(self.tag, self.vr)
        if self.vr == b"UN":
            is_known = self.length >= 8 and vr_of(self.tag) == "SQ"
            return is_known and self.coding.item(self.source, self.value)[0] == ITEM
        return not self.vr and vr_of(self.tag) == "SQ"


class Item(NamedTuple):
    """An item of a sequence: its data set stands from `start` to `stop`, all of it ends at `end`."""

    coding: Coding
    start: int
    stop: int
    end: int
    has_undefined: bool


class Rewriter(Protocol):
    """Changes the elements of one data set, and tells who changes those of its items."""

    def changed(self, element: Element) -> bytes | None:
        """The bytes that take the element's place (none at all to leave it out); None to keep it."""
        ...

    def within(self, sequence: Element, elements: list[Element]) -> Rewriter | None:
        """Who changes these elements of one of the sequence's items; None where nobody is to."""
        ...


def memory(data: bytes) -> Bytes:
    """A source whose bytes are at hand."""
    return Bytes(-1, len(data), data)


def is_private(tag: int) -> bool:
    return bool(tag >> 16 & 1)


def is_creator(tag: int) -> bool:
    """Whether the element says who owns a block of private elements (PS3.5 7.8.1)."""
    return is_private(tag) and 0x10 <= tag & 0xFFFF <= 0xFF


def creators_of(elements: Iterable[Element]) -> dict[int, str]:
    """Who owns which block of private elements, by the first 24 bits of their tags."""
    return {
        element.tag >> 16 << 8 | element.tag & 0xFF: element.raw.decode("latin_1").strip(" \0")
        for element in elements
        if is_creator(element.tag)
    }


def vr_of(tag: int, creator: str = "") -> str:
    """The VR that the dictionaries (PS3.6, and pydicom's of private elements) give a tag, else UN.

    Of several the widest.
    """
    try:
        if not is_private(tag):
            vr = "UL" if not tag & 0xFFFF else dictionary_VR(tag)
            return vr if len(vr) == 2 else "OW" if "OW" in vr else "US"
        if is_creator(tag):
            return "LO"
        return private_dictionary_VR(tag, creator) if creator else "UN"
    except KeyError:
        return "UN"


def elements_of(source: Bytes, coding: Coding, position: int, stop: int) -> Iterator[Element]:
    """The elements of a data set from `position` to `stop`, without a look into their values.

    Ends early at zeros that only pad the data set. Raises DamagedFile.
    """
    while position < stop:
        if stop - position < 8 or source.at(position, 4) == b"\0\0\0\0":
            return
        tag, vr, length, value = coding.element(source, position)
        # Without a VR inside explicit VR (some writers mix): the element's own encoding is implicit.
        own = coding if vr or coding.is_implicit else _IMPLICIT[coding.is_little]
        if tag >> 16 == 0xFFFE:
            raise DamagedFile("a delimiter stands where none can be")
        end = skip_undefined(source, coding, tag, vr, value) if length == UNDEFINED else value + length
        if end > stop:
            raise DamagedFile("an element runs out of its data set")
        yield Element(source, own, tag, vr, position, value, length, end)
        position = end


def items_of(sequence: Element) -> Iterator[Item]:
    """The items of a sequence. Raises DamagedFile."""
    source, coding, position = sequence.source, sequence.coding, sequence.value
    while position < sequence.end:
        tag, length = coding.item(source, position)
        position += 8
        if tag == SEQUENCE_END:
            return
        if tag != ITEM:
            raise DamagedFile("a sequence holds something else than items")
        own = _coding_of_item(sequence, position, length)
        if length == UNDEFINED:
            end = _behind_item(source, own, position)
            yield Item(own, position, end - 8, end, True)
        else:
            end = position + length
            if end > sequence.end:
                raise DamagedFile("an item runs out of its sequence")
            yield Item(own, position, end, end, False)
        position = end


def _coding_of_item(sequence: Element, position: int, length: int) -> Coding:
    coding = sequence.coding
    if coding.is_implicit or not length or position + 8 > sequence.end:
        return coding
    # Sequences of VR UN hold implicit VR (PS3.5 6.2.2).
    head = sequence.source.at(position, 8)
    if looks_implicit(head[:6]) and coding.item(sequence.source, position)[0] != ITEM_END:
        return _IMPLICIT[coding.is_little]
    return coding


def _behind_item(source: Bytes, coding: Coding, position: int) -> int:
    while True:
        tag, vr, length, value = coding.element(source, position)
        if tag == ITEM_END:
            return value
        if tag >> 16 == 0xFFFE:
            raise DamagedFile("a delimiter stands where none can be")
        position = skip_undefined(source, coding, tag, vr, value) if length == UNDEFINED else value + length


def rewritten(element: Element, rewriter: Rewriter, depth: int = 0) -> bytes | None:
    """The bytes of an element after `rewriter` has changed it and what it holds; None where nothing has.

    Lengths that were undefined stay undefined. Raises DamagedFile, CannotEncode.
    """
    if depth > _MOST_NESTING:
        raise DamagedFile("sequences are nested too deeply")
    own = rewriter.changed(element)
    if own is not None or not element.is_sequence:
        return own
    parts, is_changed = [], False
    for item in items_of(element):
        content = _rewritten_item(element, item, rewriter, depth)
        if content is None:
            parts.append(element.source.at(item.start - 8, item.end - item.start + 8))
            continue
        is_changed = True
        parts.append(item_bytes(element.coding, content, has_undefined=item.has_undefined))
    if not is_changed:
        return None
    return _with_value(element, b"".join(parts))


def _rewritten_item(sequence: Element, item: Item, rewriter: Rewriter, depth: int) -> bytes | None:
    source = sequence.source
    elements = list(elements_of(source, item.coding, item.start, item.stop))
    inner = rewriter.within(sequence, elements)
    if inner is None:
        return None
    if (elements[-1].end if elements else item.start) != item.stop:
        raise DamagedFile("an item holds something else than elements")
    new = [rewritten(element, inner, depth + 1) for element in elements]
    groups = {element.tag >> 16 for element, one in zip(elements, new, strict=True) if one is not None}
    if not groups:
        return None
    # Of a group that was changed its length is wrong (retired, PS3.5 7.2).
    pairs = [pair for pair in zip(elements, new, strict=True) if not _is_length_of(pair[0].tag, groups)]
    return b"".join(element.whole if one is None else one for element, one in pairs)


def _is_length_of(tag: int, groups: set[int]) -> bool:
    return not tag & 0xFFFF and tag >> 16 in groups


def recoded(elements: list[Element], coding: Coding) -> bytes:
    """A data set in another encoding of the same byte order, its sequences too.

    Raises DamagedFile, CannotEncode.
    """
    creators, parts = creators_of(elements), []
    for element in elements:
        vr = element.vr.decode("latin_1") or vr_of(element.tag, creators.get(element.tag >> 8, ""))
        value = element.raw
        if element.is_sequence:
            vr = "SQ"
            value = b"".join(recoded_item(element, item, coding) for item in items_of(element))
        parts.append(encoded(coding, element.tag, vr, value))
    return b"".join(parts)


def recoded_item(sequence: Element, item: Item, coding: Coding) -> bytes:
    """An item of a sequence in this encoding: its very bytes where that is its own."""
    source = sequence.source
    if item.coding.is_implicit == coding.is_implicit:
        return source.at(item.start - 8, item.end - item.start + 8)
    return item_bytes(coding, recoded(list(elements_of(source, item.coding, item.start, item.stop)), coding))


def item_bytes(coding: Coding, content: bytes, *, has_undefined: bool = False) -> bytes:
    """An item around its data set (PS3.5 7.5)."""
    order = "<" if coding.is_little else ">"
    if has_undefined:
        head = struct.pack(order + "HHL", 0xFFFE, 0xE000, UNDEFINED)
        return head + content + struct.pack(order + "HHL", 0xFFFE, 0xE00D, 0)
    return struct.pack(order + "HHL", 0xFFFE, 0xE000, len(content)) + content


def _with_value(sequence: Element, value: bytes) -> bytes:
    """The sequence with other items, its header as it was but for a length that is known."""
    head = sequence.source.at(sequence.start, sequence.value - sequence.start)
    order = "<" if sequence.coding.is_little else ">"
    if sequence.length == UNDEFINED:
        return head + value + struct.pack(order + "HHL", 0xFFFE, 0xE0DD, 0)
    return head[:-4] + struct.pack(order + "L", len(value)) + value


def encoded(coding: Coding, tag: int, vr: str, value: bytes) -> bytes:
    """A new element, its value padded to an even length (PS3.5 7.1). Raises CannotEncode."""
    if len(value) & 1:
        value += b" " if vr in SPACED else b"\0"
    order = "<" if coding.is_little else ">"
    group, number, code = tag >> 16, tag & 0xFFFF, vr.encode()
    if coding.is_implicit:
        return struct.pack(order + "HHL", group, number, len(value)) + value
    if code in LONG_VRS:
        return struct.pack(order + "HH2sHL", group, number, code, 0, len(value)) + value
    if len(value) > _LONGEST_SHORT:
        raise CannotEncode(f"({group:04X},{number:04X}) would be longer than its VR can say")
    return struct.pack(order + "HH2sH", group, number, code, len(value)) + value
