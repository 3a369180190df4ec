"""Comparing pixel data by SHA-256: as it is written, else its codestreams; what is native frame for frame."""

from __future__ import annotations

import hashlib

from migrator.core.errors import DamagedFile
from migrator.dicom.comparing.compare import PIXEL_DATA, digest_of
from migrator.dicom.editing.splice import Draft
from migrator.dicom.editing.splice_elements import Element
from migrator.dicom.structure import ITEM, UNDEFINED

_PIECE = 1 << 20


def pixels_of(draft: Draft) -> Element | None:
    return draft.get(PIXEL_DATA)


def is_encapsulated(element: Element) -> bool:
    return element.length == UNDEFINED


def is_same_pixels(ours: Element, theirs: Element) -> bool:
    """Whether both hold the same bytes, in either byte order, or the same codestreams in other fragments.

    Memory is bounded. Raises DamagedFile.
    """
    if is_encapsulated(ours) != is_encapsulated(theirs):
        return False
    if is_encapsulated(ours):
        return digest_of(ours) == digest_of(theirs) or _codestreams(ours) == _codestreams(theirs)
    is_turned = ours.coding.is_little != theirs.coding.is_little and b"OB" not in (ours.vr, theirs.vr)
    if not is_turned:
        return _native(ours, 1) == _native(theirs, 1)
    return _native(ours, 1 if ours.coding.is_little else 2) == _native(
        theirs, 1 if theirs.coding.is_little else 2
    )


def _native(element: Element, unit: int) -> tuple[int, bytes]:
    """Digest of native pixel data, with its length to the next even number: some files lack the padding."""
    size = element.end - element.value
    if not size & 1:
        return size, digest_of(element, unit)
    digest = hashlib.sha256()
    for start in range(element.value, element.end, _PIECE):
        digest.update(element.source.at(start, min(_PIECE, element.end - start)))
    digest.update(b"\0")
    return size + 1, digest.digest()


def _codestreams(element: Element) -> bytes:
    """Digest of all fragments in one piece, without the table of offsets before them (PS3.5 A.4).

    Where fragments begin is the writer's choice, and so are zeros behind the last one.
    """
    digest = hashlib.sha256()
    position, is_table, held = element.value, True, 0
    while position < element.end:
        tag, length = element.coding.item(element.source, position)
        position += 8
        if tag != ITEM:
            break
        if length == UNDEFINED or position + length > element.end:
            raise DamagedFile("a fragment of pixel data runs past its end")
        if not is_table:
            for start in range(position, position + length, _PIECE):
                data = element.source.at(start, min(_PIECE, position + length - start))
                plain = data.rstrip(b"\0")
                if plain:
                    digest.update(bytes(held) + plain)
                    held = 0
                held += len(data) - len(plain)
        is_table = False
        position += length
    return digest.digest()
