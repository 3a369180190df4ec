"""What a look tells beside the picture: attributes, what is no image, what is broken; and what it reads."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    CTImageStorage,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    KeyObjectSelectionDocumentStorage,
    RLELossless,
)

from migrator.core.errors import Cancelled
from migrator.dicom.imaging import looking, opened
from migrator.dicom.imaging.looking import look, look_encoded, look_of
from migrator.dicom.imaging.picture import Gray
from migrator.dicom.structure import Bytes
from migrator.jobs.imaging import Imager, Wanted
from tests.imaging.making import make_image, make_object, overflowing_run, save

PIXELS = numpy.arange(16, dtype=numpy.uint16).reshape(4, 4)


@pytest.fixture(autouse=True)
def no_bound_on_the_memory_of_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "_is_bounded", True)


@pytest.fixture
def imager() -> Iterator[Imager]:
    made = Imager()
    yield made
    made.close()


# Attributes


def test_important_attributes_are_told_in_groups_and_words(tmp_path: Path, imager: Imager) -> None:
    ds = make_image(PIXELS, StudyDate="20240229", StudyTime="101530.25", PixelSpacing=[0.5, 0.25])
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.PatientName = "Müller^Zoë^^"
    ds.ReferringPhysicianName = "^^^^"
    block = ds.private_block(0x0009, "OURS", create=True)
    block.add_new(1, "LO", "secret")
    found = imager.look(Wanted(save(ds, tmp_path / "one.dcm")))
    told = {tag.name: (tag.group, tag.tag, tag.value) for tag in found.tags}
    assert told["Patient's Name"] == ("Patient", "(0010,0010)", "Müller^Zoë")
    assert "Referring Physician's Name" not in told
    assert told["Study Date"][2] == "2024-02-29"
    assert told["Study Time"][2] == "10:15:30.25"
    assert told["SOP Class UID"][2] == f"CT Image Storage ({CTImageStorage})"
    assert told["Transfer Syntax UID"][2] == f"Explicit VR Little Endian ({ExplicitVRLittleEndian})"
    assert told["Pixel Spacing"][2] == "0.5 \\ 0.25"
    assert not any("secret" in tag.value or "OURS" in tag.value for tag in found.tags)
    assert (found.modality, found.aspect, found.frames) == ("CT", 2.0, 1)


def test_long_values_are_cut(tmp_path: Path) -> None:
    ds = make_image(PIXELS, PatientComments="x" * 5000)
    (comment,) = [tag for tag in look(save(ds, tmp_path / "one.dcm"), 0).tags if "Comments" in tag.name]
    assert len(comment.value) == 256
    assert comment.value.endswith("…")


@pytest.mark.parametrize(
    ("attributes", "rate"),
    [({"FrameTime": 40}, 25), ({"CineRate": 15, "FrameTime": 40}, 15), ({}, 0), ({"FrameTime": 0}, 0)],
)
def test_the_rate_of_frames_is_the_objects_own(
    tmp_path: Path, attributes: dict[str, Any], rate: float
) -> None:
    assert look(save(make_image(PIXELS, **attributes), tmp_path / "one.dcm"), 0).rate == rate


# No image


@pytest.mark.parametrize(
    ("sop_class", "attributes", "words"),
    [
        (EncapsulatedPDFStorage, {"DocumentTitle": "Letter"}, "This is a PDF document: Letter."),
        (KeyObjectSelectionDocumentStorage, {}, "a key object selection"),
        (GrayscaleSoftcopyPresentationStateStorage, {}, "a presentation state"),
        ("1.2.840.10008.5.1.4.1.1.88.33", {}, "a structured report"),
        ("1.2.840.10008.5.1.4.1.1.481.5", {}, "a radiotherapy plan"),
        ("1.2.3.4", {}, "an object of the kind 1.2.3.4"),
    ],
)
def test_an_object_without_an_image_says_what_it_is(
    tmp_path: Path, sop_class: str, attributes: dict[str, str], words: str
) -> None:
    found = look(save(make_object(SOPClassUID=sop_class, **attributes), tmp_path / "one.dcm"), 0)
    assert words in found.absence
    assert "It holds no image." in found.absence
    assert (found.picture, found.trouble) == (None, "")
    assert found.tags


def test_an_image_that_lost_its_pixels_is_told_from_what_never_was_one(tmp_path: Path) -> None:
    found = look(save(make_object(), tmp_path / "one.dcm"), 0)
    assert found.absence == (
        "This object is one of CT Image Storage, but it holds no image: its pixel data is missing."
    )


def test_the_title_of_a_report_is_told(tmp_path: Path) -> None:
    concept = Dataset()
    concept.CodeMeaning = "CT Report"
    ds = make_object(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", ConceptNameCodeSequence=[concept])
    assert "a structured report: CT Report." in look(save(ds, tmp_path / "one.dcm"), 0).absence


def test_a_video_is_named(tmp_path: Path) -> None:
    ds = make_image(PIXELS.astype(numpy.uint8), "1.2.840.10008.1.2.4.102")
    ds.PixelData = struct.pack("<HHLHHL4s", 0xFFFE, 0xE000, 0, 0xFFFE, 0xE000, 4, b"film")
    ds["PixelData"].is_undefined_length = True
    found = look(save(ds, tmp_path / "one.dcm"), 0)
    assert "This is a video (MPEG-4 AVC/H.264 High Profile" in found.absence


# Broken


def test_a_truncated_file_still_tells_its_attributes(tmp_path: Path) -> None:
    path = save(make_image(PIXELS), tmp_path / "one.dcm")
    os.truncate(path, Path(path).stat().st_size - 10)
    found = look(path, 0)
    assert found.trouble == "Truncated: the data ends before its last element does"
    assert "Patient's Name" in {tag.name for tag in found.tags}


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "Zero-byte file"), (b"Not DICOM at all. " * 20, "Not a DICOM object")]
)
def test_what_is_no_object_says_so(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "one.dcm"
    path.write_bytes(content)
    assert look(str(path), 0).trouble == words


def test_a_file_that_is_gone_says_so(tmp_path: Path) -> None:
    assert "cannot be read" in look(str(tmp_path / "none.dcm"), 0).trouble


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"Rows": None}, "The attribute Rows is missing"),
        ({"Rows": 0}, "rows or columns"),
        ({"Rows": 4000}, "ends before the image is complete"),
        ({"BitsAllocated": 12}, "12 bits"),
        ({"SamplesPerPixel": 4}, "4 samples"),
        ({"NumberOfFrames": 99_999_999_999}, "more frames than any object can have"),
        ({"Rows": 65535, "Columns": 65535}, "too large to be shown"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "palette is missing or damaged"),
    ],
)
def test_a_senseless_description_is_told_in_words(
    tmp_path: Path, attributes: dict[str, Any], words: str
) -> None:
    found = look(save(make_image(PIXELS, **attributes), tmp_path / "one.dcm"), 0)
    assert words in found.trouble
    assert found.picture is None
    assert found.tags


def test_a_damaged_codestream_names_its_kind_and_no_value(tmp_path: Path) -> None:
    ds = make_image(PIXELS.astype(numpy.uint8), JPEGBaseline8Bit)
    ds.PixelData = struct.pack("<HHLHHL4s", 0xFFFE, 0xE000, 0, 0xFFFE, 0xE000, 4, b"Doe^")
    ds["PixelData"].is_undefined_length = True
    found = look(save(ds, tmp_path / "one.dcm"), 0)
    assert "The image data (JPEG Baseline (Process 1)) is damaged" in found.trouble
    assert "Doe" not in found.trouble


@pytest.mark.parametrize(
    ("syntax", "mark", "place", "sizes"),
    [
        (JPEGLSLossless, b"\xff\xf7", 5, struct.pack(">2H", 65535, 65534)),
        (JPEG2000Lossless, b"\xff\x51", 6, struct.pack(">2L", 65535, 65534)),
    ],
)
def test_a_codestream_that_announces_gigabytes_is_not_decoded(
    tmp_path: Path, syntax: str, mark: bytes, place: int, sizes: bytes
) -> None:
    ds = make_image(numpy.arange(4096, dtype=numpy.uint16).reshape(64, 64))
    ds.compress(syntax)
    assert look(save(ds, tmp_path / "one.dcm"), 0).picture is not None
    data = bytearray(ds.PixelData)
    place += data.index(mark)
    data[place : place + len(sizes)] = sizes
    ds.PixelData = bytes(data)
    assert "4,294,770,690 pixels, too many" in look(save(ds, tmp_path / "one.dcm"), 0).trouble


def test_a_decoder_that_panics_costs_no_process(tmp_path: Path) -> None:
    ds = make_image(PIXELS)
    ds.compress(RLELossless)
    ds.PixelData = encapsulate([overflowing_run()])
    found = look(save(ds, tmp_path / "one.dcm"), 0)
    assert found.trouble == "The image data (RLE Lossless) is damaged: PanicException"


def test_a_frame_that_is_not_there_leaves_the_others(tmp_path: Path) -> None:
    ds = make_image(numpy.stack([PIXELS] * 3))
    ds.compress(RLELossless)
    ds.NumberOfFrames = 4
    path = save(ds, tmp_path / "one.dcm")
    assert look(path, 3).trouble
    assert look(path, 3).frames == 4
    assert look(path, 1).picture is not None


def test_no_beginning_of_a_file_makes_a_look_fail(tmp_path: Path) -> None:
    ds = make_image(numpy.stack([PIXELS] * 2), VOILUTSequence=[Dataset()])
    ds.compress(RLELossless)
    whole = Path(save(ds, tmp_path / "one.dcm")).read_bytes()
    path = tmp_path / "part.dcm"
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        found = look(str(path), 1)
        assert found.trouble or found.absence


def test_no_flipped_bit_makes_a_look_fail(tmp_path: Path) -> None:
    whole = Path(save(make_image(PIXELS, WindowCenter=3, WindowWidth=5), tmp_path / "one.dcm")).read_bytes()
    path = tmp_path / "part.dcm"
    for place in range(132, len(whole), 3):
        for bit in (0x01, 0x80):
            path.write_bytes(whole[:place] + bytes((whole[place] ^ bit,)) + whole[place + 1 :])
            found = look(str(path), 0)
            assert found.picture is not None or found.trouble or found.absence


# What is read


@pytest.mark.skipif(sys.platform == "win32", reason="the file would not be sparse")
def test_one_frame_of_gigabytes_costs_one_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, side = 4000, 512
    path = save(make_image(PIXELS, NumberOfFrames=frames, Rows=side, Columns=side), tmp_path / "one.dcm")
    size = frames * side * side * 2
    with Path(path).open("r+b") as file:
        start = Path(path).stat().st_size - PIXELS.nbytes
        file.seek(start - 4)
        file.write(struct.pack("<L", size))
        file.truncate(start + size)
        file.seek(start + 3999 * side * side * 2)
        file.write(b"\x07\x00")
    read: list[int] = []
    at = Bytes.at

    def counted(source: Bytes, position: int, count: int) -> bytes:
        read.append(count)
        return at(source, position, count)

    monkeypatch.setattr(Bytes, "at", counted)
    picture = look(path, 3999).picture
    assert isinstance(picture, Gray)
    assert picture.values[picture.indices][0, 0] == 7
    assert sum(read) < 1 << 20


def test_a_deflated_object_that_grows_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(make_image(PIXELS, "1.2.840.10008.1.2.1.99"), tmp_path / "one.dcm")
    assert look(path, 0).picture is not None
    monkeypatch.setattr(opened, "LONGEST_INFLATED", 300)
    assert look(path, 0).trouble


def test_a_look_travels_whole(tmp_path: Path) -> None:
    path = save(make_image(numpy.arange(1200 * 900, dtype=numpy.uint16).reshape(1200, 900)), tmp_path / "1")
    encoded = look_encoded(path, 0)
    found = look_of(bytearray(b"".join(encoded.pieces)))
    assert encoded.size > 1200 * 900 * 2
    assert isinstance(found.picture, Gray)
    assert [layer.shape for layer in found.picture.layers] == [(1200, 900), (600, 450), (300, 225)]
    assert found.tags == look(path, 0).tags


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured on Linux only")
def test_a_process_that_keeps_much_memory_asks_for_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(make_image(PIXELS), tmp_path / "one.dcm")
    for kept in (1 << 40, 0):
        monkeypatch.setattr(looking, "_KEPT", kept)
        assert look_of(bytearray(b"".join(look_encoded(path, 0).pieces))).is_last is (kept == 0)


def test_nothing_is_looked_at_after_closing(tmp_path: Path) -> None:
    imager = Imager()
    imager.close()
    with pytest.raises(Cancelled):
        imager.look(Wanted(str(tmp_path)))
