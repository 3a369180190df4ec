"""Where the bytes of a data set come from, and the reused buffers in which they become P-DATA-TF PDUs."""

from __future__ import annotations

import io
import os
import sys
import zlib
from collections.abc import Sequence
from typing import Protocol

from migrator.core.errors import CannotEncode, ChangedFile, DamagedFile, UnreadableFile, VanishedFile
from migrator.core.model import Instance
from migrator.dicom.contexts import DEFLATED
from migrator.dicom.opening import open_readonly
from migrator.dicom.protocol import LAST, PDATA_HEADER_SIZE, pdata_header

SLAB_SIZE = 256 * 1024

# Before the first PDU there is room for the C-STORE-RQ, so that both leave in one piece.
HEADROOM = 1024

# File systems and network shares round times, to two seconds at worst.
_TIME_TOLERANCE_NS = 2_000_000_000

# The least IOV_MAX of the systems that have preadv.
_MOST_FRAGMENTS = 1024


class Payload(Protocol):
    """The bytes of one data set, read once from front to back."""

    @property
    def remaining(self) -> int: ...

    def fill(self, gaps: Sequence[memoryview]) -> None:
        """Fill all gaps with the next bytes. Raises InstanceError where there are not so many any more."""
        ...

    def close(self) -> None: ...


class FilePayload:
    """A file's bytes from `offset` to `end`, and one zero more where `is_padded`; owns the descriptor."""

    def __init__(self, descriptor: int, offset: int, end: int, *, is_padded: bool = False) -> None:
        self._descriptor = descriptor
        self._position = offset
        self._is_padded = is_padded
        self._end = end + is_padded

    @property
    def remaining(self) -> int:
        return self._end - self._position

    def fill(self, gaps: Sequence[memoryview]) -> None:
        padding = self._is_padded and sum(map(len, gaps)) == self.remaining
        if padding:
            gaps[-1][-1] = 0
            gaps = [*gaps[:-1], gaps[-1][:-1]]
        try:
            self._position += read_scattered(self._descriptor, gaps, self._position) + padding
        except OSError as error:
            raise UnreadableFile(f"cannot be read: {error.strerror}") from error
        if self._position >= self._end:
            self.close()

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _is_odd_deflated(instance: Instance) -> bool:
    """Whether the data set is a deflated stream of odd length, which a zero follows (PS3.5 A.5)."""
    return instance.transfer_syntax == DEFLATED and bool((instance.size - instance.offset) & 1)


def open_payload(path: str, instance: Instance) -> FilePayload:
    """Open the data set of a scanned file. Raises ChangedFile where it is not that file, UnreadableFile."""
    descriptor = open_scanned(path, instance)
    return FilePayload(descriptor, instance.offset, instance.size, is_padded=_is_odd_deflated(instance))


def open_scanned(path: str, instance: Instance) -> int:
    """The descriptor of a scanned file. Raises ChangedFile where it is not that file, UnreadableFile."""
    try:
        descriptor = open_readonly(path)
    except FileNotFoundError as error:
        raise VanishedFile("the file vanished after it was scanned") from error
    except OSError as error:
        raise UnreadableFile(f"cannot be read: {error.strerror}") from error
    found = os.fstat(descriptor)
    if found.st_size != instance.size or abs(found.st_mtime_ns - instance.mtime_ns) > _TIME_TOLERANCE_NS:
        os.close(descriptor)
        raise ChangedFile("the file changed after it was scanned")
    return descriptor


def read_whole(payload: Payload, budget: int) -> bytearray:
    """All bytes of a data set, which is closed then. Beyond `budget` bytes none is read.

    Raises CannotEncode, UnreadableFile, ChangedFile.
    """
    size = payload.remaining
    try:
        if size > budget:
            raise CannotEncode(f"{size >> 20:,} MiB are more than the {budget >> 20:,} MiB allowed here")
        data = bytearray(size)
        payload.fill([memoryview(data)])
    finally:
        payload.close()
    return data


def inflated(data: bytearray, budget: int) -> bytes:
    """What was deflated without zlib's header (PS3.5 A.5). Raises CannotEncode, DamagedFile."""
    try:
        plain = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, budget + 1)
    except zlib.error as error:
        raise DamagedFile("the deflated stream is damaged") from error
    if len(plain) > budget:
        raise CannotEncode(f"inflated it would be more than the {budget >> 20:,} MiB allowed here")
    return plain


class MemoryPayload:
    """Bytes that were made for this one transfer."""

    def __init__(self, data: bytes | bytearray) -> None:
        self._data = memoryview(data)
        self._position = 0

    @property
    def remaining(self) -> int:
        return len(self._data) - self._position

    def fill(self, gaps: Sequence[memoryview]) -> None:
        for gap in gaps:
            end = self._position + len(gap)
            gap[:] = self._data[self._position : end]
            self._position = end

    def close(self) -> None:
        self._data = memoryview(b"")
        self._position = 0


def read_in_turn(descriptor: int, gaps: Sequence[memoryview], position: int) -> int:
    """Fill all gaps from a file, one read each; returns how many bytes. Raises ChangedFile, OSError."""
    os.lseek(descriptor, position, os.SEEK_SET)
    total = 0
    with io.FileIO(descriptor, closefd=False) as file:
        for gap in gaps:
            done = 0
            while done < len(gap):
                step = file.readinto(gap[done:])
                if not step:
                    raise ChangedFile("the file became shorter while it was being sent")
                done += step
            total += done
    return total


if sys.platform == "win32":
    read_scattered = read_in_turn

else:

    def read_scattered(descriptor: int, gaps: Sequence[memoryview], position: int) -> int:
        """Fill all gaps from a file in one system call; returns how many bytes.

        Raises ChangedFile, OSError.
        """
        wanted = sum(map(len, gaps))
        # A short read is rare, and the slow way finds out whether the file ends there.
        if os.preadv(descriptor, gaps, position) == wanted:
            return wanted
        return read_in_turn(descriptor, gaps, position)


class Slab:
    """A buffer of whole P-DATA-TF PDUs (PS3.8 9.3.5): their headers stand ready, the data is read between.

    `fragment` is how many bytes of a data set go into one PDU. Memory is that of the buffer, once.
    """

    def __init__(self, fragment: int, size: int = SLAB_SIZE) -> None:
        stride = PDATA_HEADER_SIZE + fragment
        count = max(1, min(size // stride, _MOST_FRAGMENTS))
        self.fragment = fragment
        self._stride = stride
        self._context_id = 1
        self._header = pdata_header(fragment, 1, 0)
        self._buffer = bytearray(HEADROOM) + (self._header + bytes(fragment)) * count
        view = self._view = memoryview(self._buffer)
        starts = range(HEADROOM + PDATA_HEADER_SIZE, len(view), stride)
        self._gaps = [view[start : start + fragment] for start in starts]
        self._capacity = count * fragment
        self._changed: int | None = None
        self._end = HEADROOM

    def load(self, payload: Payload, context_id: int) -> None:
        """Read the next bytes of a data set into whole PDUs. Raises InstanceError."""
        self._restore(context_id)
        fragment = self.fragment
        size = min(payload.remaining, self._capacity)
        count = max(1, -(-size // fragment))
        last = size - (count - 1) * fragment
        gaps = self._gaps[:count]
        if last < fragment:
            gaps[-1] = gaps[-1][:last]
        payload.fill(gaps)
        start = HEADROOM + (count - 1) * self._stride
        if not payload.remaining:
            self._buffer[start : start + PDATA_HEADER_SIZE] = pdata_header(last, context_id, LAST)
            self._changed = start
        self._end = start + PDATA_HEADER_SIZE + last

    def pdus(self, command: bytes = b"") -> memoryview:
        """The PDUs that were loaded, after those of a command that is at most HEADROOM long."""
        start = HEADROOM - len(command)
        self._buffer[start:HEADROOM] = command
        return self._view[start : self._end]

    def _restore(self, context_id: int) -> None:
        """Make all headers those of full fragments again, for this presentation context."""
        if context_id != self._context_id:
            self._context_id = context_id
            self._header = pdata_header(self.fragment, context_id, 0)
            ids = slice(HEADROOM + 10, None, self._stride)
            self._buffer[ids] = bytes((context_id,)) * len(self._gaps)
        if self._changed is not None:
            self._buffer[self._changed : self._changed + PDATA_HEADER_SIZE] = self._header
            self._changed = None
