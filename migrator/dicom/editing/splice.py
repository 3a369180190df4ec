"""Editing the header of an encoded data set in place: what is not touched keeps its very bytes.

Only headers of elements are read, and values that are asked for; long values stay in the file, from where
they are sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from migrator.core.edits import Change
from migrator.core.errors import CannotEncode
from migrator.dicom.charsets import decoder_of
from migrator.dicom.editing.splice_elements import (
    CHARACTER_SET,
    Element,
    Rewriter,
    creators_of,
    elements_of,
    encoded,
    memory,
    rewritten,
    vr_of,
)
from migrator.dicom.editing.splice_show import keyword_of, shown
from migrator.dicom.editing.splice_texts import GOVERNED, UTF_8, ToUtf8, encode_text
from migrator.dicom.structure import Bytes, Coding


class Span(NamedTuple):
    """So many bytes of the file, from `offset` on."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Segments:
    """A data set in pieces, each at hand or in the file; `size` bytes together."""

    parts: tuple[bytes | Span, ...]
    size: int


class Draft:
    """A data set that is being edited; `changes` tells, in order, what was.

    Methods raise DamagedFile where the encoding is not sound, CannotEncode where a value cannot be written.
    """

    def __init__(self, source: Bytes, coding: Coding, start: int = 0, *, in_file: bool = True) -> None:
        """The data set that stands in `source` from `start` to its end; `in_file` unless it is in memory."""
        size = source.size
        self._file = source
        self._in_file = in_file
        self._elements = list(elements_of(source, coding, start, size))
        # Some writers use implicit VR under a syntax that says explicit; readers go by the first element.
        self._coding = self._elements[0].coding if self._elements else coding
        end = self._elements[-1].end if self._elements else start
        self._tail = Span(end, size - end)
        self.changes: list[Change] = []
        self.originals: dict[int, Element | None] = {}
        """The elements as they were before they were first touched while `is_traced`."""
        self.is_traced = False

    @property
    def coding(self) -> Coding:
        return self._coding

    @property
    def elements(self) -> tuple[Element, ...]:
        return tuple(self._elements)

    @property
    def character_set(self) -> bytes:
        return self.raw(CHARACTER_SET)

    @property
    def has_tail(self) -> bool:
        """Whether something that is no element follows the last one: padding, as some archives write it."""
        return self._tail.length > 0

    def get(self, tag: int) -> Element | None:
        """The (first) element with this tag."""
        return next((element for element in self._elements if element.tag == tag), None)

    def raw(self, tag: int) -> bytes:
        """The value's bytes; empty where there is none."""
        element = self.get(tag)
        return b"" if element is None else element.raw

    def text(self, tag: int) -> str:
        """The value decoded, without padding."""
        return decoder_of(self.character_set)(self.raw(tag), self.vr(tag) == "PN").strip(" \0")

    def vr(self, tag: int) -> str:
        """The VR that the element has, or will get."""
        element, known = self.get(tag), vr_of(tag)
        if element is None or element.vr in (b"", b"UN"):
            return known
        return element.vr.decode("latin_1")

    def set_text(self, tag: int, text: str) -> None:
        """Give an attribute a text, or several with backslashes between them.

        Where the character set lacks a letter, all texts change to UTF-8.
        """
        vr = self.vr(tag)
        data = encode_text(self.character_set, vr, text)
        if data is None:
            if vr not in GOVERNED:
                raise CannotEncode(f"{keyword_of(tag)} takes no letters beyond ASCII")
            self._to_utf8()
            data = _utf8(text)
        self.set_raw(tag, vr, data)

    def make_room_for(self, texts: Iterable[tuple[int, str]]) -> None:
        """Change to UTF-8 now if one of these texts will need it."""
        for tag, text in texts:
            vr = self.vr(tag)
            if vr in GOVERNED and encode_text(self.character_set, vr, text) is None:
                self._to_utf8()
                return

    def set_raw(self, tag: int, vr: str, value: bytes) -> None:
        """Give an attribute a value that is encoded; one that has it already keeps its bytes."""
        whole = encoded(self._coding, tag, vr, value)
        new = next(elements_of(memory(whole), self._coding, 0, len(whole)))
        places = [index for index, element in enumerate(self._elements) if element.tag == tag]
        before = self._elements[places[0]] if places else None
        is_same_kind = before is not None and before.vr == new.vr
        if before is not None and is_same_kind and before.raw in (value, new.raw):
            return
        self._note(tag, before, new)
        if before is not None:
            self._elements[places[0]] = new
            for index in reversed(places[1:]):
                del self._elements[index]
        else:
            following = (index for index, element in enumerate(self._elements) if element.tag > tag)
            self._elements.insert(next(following, len(self._elements)), new)
        self._drop_group_length(tag)

    def delete(self, tag: int) -> None:
        before = self.get(tag)
        if before is None:
            return
        self._note(tag, before, None)
        self._elements = [element for element in self._elements if element.tag != tag]
        self._drop_group_length(tag)

    def drop_tail(self) -> None:
        """Leave out what follows the last element."""
        if self.has_tail:
            self.changes.append(Change("padding behind the data set", f"{self._tail.length:,} bytes", ""))
            self._tail = Span(0, 0)

    def rewrite(self, rewriter: Rewriter) -> None:
        """Have every element changed, in sequences too. What changes is the rewriter's to tell."""
        kept: list[Element] = []
        groups: set[int] = set()
        for element in self._elements:
            new = rewritten(element, rewriter)
            if new is None:
                kept.append(element)
                continue
            kept += elements_of(memory(new), element.coding, 0, len(new))
            groups.add(element.tag >> 16)
        self._elements = [one for one in kept if one.tag & 0xFFFF or one.tag >> 16 not in groups]

    def segments(self) -> Segments:
        """The data set as it is to be sent."""
        parts: list[bytes | Span] = []
        for element in self._elements:
            length = element.end - element.start
            if self._in_file and element.source is self._file:
                _add_span(parts, Span(element.start, length))
            else:
                parts.append(element.whole)
        if self._tail.length and self._in_file:
            _add_span(parts, self._tail)
        elif self._tail.length:
            parts.append(self._file.at(*self._tail))
        merged = _merged(parts)
        return Segments(merged, sum(part.length if isinstance(part, Span) else len(part) for part in merged))

    def _to_utf8(self) -> None:
        if self.character_set.strip() == UTF_8:
            raise CannotEncode("a text holds what is no letter of Unicode")
        rewriter = ToUtf8(self.character_set, creators_of(self._elements))
        self.rewrite(rewriter)
        # The originals will be read by the same character set.
        for tag, element in self.originals.items():
            new = None if element is None else rewritten(element, rewriter)
            if element is not None and new is not None:
                self.originals[tag] = next(elements_of(memory(new), element.coding, 0, len(new)))
        # Told of, but never as an original: there it would rule how the item is read (PS3.5 7.5.3).
        with self.untraced():
            self.set_raw(CHARACTER_SET, "CS", UTF_8)

    @contextmanager
    def untraced(self) -> Iterator[None]:
        """What is changed meanwhile is told of, but not kept as an original."""
        was_traced, self.is_traced = self.is_traced, False
        yield
        self.is_traced = was_traced

    def _note(self, tag: int, before: Element | None, new: Element | None) -> None:
        words = shown(before, self.character_set), shown(new, self.character_set)
        self.changes.append(Change(keyword_of(tag), *words))
        if self.is_traced:
            self.originals.setdefault(tag, before)

    def _drop_group_length(self, tag: int) -> None:
        """Of a group that was changed its length is wrong (retired, PS3.5 7.2)."""
        if tag & 0xFFFF:
            length = tag >> 16 << 16
            self._elements = [element for element in self._elements if element.tag != length]


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise CannotEncode("a text holds what is no letter of Unicode") from error


def _add_span(parts: list[bytes | Span], span: Span) -> None:
    last = parts[-1] if parts else b""
    if isinstance(last, Span) and last.offset + last.length == span.offset:
        parts[-1] = Span(last.offset, last.length + span.length)
    else:
        parts.append(span)


def _merged(parts: list[bytes | Span]) -> tuple[bytes | Span, ...]:
    """The same, with neighbours that are at hand in one piece."""
    merged: list[bytes | Span] = []
    pending: list[bytes] = []
    for part in parts:
        if isinstance(part, Span):
            if pending:
                merged.append(b"".join(pending))
                pending.clear()
            merged.append(part)
        else:
            pending.append(part)
    if pending:
        merged.append(b"".join(pending))
    return tuple(merged)
