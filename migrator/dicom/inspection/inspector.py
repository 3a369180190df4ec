"""A closer look at a file while it is open: what is wrong with it, beside who it is.

Reads the headers of the top-level elements and short values; of pixel data the length, and whether each
frame is there. Nothing of what is found changes how the file is read or sent.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from struct import error as StructError

from pydicom._uid_dict import UID_dictionary

from migrator.core.errors import DamagedFile
from migrator.core.inspection import Fault, Inspection, Kind
from migrator.core.model import Instance, Reason
from migrator.core.outcome import Problem
from migrator.dicom.contexts import DEFLATED, EXPLICIT_BIG
from migrator.dicom.editing.splice_elements import CHARACTER_SET, is_private, memory, vr_of
from migrator.dicom.editing.splice_show import keyword_of
from migrator.dicom.editing.splice_texts import GOVERNED
from migrator.dicom.header import read_header
from migrator.dicom.identity import uid_of
from migrator.dicom.inspection import pixels as pixel_data
from migrator.dicom.inspection.pixels import PixelData, pixel_faults
from migrator.dicom.inspection.texts import Text, text_faults
from migrator.dicom.inspection.values import (
    SOP_CLASS,
    SOP_INSTANCE,
    WANTED,
    absences,
    instance_number,
    uid_faults,
    value_faults,
)
from migrator.dicom.structure import (
    UNDEFINED,
    Bytes,
    Coding,
    Truncated,
    looks_implicit,
    read_at,
    skip_undefined,
)

_HEAD = 8192
_MOST_VALUE = 1024  # bytes of a value that identifies or describes; what is longer is none
_MOST_TEXT = 10240  # bytes of a text that is looked at (PS3.5 6.2: LT is the longest with a limit)
_MOST_NAMED = 10  # elements that a finding names
_MOST_DETAIL = 500  # characters
_MOST_NUMBER = 2**31
_INFLATED = 1 << 20

_PREAMBLE = bytes(128)
_MEDIA_CLASS, _MEDIA_INSTANCE, _TRANSFER_SYNTAX = 0x00020002, 0x00020003, 0x00020010
_META_NAMES = {
    _MEDIA_CLASS: "MediaStorageSOPClassUID",
    _MEDIA_INSTANCE: "MediaStorageSOPInstanceUID",
    _TRANSFER_SYNTAX: "TransferSyntaxUID",
}
_KEPT = WANTED | pixel_data.WANTED
_PIXEL_TAGS = frozenset({pixel_data.PIXELS, pixel_data.FLOAT_PIXELS, pixel_data.DOUBLE_PIXELS})
_TEXT_VRS = frozenset(vr.encode() for vr in GOVERNED)
_CODINGS = {
    (is_implicit, is_little): Coding(is_implicit=is_implicit, is_little=is_little)
    for is_implicit in (False, True)
    for is_little in (False, True)
}

# Beginnings of what a system, or a browser, would run (CVE-2019-11687), in small letters.
_EXECUTABLES = {
    b"mz": "a Windows program",
    b"\x7felf": "a Linux program",
    b"#!": "a script",
    b"\xfe\xed\xfa\xce": "a macOS program",
    b"\xfe\xed\xfa\xcf": "a macOS program",
    b"\xce\xfa\xed\xfe": "a macOS program",
    b"\xcf\xfa\xed\xfe": "a macOS program",
    b"\xca\xfe\xba\xbe": "a Java class or macOS program",
    b"pk\x03\x04": "an archive, perhaps of a program",
    b"@echo": "a batch file",
    b"<script": "a script",
    b"<html": "a web page",
    b"<!doctype": "a web page",
    b"<?php": "a script",
}

# What a look at bytes that make no sense may raise; other errors of the system are the reader's to tell.
_SENSELESS = (
    ArithmeticError,
    AttributeError,
    DamagedFile,
    LookupError,
    MemoryError,
    RuntimeError,
    StructError,
    TypeError,
    ValueError,
    zlib.error,
)
_UNTOUCHED = frozenset({Reason.NOT_DICOM, Reason.DICOMDIR, Reason.CHANGING})


class Inspector:
    """Fits `engine.ports.ReadHeader`, and keeps what it saw besides until it is taken.

    May be called by several threads; `today` is the day after whose morrow a date lies in the future.
    """

    def __init__(self, today: Callable[[], date] = date.today) -> None:
        self._today = today()
        self._seen: dict[str, Inspection] = {}  # one operation each, which the interpreter does not divide

    def __call__(self, root: str, path: str, size: int, mtime_ns: int) -> Instance | Problem:
        """Classify the file at `path` (relative to `root`) by its content. Never raises for bad content."""
        return read_header(root, path, size, mtime_ns, self._look)

    def take(self, path: str) -> Inspection:
        """What was seen in this file, once."""
        return self._seen.pop(path, Inspection())

    def _look(self, descriptor: int, item: Instance | Problem) -> None:
        if not isinstance(item, Problem) or item.reason not in _UNTOUCHED:
            self._seen[item.path] = inspect(descriptor, item, self._today)


def inspect(descriptor: int, item: Instance | Problem, today: date) -> Inspection:
    """What is wrong with an open file that was read as `item`. Raises OSError only."""
    look = _Look(descriptor, item)
    for step in (look.run, lambda: look.judge(today)):
        try:
            step()
        except Truncated:
            pass  # the reader tells that the file is cut off; what stands before is looked at
        except _SENSELESS as error:
            if isinstance(item, Instance):  # else the reader tells
                look.found.append(Fault(Kind.CHECK_FAILED, type(error).__name__))
    return Inspection(_joined(look.found), look.number)


def _joined(faults: list[Fault]) -> tuple[Fault, ...]:
    """Each kind once, with all its details."""
    details: dict[Kind, list[str]] = {}
    for fault in faults:
        details.setdefault(fault.kind, []).append(fault.detail)
    return tuple(Fault(kind, _bounded("; ".join(words))) for kind, words in details.items())


def _bounded(words: str) -> str:
    return words if len(words) <= _MOST_DETAIL else words[: _MOST_DETAIL - 1] + "…"


@dataclass(slots=True)
class _Seen:
    """What was read of a dataset's top level."""

    values: dict[int, bytes] = field(default_factory=dict)
    texts: list[Text] = field(default_factory=list)
    odd: list[int] = field(default_factory=list)
    disorder: list[int] = field(default_factory=list)
    pixels: PixelData | None = None
    offsets: int = 0
    is_whole: bool = False
    """Whether all elements up to the pixel data were read."""


class _Look:
    """One look at one file: `run` reads, `judge` says what is wrong in `found`."""

    def __init__(self, descriptor: int, item: Instance | Problem) -> None:
        self._descriptor = descriptor
        self._item = item
        self._source = Bytes(descriptor, item.size, read_at(descriptor, _HEAD, 0))
        self._meta: dict[int, bytes] = {}
        self._seen = _Seen()
        self._syntax = ""
        self.found: list[Fault] = []
        self.number: int | None = None

    def run(self) -> None:
        """Read group 0002 and the dataset. Raises Truncated and what senseless bytes lead to."""
        offset = self._read_meta()
        if isinstance(self._item, Instance):
            offset, self._syntax = self._item.offset, self._item.transfer_syntax
        else:
            self._syntax = uid_of(self._meta.get(_TRANSFER_SYNTAX, b""))
        if self._syntax == DEFLATED:
            self._read_dataset(self._inflated(offset), 0)
        else:
            self._read_dataset(self._source, offset)
        self._seen.is_whole = True

    def _read_meta(self) -> int:
        """Read group 0002; returns where it ends."""
        source, coding = self._source, _CODINGS[False, True]
        position = 0
        if source.size >= 132 and source.at(128, 4) == b"DICM":
            position = 132
            self.found += _preamble_faults(source.at(0, 128))
        if source.size < position + 8 or source.at(position, 2) != b"\x02\0":
            self.found.append(Fault(Kind.META_ABSENT, "no group 0002" if position else "no preamble either"))
            return position
        if not position:
            self.found.append(Fault(Kind.META_ABSENT, "no preamble"))
        while position < source.size:
            tag, _, length, value = coding.element(source, position)
            if tag >> 16 != 0x0002:
                break
            if tag in _META_NAMES and length <= _MOST_VALUE:
                self._meta[tag] = source.at(value, length)
            position = value + length
        return position

    def _inflated(self, offset: int) -> Bytes:
        packed = read_at(self._descriptor, _INFLATED, offset)
        return memory(zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, _INFLATED))

    def _read_dataset(self, source: Bytes, position: int) -> None:
        """Read the top-level elements up to the pixel data."""
        if source.size - position < 8:
            return
        is_implicit = looks_implicit(source.at(position, 6))
        coding = _CODINGS[is_implicit, self._syntax != EXPLICIT_BIG]
        seen, last = self._seen, -1
        for tag, vr, length, value in _elements(source, coding, position):
            if tag <= last:
                seen.disorder.append(tag)
            last = tag
            if tag in _PIXEL_TAGS:
                seen.pixels = PixelData(tag, source, coding, value, length, seen.offsets)
            if length == UNDEFINED:
                continue
            if length & 1:
                seen.odd.append(tag)
            if tag == pixel_data.EXTENDED_OFFSETS:
                seen.offsets = length // 8
            is_wanted = tag in _KEPT and length <= _MOST_VALUE
            is_text = length <= _MOST_TEXT and (vr or _known_vr(tag)) in _TEXT_VRS
            if is_wanted or is_text:
                raw = source.at(value, length)
                if is_wanted:
                    seen.values[tag] = raw
                if is_text and (b"\x1b" in raw or not raw.isascii()) and len(seen.texts) < _MOST_NAMED:
                    seen.texts.append(Text(tag, vr or _known_vr(tag), raw))

    def judge(self, today: date) -> None:
        """Say what is wrong with what was read."""
        seen, found = self._seen, self.found
        found += self._meta_faults()
        found += text_faults(seen.values.get(CHARACTER_SET, b""), seen.texts)
        if seen.is_whole:
            found += absences(seen.values, is_image=seen.pixels is not None)
        found += value_faults(seen.values, today)
        found += _encoding_faults(seen)
        if seen.pixels is not None:
            number = instance_number(seen.values)
            self.number = number if number is not None and abs(number) < _MOST_NUMBER else None
            with suppress(Truncated):  # of fragments that are cut off the reader tells
                found += pixel_faults(seen.values, seen.pixels, self._syntax)

    def _meta_faults(self) -> Iterator[Fault]:
        """Group 0002 against the dataset (PS3.10 7.1)."""
        for tag, value in self._meta.items():
            yield from uid_faults(_META_NAMES[tag], value)
        pairs = (
            (_MEDIA_CLASS, SOP_CLASS, Kind.META_CLASS),
            (_MEDIA_INSTANCE, SOP_INSTANCE, Kind.META_INSTANCE),
        )
        for tag, own, kind in pairs:
            told, is_so = uid_of(self._meta.get(tag, b"")), uid_of(self._seen.values.get(own, b""))
            if told and is_so and told != is_so:
                yield Fault(kind, f"{told} in group 0002, {is_so} in the dataset")
        stated = uid_of(self._meta.get(_TRANSFER_SYNTAX, b""))
        if self._meta and stated != self._syntax:
            yield Fault(Kind.META_SYNTAX, f"{stated or 'nothing'} in group 0002, encoded in {self._syntax}")
        known = UID_dictionary.get(self._syntax)
        if self._syntax and (known is None or known[1] != "Transfer Syntax"):
            yield Fault(Kind.UNKNOWN_SYNTAX, self._syntax)


def _elements(source: Bytes, coding: Coding, position: int) -> Iterator[tuple[int, bytes, int, int]]:
    """Tag, VR, length and place of the value of every top-level element, up to the pixel data.

    Raises Truncated, DamagedFile.
    """
    while source.size - position >= 8:
        tag, vr, length, value = coding.element(source, position)
        if not tag:
            return  # padding
        if tag >> 16 == 0xFFFE:
            raise DamagedFile("a delimiter stands where none can be")
        yield tag, vr, length, value
        if tag in _PIXEL_TAGS:
            return
        position = skip_undefined(source, coding, tag, vr, value) if length == UNDEFINED else value + length
        if position > source.size:
            raise Truncated("an element ends behind the end of the file")


def _preamble_faults(preamble: bytes) -> Iterator[Fault]:
    if preamble == _PREAMBLE:
        return
    start = preamble[:16].lower()
    words = next((words for magic, words in _EXECUTABLES.items() if start.startswith(magic)), None)
    if words is not None:
        yield Fault(Kind.PREAMBLE, words)


def _encoding_faults(seen: _Seen) -> Iterator[Fault]:
    if seen.odd:
        yield Fault(Kind.ODD_LENGTH, _named(seen.odd))
    if seen.disorder:
        yield Fault(Kind.DISORDER, _named(seen.disorder))


def _named(tags: list[int]) -> str:
    more = f" and {len(tags) - _MOST_NAMED:,} more" if len(tags) > _MOST_NAMED else ""
    return ", ".join(map(keyword_of, tags[:_MOST_NAMED])) + more


_vrs: dict[int, bytes] = {}


def _known_vr(tag: int) -> bytes:
    """The VR of an element that does not say it; none for private ones, which depend on their owner."""
    if is_private(tag):
        return b""
    vr = _vrs.get(tag)
    if vr is None:
        vr = vr_of(tag).encode()
        if len(_vrs) < 8192:
            _vrs[tag] = vr
    return vr
