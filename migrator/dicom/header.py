"""Reading who an object is from the first kilobytes of its file.

The common case, a whole Part 10 file (PS3.10 7.1) in explicit or implicit VR little endian, is read here,
some thirty times faster than pydicom does it. Whatever is out of the ordinary goes to `fallback`, which
gives the same answer wherever both have one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from struct import Struct
from struct import error as StructError

from pydicom.uid import AllTransferSyntaxes

from migrator.core.errors import DamagedFile, UnreadableFile, VanishedFile
from migrator.core.model import Instance, Reason
from migrator.core.outcome import Problem
from migrator.dicom.fallback import BIG_ENDIAN, DEFLATED, IMPLICIT, is_dicom, read_with_pydicom
from migrator.dicom.identity import LAST_WANTED, instance_of
from migrator.dicom.layouts import ABSENT, WANTED_AS_READ, Layouts, as_read
from migrator.dicom.opening import open_readonly
from migrator.dicom.structure import (
    LONG_VRS,
    SHORT_VRS,
    UNDEFINED,
    Bytes,
    Coding,
    check_ending,
    ends_with_pixels,
    looks_implicit,
    skip_undefined,
)
from migrator.dicom.verdicts import Found

_HEAD_SIZES = (4096, 65536, 1 << 20)
_CHUNK = 1 << 20

# "DICM", then (0002,0000) UL with its length of 4.
_PART_10 = b"DICM\x02\x00\x00\x00UL\x04\x00"
_META_START = 144
_FIRST_GROUP = 0x0008
_LAST_GROUP = LAST_WANTED >> 16
_explicit = Struct("<L2sH").unpack_from
_implicit = Struct("<LL").unpack_from
_long = Struct("<L").unpack_from
_group = Struct("<H6x").unpack_from


_LAST = as_read(LAST_WANTED)
_TRANSFER_SYNTAX = as_read(0x00020010)
_CODINGS = {is_implicit: Coding(is_implicit=is_implicit) for is_implicit in (False, True)}

# Padded as it stands in the file → the transfer syntax, and whether it has implicit VR.
_COMMON_SYNTAXES = {
    uid.encode() + b"\0" * (len(uid) % 2): (str(uid), uid == IMPLICIT)
    for uid in AllTransferSyntaxes
    if uid != BIG_ENDIAN and uid not in DEFLATED
}


_layouts = Layouts()

Look = Callable[[int, "Instance | Problem"], None]


class _Unusual(Exception):
    """Not for this reader."""


def read_header(
    root: str, path: str, size: int, mtime_ns: int, look: Look | None = None
) -> Instance | Problem:
    """Classify the file at `path` (relative to `root`) by its content. Never raises for bad content.

    `size` and `mtime_ns` are what the walk saw; a damaged file that is another by now is still being written.
    `look` is given the descriptor of what could be opened, and what it was found to be, for a second look.
    """
    if size == 0:
        return Found(path, size, mtime_ns).skipped(Reason.EMPTY)
    try:
        descriptor = open_readonly(f"{root}{os.sep}{path}")
    except FileNotFoundError:
        return Found(path, size, mtime_ns).failed(Reason.VANISHED)
    except OSError as error:
        return Found(path, size, mtime_ns).failed(Reason.UNREADABLE, error.strerror or "")
    try:
        item = _read(descriptor, path, size, mtime_ns)
        if look is not None:
            look(descriptor, item)
        return item
    except OSError as error:
        return Found(path, size, mtime_ns).failed(Reason.UNREADABLE, error.strerror or "")
    finally:
        os.close(descriptor)


def _read(descriptor: int, path: str, size: int, mtime_ns: int) -> Instance | Problem:
    head = os.read(descriptor, _HEAD_SIZES[0])
    if os.name == "nt" and not _is_unchanged(descriptor, size, mtime_ns):
        # Windows lists the size and time that a file had when it was last closed.
        return Found(path, size, mtime_ns).failed(Reason.CHANGING)
    try:
        return _read_common(descriptor, head, Found(path, size, mtime_ns))
    except _Unusual:
        pass
    file = Found(path, size, mtime_ns)
    item = read_with_pydicom(descriptor, file) if is_dicom(head, size) else file.skipped(Reason.NOT_DICOM)
    if isinstance(item, Problem) and not _is_unchanged(descriptor, size, mtime_ns):
        return file.failed(Reason.CHANGING)
    return item


def _is_unchanged(descriptor: int, size: int, mtime_ns: int) -> bool:
    status = os.fstat(descriptor)
    return status.st_size == size and status.st_mtime_ns == mtime_ns


def _read_common(descriptor: int, head: bytes, file: Found) -> Instance:
    if head[128:140] != _PART_10:
        raise _Unusual
    for count in _HEAD_SIZES:
        if len(head) < min(count, file.size):
            head += os.read(descriptor, min(count, file.size) - len(head))
            if len(head) < min(count, file.size):
                break  # it has become shorter
        try:
            instance = _parse(descriptor, head, file)
        except StructError:
            if len(head) >= file.size:
                break  # cut off
            continue  # the head is not long enough
        except (DamagedFile, ValueError):
            break
        if instance.uid and instance.sop_class and instance.series.uid and instance.series.study.uid:
            return instance
        break
    raise _Unusual


def _parse(descriptor: int, head: bytes, file: Found) -> Instance:
    """Raises StructError when `head` ends too early; _Unusual, DamagedFile, ValueError (a character set)."""
    match = _layouts.match(head)
    if match is not None:
        layout, raw = match
        offset, syntax, position = layout.offset, layout.syntax, layout.end
    else:
        offset, syntax, position, raw = _walk(descriptor, head, file.size)
    is_implicit = syntax[1]
    if is_implicit or not ends_with_pixels(descriptor, file.size, head, position):
        check_ending(Bytes(descriptor, file.size, head), _CODINGS[is_implicit], position)
    return instance_of(raw, file.path, file.size, file.mtime_ns, (offset, syntax[0]))


def _walk(descriptor: int, head: bytes, size: int) -> tuple[int, tuple[str, bool], int, dict[int, bytes]]:
    """The dataset's offset, the syntax, the position behind the wanted elements, and their values."""
    offset, syntax = _parse_meta(head)
    is_implicit = syntax[1]
    if _group(head, offset)[0] < _FIRST_GROUP or looks_implicit(head[offset : offset + 6]) != is_implicit:
        raise _Unusual
    raw = ABSENT.copy()
    walk = _Walk(Bytes(descriptor, size, head), head, raw)
    position = walk.implicit(offset) if is_implicit else walk.explicit(offset)
    if position < size and not walk.has_undefined:
        _layouts.learn(head, offset, position, syntax)
    return offset, syntax, position, raw


def _parse_meta(head: bytes) -> tuple[int, tuple[str, bool]]:
    """The dataset's offset and the transfer syntax. Group 0002 must be as long as it says."""
    position = _META_START
    offset = position + _long(head, position - 4)[0]
    syntax = None
    while position < offset:
        tag, vr, length = _explicit(head, position)
        if tag & 0xFFFF != 0x0002:
            raise _Unusual
        if vr in SHORT_VRS:
            position += 8 + length
            if tag == _TRANSFER_SYNTAX:
                syntax = _COMMON_SYNTAXES.get(head[position - length : position])
        elif vr in LONG_VRS:
            position += 12 + _long(head, position + 8)[0]
        else:
            raise _Unusual
    if syntax is None or position != offset:
        raise _Unusual
    return offset, syntax


class _Walk:
    """From the dataset's first element to the first one behind those wanted, or to the end.

    Collects the wanted values in `raw`. Raises StructError when `head` ends too early.
    """

    def __init__(self, source: Bytes, head: bytes, raw: dict[int, bytes]) -> None:
        self._source = source
        self._head = head
        self._raw = raw
        self.has_undefined = False

    def explicit(self, position: int) -> int:
        head, size = self._head, self._source.size
        while position != size:
            tag, vr, length = _explicit(head, position)
            if tag & 0xFFFF >= _LAST_GROUP and (tag & 0xFFFF > _LAST_GROUP or tag > _LAST):
                break
            if vr in SHORT_VRS:
                start = position + 8
            elif vr in LONG_VRS:
                start = position + 12
                length = _long(head, position + 8)[0]
            else:
                raise _Unusual
            position = start + length if length != UNDEFINED else self._behind(tag, vr, start)
            if tag in WANTED_AS_READ:
                self._raw[WANTED_AS_READ[tag]] = head[start:position]
        return position

    def implicit(self, position: int) -> int:
        head, size = self._head, self._source.size
        while position != size:
            tag, length = _implicit(head, position)
            if tag & 0xFFFF >= _LAST_GROUP and (tag & 0xFFFF > _LAST_GROUP or tag > _LAST):
                break
            start = position + 8
            position = start + length if length != UNDEFINED else self._behind(tag, b"", start)
            if tag in WANTED_AS_READ:
                self._raw[WANTED_AS_READ[tag]] = head[start:position]
        return position

    def _behind(self, tag: int, vr: bytes, start: int) -> int:
        """The position behind a sequence of undefined length."""
        if tag in WANTED_AS_READ:
            raise _Unusual
        self.has_undefined = True
        return skip_undefined(self._source, _CODINGS[not vr], as_read(tag), vr, start)


def same_dataset(root: str, first: Instance, second: Instance) -> bool:
    """Whether both files hold the same dataset, byte by byte, under the same transfer syntax.

    Raises UnreadableFile, ChangedFile.
    """
    if first.transfer_syntax != second.transfer_syntax:
        return False
    if first.size - first.offset != second.size - second.offset:
        return False
    one = _open_at_dataset(root, first)
    try:
        other = _open_at_dataset(root, second)
        try:
            return _is_same(one, other)
        except OSError as error:
            raise UnreadableFile(error.strerror or "cannot be read") from error
        finally:
            os.close(other)
    finally:
        os.close(one)


def _open_at_dataset(root: str, instance: Instance) -> int:
    try:
        descriptor = open_readonly(f"{root}{os.sep}{instance.path}")
    except FileNotFoundError as error:
        raise VanishedFile("vanished before it could be compared") from error
    except OSError as error:
        raise UnreadableFile(error.strerror or "cannot be read") from error
    os.lseek(descriptor, instance.offset, os.SEEK_SET)
    return descriptor


def _is_same(one: int, other: int) -> bool:
    while True:
        chunk = os.read(one, _CHUNK)
        if chunk != os.read(other, _CHUNK):
            return False
        if not chunk:
            return True
