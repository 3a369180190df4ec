"""Decoding compressed pixel data (PS3.5 8.2, Annex A.4) frame by frame, in its own colour space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, RLELossless

from migrator.core.errors import CannotEncode
from migrator.dicom.contexts import uid_words
from migrator.dicom.jpeg_repair import repair_fragments

# Baseline (Process 1) and Extended (Process 2 and 4).
_SEQUENTIAL_JPEG = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"})

# PS3.5 8.1.1: a value length of 32 bits, whose highest value says "undefined".
LONGEST_VALUE = 2**32 - 2

_ROOT = "1.2.840.10008.1.2"
# The transfer syntaxes that can hold nothing but what was there before (PS3.5 8.2, A.4): natives, deflated,
# RLE, JPEG lossless, JPEG-LS, JPEG 2000, JPEG XL and HTJ2K where they say lossless only.
_LOSSLESS = frozenset(
    _ROOT + leaf
    for leaf in (
        *("", ".1", ".1.98", ".1.99", ".2", ".5"),
        *(f".4.{number}" for number in (57, 58, 65, 66, 70, 80, 90, 92, 110, 201, 202)),
    )
)


def is_lossy(transfer_syntax: str) -> bool:
    """Whether a transfer syntax may hold pixel data that was compressed with loss."""
    return transfer_syntax not in _LOSSLESS


@dataclass(frozen=True, slots=True)
class NativePixels:
    """Pixel data in native form: `size` bytes in `frames`, and what the data set must say of them."""

    size: int
    frames: Iterator[bytes]
    bits_allocated: int
    photometric: str
    planar: int | None


def decode_pixels(ds: Dataset, transfer_syntax: str, budget: int) -> NativePixels:
    """Decode the compressed pixel data of `ds`, lazily; the first frame at once.

    Raises CannotEncode where there is no decoder, or where more than `budget` bytes would come out. A frame
    of another size than the data set announces raises it while `frames` is read.
    """
    words = uid_words(transfer_syntax)
    try:
        decoder = get_decoder(UID(transfer_syntax))
    except NotImplementedError as error:
        raise CannotEncode(f"there is no decoder for {words}") from error
    if not decoder.is_available:
        raise CannotEncode(f"the decoder for {words} is not installed")
    count = _frames(ds)
    expected = _frame_size(ds)
    _check_size(count * expected, budget)
    if transfer_syntax in _SEQUENTIAL_JPEG:
        _repair(ds)
    # Converting the colour space would change values; only what the codestream itself transforms changes.
    # RLE keeps whole cells: beside the stored bits may stand others, and those may be the upper ones.
    decoded = decoder.iter_array(ds, as_rgb=False, correct_unused_bits=transfer_syntax != RLELossless)
    first = next(decoded, None)
    if first is None:
        raise CannotEncode("the pixel data holds no frame")
    frames = (_frame(array, expected, int(ds.BitsAllocated)) for array, _ in chain([first], decoded))
    layout = first[1]
    return NativePixels(
        size=count * expected,
        frames=_exactly(frames, count),
        bits_allocated=int(ds.BitsAllocated),
        photometric=_photometric(str(layout["photometric_interpretation"])),
        planar=int(layout["planar_configuration"]) if int(ds.SamplesPerPixel) > 1 else None,
    )


def _repair(ds: Dataset) -> None:
    data = ds.PixelData
    repaired = repair_fragments(data)
    if repaired is not data:
        ds.PixelData = repaired


def _frames(ds: Dataset) -> int:
    return max(1, int(ds.get("NumberOfFrames") or 1))


def _frame_size(ds: Dataset) -> int:
    bits = int(ds.BitsAllocated)
    if bits not in (8, 16, 32, 64):
        raise CannotEncode(f"pixel data of {bits} bits allocated cannot be decoded")
    return int(ds.Rows) * int(ds.Columns) * int(ds.SamplesPerPixel) * bits // 8


def _check_size(size: int, budget: int) -> None:
    if size > LONGEST_VALUE:
        raise CannotEncode(
            f"decompressed it would be {size >> 20:,} MiB, more than an uncompressed transfer syntax can hold"
        )
    if size > budget:
        raise CannotEncode(
            f"decompressed it would be {size >> 20:,} MiB, more than the {budget >> 20:,} MiB allowed here"
        )


def _frame(array: Any, expected: int, bits: int) -> bytes:
    """A frame's bytes in little endian, in samples of `bits` bits whatever the codestream's precision is."""
    wanted = numpy.dtype(f"<{array.dtype.kind}{bits // 8}")
    data: bytes = array.astype(wanted, copy=False).tobytes()
    if len(data) != expected:
        raise CannotEncode(f"a frame decodes to {len(data):,} bytes, not to the {expected:,} announced")
    return data


def _exactly(frames: Iterator[bytes], count: int) -> Iterator[bytes]:
    found = 0
    for frame in frames:
        found += 1
        if found > count:
            break
        yield frame
    if found != count:
        more = "more" if found > count else f"{found:,}"
        raise CannotEncode(f"the pixel data holds {more} frames, not the {count:,} announced")


def _photometric(decoded: str) -> str:
    """Decoders give every pixel its own chrominance, so 4:2:2 is not subsampled any more."""
    return "YBR_FULL" if decoded == "YBR_FULL_422" else decoded
