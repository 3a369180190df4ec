"""Comparing an object that came back with the file from which it was sent."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from struct import error as StructError

from migrator.core.comparison import Difference, Examined, Fate, Kind
from migrator.core.edits import Change, Edit
from migrator.core.errors import Cancelled, CannotEncode, DamagedFile, InstanceError
from migrator.core.model import Instance, Series
from migrator.dicom.arrivals import Arrived
from migrator.dicom.comparing.compare import Explained, compare
from migrator.dicom.comparing.compare_pixels import is_encapsulated, is_same_pixels, pixels_of
from migrator.dicom.contexts import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    NATIVE,
    uid_words,
)
from migrator.dicom.decoding import BUDGET, shared_decoders
from migrator.dicom.editing.edits import Edited, Editor
from migrator.dicom.editing.splice import Draft
from migrator.dicom.editing.splice_elements import Element, memory
from migrator.dicom.editing.splice_payload import SegmentPayload
from migrator.dicom.payload import inflated, open_payload, open_scanned, read_whole
from migrator.dicom.structure import Bytes, Coding

_PIECE = 1 << 20
_TAG = "(7fe0,0010)"
_UNREADABLE = (LookupError, ValueError, ArithmeticError, RecursionError, StructError)


@dataclass(frozen=True, slots=True)
class Source:
    """An object as it was sent: its file at `path`, the `edits` that rules made, and the `changes` that the
    record names beside them. Whether a remedy made another encoding of it shows by itself."""

    path: str
    instance: Instance
    edits: tuple[Edit, ...] = ()
    changes: Sequence[Change] = ()


class Comparer:
    """Compares one object at a time; what it must write for that it writes to `folder`."""

    def __init__(self, folder: Path, is_cancelled: Callable[[], bool]) -> None:
        self._folder = folder
        self._is_cancelled = is_cancelled
        self._editor = Editor()

    def compare(self, source: Source, arrived: Arrived) -> Examined:
        """What differs. Raises InstanceError where the source cannot be read any more, and Cancelled.

        Memory: the texts of an element; decoding has its own bounds.
        """
        ours = Edited(source.instance, source.path, source.instance.transfer_syntax)
        if source.edits:
            ours = self._editor.edit(source.path, source.instance, source.edits)
        with ExitStack() as opened:
            mine = _Side(ours, self._opened(ours, opened))
            try:
                theirs = _cargo(arrived)
                other = _Side(theirs, self._opened(theirs, opened))
                return replace(self._examined(mine, other, source.changes, opened), by=arrived.by)
            except _UNREADABLE as error:
                # Character sets that are none, sequences without an end; the text may quote values.
                reason = f"it cannot be compared ({type(error).__name__})"
                return Examined(Fate.UNCOMPARED, arrived.by, reason)
            except DamagedFile as error:
                damage = Difference("", "", Kind.CHANGED, "", f"what came back cannot be read: {error}")
                return Examined(Fate.DIFFERENT, arrived.by, differences=(damage,))

    def _examined(self, mine: _Side, other: _Side, changes: Sequence[Change], opened: ExitStack) -> Examined:
        pixels, trouble = self._pixels(mine, other, opened)
        explained = Explained(changes)
        found = compare(mine.draft, other.draft, explained)
        additions = tuple(found.additions)
        differences = (*found.differences, *pixels)
        if explained.is_incomplete and found.differences and not pixels:
            reason = "the record names only a part of what was changed"
            return Examined(Fate.UNCOMPARED, reason=reason, additions=additions)
        if explained.is_in_part and not differences:
            trouble = trouble or "the record shows only a part of a value that was changed"
        fate = Fate.DIFFERENT if differences else Fate.UNCOMPARED if trouble else Fate.IDENTICAL
        return Examined(fate, reason=trouble, differences=differences, additions=additions)

    def _pixels(self, mine: _Side, other: _Side, opened: ExitStack) -> tuple[tuple[Difference, ...], str]:
        """What differs in the pixel data, and why that cannot be told.

        Where one side is compressed and the other is not the same, both are decoded, and stay so.
        """
        ours, theirs = mine.pixels, other.pixels
        if ours is None or theirs is None or is_same_pixels(ours, theirs):
            return (), ""
        if is_encapsulated(ours) or is_encapsulated(theirs):
            try:
                decoded = [self._decoded(side.cargo, opened) for side in (mine, other)]
            except InstanceError as error:
                return (), f"the pixel data cannot be compared: {error}"
            mine.draft, other.draft = decoded
            ours, theirs = mine.pixels, other.pixels
            if ours is not None and theirs is not None and is_same_pixels(ours, theirs):
                return (), ""
        return (Difference(_TAG, "PixelData", Kind.PIXELS, *map(_words, (mine, other))),), ""

    def _opened(self, cargo: Edited, opened: ExitStack) -> Draft:
        """The data set, read from its file. Raises InstanceError."""
        if cargo.transfer_syntax == DEFLATED:
            plain = inflated(read_whole(open_payload(cargo.path, cargo.instance), BUDGET), BUDGET)
            return Draft(memory(plain), _coding_of(EXPLICIT_LITTLE), in_file=False)
        if cargo.segments is not None:
            payload = SegmentPayload(open_scanned(cargo.path, cargo.instance), cargo.segments)
            return self._kept(_pieces(payload), cargo.transfer_syntax, opened)
        descriptor = open_scanned(cargo.path, cargo.instance)
        opened.callback(os.close, descriptor)
        source = _Watched(descriptor, cargo.instance.size, self._is_cancelled)
        return Draft(source, _coding_of(cargo.transfer_syntax), cargo.instance.offset)

    def _decoded(self, cargo: Edited, opened: ExitStack) -> Draft:
        """The data set uncompressed, in explicit VR little endian. Raises InstanceError, Cancelled."""
        instance = replace(cargo.instance, transfer_syntax=cargo.transfer_syntax)
        data = shared_decoders().decode(
            cargo.path, instance, EXPLICIT_LITTLE, self._is_cancelled, cargo.segments
        )
        return self._kept([data], EXPLICIT_LITTLE, opened)

    def _kept(self, pieces: Iterable[bytes | bytearray], syntax: str, opened: ExitStack) -> Draft:
        """A data set in a file of its own, so that none stays in memory."""
        descriptor, name = tempfile.mkstemp(".dcm", "compared-", self._folder)
        opened.callback(Path(name).unlink, missing_ok=True)
        opened.callback(os.close, descriptor)
        size = 0
        try:
            for piece in pieces:
                view = memoryview(piece)
                while view:
                    step = os.write(descriptor, view)
                    view, size = view[step:], size + step
        except OSError as error:
            raise CannotEncode(f"there is no room to compare it: {error.strerror}") from error
        return Draft(_Watched(descriptor, size, self._is_cancelled), _coding_of(syntax))


class _Watched(Bytes):
    """Reading raises Cancelled: gigabytes take longer to compare than a user waits."""

    def __init__(self, descriptor: int, size: int, is_cancelled: Callable[[], bool]) -> None:
        super().__init__(descriptor, size)
        self._is_cancelled = is_cancelled

    def _move(self, position: int, count: int) -> None:
        if self._is_cancelled():
            raise Cancelled("stopped by the user")
        super()._move(position, count)


@dataclass(slots=True)
class _Side:
    """One of the two; `draft` is its data set, as it is or decoded."""

    cargo: Edited
    draft: Draft

    @property
    def pixels(self) -> Element | None:
        return pixels_of(self.draft)


def _words(side: _Side) -> str:
    """How pixel data came about, for people."""
    syntax = side.cargo.transfer_syntax
    name = uid_words(syntax)
    return f"{name}, decoded" if syntax not in NATIVE else name


def _cargo(arrived: Arrived) -> Edited:
    found = arrived.path.stat()
    sop_class, syntax = arrived.pair
    instance = Instance(
        *(arrived.path.name, found.st_size, found.st_mtime_ns, 0, syntax, sop_class, arrived.uid), Series("")
    )
    return Edited(instance, str(arrived.path), syntax)


def _coding_of(syntax: str) -> Coding:
    return Coding(is_implicit=syntax == IMPLICIT_LITTLE, is_little=syntax != EXPLICIT_BIG)


def _pieces(payload: SegmentPayload) -> Iterator[bytearray]:
    while size := min(_PIECE, payload.remaining):
        piece = bytearray(size)
        payload.fill([memoryview(piece)])
        yield piece
