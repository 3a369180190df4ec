"""Reading which files a DICOMDIR lists (PS3.10 8, PS3.3 F.3), record by record; nothing of it is believed."""

from __future__ import annotations

import os
from collections.abc import Iterator

from migrator.core.errors import DamagedFile, UnreadableFile
from migrator.core.inspection import DirectoryEntry
from migrator.dicom.contexts import EXPLICIT_BIG
from migrator.dicom.editing.splice_elements import Element, elements_of, items_of
from migrator.dicom.identity import uid_of
from migrator.dicom.opening import open_readonly
from migrator.dicom.structure import Bytes, Coding, looks_implicit

_TRANSFER_SYNTAX = 0x00020010
_RECORDS, _FILE_ID, _FILE_UID = 0x00041220, 0x00041500, 0x00041511
_EXPLICIT = Coding(is_implicit=False)
_MOST_VALUE = 4096  # bytes; a path is at most 8 components of 8 letters


def directory_entries(root: str, path: str) -> Iterator[DirectoryEntry]:
    """Every record of the DICOMDIR at `path` (relative to `root`) that names a file.

    Memory does not grow with it. Raises UnreadableFile, DamagedFile; where need be after some records.
    """
    try:
        descriptor = open_readonly(f"{root}{os.sep}{path}")
    except OSError as error:
        raise UnreadableFile(error.strerror or "cannot be read") from error
    try:
        yield from _entries(Bytes(descriptor, os.fstat(descriptor).st_size))
    except OSError as error:
        raise UnreadableFile(error.strerror or "cannot be read") from error
    finally:
        os.close(descriptor)


def _entries(source: Bytes) -> Iterator[DirectoryEntry]:
    position, syntax = 132 if source.at(128, 4) == b"DICM" else 0, b""
    while position + 8 <= source.size:
        tag, _, length, value = _EXPLICIT.element(source, position)
        if tag >> 16 != 0x0002:
            break
        if tag == _TRANSFER_SYNTAX and length <= _MOST_VALUE:
            syntax = source.at(value, length)
        position = value + length
    if position + 8 > source.size:
        raise DamagedFile("there is no dataset")
    # The standard has explicit VR little endian only (PS3.10 8.6); writers differ.
    is_little = uid_of(syntax) != EXPLICIT_BIG
    coding = Coding(is_implicit=looks_implicit(source.at(position, 6)), is_little=is_little)
    for element in elements_of(source, coding, position, source.size):
        if element.tag == _RECORDS:
            yield from _records(element)


def _records(sequence: Element) -> Iterator[DirectoryEntry]:
    for item in items_of(sequence):
        components: tuple[str, ...] = ()
        uid = b""
        for element in elements_of(sequence.source, item.coding, item.start, item.stop):
            if element.tag == _FILE_ID and 0 < element.length <= _MOST_VALUE:
                components = _components(element.raw)
            elif element.tag == _FILE_UID and element.length <= _MOST_VALUE:
                uid = element.raw
        if components:
            yield DirectoryEntry(components, uid_of(uid))


def _components(value: bytes) -> tuple[str, ...]:
    """The components as they stand, without padding; bytes that are no text are kept, on every system."""
    return tuple(part.strip(" \0") for part in value.decode("utf-8", "surrogateescape").split("\\"))
