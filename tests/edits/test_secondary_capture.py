"""Secondary Capture copies: the class fits the image, the pixels are the same, the source is referenced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from migrator.core.edits import SECONDARY_CAPTURES, Reclassify, Uncompress
from migrator.core.errors import CannotEncode
from migrator.core.model import ContextPair
from migrator.core.outcome import Cause, Fidelity
from migrator.dicom.editing.secondary_capture import copy_uid
from tests.association.making import quick, scan
from tests.edits.making import (
    BIG,
    CT,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    RLE,
    US,
    a_dataset,
    edit,
    original_of,
    read,
    write,
)
from tests.edits.test_sending import Keeping, rle_file, store
from tests.peers import Storescp

SC, SINGLE_BIT, BYTE, WORD, COLOR = SECONDARY_CAPTURES


def multi(frames: int = 3, **attributes: object) -> Dataset:
    """A multi-frame ultrasound image in 8-bit gray, unless told otherwise."""
    pixels = {
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelData": numpy.arange(16 * frames, dtype="u1").tobytes(),
        "NumberOfFrames": frames,
        "SOPClassUID": US,
    }
    return a_dataset(**{**pixels, **attributes})


def color(**attributes: object) -> Dataset:
    ds = multi(SamplesPerPixel=3, PhotometricInterpretation="RGB", **attributes)
    ds.PlanarConfiguration = 0
    ds.PixelData = bytes(16 * 3 * 3)
    return ds


def copy_of(tmp_path: Path, ds: Dataset, syntax: str = EXPLICIT) -> Dataset:
    edited, data = edit(write(tmp_path / "image.dcm", ds, syntax), Reclassify())
    assert edited.fidelity is Fidelity.RECLASSIFIED
    return read(data, syntax)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_a_single_frame_becomes_a_plain_secondary_capture(tmp_path: Path, syntax: str) -> None:
    ds = a_dataset()
    found = copy_of(tmp_path, ds, syntax)
    assert (found.SOPClassUID, found.SOPInstanceUID) == (SC, copy_uid("1.2.3.4.5"))
    (source,) = found.SourceImageSequence
    assert (source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID) == (CT, "1.2.3.4.5")
    assert list(found.ImageType) == ["DERIVED", "PRIMARY", "AXIAL"]
    assert found.ConversionType == "WSD"
    assert "CT Image Storage" in found.DerivationDescription
    assert found.PixelData == ds.PixelData
    assert (found.StudyInstanceUID, found.SeriesInstanceUID, found.PatientID) == ("1.2.3", "1.2.3.4", "P1")
    (item,) = found.OriginalAttributesSequence
    (old,) = item.ModifiedAttributesSequence
    assert list(old.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert "SOPInstanceUID" not in old  # it is in Source Image Sequence


def test_the_same_object_always_gets_the_same_copy() -> None:
    assert copy_uid("1.2.3") == copy_uid("1.2.3") != copy_uid("1.2.4")
    assert copy_uid("1.2.3").startswith("2.25.") and len(copy_uid("1.2.3")) <= 64
    assert copy_uid("1.2.3") == "2.25." + str(int(copy_uid("1.2.3")[5:]))


@pytest.mark.parametrize(
    ("attributes", "sop_class"),
    [
        ({}, BYTE),
        ({"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11}, WORD),
        ({"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}, SINGLE_BIT),
    ],
)
def test_several_frames_become_the_class_that_their_bits_fit(
    tmp_path: Path, attributes: dict[str, object], sop_class: str
) -> None:
    found = copy_of(tmp_path, multi(**attributes))
    assert found.SOPClassUID == sop_class
    assert found.BurnedInAnnotation == "YES"
    assert (found.FrameIncrementPointer, list(found.PageNumberVector)) == (0x00182001, [1, 2, 3])
    if sop_class != SINGLE_BIT:
        assert found.PresentationLUTShape == "IDENTITY"
        assert (found.RescaleIntercept, found.RescaleSlope, found.RescaleType) == (0, 1, "US")


def test_colours_become_true_color_without_overlays_and_windows(tmp_path: Path) -> None:
    ds = color(WindowCenter=100, WindowWidth=10)
    ds.add_new(0x60000010, "US", 4)
    ds.add_new(0x60003000, "OW", b"\0\0")
    path = write(tmp_path / "image.dcm", ds)
    edited, data = edit(path, Reclassify())
    found = read(data)
    assert found.SOPClassUID == COLOR
    assert "WindowCenter" not in found and 0x60003000 not in found
    assert "PresentationLUTShape" not in found
    told = {change.keyword for change in edited.changes}
    assert {"WindowCenter", "(6000,3000)", "SOPClassUID", "SOPInstanceUID"} <= told
    old = found.OriginalAttributesSequence[0].ModifiedAttributesSequence[0]
    assert old.WindowCenter == 100 and old[0x60000010].value == 4


def test_rescaling_that_changes_nothing_is_written_as_the_class_has_it(tmp_path: Path) -> None:
    found = copy_of(tmp_path, multi(RescaleIntercept="-0.0", RescaleSlope="1.00", RescaleType="HU"))
    assert (found.RescaleIntercept, found.RescaleSlope, found.RescaleType) == (0, 1, "US")


def test_a_frame_increment_that_may_stay_stays(tmp_path: Path) -> None:
    found = copy_of(
        tmp_path, multi(FrameTime="40", FrameIncrementPointer=0x00181063, BurnedInAnnotation="NO")
    )
    assert found.FrameIncrementPointer == 0x00181063
    assert "PageNumberVector" not in found and found.BurnedInAnnotation == "NO"


def test_an_increment_that_points_at_nothing_is_replaced(tmp_path: Path) -> None:
    found = copy_of(tmp_path, multi(FrameIncrementPointer=0x00181063))
    assert found.FrameIncrementPointer == 0x00182001


def test_earlier_sources_and_derivations_are_kept(tmp_path: Path) -> None:
    first = Dataset()
    first.ReferencedSOPClassUID, first.ReferencedSOPInstanceUID = CT, "1.9"
    found = copy_of(
        tmp_path, a_dataset(SourceImageSequence=Sequence([first]), DerivationDescription="Sharpened")
    )
    assert [one.ReferencedSOPInstanceUID for one in found.SourceImageSequence] == ["1.9", "1.2.3.4.5"]
    assert found.DerivationDescription.startswith("Sharpened; ")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: multi(PixelRepresentation=1), "signed"),
        (lambda: multi(PhotometricInterpretation="MONOCHROME1"), "MONOCHROME1"),
        (lambda: multi(PhotometricInterpretation="PALETTE COLOR"), "PALETTE COLOR"),
        (lambda: multi(BitsAllocated=32, BitsStored=32, HighBit=31), "32"),
        (lambda: multi(PresentationLUTShape="INVERSE"), "presentation LUT"),
        (lambda: multi(RescaleIntercept="-1024", RescaleSlope="1"), "rescaling"),
        (lambda: multi(ModalityLUTSequence=[Dataset()]), "rescaling"),
        (lambda: a_dataset(PixelData=None), "only be made of an image"),
    ],
)
def test_what_fits_no_class_is_refused_in_words(
    tmp_path: Path, make: Callable[[], Dataset], words: str
) -> None:
    with pytest.raises(CannotEncode, match=words):
        edit(write(tmp_path / "image.dcm", make()), Reclassify())


def contexts(*syntaxes: str) -> tuple[ContextPair, ...]:
    return tuple(ContextPair(sop_class, syntax) for syntax in syntaxes for sop_class in SECONDARY_CAPTURES)


def test_pixel_data_travels_as_it_is_in_the_context_of_the_new_class(
    keeping_scp: Keeping, tmp_path: Path
) -> None:
    path = rle_file(tmp_path / "a.dcm")
    outcome, kept = store(keeping_scp(), path, Reclassify(), pairs=contexts(RLE))
    assert kept is not None and outcome.fidelity is Fidelity.RECLASSIFIED, outcome
    uid = copy_uid("1.2.3.4.5")
    assert (kept.sop_class, kept.transfer_syntax, kept.uid, outcome.sent_uid) == (SC, RLE, uid, uid)
    assert read(kept.data).PixelData == read(original_of(path)).PixelData
    assert ("SOPInstanceUID", "1.2.3.4.5", uid) in outcome.changes


@pytest.mark.parametrize("edits", [(Reclassify(),), (Reclassify(), Uncompress())])
def test_a_copy_is_decoded_where_the_class_is_accepted_uncompressed_only(
    keeping_scp: Keeping, tmp_path: Path, edits: tuple[Reclassify | Uncompress, ...]
) -> None:
    path = rle_file(tmp_path / "a.dcm")
    scp = keeping_scp(syntaxes=(EXPLICIT,))
    outcome, kept = store(scp, path, *edits, pairs=contexts(RLE))
    assert kept is not None and outcome.fidelity is Fidelity.RECLASSIFIED
    assert (kept.uid, kept.transfer_syntax) == (copy_uid("1.2.3.4.5"), EXPLICIT)
    found = read(kept.data)
    assert found.SOPInstanceUID == kept.uid
    assert found.PixelData == numpy.arange(16, dtype="<u2").tobytes()


@pytest.mark.parametrize(
    ("decoding", "cause"), [(None, Cause.CONTEXT), (Uncompress(keeps_lossy=True), Cause.ENCODING)]
)
def test_a_copy_is_decoded_only_where_that_is_allowed(
    keeping_scp: Keeping, tmp_path: Path, decoding: Uncompress | None, cause: Cause
) -> None:
    path = write(tmp_path / "a.dcm", a_dataset(), JPEG)
    scp = keeping_scp(syntaxes=(EXPLICIT,))
    outcome, kept = store(scp, path, Reclassify(decoding), pairs=contexts(JPEG))
    assert kept is None and (outcome.cause, outcome.attempts) == (cause, 0)


def test_a_class_that_is_not_accepted_is_a_matter_of_the_context(
    keeping_scp: Keeping, tmp_path: Path
) -> None:
    scp = keeping_scp(sop_classes=(CT,))
    outcome, kept = store(scp, write(tmp_path / "a.dcm", a_dataset()), Reclassify())
    assert kept is None and (outcome.cause, outcome.attempts) == (Cause.CONTEXT, 0)


def test_colours_that_would_not_fit_when_decoded_are_refused(keeping_scp: Keeping, tmp_path: Path) -> None:
    ds = color()
    ds.PhotometricInterpretation = "YBR_FULL_422"
    path = write(tmp_path / "a.dcm", ds, JPEG)
    scp = keeping_scp(syntaxes=(EXPLICIT,))
    outcome, kept = store(scp, path, Reclassify(), pairs=contexts(JPEG))
    assert kept is None and outcome.cause is Cause.ENCODING and "colours" in outcome.reason
    outcome, kept = store(keeping_scp(), path, Reclassify(), pairs=contexts(JPEG))
    assert kept is not None and kept.sop_class == COLOR


def test_storescp_takes_every_kind_of_copy(storescp: Storescp, tmp_path: Path) -> None:
    made = [a_dataset(), multi(), color()]
    for number, ds in enumerate(made):
        ds.SOPInstanceUID = f"1.2.3.4.{number + 1}"
        instance = scan(write(tmp_path / f"{number}.dcm", ds))
        sender = quick(storescp.node, tmp_path)
        sender.open(contexts(EXPLICIT))
        assert sender.store(instance, (Reclassify(),)).is_stored
        sender.release()
    assert set(storescp.datasets()) == {copy_uid(f"1.2.3.4.{number + 1}") for number in range(3)}
