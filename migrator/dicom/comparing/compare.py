"""Comparing two data sets element by element, sequences included, whatever their encodings are.

What is only theirs is an addition. Of what differs, that is told which our own record does not explain.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal

import numpy

from migrator.core.comparison import Difference, Kind
from migrator.core.edits import Change
from migrator.core.errors import DamagedFile
from migrator.dicom.charsets import decoder_of
from migrator.dicom.editing.original_attributes import ORIGINAL_ATTRIBUTES
from migrator.dicom.editing.splice import Draft
from migrator.dicom.editing.splice_elements import (
    CHARACTER_SET,
    Element,
    creators_of,
    elements_of,
    items_of,
    vr_of,
)
from migrator.dicom.editing.splice_show import NUMBER_CODES, TEXTS, keyword_of, shown
from migrator.dicom.editing.splice_texts import GOVERNED, SINGLE

PIXEL_DATA = 0x7FE00010
# How a data set is written, not what it says: Length to End, character set (texts are compared decoded),
# tables of offsets into encapsulated pixel data, trailing padding.
_ENCODING = frozenset({0x00080001, CHARACTER_SET, 0x7FE00001, 0x7FE00002, 0x7FE00003, 0xFFFCFFFC})
# Where and how soon an archive has it (PS3.4 C.4.1.1.3.2): its own words, whatever an earlier archive said.
_ARCHIVES_OWN = frozenset({0x00080054, 0x00080056})
_NUMBERS = frozenset({"DS", "IS"})
_EXACT = Context(prec=1000)
_PLACE = re.compile(r"\[\d+\]")  # the number of an item
# How values are shown that are not shown whole.
_IN_PART = re.compile(r"[\d,]+ (bytes|items?)|.*…", re.DOTALL)
_MOST_DIFFERENCES = 100
_PIECE = 1 << 20
# PS3.5 7.3: what is swapped between big and little endian, by the size of its units.
_UNITS = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}


@dataclass(slots=True)
class Found:
    """What a comparison found; of differences the first hundred."""

    differences: list[Difference] = field(default_factory=list)
    additions: Counter[str] = field(default_factory=Counter)


class Explained:
    """What the record says was sent otherwise than the source has it."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self._changes: dict[str, list[Change]] = {}
        self.is_incomplete = False
        """Whether more was changed than the record names."""
        self.is_in_part = False
        """Whether a value was found of which the record shows only a part."""
        for change in changes:
            if change.keyword.startswith("and ") and not change.before and not change.after:
                self.is_incomplete = True
            self._changes.setdefault(change.keyword, []).append(change)

    def covers(self, tag: int, theirs: str) -> bool:
        """Whether the record says that this attribute was sent as they have it."""
        is_covered = any(change.after == theirs for change in self._changes.get(keyword_of(tag), ()))
        self.is_in_part = self.is_in_part or (is_covered and _IN_PART.fullmatch(theirs) is not None)
        return is_covered

    def denies(self, tag: int, ours: str) -> bool:
        """Whether the record says that this attribute was not sent as the source has it."""
        return any(change.before == ours for change in self._changes.get(keyword_of(tag), ()))


@dataclass(frozen=True, slots=True)
class _Level:
    """The elements of one data set, or of an item in it."""

    elements: Mapping[int, Element]
    character_set: bytes
    creators: Mapping[int, str]


def _level(elements: Sequence[Element], inherited: bytes) -> _Level:
    table = {element.tag: element for element in elements}
    own = table.get(CHARACTER_SET)
    return _Level(table, inherited if own is None else own.raw, creators_of(elements))


def compare(ours: Draft, theirs: Draft, explained: Explained) -> Found:
    """Compare all but pixel data that both have. Raises DamagedFile where an item cannot be read."""
    found = Found()
    _Comparison(explained, found).levels(_level(ours.elements, b""), _level(theirs.elements, b""), "")
    return found


class _Comparison:
    def __init__(self, explained: Explained, found: Found) -> None:
        self._explained = explained
        self._found = found

    def levels(self, ours: _Level, theirs: _Level, above: str) -> None:
        for tag, mine in ours.elements.items():
            if not _is_content(tag) or tag in _ARCHIVES_OWN:
                continue
            if tag == PIXEL_DATA and not above and tag in theirs.elements:
                continue
            other = theirs.elements.get(tag)
            if other is None:
                self._note(above, Kind.ABSENT, mine, ours, (None, theirs))
            elif mine.is_sequence or other.is_sequence:
                self._sequences((mine, ours), (other, theirs), above)
            elif not _is_same(mine, other, ours, theirs) or self._is_denied(mine, ours, above):
                self._note(above, Kind.CHANGED, mine, ours, (other, theirs))
        for tag in theirs.elements.keys() - ours.elements.keys():
            if _is_content(tag):
                self._found.additions[_PLACE.sub("", above) + keyword_of(tag)] += 1

    def _is_denied(self, mine: Element, ours: _Level, above: str) -> bool:
        return not above and self._explained.denies(mine.tag, shown(mine, ours.character_set))

    def _sequences(self, ours: tuple[Element, _Level], theirs: tuple[Element, _Level], above: str) -> None:
        (mine, my_level), (other, other_level) = ours, theirs
        try:
            own_items, their_items = (_items(element, level) for element, level in (ours, theirs))
        except DamagedFile:
            own_items, their_items = [], [my_level]
        tag = mine.tag
        name = above + keyword_of(tag)
        if tag == ORIGINAL_ATTRIBUTES and len(their_items) > len(own_items):
            # Whoever changes an object appends an item that tells so: we, and archives.
            self._found.additions[_PLACE.sub("", name)] += 1
            their_items = their_items[: len(own_items)]
        if len(own_items) != len(their_items):
            self._note(above, Kind.CHANGED, mine, my_level, (other, other_level))
            return
        for number, (one, another) in enumerate(zip(own_items, their_items, strict=True), 1):
            self.levels(one, another, f"{name}[{number}].")

    def _note(
        self, above: str, kind: Kind, mine: Element, level: _Level, theirs: tuple[Element | None, _Level]
    ) -> None:
        other, their_level = theirs
        text = shown(other, their_level.character_set)
        if self._explained.covers(mine.tag, text) or len(self._found.differences) >= _MOST_DIFFERENCES:
            return
        tag = f"({mine.tag >> 16:04x},{mine.tag & 0xFFFF:04x})"
        ours = shown(mine, level.character_set)
        self._found.differences.append(Difference(tag, above + keyword_of(mine.tag), kind, ours, text))


def _is_content(tag: int) -> bool:
    """Whether an element says something of the object; group lengths (retired, PS3.5 7.2) do not."""
    return bool(tag & 0xFFFF) and tag not in _ENCODING


def _items(element: Element, level: _Level) -> list[_Level]:
    """The items of a sequence, also of one that its encoding does not call so. Raises DamagedFile."""
    sequence = element if element.is_sequence else element._replace(vr=b"SQ")
    return [
        _level(list(elements_of(sequence.source, item.coding, item.start, item.stop)), level.character_set)
        for item in items_of(sequence)
    ]


def _is_same(mine: Element, other: Element, ours: _Level, theirs: _Level) -> bool:
    vr = _vr(mine, other, ours, theirs)
    is_same_order = mine.coding.is_little == other.coding.is_little
    if vr not in TEXTS and abs(_size(mine) - _size(other)) > 1:
        return False
    if _size(mine) > _PIECE and _size(other) > _PIECE:
        unit = 1 if is_same_order else _UNITS.get(vr, 1)
        return digest_of(mine, unit) == digest_of(other, 1)
    if vr in TEXTS:
        return _is_same_text(vr, (mine.raw, ours), (other.raw, theirs))
    if mine.vr != other.vr and {mine.vr.decode("latin_1"), other.vr.decode("latin_1")} <= NUMBER_CODES.keys():
        return _numbers(mine) == _numbers(other)
    one, another = mine.raw, other.raw
    if not is_same_order:
        one = swapped(one, _UNITS.get(vr, 1))
    return one == another or _is_padded(one, another)


def _is_padded(one: bytes, another: bytes) -> bool:
    """Values of odd length are padded on the way (PS3.5 7.1), those of unknown VR with either byte."""
    return abs(len(one) - len(another)) == 1 and one.rstrip(b" \0") == another.rstrip(b" \0")


def _is_same_text(vr: str, ours: tuple[bytes, _Level], theirs: tuple[bytes, _Level]) -> bool:
    (one, my_level), (another, their_level) = ours, theirs
    is_same_set = my_level.character_set == their_level.character_set or vr not in GOVERNED
    if one == another and (is_same_set or (one.isascii() and b"\x1b" not in one)):
        return True
    mine, other = _texts(vr, one, my_level), _texts(vr, another, their_level)
    if any("\ufffd" in text for text in mine):
        # What cannot be read looks the same, whatever it is.
        return is_same_set and one.rstrip(b" \0") == another.rstrip(b" \0")
    return mine == other


def _numbers(element: Element) -> tuple[int | float, ...] | bytes:
    """The numbers of a binary value; its bytes where they are none."""
    code = NUMBER_CODES[element.vr.decode("latin_1")]
    count, rest = divmod(_size(element), struct.calcsize("<" + code))
    if rest:
        return element.raw
    return struct.unpack(f"{'<' if element.coding.is_little else '>'}{count}{code}", element.raw)


def _vr(mine: Element, other: Element, ours: _Level, theirs: _Level) -> str:
    """The VR that either says; else the dictionaries'."""
    for element in (mine, other):
        if element.vr not in (b"", b"UN"):
            return element.vr.decode("latin_1")
    tag = mine.tag
    return vr_of(tag, ours.creators.get(tag >> 8, "") or theirs.creators.get(tag >> 8, ""))


def _texts(vr: str, raw: bytes, level: _Level) -> list[str]:
    """The values, without what means nothing: spaces around them, empty ends of names (PS3.5 6.2)."""
    text = decoder_of(level.character_set)(raw, vr == "PN")
    if vr in SINGLE:
        return [text.rstrip(" \0")]
    values = [value.strip(" \0") for value in text.split("\\")]
    if vr == "PN":
        return ["=".join(group.rstrip(" ^") for group in value.split("=")).rstrip("=") for value in values]
    return [_plain_number(value) for value in values] if vr in _NUMBERS else values


def _plain_number(text: str) -> str:
    """A number in decimal digits as it may be written anew, not rounded; as it is where it is none."""
    try:
        return str(Decimal(text).normalize(_EXACT))
    except ArithmeticError:
        return text


def _size(element: Element) -> int:
    return element.end - element.value


def swapped(data: bytes, unit: int) -> bytes:
    """The same units in the other byte order."""
    if unit == 1:
        return data
    whole = len(data) // unit * unit
    return numpy.frombuffer(data[:whole], f">u{unit}").astype(f"<u{unit}").tobytes() + data[whole:]


def digest_of(element: Element, unit: int = 1) -> bytes:
    """SHA-256 of a value, its units turned round where they are longer than a byte. Memory is bounded."""
    digest = hashlib.sha256()
    position = element.value
    while position < element.end:
        count = min(_PIECE, element.end - position)
        digest.update(swapped(element.source.at(position, count), unit))
        position += count
    return digest.digest()
