"""Bringing a data set into an uncompressed transfer syntax (PS3.5 Annex A), its values untouched.

Values stay the bytes that the file holds, so that irregular ones survive; only their headers, their byte
order, odd lengths and compressed pixel data change. Runs in a decoder's process: native decoders may crash.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy
from pydicom.datadict import dictionary_VR, private_dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag

from migrator.core.errors import CannotEncode
from migrator.core.model import Instance
from migrator.dicom.contexts import DEFLATED, EXPLICIT_BIG, IMPLICIT_LITTLE, NATIVE, uid_words
from migrator.dicom.editing.splice import Segments
from migrator.dicom.editing.splice_elements import SPACED
from migrator.dicom.editing.splice_payload import SegmentPayload
from migrator.dicom.payload import Payload, inflated, open_payload, open_scanned, read_whole
from migrator.dicom.pixels import LONGEST_VALUE, NativePixels, decode_pixels
from migrator.dicom.structure import LONG_VRS, UNDEFINED

_SOP_INSTANCE = 0x00080018
_PHOTOMETRIC = 0x00280004
_PLANAR = 0x00280006
_BITS_ALLOCATED = 0x00280100
_PIXEL_REPRESENTATION = 0x00280103
_PIXEL_DATA = 0x7FE00010
# Tables of offsets and lengths of compressed frames (PS3.3 C.7.6.3.1.8 to C.7.6.3.1.10).
_ENCAPSULATION_ONLY = frozenset({0x7FE00001, 0x7FE00002, 0x7FE00003})

_STANDARD_ROOT = "1.2.840.10008.1.2."
# JPIP: the pixel data lies on a server.
_REFERENCED = frozenset(_STANDARD_ROOT + leaf for leaf in ("4.94", "4.95", "4.204", "4.205"))

# PS3.5 7.3: what is swapped between big and little endian, by the size of its units.
_UNITS = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}

_SEQUENCE_END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A data set's bytes in pieces, `size` together."""

    size: int
    pieces: Iterator[bytes]


def transcode(
    path: str, instance: Instance, target: str, budget: int, segments: Segments | None = None
) -> Encoded:
    """The data set of the file at `path` in the transfer syntax `target`: implicit or explicit little endian,
    or, if compressed, its own, which only gives odd values their padding. `segments` are the data set where
    it was edited, in the transfer syntax of `instance`.

    `budget` bounds the file and the result, in bytes. Memory: the file twice, and one decoded frame. Raises
    InstanceError, partly only while the pieces are read; and whatever pydicom raises for data that it cannot
    parse.
    """
    source = instance.transfer_syntax
    if without_decoder(source):
        raise CannotEncode(f"there is no decoder for {uid_words(source)}")
    if target in (EXPLICIT_BIG, DEFLATED):
        raise CannotEncode(f"a data set cannot be written anew in {uid_words(target)}")
    ds = _read(path, instance, budget, segments)
    if _text(ds.get_item(_SOP_INSTANCE, keep_deferred=True)) != instance.uid:
        raise CannotEncode("the SOP instance UID is not the one that was scanned")
    return _Writer(source, target, budget).encode(ds)


def without_decoder(transfer_syntax: str) -> str:
    """Why no decoder can know this transfer syntax, in words; empty where one may."""
    if transfer_syntax in _REFERENCED:
        return "its pixel data lies elsewhere"
    if transfer_syntax not in NATIVE and not transfer_syntax.startswith(_STANDARD_ROOT):
        return "there is no decoder for a private syntax"
    return ""


def _read(path: str, instance: Instance, budget: int, segments: Segments | None) -> Dataset:
    payload: Payload
    if segments is None:
        payload = open_payload(path, instance)
    else:
        payload = SegmentPayload(open_scanned(path, instance), segments)
    data = read_whole(payload, budget)
    syntax = instance.transfer_syntax
    plain = inflated(data, budget) if syntax == DEFLATED else data
    return read_dataset(io.BytesIO(plain), syntax == IMPLICIT_LITTLE, syntax != EXPLICIT_BIG)


Element = DataElement | RawDataElement
Elements = dict[int, Element]


class _Writer:
    """Writes one data set with its sequences in another transfer syntax."""

    def __init__(self, source: str, target: str, budget: int) -> None:
        self._source = source
        self._is_implicit = target == IMPLICIT_LITTLE
        self._is_swapping = source == EXPLICIT_BIG
        self._keeps_pixels = target not in NATIVE
        self._budget = budget
        self._signedness: list[bool] = []

    def encode(self, ds: Dataset) -> Encoded:
        elements = _elements(ds)
        if self._is_swapping:
            _check_byte_order(elements)
        pixels = self._decoded(ds, elements)
        head, tail = self._halves(ds, elements)
        if pixels is None:
            return Encoded(len(head) + len(tail), iter((head, tail)))
        padding = bytes(pixels.size & 1)
        size = pixels.size + len(padding)
        head += self._header(_PIXEL_DATA, "OB" if pixels.bits_allocated <= 8 else "OW", size)
        total = len(head) + size + len(tail)
        return Encoded(total, _chained(head, pixels.frames, padding + tail))

    def _decoded(self, ds: Dataset, elements: Elements) -> NativePixels | None:
        """Decode compressed pixel data, and take what only described its compression out of `elements`."""
        if self._keeps_pixels or not _is_encapsulated(elements.get(_PIXEL_DATA)):
            return None
        pixels = decode_pixels(ds, self._source, self._budget)
        for tag in (_PIXEL_DATA, *_ENCAPSULATION_ONLY):
            elements.pop(tag, None)
        text = pixels.photometric.encode()
        _replace(elements, _PHOTOMETRIC, "CS", text + b" " * (len(text) & 1))
        if pixels.planar is not None:
            _replace(elements, _PLANAR, "US", struct.pack("<H", pixels.planar))
        return pixels

    def _halves(self, ds: Dataset, elements: Elements) -> tuple[bytes, bytes]:
        """What comes before native pixel data, and what comes after."""
        before = {tag: element for tag, element in elements.items() if tag <= _PIXEL_DATA}
        after = {tag: element for tag, element in elements.items() if tag > _PIXEL_DATA}
        return self._written(ds, before), self._written(ds, after)

    def _written(self, ds: Dataset, elements: Elements) -> bytes:
        self._signedness.append(self._is_signed(elements))
        parts: list[bytes] = []
        for tag, element in elements.items():
            vr = self._vr(ds, element)
            if vr == "SQ":
                value = b"".join(self._item(item) for item in ds[tag].value)
            elif isinstance(element, RawDataElement):
                value = self._value(vr, element)
            else:
                raise CannotEncode(f"the element {element.tag} cannot be brought into another encoding")
            if tag == _PIXEL_DATA and _is_encapsulated(element):
                parts += (struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, UNDEFINED), value, _SEQUENCE_END)
            else:
                parts += (self._header(tag, vr, len(value)), value)
        self._signedness.pop()
        return b"".join(parts)

    def _item(self, ds: Dataset) -> bytes:
        elements = _elements(ds)
        pixels = self._decoded(ds, elements)
        value = self._written(ds, elements)
        if pixels is not None:
            # An icon's; it follows all that an item of its kind holds (PS3.3 C.7.6.1.1.6).
            data = b"".join(pixels.frames) + bytes(pixels.size & 1)
            value += self._header(_PIXEL_DATA, "OB" if pixels.bits_allocated <= 8 else "OW", len(data)) + data
        return struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value

    def _value(self, vr: str, element: RawDataElement) -> bytes:
        value = element.value or b""
        if len(value) & 1:
            value += b" " if vr in SPACED else b"\0"
        unit = _UNITS.get(vr, 1) if self._is_swapping else 1
        if unit == 1:
            return value
        whole = len(value) // unit * unit
        return numpy.frombuffer(value[:whole], f">u{unit}").astype(f"<u{unit}").tobytes() + value[whole:]

    def _header(self, tag: int, vr: str, length: int) -> bytes:
        if length > LONGEST_VALUE:
            raise CannotEncode("an element is too long for an uncompressed transfer syntax")
        group, number = tag >> 16, tag & 0xFFFF
        if self._is_implicit:
            return struct.pack("<HHI", group, number, length)
        code = vr.encode()
        if length > 0xFFFF and code not in LONG_VRS:
            code = b"UN"  # PS3.5 6.2.2, note 3
        if code in LONG_VRS:
            return struct.pack("<HH2sHI", group, number, code, 0, length)
        return struct.pack("<HH2sH", group, number, code, length)

    def _vr(self, ds: Dataset, element: Element) -> str:
        """The element's VR: the file's own where it says one, else the dictionaries', else unknown."""
        if element.VR is not None:
            return str(element.VR)
        vr = _dictionary_vr(ds, element.tag)
        if "OW" in vr:
            return "OW"
        if vr == "US or SS":
            return "SS" if self._signedness[-1] else "US"
        return vr

    def _is_signed(self, elements: Elements) -> bool:
        """Whether pixel values are signed, which an item inherits where it does not say."""
        element = elements.get(_PIXEL_REPRESENTATION)
        if isinstance(element, RawDataElement) and element.value:
            return any(element.value)
        return bool(self._signedness) and self._signedness[-1]


def _elements(ds: Dataset) -> Elements:
    """The elements as the file has them, in order, without group lengths (retired, PS3.5 7.2).

    To be taken before any value is asked for: pydicom replaces what it was asked for by its reading of it,
    empty values even here, unless they are said to be deferred.
    """
    return {tag: ds.get_item(tag, keep_deferred=True) for tag in sorted(ds.keys()) if tag.element}


def _check_byte_order(elements: Elements) -> None:
    """Refuse big endian pixels of more than one word: writers disagree whether the words are swapped too."""
    bits = elements.get(_BITS_ALLOCATED)
    value = bits.value if isinstance(bits, RawDataElement) else None
    if _PIXEL_DATA in elements and int.from_bytes(value or b"", "big") > 16:
        raise CannotEncode("big endian pixel data of more than 16 bits has no byte order that all agree on")


def _is_encapsulated(element: Element | None) -> bool:
    return isinstance(element, RawDataElement) and element.length == UNDEFINED


def _replace(elements: Elements, tag: int, vr: str, value: bytes) -> None:
    elements[tag] = RawDataElement(BaseTag(tag), vr, len(value), value, 0, False, True)
    if list(elements)[-1] == tag:
        ordered = sorted(elements.items())
        elements.clear()
        elements.update(ordered)


def _dictionary_vr(ds: Dataset, tag: BaseTag) -> str:
    if tag.is_private_creator:
        return "LO"
    try:
        if not tag.is_private:
            return dictionary_VR(tag)
        creator = ds.get_item((tag.group, tag.element >> 8), keep_deferred=True)
        return private_dictionary_VR(tag, _text(creator))
    except KeyError:
        return "UN"


def _text(element: Element | None) -> str:
    value = b"" if element is None else element.value
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value or "")
    return text.strip(" \0")


def _chained(head: bytes, frames: Iterator[bytes], tail: bytes) -> Iterator[bytes]:
    yield head
    yield from frames
    yield tail
