"""Reading a header with pydicom: big endian, deflated, without preamble or group 0002, mixed or broken files.

Slow and thorough; `header` sends everything here that is out of the ordinary.
"""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from struct import error as StructError
from typing import BinaryIO, cast

from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import (
    _read_command_set_elements,
    _read_file_meta_info,
    data_element_generator,
    read_preamble,
)
from pydicom.tag import BaseTag

from migrator.core.errors import DamagedFile
from migrator.core.model import Instance, Reason
from migrator.core.outcome import Problem
from migrator.dicom.charsets import quiet_pydicom
from migrator.dicom.identity import (
    LAST_WANTED,
    SERIES_UID,
    SOP_CLASS,
    SOP_INSTANCE,
    STUDY_UID,
    WANTED,
    has_identity,
    instance_of,
    shared_uid,
    uid_of,
)
from migrator.dicom.structure import (
    LONG_VRS,
    PIXELS_WITHIN,
    SHORT_VRS,
    UNDEFINED,
    Bytes,
    Coding,
    Truncated,
    check_ending,
    ends_with_pixels,
    looks_implicit,
    read_at,
    skip_undefined,
)
from migrator.dicom.verdicts import Found

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
# Deflated; JPIP Referenced Deflate; JPIP HTJ2K Referenced Deflate (PS3.5 A.5, A.7, A.10).
DEFLATED = frozenset({"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
_DICOMDIR_CLASS = "1.2.840.10008.1.3.10"
_TRANSFER_SYNTAX = 0x00020010
_MEDIA_CLASS = 0x00020002

_Stop = Callable[[BaseTag, str | None, int], bool]

_VRS = SHORT_VRS | LONG_VRS
_FIRST_GROUPS = (b"\x02\0", b"\x08\0", b"\0\x08")
_EXPLICIT_CODING = Coding(is_implicit=False)
_IMPLICIT_CODING = Coding(is_implicit=True)
_BIG_CODING = Coding(is_implicit=False, is_little=False)
_INFLATED_HEAD = 4 << 20
_CHUNK = 1 << 20

# What pydicom raises for bytes that it cannot make sense of.
_PARSE_ERRORS = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    DamagedFile,
    EOFError,
    InvalidDicomError,
    LookupError,
    MemoryError,
    RuntimeError,
    StructError,
    TypeError,
    ValueError,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class _Header:
    """Group 0002 as far as it matters, and where the dataset begins."""

    offset: int
    transfer_syntax: str
    media_class: str


class _Bounded(io.BufferedReader):
    """Never asks for more than the file holds, so that a broken length cannot claim gigabytes."""

    def __init__(self, descriptor: int, size: int) -> None:
        super().__init__(io.FileIO(descriptor, "rb", closefd=False))
        self._size = size

    def read(self, count: int | None = -1, /) -> bytes:
        left = max(0, self._size - self.tell())
        return super().read(left if count is None or count < 0 else min(count, left))


def read_with_pydicom(descriptor: int, file: Found) -> Instance | Problem:
    """Classify an open file by its content. Raises OSError only when it cannot be read."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    stream = cast(BinaryIO, _Bounded(descriptor, file.size))
    try:
        with quiet_pydicom():
            return _read(stream, descriptor, file)
    except Truncated:
        return file.quarantined(Reason.TRUNCATED)
    except _PARSE_ERRORS as error:
        return file.quarantined(Reason.UNPARSABLE, type(error).__name__)
    except OSError as error:
        if error.errno is not None:
            raise
        # pydicom reports a sequence without its end as a bare OSError.
        return file.quarantined(Reason.UNPARSABLE, type(error).__name__)


def _read(stream: BinaryIO, descriptor: int, file: Found) -> Instance | Problem:
    if not is_dicom(read_at(descriptor, 4096, 0), file.size):
        return file.skipped(Reason.NOT_DICOM)
    stream.seek(0)
    header = _read_header(stream)
    if header.media_class == _DICOMDIR_CLASS:
        return file.skipped(Reason.DICOMDIR)
    if header.transfer_syntax in DEFLATED:
        content: BinaryIO = io.BytesIO(_inflate(stream, file.size))
        coding, transfer_syntax, start = _EXPLICIT_CODING, header.transfer_syntax, 0
    else:
        content = stream
        coding, transfer_syntax = _coding_of(stream, header)
        start = header.offset
        _check_structure(descriptor, file.size, coding, header.offset)
    raw = _values(content, start, coding, _is_behind)
    if not has_identity(raw):
        raw = _values(content, start, coding, None)  # its elements may be out of order
    if not (uid_of(raw[SOP_INSTANCE]) and uid_of(raw[SOP_CLASS])):
        return file.quarantined(Reason.NO_UID)
    if not (uid_of(raw[STUDY_UID]) and uid_of(raw[SERIES_UID])):
        return file.quarantined(Reason.NO_STUDY)
    place = (header.offset, shared_uid(transfer_syntax.encode("latin_1")))
    return instance_of(raw, file.path, file.size, file.mtime_ns, place)


def is_dicom(head: bytes, size: int) -> bool:
    """Whether a file that begins with `head` claims to be DICOM (PS3.10 7.1), or is a bare dataset.

    A bare one begins with an element of group 0002 or 0008 that another, higher element follows.
    """
    if head[128:132] == b"DICM":
        return True
    if head[:2] not in _FIRST_GROUPS:
        return False
    codings = (_BIG_CODING,) if head[0] == 0 else (_EXPLICIT_CODING, _IMPLICIT_CODING)
    return any(_begins_dataset(head, size, coding) for coding in codings)


def _begins_dataset(head: bytes, size: int, coding: Coding) -> bool:
    source = Bytes(-1, len(head), head)
    try:
        tag, vr, length, value = coding.element(source, 0)
        if bool(vr) == coding.is_implicit or (vr and vr not in _VRS) or value + length > size:
            return False
        return value + length + 8 > len(head) or coding.element(source, value + length)[0] > tag
    except Truncated:
        return False


def _read_header(stream: BinaryIO) -> _Header:
    """Read group 0002 and skip stray command elements (group 0000); guess a missing transfer syntax."""
    read_preamble(stream, force=True)
    meta = _read_file_meta_info(stream)
    _read_command_set_elements(stream)
    offset = stream.tell()
    return _Header(offset, _meta_uid(meta, _TRANSFER_SYNTAX), _meta_uid(meta, _MEDIA_CLASS))


def _meta_uid(meta: FileMetaDataset, tag: int) -> str:
    if tag not in meta:
        return ""
    value = meta.get_item(tag).value
    return uid_of(value) if isinstance(value, bytes) else str(value or "").strip(" \0")


def _coding_of(stream: BinaryIO, header: _Header) -> tuple[Coding, str]:
    """How the dataset is really encoded, and the transfer syntax under which it can travel as it is."""
    stream.seek(header.offset)
    first = stream.read(6)
    stated = header.transfer_syntax
    if len(first) < 6:
        raise Truncated("there is no dataset")
    if not stated:
        is_explicit = first[4:6] in _VRS
        is_little = not is_explicit or int.from_bytes(first[:2], "little") < 0x0400
        guessed = (EXPLICIT if is_little else BIG_ENDIAN) if is_explicit else IMPLICIT
        return Coding(is_implicit=not is_explicit, is_little=is_little), guessed
    is_implicit = looks_implicit(first)
    if stated in (IMPLICIT, EXPLICIT):
        # Group 0002 may name the wrong one of the two; sent under that name nobody could read it.
        stated = IMPLICIT if is_implicit else EXPLICIT
    return Coding(is_implicit=is_implicit, is_little=stated != BIG_ENDIAN), stated


def _check_structure(descriptor: int, size: int, coding: Coding, position: int) -> None:
    """Walk the file from the dataset's first byte to its end. Raises DamagedFile."""
    source = Bytes(descriptor, size)
    while position < size:
        tag, vr, length, value = coding.element(source, position)
        if tag > LAST_WANTED:
            break
        position = skip_undefined(source, coding, tag, vr, value) if length == UNDEFINED else value + length
    if position < size and not coding.is_implicit and coding.is_little:
        head = source.at(position, min(PIXELS_WITHIN + 12, size - position))
        if ends_with_pixels(descriptor, size, head, position, start=position):
            return
    check_ending(source, coding, position)


def _inflate(stream: BinaryIO, size: int) -> bytes:
    """The first bytes of a deflated dataset (PS3.5 A.5), after the whole stream was found to be sound.

    Memory stays bounded whatever the stream swells to. Raises Truncated, zlib.error.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    head = bytearray()
    rest = stream.read(_CHUNK)
    while rest and not inflater.eof:
        piece = inflater.decompress(rest, _CHUNK)
        if len(head) < _INFLATED_HEAD:
            head += piece
        rest = inflater.unconsumed_tail or (b"" if inflater.eof else stream.read(_CHUNK))
    if not inflater.eof:
        raise Truncated("the deflated stream is cut off")
    return bytes(head)


def _values(content: BinaryIO, start: int, coding: Coding, stop: _Stop | None) -> dict[int, bytes]:
    """The wanted elements' raw values; empty where absent."""
    raw = dict.fromkeys(WANTED, b"")
    content.seek(start)
    elements = data_element_generator(
        content, coding.is_implicit, coding.is_little, stop_when=stop, specific_tags=list(WANTED)
    )
    for element in elements:
        if isinstance(element, RawDataElement) and element.tag in raw:
            raw[element.tag] = element.value if isinstance(element.value, bytes) else b""
    return raw


def _is_behind(tag: BaseTag, vr: str | None, length: int) -> bool:
    return int(tag) > LAST_WANTED
