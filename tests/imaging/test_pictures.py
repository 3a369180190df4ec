"""Stored values become what people see, whatever their encoding: held against pydicom and the standard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.uid import ExplicitVRBigEndian, RLELossless

from migrator.dicom.imaging.looking import look
from migrator.dicom.imaging.picture import (
    Colour,
    Curve,
    Function,
    Gray,
    Look,
    Window,
    halves,
    shades,
)
from tests.imaging.making import make_image, save


def seen(ds: Dataset, path: Path, frame: int = 0) -> Look:
    found = look(save(ds, path / "one.dcm"), frame)
    assert (found.trouble, found.absence) == ("", "")
    return found


def gray(ds: Dataset, path: Path, frame: int = 0) -> Gray:
    picture = seen(ds, path, frame).picture
    assert isinstance(picture, Gray)
    return picture


def colour(ds: Dataset, path: Path, frame: int = 0) -> Any:
    picture = seen(ds, path, frame).picture
    assert isinstance(picture, Colour)
    return picture.rgb


def values(picture: Gray) -> list[Any]:
    return picture.values[picture.indices].tolist()


def table(voi: Window | Curve, *numbers: float) -> list[int]:
    return shades(numpy.array(numbers, float), voi).tolist()


# Windows


def test_a_linear_window_is_that_of_the_standard() -> None:
    # PS3.3 C.11.2.1.2.1: c=2048 and w=4096 map 0 to 4095 to all shades; w=1 is a threshold at c - 0.5.
    assert table(Window(2048, 4096), -5, 0, 2047.5, 4095, 5000) == [0, 0, 128, 255, 255]
    assert table(Window(2048, 1), 2047, 2047.4, 2047.6, 2048) == [0, 0, 255, 255]
    assert table(Window(0, 100), -50, -0.5, 49) == [0, 128, 255]


def test_an_exact_linear_window_has_the_width_that_it_says() -> None:
    exact = Function.LINEAR_EXACT
    assert table(Window(0, 100, exact), -51, -50, 0, 50, 51) == [0, 0, 128, 255, 255]
    assert table(Window(0.5, 1, exact), 0, 0.5, 1) == [0, 128, 255]


def test_a_sigmoid_never_leaves_the_shades() -> None:
    assert table(Window(100, 50, Function.SIGMOID), -1e12, 75, 100, 125, 1e12) == [0, 30, 128, 225, 255]


def test_all_windows_of_a_file_are_offered_with_their_explanations(tmp_path: Path) -> None:
    ds = make_image(
        numpy.arange(4, dtype=numpy.uint16).reshape(2, 2),
        WindowCenter=[40, -600],
        WindowWidth=[400, 1500],
        WindowCenterWidthExplanation=["SOFT", "LUNG"],
        VOILUTFunction="SIGMOID",
    )
    sigmoid = Function.SIGMOID
    picture = gray(ds, tmp_path)
    assert picture.presets == (Window(40, 400, sigmoid, "SOFT"), Window(-600, 1500, sigmoid, "LUNG"))
    assert picture.initial is picture.presets[0]


@pytest.mark.parametrize(("center", "width"), [(10, 0), ("", 5), ([], []), (float("nan"), 3)])
def test_a_senseless_window_is_none(tmp_path: Path, center: Any, width: Any) -> None:
    ds = make_image(numpy.arange(4, dtype=numpy.uint16).reshape(2, 2))
    ds.add_new(0x00281050, "FD", [] if center == "" else center)
    ds.add_new(0x00281051, "FD", width)
    picture = gray(ds, tmp_path)
    assert picture.presets == ()
    assert (picture.initial, picture.full.center, picture.full.width) == (picture.full, 1.5, 3)


def test_a_voi_lut_is_applied(tmp_path: Path) -> None:
    item = Dataset()
    item.LUTDescriptor = [4, 10, 8]
    item.add_new(0x00283006, "OW", bytes((0, 0, 51, 0, 102, 0, 255, 0)))
    item.LUTExplanation = "CURVE"
    ds = make_image(numpy.array([[0, 10], [12, 99]], numpy.uint16), VOILUTSequence=[item])
    picture = gray(ds, tmp_path)
    (curve,) = picture.presets
    assert curve.words == "CURVE"
    assert shades(picture.values, curve)[picture.indices].tolist() == [[0, 0], [102, 255]]


def test_eight_bits_without_a_window_are_shown_as_stored(tmp_path: Path) -> None:
    picture = gray(make_image(numpy.array([[50, 100]], numpy.uint8)), tmp_path)
    assert shades(picture.values, picture.initial)[picture.indices].tolist() == [[50, 100]]
    assert (picture.full.center, picture.full.width) == (75, 50)


# Values


def test_rescaling_makes_the_values_that_windows_mean(tmp_path: Path) -> None:
    stored = numpy.array([[0, 1000], [2000, 24]], numpy.uint16)
    ds = make_image(stored, RescaleSlope=2, RescaleIntercept=-1024)
    assert values(gray(ds, tmp_path)) == (stored * 2.0 - 1024).tolist()


def test_a_modality_lut_makes_them_too(tmp_path: Path) -> None:
    item = Dataset()
    item.add_new(0x00283002, "SS", [3, -1, 16])
    item.add_new(0x00283006, "US", [500, 600, 700])
    ds = make_image(numpy.array([[-1, 0], [1, 9]], numpy.int16), ModalityLUTSequence=[item])
    assert values(gray(ds, tmp_path)) == [[500, 600], [700, 700]]


def test_only_the_stored_bits_count(tmp_path: Path) -> None:
    # PS3.5 8.1.1: twelve bits, here the upper ones; below them is something else.
    stored = numpy.array([[0x0015, 0xFFF7], [0x8001, 0x7FF0]], numpy.uint16)
    ds = make_image(stored, BitsStored=12, HighBit=15)
    assert values(gray(ds, tmp_path)) == [[1, 0xFFF], [0x800, 0x7FF]]
    ds = make_image(stored, BitsStored=12, HighBit=15, PixelRepresentation=1)
    assert values(gray(ds, tmp_path)) == [[1, -1], [-0x800, 0x7FF]]
    ds = make_image(numpy.array([[0xF001, 0x0FFF]], numpy.uint16), BitsStored=12, HighBit=11)
    assert values(gray(ds, tmp_path)) == [[1, 0xFFF]]


def test_run_length_encoded_samples_are_where_native_ones_are(tmp_path: Path) -> None:
    stored = numpy.array([[0x0015, 0xFFF7], [0x8001, 0x7FF0]], numpy.uint16)
    ds = make_image(stored)
    ds.compress(RLELossless)
    ds.BitsStored = 12
    assert values(gray(ds, tmp_path)) == [[1, 0xFFF], [0x800, 0x7FF]]


def test_single_bits_are_unpacked_also_across_bytes(tmp_path: Path) -> None:
    bits = numpy.random.default_rng(1).integers(0, 2, (3, 5, 7)).astype(numpy.uint8)
    ds = make_image(bits, BitsAllocated=1, BitsStored=1, HighBit=0)
    packed = numpy.packbits(bits.ravel(), bitorder="little").tobytes()
    ds.PixelData = packed + bytes(len(packed) & 1)
    for frame in range(3):
        assert values(gray(ds, tmp_path, frame)) == bits[frame].tolist()


@pytest.mark.parametrize("kind", ["u4", "i4", "f4", "f8"])
def test_more_values_than_sixteen_bits_have_are_spread_evenly(tmp_path: Path, kind: str) -> None:
    wide = numpy.linspace(-5e5 if kind != "u4" else 0, 5e5, 400).astype(kind).reshape(20, 20)
    ds = make_image(wide)
    if kind.startswith("f"):
        del ds.PixelData
        ds.add_new(0x7FE00008 if kind == "f4" else 0x7FE00009, "OF" if kind == "f4" else "OD", wide.tobytes())
    picture = gray(ds, tmp_path)
    assert numpy.abs(picture.values[picture.indices] - wide).max() <= 1e6 / 65535
    assert (picture.low, picture.high) == (wide.min(), wide.max())


def test_what_is_no_number_is_the_lowest(tmp_path: Path) -> None:
    data = numpy.array([[1, numpy.nan], [numpy.inf, 5]], numpy.float32)
    ds = make_image(data)
    del ds.PixelData
    ds.add_new(0x7FE00008, "OF", data.tobytes())
    picture = gray(ds, tmp_path)
    assert (picture.low, picture.high) == (1, 5)
    assert values(picture)[0] == [1, 1]


def test_numbers_near_the_end_of_all_numbers_stay_numbers(tmp_path: Path) -> None:
    farthest = make_image(numpy.array([[1e308, -1e308, 2, 3]]))
    data = farthest.PixelData
    del farthest.PixelData
    farthest.add_new(0x7FE00009, "OD", data)
    picture = gray(farthest, tmp_path)
    assert (picture.low, picture.high) == (2, 3)
    steep = make_image(numpy.array([[0, 5]], numpy.uint16))
    for tag, number in ((0x00281053, 1e308), (0x00281052, 0.0), (0x00281050, 1e300), (0x00281051, 1e-300)):
        steep.add_new(tag, "FD", number)
    steep.VOILUTFunction = "LINEAR_EXACT"
    picture = gray(steep, tmp_path)
    assert numpy.isfinite([picture.low, picture.high, picture.full.center, picture.full.width]).all()
    assert shades(picture.values, picture.initial).tolist()[0] == 0
    assert shades(picture.values, picture.full)[picture.indices].tolist() == [[0, 255]]


def test_padding_does_not_stretch_the_full_range(tmp_path: Path) -> None:
    ds = make_image(numpy.array([[-2000, 10], [20, -2000]], numpy.int16))
    ds.add_new(0x00280120, "SS", -2000)
    picture = gray(ds, tmp_path)
    assert (picture.low, picture.high) == (10, 20)


@pytest.mark.parametrize(
    ("attributes", "is_inverted"),
    [
        ({"PhotometricInterpretation": "MONOCHROME1"}, True),
        ({"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}, True),
        ({"PresentationLUTShape": "INVERSE"}, True),
        ({"PresentationLUTShape": "IDENTITY"}, False),
    ],
)
def test_what_is_stored_as_a_negative_is_inverted_once(
    tmp_path: Path, attributes: dict[str, str], is_inverted: bool
) -> None:
    picture = gray(make_image(numpy.array([[0, 255]], numpy.uint8), **attributes), tmp_path)
    assert picture.is_inverted is is_inverted
    assert shades(numpy.array([0.0, 255.0]), picture.initial, is_inverted=True).tolist() == [255, 0]


def test_a_frame_has_the_window_and_the_scale_of_its_own(tmp_path: Path) -> None:
    ds = make_image(numpy.arange(8, dtype=numpy.uint16).reshape(2, 2, 2))
    ds.PerFrameFunctionalGroupsSequence = [Dataset(), Dataset()]
    for number, groups in enumerate(ds.PerFrameFunctionalGroupsSequence):
        voi, scale = Dataset(), Dataset()
        voi.WindowCenter, voi.WindowWidth = 10 + number, 20
        scale.RescaleSlope, scale.RescaleIntercept = 1, number * 100
        groups.FrameVOILUTSequence = [voi]
        groups.PixelValueTransformationSequence = [scale]
    measures = Dataset()
    measures.PixelSpacing = [2, 1]
    shared = Dataset()
    shared.PixelMeasuresSequence = [measures]
    ds.SharedFunctionalGroupsSequence = [shared]
    picture = gray(ds, tmp_path, 1)
    assert picture.initial == Window(11, 20)
    assert values(picture) == [[104, 105], [106, 107]]
    found = seen(ds, tmp_path, 1)
    assert found.aspect == 2
    assert {tag.name: tag.value for tag in found.tags}["Window Center"] == "11.0"


def test_private_groups_of_a_frame_say_nothing_of_windows_and_scales(tmp_path: Path) -> None:
    ds = make_image(numpy.arange(8, dtype=numpy.uint16).reshape(2, 2, 2))
    theirs, scale, groups, shared = Dataset(), Dataset(), Dataset(), Dataset()
    theirs.RescaleSlope, theirs.WindowCenter, theirs.WindowWidth = 7, 99, 9
    groups.private_block(0x2005, "OURS", create=True).add_new(0x0F, "SQ", [theirs])
    ds.PerFrameFunctionalGroupsSequence = [groups, groups]
    scale.RescaleSlope, scale.RescaleIntercept = 2, 0
    shared.PixelValueTransformationSequence = [scale]
    ds.SharedFunctionalGroupsSequence = [shared]
    picture = gray(ds, tmp_path)
    assert values(picture) == [[0, 2], [4, 6]]
    assert picture.presets == ()


# Colours


def test_colours_come_from_planes_and_from_pixels_alike(tmp_path: Path) -> None:
    rgb = numpy.random.default_rng(2).integers(0, 256, (3, 5, 3)).astype(numpy.uint8)
    assert colour(make_image(rgb), tmp_path).tolist() == rgb.tolist()
    planes = make_image(rgb, PlanarConfiguration=1)
    planes.PixelData = numpy.moveaxis(rgb, -1, 0).tobytes() + b"\0"
    assert colour(planes, tmp_path).tolist() == rgb.tolist()


def test_deep_colours_keep_their_upper_bits(tmp_path: Path) -> None:
    deep = numpy.array([[[0, 0x1234, 0xFFFF]]], numpy.uint16)
    assert colour(make_image(deep), tmp_path).tolist() == [[[0, 0x12, 0xFF]]]


def test_subsampled_chrominance_is_shared_by_two_pixels(tmp_path: Path) -> None:
    ds = make_image(numpy.zeros((1, 4, 3), numpy.uint8), PhotometricInterpretation="YBR_FULL_422")
    ds.PixelData = bytes((100, 200, 128, 128, 50, 60, 128, 128))
    expected = [[[level] * 3 for level in (100, 200, 50, 60)]]
    assert colour(ds, tmp_path).tolist() == expected


@pytest.mark.parametrize("rows", [3, 4])
def test_big_endian_frames_of_bytes_are_turned_in_pairs(tmp_path: Path, rows: int) -> None:
    # Frames of odd length begin within a pair (PS3.5 8.1.1).
    stored = numpy.arange(3 * rows * 5, dtype=numpy.uint8).reshape(3, rows, 5)
    ds = make_image(stored, ExplicitVRBigEndian)
    data = stored.tobytes() + bytes(stored.size & 1)
    ds["PixelData"].VR = "OW"
    ds["PixelData"]._value = numpy.frombuffer(data, "<u2").byteswap().tobytes()
    for frame in range(3):
        found = look(save(ds, tmp_path / "one.dcm"), frame).picture
        assert isinstance(found, Gray)
        assert values(found) == stored[frame].tolist()


_FILES = (
    "693_J2KI.dcm",
    "CT_small.dcm",
    "ExplVR_BigEnd.dcm",
    "J2K_pixelrep_mismatch.dcm",
    "JPEG2000.dcm",
    "JPEGLSNearLossless_16.dcm",
    "MR_small_RLE.dcm",
    "SC_jpeg_no_color_transform.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "SC_rgb_small_odd_jpeg.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "examples_palette.dcm",
    "examples_ybr_color.dcm",
    "mlut_18.dcm",
    "vlut_04.dcm",
)


@pytest.mark.parametrize("name", _FILES)
def test_real_files_look_as_pydicom_decodes_them(name: str) -> None:
    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"{name} is not installed")
    ds = pydicom.dcmread(path)
    found = look(str(path), 0)
    expected = ds.pixel_array if found.frames == 1 else ds.pixel_array[0]
    if isinstance(found.picture, Gray):
        picture = found.picture
        shown = picture.values[picture.indices]
        assert numpy.array_equal(shown, apply_modality_lut(expected, ds))
        if picture.presets:
            windowed = apply_voi_lut(shown, ds, prefer_lut=isinstance(picture.initial, Curve)).astype(float)
            windowed = (windowed - windowed.min()) / (windowed.max() - windowed.min())
            ours = shades(picture.values, picture.initial)[picture.indices].astype(float)
            ours = (ours - ours.min()) / (ours.max() - ours.min())
            assert numpy.abs(windowed - ours).max() < 0.02
        return
    assert isinstance(found.picture, Colour)
    if ds.PhotometricInterpretation == "PALETTE COLOR":
        expected = apply_color_lut(expected, ds)
    if expected.dtype.itemsize > 1:
        expected = expected >> 8
    assert numpy.array_equal(found.picture.rgb, expected)


def test_every_frame_of_a_compressed_object_is_its_own(tmp_path: Path) -> None:
    frames = numpy.random.default_rng(3).integers(0, 4096, (5, 16, 16)).astype(numpy.uint16)
    ds = make_image(frames)
    ds.compress(RLELossless)
    for number in (4, 0, 2):
        assert values(gray(ds, tmp_path, number)) == frames[number].tolist()


# Smaller copies


@pytest.mark.parametrize("shape", [(1031, 700), (513, 1200, 3), (40, 5000), (1, 3000)])
def test_smaller_copies_are_means(shape: tuple[int, ...]) -> None:
    pixels = numpy.random.default_rng(4).integers(0, 65536, shape).astype(numpy.uint16)
    made = halves(pixels)
    if min(shape[:2]) < 2:
        assert made == ()
        return
    rows, columns = (length // 2 for length in shape[:2])
    blocks = pixels[: rows * 2, : columns * 2].reshape(rows, 2, columns, 2, *shape[2:])
    assert numpy.abs(blocks.mean(axis=(1, 3)) - made[0]).max() <= 0.5
    assert max(made[-1].shape[:2]) <= 512 or min(made[-1].shape[:2]) < 2
