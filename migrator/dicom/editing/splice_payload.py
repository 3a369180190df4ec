"""The bytes of an edited data set, from memory and from the file in turn."""

from __future__ import annotations

import os
from collections.abc import Sequence

from migrator.core.errors import UnreadableFile
from migrator.dicom.editing.splice import Segments
from migrator.dicom.payload import read_scattered


class SegmentPayload:
    """The segments of one data set, read once from front to back; owns the file's descriptor."""

    def __init__(self, descriptor: int, segments: Segments) -> None:
        self._descriptor = descriptor
        self._parts = segments.parts
        self._part = 0
        self._done = 0  # bytes of the present part
        self._remaining = segments.size

    @property
    def remaining(self) -> int:
        return self._remaining

    def fill(self, gaps: Sequence[memoryview]) -> None:
        """Fill all gaps with the next bytes. Raises UnreadableFile, ChangedFile."""
        left = list(gaps)
        while left:
            part = self._parts[self._part]
            size = len(part) if isinstance(part, bytes) else part.length
            some, left = _divided(left, size - self._done)
            if isinstance(part, bytes):
                self._copy(memoryview(part)[self._done :], some)
            else:
                self._read(part.offset + self._done, some)
            step = sum(map(len, some))
            self._done += step
            self._remaining -= step
            if self._done == size:
                self._part += 1
                self._done = 0
        if not self._remaining:
            self.close()

    def _copy(self, data: memoryview, gaps: Sequence[memoryview]) -> None:
        position = 0
        for gap in gaps:
            gap[:] = data[position : position + len(gap)]
            position += len(gap)

    def _read(self, position: int, gaps: Sequence[memoryview]) -> None:
        try:
            read_scattered(self._descriptor, gaps, position)
        except OSError as error:
            raise UnreadableFile(f"cannot be read: {error.strerror}") from error

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _divided(gaps: list[memoryview], size: int) -> tuple[list[memoryview], list[memoryview]]:
    """The gaps that `size` bytes fill, the last one cut to what they reach, and the rest."""
    for index, gap in enumerate(gaps):
        if len(gap) > size:
            first = [*gaps[:index], gap[:size]] if size else gaps[:index]
            return first, [gap[size:], *gaps[index + 1 :]]
        size -= len(gap)
    return gaps, []
