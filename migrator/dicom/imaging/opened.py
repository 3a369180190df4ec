"""A file's elements where they stand: headers are read at once, values when they are asked for.

So that one frame of a long multi-frame object costs one frame, and a damaged file still shows what came
before the damage.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from struct import error as StructError
from typing import BinaryIO

from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import _read_file_meta_info, read_dataset, read_preamble

from migrator.core.errors import CannotEncode, DamagedFile, UnreadableFile
from migrator.core.model import Instance
from migrator.dicom.contexts import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from migrator.dicom.editing.splice_elements import Element, elements_of, items_of, memory
from migrator.dicom.editing.splice_show import shown
from migrator.dicom.fallback import DEFLATED
from migrator.dicom.header import read_header
from migrator.dicom.opening import open_readonly
from migrator.dicom.payload import inflated
from migrator.dicom.structure import Bytes, Coding

LONGEST_INFLATED = 256 << 20
# Of one attribute other than pixel data: a palette or LUT has up to 128 KiB.
_LONGEST_VALUE = 4 << 20
_CHARACTER_SET = 0x00080005
# What pydicom raises for bytes that it cannot make sense of.
UNPARSABLE = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    DamagedFile,
    EOFError,
    InvalidDicomError,
    LookupError,
    RuntimeError,
    StructError,
    TypeError,
    ValueError,
)


@dataclass(slots=True)
class Opened:
    """A data set in its file; `damage` says in words what is wrong with it, `syntax` is its own."""

    syntax: str
    damage: str = ""
    elements: dict[int, Element] = field(default_factory=dict)
    stream: BinaryIO = field(default_factory=io.BytesIO)

    def text(self, tag: int) -> str:
        """A value in words, empty where there is none that can be read."""
        try:
            return shown(self.elements.get(tag), self.character_set)
        except UNPARSABLE:
            return ""

    @property
    def character_set(self) -> bytes:
        element = self.elements.get(_CHARACTER_SET)
        return b"" if element is None else element.raw

    def dataset(self, tags: Iterable[int]) -> Dataset:
        """These attributes, those that are too long left out."""
        wanted = [self.elements[tag] for tag in sorted(tags) if tag in self.elements]
        return _parsed([one for one in wanted if one.end - one.start <= _LONGEST_VALUE])

    def item(self, tag: int, index: int) -> Dataset | None:
        """One item of a sequence; the others are not read."""
        sequence = self.elements.get(tag)
        if sequence is None or not sequence.is_sequence:
            return None
        for number, item in enumerate(items_of(sequence)):
            if number == index and item.stop - item.start <= _LONGEST_VALUE:
                return _parsed(list(elements_of(sequence.source, item.coding, item.start, item.stop)))
        return None


def _parsed(elements: list[Element]) -> Dataset:
    if not elements:
        return Dataset()
    coding = elements[0].coding
    data = io.BytesIO(b"".join(element.whole for element in elements))
    return read_dataset(data, coding.is_implicit, coding.is_little)


@contextmanager
def opened(path: str) -> Iterator[Opened]:
    """Open a file for looking at it. Raises UnreadableFile, and DamagedFile for what is no DICOM object."""
    try:
        descriptor = open_readonly(path)
    except OSError as error:
        raise UnreadableFile(f"the file cannot be read: {error.strerror}") from error
    try:
        yield _walked(path, descriptor)
    except OSError as error:
        raise UnreadableFile(f"the file cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _walked(path: str, descriptor: int) -> Opened:
    status = os.fstat(descriptor)
    size = status.st_size
    folder, name = os.path.split(path)
    item = read_header(folder, name, size, status.st_mtime_ns)
    if isinstance(item, Instance):
        made, offset = Opened(item.transfer_syntax), item.offset
    else:
        words = item.reason.value + (f" ({item.detail})" if item.detail else "")
        made, offset = _rescued(descriptor, words)
    if made.syntax in DEFLATED:
        plain = _inflated(descriptor, offset, size)
        source, offset, made.stream = memory(plain), 0, io.BytesIO(plain)
    else:
        # Unbuffered reads of eight bytes for each fragment would be slow.
        source, made.stream = Bytes(descriptor, size), io.BufferedReader(io.FileIO(descriptor, closefd=False))
    try:
        for element in elements_of(source, _coding_of(made.syntax), offset, source.size):
            made.elements[element.tag] = element
    except DamagedFile as error:
        made.damage = made.damage or str(error)
    if not made.elements:
        raise DamagedFile(made.damage or "there is nothing in this file")
    return made


def _coding_of(syntax: str) -> Coding:
    return Coding(is_implicit=syntax == IMPLICIT_LITTLE, is_little=syntax != EXPLICIT_BIG)


def _rescued(descriptor: int, words: str) -> tuple[Opened, int]:
    """Where the data set of a damaged file begins, by its file meta information alone."""
    with suppress(*UNPARSABLE), io.FileIO(descriptor, closefd=False) as file:
        file.seek(0)
        read_preamble(file, False)
        meta = _read_file_meta_info(file)
        return Opened(str(meta.get("TransferSyntaxUID", EXPLICIT_LITTLE)), words), file.tell()
    raise DamagedFile(words)


def _inflated(descriptor: int, offset: int, size: int) -> bytes:
    if size - offset > LONGEST_INFLATED:
        raise CannotEncode(f"a deflated object of {size >> 20:,} MiB is too large to be shown")
    os.lseek(descriptor, offset, os.SEEK_SET)
    with io.FileIO(descriptor, closefd=False) as file:
        return inflated(bytearray(file.readall()), LONGEST_INFLATED)
