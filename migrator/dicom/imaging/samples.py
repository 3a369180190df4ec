"""One frame's stored samples (PS3.5 8, PS3.3 C.7.6.3), as the file or a decoder has them."""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.uid import RLELossless

from migrator.core.errors import CannotEncode, DamagedFile
from migrator.dicom.comparing.compare import swapped
from migrator.dicom.contexts import EXPLICIT_BIG, uid_words
from migrator.dicom.editing.splice_elements import Element
from migrator.dicom.imaging.opened import Opened
from migrator.dicom.pixels import decode_pixels
from migrator.dicom.structure import UNDEFINED
from migrator.dicom.transcoding import without_decoder

LARGEST_FRAME = 256 << 20
"""Bytes of one frame, compressed or not."""

FLOAT_PIXELS, DOUBLE_PIXELS, PIXELS = 0x7FE00008, 0x7FE00009, 0x7FE00010
_EXTENDED_OFFSETS, _EXTENDED_LENGTHS = 0x7FE00001, 0x7FE00002
_MOST_FRAMES = (1 << 31) - 1  # PS3.5 6.2: what an integer string can say
# A start of image; a start of a JPEG 2000 codestream with its sizes (ISO/IEC 15444-1 A.5).
_JPEG, _JPEG_2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"
# Of JPEG (ISO/IEC 10918-1 B.2.2) and JPEG-LS.
_FRAME_MARKERS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_SUBSAMPLED = frozenset({"YBR_FULL_422"})


@dataclass(frozen=True, slots=True)
class Format:
    """What the object says of its pixels."""

    rows: int
    columns: int
    samples: int
    frames: int
    allocated: int
    stored: int
    high: int
    is_signed: bool
    photometric: str
    planar: int

    @property
    def bits(self) -> int:
        """Of one frame in native form."""
        halves = 4 if self.photometric in _SUBSAMPLED else 2 * self.samples
        return self.rows * self.columns * halves * self.allocated // 2


def format_of(ds: Dataset, pixels: Element) -> Format:
    """Raises DamagedFile where a value is missing or senseless."""
    floats = {FLOAT_PIXELS: 32, DOUBLE_PIXELS: 64}.get(pixels.tag)
    allocated = floats or _number(ds, "BitsAllocated")
    stored = _number(ds, "BitsStored", allocated)
    if not 0 < stored <= allocated:
        stored = allocated
    high = _number(ds, "HighBit", stored - 1)
    found = Format(
        rows=_number(ds, "Rows"),
        columns=_number(ds, "Columns"),
        samples=_number(ds, "SamplesPerPixel", 1),
        frames=max(1, _number(ds, "NumberOfFrames", 1)),
        allocated=allocated,
        stored=stored,
        high=high if stored - 1 <= high < allocated else stored - 1,
        is_signed=_number(ds, "PixelRepresentation", 0) == 1,
        photometric=str(ds.get("PhotometricInterpretation") or "MONOCHROME2").strip(),
        planar=_number(ds, "PlanarConfiguration", 0),
    )
    if found.rows < 1 or found.columns < 1:
        raise DamagedFile("the object announces an image without rows or columns")
    if found.frames > _MOST_FRAMES:
        raise DamagedFile("the object announces more frames than any object can have")
    if found.samples not in (1, 3):
        raise DamagedFile(f"images of {found.samples} samples per pixel cannot be shown")
    if found.allocated not in (1, 8, 16, 32, 64):
        raise DamagedFile(f"images of {found.allocated} bits per sample cannot be shown")
    return found


def _number(ds: Dataset, keyword: str, default: int | None = None) -> int:
    try:
        value = ds.get(keyword)
        if value is None or value == "":
            if default is None:
                raise DamagedFile(f"the attribute {keyword} is missing")
            return default
        return int(value)
    except (TypeError, ValueError, OverflowError, struct.error) as error:
        raise DamagedFile(f"the attribute {keyword} is not a number") from error


def samples_of(file: Opened, ds: Dataset, frame: int) -> tuple[NDArray[Any], Format]:
    """One frame: rows by columns (by 3) of stored values, and the format they have now.

    Raises InstanceError; for pixel data that is damaged whatever a decoder raises.
    """
    pixels = pixels_of(file)
    if pixels is None:
        raise DamagedFile("there is no pixel data")
    form = format_of(ds, pixels)
    if form.bits // 8 > LARGEST_FRAME:
        raise CannotEncode(f"one frame is {form.bits >> 23:,} MiB, too large to be shown")
    if not 0 <= frame < form.frames:
        raise DamagedFile(f"there is no frame {frame + 1:,}")
    if pixels.length == UNDEFINED:
        return _decoded(file, ds, form, frame)
    return _native(file, pixels, form, frame), form


def pixels_of(file: Opened) -> Element | None:
    """The pixel data, of whatever kind."""
    found = (file.elements.get(tag) for tag in (PIXELS, FLOAT_PIXELS, DOUBLE_PIXELS))
    return next((element for element in found if element is not None), None)


def _decoded(file: Opened, ds: Dataset, form: Format, frame: int) -> tuple[NDArray[Any], Format]:
    reason = without_decoder(file.syntax)
    if reason:
        raise CannotEncode(f"there is no decoder for {uid_words(file.syntax)}: {reason}")
    data = _codestream(file, form, frame)
    announced = _announced(data)
    if announced > LARGEST_FRAME:
        raise CannotEncode(f"the image data announces {announced:,} pixels, too many to be shown")
    # Decoders get an object of this one frame, so that they look for no other.
    one = Dataset()
    one.update({tag: ds[tag] for tag in ds.keys() if tag.group == 0x0028})  # noqa: SIM118 - not an element each
    one.NumberOfFrames = 1
    head = struct.pack("<HHLHHL", 0xFFFE, 0xE000, 0, 0xFFFE, 0xE000, len(data) + (len(data) & 1))
    one.add_new(PIXELS, "OB", head + data + bytes(len(data) & 1) + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0))
    one["PixelData"].is_undefined_length = True
    found = decode_pixels(one, file.syntax, LARGEST_FRAME)
    native = b"".join(found.frames)
    # What a decoder has given stands in the low bits; RLE keeps whole cells, as native data has them.
    high = form.high if file.syntax == RLELossless else form.stored - 1
    form = replace(form, photometric=found.photometric, planar=found.planar or 0, high=high)
    return _array(native, form, is_little=True), form


def _codestream(file: Opened, form: Format, frame: int) -> bytes:
    pixels = file.elements[PIXELS]
    if form.frames == 1 and pixels.end - pixels.value > LARGEST_FRAME:
        raise CannotEncode(f"the frame is {(pixels.end - pixels.value) >> 20:,} MiB, too large to be shown")
    tables = [file.elements.get(tag) for tag in (_EXTENDED_OFFSETS, _EXTENDED_LENGTHS)]
    extended = tuple(table.raw for table in tables if table is not None)
    file.stream.seek(pixels.value)
    try:
        return get_frame(
            cast(Any, file.stream),
            frame,
            extended_offsets=extended if len(extended) == 2 else None,
            number_of_frames=form.frames,
        )
    except (ValueError, EOFError, LookupError, struct.error) as error:
        raise DamagedFile(f"frame {frame + 1:,} is not in the pixel data") from error


def _announced(data: bytes) -> int:
    """How many pixels a codestream says that it has, since decoders believe it; 0 where it is not known."""
    if data[:4] == _JPEG_2000 and len(data) >= 24:
        right, bottom, left, top = struct.unpack_from(">4L", data, 8)
        return int(max(0, right - left) * max(0, bottom - top))
    if data[:2] != _JPEG:
        return 0
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker in _FRAME_MARKERS:
            rows, columns = struct.unpack_from(">2H", data, position + 5)
            return int(rows * columns)
        position += 1 if marker == 0xFF else 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return 0


def _native(file: Opened, pixels: Element, form: Format, frame: int) -> NDArray[Any]:
    first, rest = divmod(frame * form.bits, 8)
    count = -(-(rest + form.bits) // 8)
    if pixels.value + first + count > pixels.end:
        raise DamagedFile("the pixel data ends before the image is complete")
    is_little = file.syntax != EXPLICIT_BIG
    if form.allocated == 8 and not is_little and pixels.vr == b"OW":
        # The bytes stand in pairs, turned round (PS3.5 8.1.1): also those of a frame that begins within one.
        skipped = first & 1
        whole = _read(file, pixels.value + first - skipped, skipped + count + (skipped + count & 1))
        return _array(swapped(whole, 2)[skipped : skipped + count], form, is_little=False)
    data = _read(file, pixels.value + first, count)
    if form.allocated == 1:
        bits = numpy.unpackbits(numpy.frombuffer(data, numpy.uint8), bitorder="little")
        return _shaped(bits[rest : rest + form.bits], form)
    if pixels.tag != PIXELS:
        return _shaped(numpy.frombuffer(data, f"{'<' if is_little else '>'}f{form.allocated // 8}"), form)
    return _array(data, form, is_little=is_little)


def _read(file: Opened, position: int, count: int) -> bytes:
    file.stream.seek(position)
    data = file.stream.read(count)
    if len(data) != count:
        raise DamagedFile("the file ends before the image is complete")
    return data


def _array(data: bytes, form: Format, *, is_little: bool) -> NDArray[Any]:
    raw = numpy.frombuffer(data, f"{'<' if is_little else '>'}u{form.allocated // 8}")
    values = raw.astype(raw.dtype.newbyteorder("="), copy=False)
    return _shaped(_meant(values, form), form)


def _meant(raw: NDArray[Any], form: Format) -> NDArray[Any]:
    """The bits that belong to the value (PS3.5 8.1.1): what is above or below them is something else."""
    if form.is_signed:
        signed = raw.view(f"{'<' if sys.byteorder == 'little' else '>'}i{form.allocated // 8}")
        if form.stored == form.allocated:
            return signed
        return (signed << (form.allocated - 1 - form.high)) >> (form.allocated - form.stored)
    if form.stored == form.allocated:
        return raw
    mask = raw.dtype.type((1 << form.stored) - 1)
    meant: NDArray[Any] = (raw >> (form.high - form.stored + 1)) & mask
    return meant


def _shaped(values: NDArray[Any], form: Format) -> NDArray[Any]:
    rows, columns = form.rows, form.columns
    if form.samples == 1:
        return values.reshape(rows, columns)
    if form.photometric in _SUBSAMPLED:
        # PS3.3 C.7.6.3.1.2: two luminances, then the chrominance that both have.
        quads = values.reshape(-1, 4)
        pixels = numpy.empty((rows * columns, 3), values.dtype)
        pixels[0::2, 0], pixels[1::2, 0] = quads[:, 0], quads[:, 1]
        pixels[:, 1:] = numpy.repeat(quads[:, 2:], 2, axis=0)
        return pixels.reshape(rows, columns, 3)
    if form.planar == 1:
        return numpy.moveaxis(values.reshape(3, rows, columns), 0, -1)
    return values.reshape(rows, columns, 3)
