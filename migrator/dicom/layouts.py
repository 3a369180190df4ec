"""Remembering how headers are laid out, so that the next file of a series need not be walked.

Files of one series have the same elements with, mostly, the same lengths. Where every element's header stands
as it stood in an earlier file, the values stand there too: one comparison in place of a walk. Nothing is
assumed: a header that differs in one bit does not match.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from struct import error as StructError

from migrator.dicom.identity import WANTED
from migrator.dicom.structure import LONG_VRS

META_START = 132
_TRANSFER_SYNTAX = 0x00100002  # as one little endian integer, the element's number above the group's
_MOST_PER_LENGTH = 8
_MOST_LENGTHS = 64

# Making a layout costs as much as two walks, so it has to be earned by layouts that matched.
_COST, _GAIN_OF_MATCH, _GAIN_OF_MISS, _MOST_CREDIT = 40, 10, 1, 1000

_explicit = Struct("<L2sH").unpack_from
_implicit = Struct("<LL").unpack_from
_long = Struct("<L").unpack_from


def as_read(tag: int) -> int:
    """A tag as one little endian integer: the element's number above the group's."""
    return (tag & 0xFFFF) << 16 | tag >> 16


WANTED_AS_READ = {as_read(tag): tag for tag in WANTED}
ABSENT = dict.fromkeys(WANTED, b"")


class Layout:
    """Where the elements of one kind of header stand, from the first of group 0002 to the last wanted one."""

    __slots__ = ("_expected", "_headers", "_last", "_values", "_wanted", "end", "offset", "syntax")

    def __init__(self, head: bytes, offset: int, end: int, syntax: tuple[str, bool]) -> None:
        """Take the layout from a header that was walked: the dataset's offset, the walk's end."""
        self.offset = offset
        self.end = end
        self.syntax = syntax
        self._last = head[end : end + 4]
        headers, values, wanted = ["<"], ["<"], []
        for tag, before, length in _elements(head, offset, end, syntax[1]):
            if tag == _TRANSFER_SYNTAX:
                headers.append(f"{before + length}s")
            else:
                headers.append(f"{before}s{length}x")
            if tag in WANTED_AS_READ:
                wanted.append(WANTED_AS_READ[tag])
                values.append(f"{before}x{length}s")
            else:
                values.append(f"{before + length}x")
        self._headers = Struct("".join(headers)).unpack_from
        self._values = Struct("".join(values)).unpack_from
        self._expected = self._headers(head, META_START)
        self._wanted = tuple(wanted)

    def raw(self, head: bytes) -> dict[int, bytes] | None:
        """The wanted values when `head` has this layout, else None. StructError when it is too short."""
        if head[self.end : self.end + 4] != self._last or self._headers(head, META_START) != self._expected:
            return None
        raw = ABSENT.copy()
        raw.update(zip(self._wanted, self._values(head, META_START), strict=True))
        return raw


def _elements(head: bytes, offset: int, end: int, is_implicit: bool) -> Iterator[tuple[int, int, int]]:
    """Tag, bytes before the value, and length of the value, of every element."""
    position = META_START
    while position < end:
        if is_implicit and position >= offset:
            tag, length = _implicit(head, position)
            before = 8
        else:
            tag, vr, length = _explicit(head, position)
            before = 8
            if vr in LONG_VRS:
                length = _long(head, position + 8)[0]
                before = 12
        yield tag, before, length
        position += before + length


class Layouts:
    """The layouts seen last, by the length of group 0002, which is that of the SOP instance UID in disguise.

    Threads may use it together: what one of them loses is only remembered a little later.
    """

    def __init__(self) -> None:
        self._by_length: dict[bytes, tuple[Layout, ...]] = {}
        self._credit = _MOST_CREDIT

    def match(self, head: bytes) -> tuple[Layout, dict[int, bytes]] | None:
        """The layout that `head` has, with the wanted values."""
        key = head[140:144]
        layouts = self._by_length.get(key, ())
        for index, layout in enumerate(layouts):
            try:
                raw = layout.raw(head)
            except StructError:
                continue
            if raw is not None:
                if index:
                    self._by_length[key] = (layout, *layouts[:index], *layouts[index + 1 :])
                self._credit = min(self._credit + _GAIN_OF_MATCH, _MOST_CREDIT)
                return layout, raw
        return None

    def learn(self, head: bytes, offset: int, end: int, syntax: tuple[str, bool]) -> None:
        """Remember the layout of a header that was walked, unless remembering does not pay in this archive.

        No element before `end` may have undefined length.
        """
        self._credit += _GAIN_OF_MISS
        if self._credit < _COST or len(head) < end + 4:
            return
        self._credit -= _COST
        key = head[140:144]
        if key not in self._by_length and len(self._by_length) >= _MOST_LENGTHS:
            self._by_length.clear()
        layouts = self._by_length.get(key, ())
        self._by_length[key] = (Layout(head, offset, end, syntax), *layouts[: _MOST_PER_LENGTH - 1])
