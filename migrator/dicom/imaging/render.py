"""From stored samples to what is shown: modality values and windows for greys, colours for the rest.

PS3.3 C.11.1 (modality), C.11.2 (VOI), C.7.6.3.1.2 (photometric interpretation), C.7.9 (palette).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, convert_color_space

from migrator.core.errors import CannotEncode, DamagedFile
from migrator.dicom.imaging.picture import Colour, Curve, Function, Gray, Picture, Shades, Voi, Window, halves
from migrator.dicom.imaging.samples import Format

_RGB = frozenset({"RGB", "YBR_RCT", "YBR_ICT"})
_MOST_LEVELS = 65536
_MOST_WINDOWS = 32
# Values beyond it count as none, so that sums and differences stay finite.
_FARTHEST = 1e300


def picture_of(samples: NDArray[Any], form: Format, ds: Dataset, functional: Dataset) -> Picture:
    """What people see of one frame. Raises CannotEncode, DamagedFile."""
    if form.samples == 3:
        rgb = _colour(samples, form)
        return Colour(rgb, halves(rgb))
    if form.photometric == "PALETTE COLOR":
        rgb = _palette(samples, ds)
        return Colour(rgb, halves(rgb))
    gray = _gray(samples, form, ds, functional)
    return replace(gray, smaller=halves(gray.indices))


def _colour(samples: NDArray[Any], form: Format) -> Shades:
    if form.allocated > 8:
        samples = (samples.astype(numpy.uint64) >> max(0, form.stored - 8)).clip(0, 255)
    plain = numpy.ascontiguousarray(samples.astype(numpy.uint8))
    if form.photometric in ("YBR_FULL", "YBR_FULL_422"):
        rgb: Shades = numpy.ascontiguousarray(convert_color_space(plain, "YBR_FULL", "RGB"))
        return rgb
    if form.photometric in _RGB:
        return plain
    raise CannotEncode(f"images in the colour model {form.photometric} cannot be shown")


def _palette(samples: NDArray[Any], ds: Dataset) -> Shades:
    try:
        rgb = apply_color_lut(samples, ds)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise DamagedFile("the colour palette is missing or damaged") from error
    if rgb.dtype.itemsize > 1:
        rgb = rgb >> 8
    return numpy.ascontiguousarray(rgb[..., :3].astype(numpy.uint8))


def _gray(samples: NDArray[Any], form: Format, ds: Dataset, functional: Dataset) -> Gray:
    indices, stored = _levels(samples)
    values = _modality(stored, ds, functional)
    occurring = values[_occurring(indices, stored, ds)]
    low, high = (float(occurring.min()), float(occurring.max())) if occurring.size else (0.0, 1.0)
    presets = tuple(_presets(ds, functional))
    is_inverted = form.photometric == "MONOCHROME1" or ds.get("PresentationLUTShape") == "INVERSE"
    gray = Gray(indices, values, low, high, Window(0, 1), presets, is_inverted)
    initial: Voi = presets[0] if presets else gray.full
    if not presets and form.stored <= 8 and samples.dtype.kind == "u":
        # Eight bits without a window are made for a screen; stretching them would change what was seen.
        bounds = _modality(numpy.array([0.0, 2.0**form.stored - 1]), ds, functional)
        initial = Window(
            float(bounds.mean()), abs(float(bounds[1] - bounds[0])) or 1.0, Function.LINEAR_EXACT
        )
    return replace(gray, initial=initial)


def _levels(samples: NDArray[Any]) -> tuple[NDArray[Any], NDArray[numpy.float64]]:
    """Numbers from 0 on in place of stored values, and the stored value of each.

    More than 65,536 different values become as many, evenly spread.
    """
    if samples.dtype.kind == "f":
        finite = numpy.abs(samples) <= min(_FARTHEST, float(numpy.finfo(samples.dtype).max))
        if not finite.all():
            least = samples[finite].min() if finite.any() else 0
            samples = numpy.where(finite, samples, least)
    least, most = samples.min().item(), samples.max().item()
    if samples.dtype.kind != "f" and most - least < _MOST_LEVELS:
        count = most - least + 1
        if least:
            samples = samples.astype(numpy.int64 if samples.dtype.itemsize > 2 else numpy.int32) - least
        kind = numpy.uint8 if count <= 256 else numpy.uint16
        return numpy.ascontiguousarray(samples.astype(kind)), numpy.arange(
            least, most + 1, dtype=numpy.float64
        )
    step = (most - least) / (_MOST_LEVELS - 1) or 1.0
    places = numpy.rint((samples.astype(numpy.float64) - least) / step).clip(0, _MOST_LEVELS - 1)
    return places.astype(numpy.uint16), least + numpy.arange(_MOST_LEVELS, dtype=numpy.float64) * step


def _occurring(indices: NDArray[Any], stored: NDArray[numpy.float64], ds: Dataset) -> NDArray[numpy.bool_]:
    """Which levels occur, those of padding left out (PS3.3 C.7.5.1.1.2)."""
    found = numpy.bincount(indices.ravel(), minlength=len(stored)) > 0
    padding, limit = _float(ds, "PixelPaddingValue"), _float(ds, "PixelPaddingRangeLimit")
    if padding is not None:
        ends = sorted((padding, padding if limit is None else limit))
        kept = found & ~((stored >= ends[0]) & (stored <= ends[1]))
        found = kept if kept.any() else found
    return numpy.asarray(found)


def _modality(stored: NDArray[numpy.float64], ds: Dataset, functional: Dataset) -> NDArray[numpy.float64]:
    sequence = ds.get("ModalityLUTSequence")
    if sequence:
        table = _table(sequence[0])
        if table is not None:
            first, entries, _ = table
            places = numpy.clip(stored - first, 0, len(entries) - 1).astype(numpy.int64)
            return entries[places].astype(numpy.float64)
    slope, intercept = (
        _float(functional, keyword, _float(ds, keyword)) for keyword in ("RescaleSlope", "RescaleIntercept")
    )
    with numpy.errstate(over="ignore"):
        return (stored * (slope or 1.0) + (intercept or 0.0)).clip(-_FARTHEST, _FARTHEST)


def _presets(ds: Dataset, functional: Dataset) -> Iterator[Voi]:
    home = functional if "WindowCenter" in functional else ds
    centers, widths = _floats(home, "WindowCenter"), _floats(home, "WindowWidth")
    words = _texts(home, "WindowCenterWidthExplanation")
    name = str(home.get("VOILUTFunction") or "LINEAR").strip()
    function = Function(name) if name in Function.__members__ else Function.LINEAR
    least = 1.0 if function is Function.LINEAR else 0.0
    pairs = list(zip(centers, widths, strict=False))[:_MOST_WINDOWS]
    for number, (center, width) in enumerate(pairs):
        if width >= least and width > 0:
            yield Window(center, width, function, words[number] if number < len(words) else "")
    for item in ds.get("VOILUTSequence") or ():
        table = _table(item)
        if table is not None:
            first, entries, bits = table
            shown = (entries / float((1 << bits) - 1)).clip(0, 1).astype(numpy.float32)
            yield Curve(first, shown, str(item.get("LUTExplanation") or ""))


def _table(item: Dataset) -> tuple[float, NDArray[Any], int] | None:
    """A LUT (PS3.3 C.11.1.1.1): the first value mapped, the entries, their bits; None for a broken one."""
    try:
        count, first, bits = (int(number) for number in item.LUTDescriptor)
        data = item.LUTData
    except (AttributeError, TypeError, ValueError):
        return None
    count = count or _MOST_LEVELS
    if first >= 0x8000 and count + first > _MOST_LEVELS:
        first -= _MOST_LEVELS  # a signed number, read without its sign
    if isinstance(data, bytes):
        kind = ">u2" if item.original_encoding[1] is False else "<u2"
        entries: NDArray[Any] = numpy.frombuffer(data, kind if len(data) >= 2 * count else "u1")
    else:
        entries = numpy.atleast_1d(numpy.asarray(data)).astype(numpy.uint16)
    entries = entries[:count]
    return (float(first), entries, bits) if entries.size and 0 < bits <= 16 else None


def _floats(ds: Dataset, keyword: str) -> list[float]:
    try:
        value = ds.get(keyword)
        if value is None or value == "":
            return []
        numbers = [float(one) for one in (value if hasattr(value, "append") else [value])]
    except (TypeError, ValueError, OverflowError):
        return []
    return numbers if all(math.isfinite(number) for number in numbers) else []


def _float(ds: Dataset, keyword: str, default: float | None = None) -> float | None:
    found = _floats(ds, keyword)
    return found[0] if found else default


def _texts(ds: Dataset, keyword: str) -> list[str]:
    value = ds.get(keyword)
    if not value:
        return []
    return [str(one).strip() for one in (value if hasattr(value, "append") else [value])]


def aspect_of(ds: Dataset, functional: Dataset) -> float:
    """A pixel's height over its width (PS3.3 10.7.1.3, C.7.6.3.1.7)."""
    for home, keyword in (
        (ds, "PixelAspectRatio"),
        (functional, "PixelSpacing"),
        (ds, "PixelSpacing"),
        (ds, "ImagerPixelSpacing"),
    ):
        numbers = _floats(home, keyword)
        if len(numbers) == 2 and min(numbers) > 0:
            return min(20.0, max(0.05, numbers[0] / numbers[1]))
    return 1.0


def rate_of(ds: Dataset) -> float:
    """Frames a second, as the object recommends; 0 where it says nothing."""
    for keyword in ("RecommendedDisplayFrameRate", "CineRate"):
        rate = _float(ds, keyword)
        if rate and rate > 0:
            return min(rate, 120.0)
    time = _float(ds, "FrameTime")
    return min(1000.0 / time, 120.0) if time and time > 0 else 0.0
