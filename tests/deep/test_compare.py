"""The same object in another encoding is the same; the least change of it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from migrator.core.comparison import Difference, Examined, Fate
from migrator.core.edits import Change
from migrator.core.errors import Cancelled
from migrator.core.model import ContextPair, Instance
from migrator.dicom.arrivals import Arrived
from migrator.dicom.comparing.compare_objects import Comparer, Source
from migrator.dicom.decoding import close_shared_decoders
from migrator.dicom.header import read_header
from tests.peers.archives import Archive, ArchivePlan, make_archive

ENCODINGS = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEGLSLossless,
    JPEG2000Lossless,
)

Compare = Callable[..., Examined]


@pytest.fixture(scope="module", autouse=True)
def _decoders() -> Iterator[None]:
    yield
    close_shared_decoders()


def made(folder: Path, syntax: str) -> Path:
    """One object, the same in every syntax."""
    archive: Archive = make_archive(folder, ArchivePlan(studies=1, instances=1, side=64, syntaxes=(syntax,)))
    return archive.files[0].path


@pytest.fixture
def compare(tmp_path: Path) -> Compare:
    """Compare one file as the source with another as what came back."""

    def run(ours: Path, theirs: Path, *changes: Change) -> Examined:
        found, back = (_instance(path) for path in (ours, theirs))
        bare = tmp_path / "back.dcm"
        bare.write_bytes(theirs.read_bytes()[back.offset :])
        arrived = Arrived(bare, back.uid, ContextPair(back.sop_class, back.transfer_syntax), "C-GET")
        source = Source(str(ours), found, (), changes)
        return Comparer(tmp_path, lambda: False).compare(source, arrived)

    return run


def _instance(path: Path) -> Instance:
    status = path.stat()
    item = read_header(str(path.parent), path.name, status.st_size, status.st_mtime_ns)
    assert isinstance(item, Instance)
    return item


def edited(path: Path, change: Callable[[Dataset], None]) -> Path:
    ds = dcmread(path)
    change(ds)
    ds.save_as(path)
    return path


def names(result: Examined) -> dict[str, Difference]:
    return {difference.name: difference for difference in result.differences}


@pytest.mark.parametrize("theirs", ENCODINGS)
@pytest.mark.parametrize("ours", [ExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless])
def test_another_encoding_is_no_difference(tmp_path: Path, compare: Compare, ours: str, theirs: str) -> None:
    result = compare(made(tmp_path / "ours", ours), made(tmp_path / "theirs", theirs))
    assert (result.fate, result.differences, result.reason) == (Fate.IDENTICAL, (), "")
    assert not list(tmp_path.glob("compared-*"))


@pytest.mark.parametrize("theirs", [ExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless])
def test_one_pixel_is_enough(tmp_path: Path, compare: Compare, theirs: str) -> None:
    def change(ds: Dataset) -> None:
        pixels = ds.pixel_array.copy()
        pixels[3, 3] ^= 1
        if theirs == RLELossless:
            ds.compress(RLELossless, pixels, generate_instance_uid=False)
        else:
            ds.PixelData = pixels.astype(">u2" if theirs == ExplicitVRBigEndian else "<u2").tobytes()

    result = compare(made(tmp_path / "ours", RLELossless), edited(made(tmp_path / "theirs", theirs), change))
    assert (result.fate, [one.name for one in result.differences]) == (Fate.DIFFERENT, ["PixelData"])


def test_other_fragments_and_tables_of_offsets_are_the_same_pixel_data(
    tmp_path: Path, compare: Compare
) -> None:
    def change(ds: Dataset) -> None:
        (stream,) = generate_frames(ds.PixelData, number_of_frames=1)
        ds.PixelData = encapsulate([stream], fragments_per_frame=3, has_bot=False)

    ours, theirs = (made(tmp_path / name, JPEG2000Lossless) for name in ("ours", "theirs"))
    assert compare(ours, edited(theirs, change)).fate is Fate.IDENTICAL


def test_sequences_are_compared_item_by_item(tmp_path: Path, compare: Compare) -> None:
    def item(value: str) -> Dataset:
        inner = Dataset()
        inner.ReferencedSOPInstanceUID = value
        return inner

    def with_items(*values: str) -> Callable[[Dataset], None]:
        def change(ds: Dataset) -> None:
            ds.ReferencedImageSequence = Sequence([item(value) for value in values])

        return change

    ours = edited(made(tmp_path / "a", ExplicitVRLittleEndian), with_items("1.2", "1.3"))
    same = edited(made(tmp_path / "b", ImplicitVRLittleEndian), with_items("1.2", "1.3"))
    other = edited(made(tmp_path / "c", ExplicitVRLittleEndian), with_items("1.2", "1.4"))
    fewer = edited(made(tmp_path / "d", ExplicitVRLittleEndian), with_items("1.2"))
    assert compare(ours, same).fate is Fate.IDENTICAL
    found = names(compare(ours, other))
    assert found["ReferencedImageSequence[2].ReferencedSOPInstanceUID"].theirs == "1.4"
    assert names(compare(ours, fewer))["ReferencedImageSequence"].theirs == "1 item"


def test_texts_are_compared_as_they_read_and_not_as_they_are_written(
    tmp_path: Path, compare: Compare
) -> None:
    def named(name: str, character_set: str) -> Callable[[Dataset], None]:
        def change(ds: Dataset) -> None:
            ds.SpecificCharacterSet, ds.PatientName = character_set, name

        return change

    ours = edited(made(tmp_path / "a", ExplicitVRLittleEndian), named("Müller^Jörg", "ISO_IR 100"))
    same = edited(made(tmp_path / "b", ExplicitVRLittleEndian), named("Müller^Jörg", "ISO_IR 192"))
    other = edited(made(tmp_path / "c", ExplicitVRLittleEndian), named("MÜLLER^Jörg", "ISO_IR 192"))
    assert compare(ours, same).fate is Fate.IDENTICAL
    assert names(compare(ours, other))["PatientName"].theirs == "MÜLLER^Jörg"


def test_what_the_record_says_was_changed_must_be_so(tmp_path: Path, compare: Compare) -> None:
    def renamed(ds: Dataset) -> None:
        ds.PatientID = "NEW"

    ours = made(tmp_path / "a", ExplicitVRLittleEndian)
    theirs = edited(made(tmp_path / "b", ExplicitVRLittleEndian), renamed)
    change = Change("PatientID", "P1", "NEW")
    assert compare(ours, theirs, change).fate is Fate.IDENTICAL
    assert names(compare(ours, ours, change))["PatientID"].theirs == "P1"
    assert names(compare(ours, theirs))["PatientID"].theirs == "NEW"


def test_a_record_that_names_only_a_part_of_the_changes_proves_nothing(
    tmp_path: Path, compare: Compare
) -> None:
    def renamed(ds: Dataset) -> None:
        ds.PatientID = "NEW"

    ours = made(tmp_path / "a", ExplicitVRLittleEndian)
    theirs = edited(made(tmp_path / "b", ExplicitVRLittleEndian), renamed)
    assert compare(ours, theirs, Change("and 7 more", "", "")).fate is Fate.UNCOMPARED


def test_an_object_that_comes_back_torn_is_different(tmp_path: Path, compare: Compare) -> None:
    ours = made(tmp_path / "a", ExplicitVRLittleEndian)
    theirs = made(tmp_path / "b", ExplicitVRLittleEndian)
    back = _instance(theirs)
    bare = tmp_path / "torn.dcm"
    bare.write_bytes(theirs.read_bytes()[back.offset : -20])
    arrived = Arrived(bare, back.uid, back.pair, "C-GET")
    result = Comparer(tmp_path, lambda: False).compare(Source(str(ours), _instance(ours)), arrived)
    assert (result.fate, result.by) == (Fate.DIFFERENT, "C-GET")


def test_deeply_nested_sequences_are_compared_to_the_bottom(tmp_path: Path, compare: Compare) -> None:
    def nested(ds: Dataset) -> None:
        inner = Dataset()
        inner.ReferencedSOPInstanceUID = "1.2"
        for _ in range(120):
            outer = Dataset()
            outer.ReferencedImageSequence = Sequence([inner])
            inner = outer
        ds.update(inner)

    ours = edited(made(tmp_path / "a", ExplicitVRLittleEndian), nested)
    assert compare(ours, ours).fate is Fate.IDENTICAL


def with_value(keyword: str, value: object) -> Callable[[Dataset], None]:
    def change(ds: Dataset) -> None:
        setattr(ds, keyword, value)

    return change


@pytest.mark.parametrize(
    ("keyword", "ours", "theirs"),
    [
        ("SliceThickness", "1.50", "1.5"),
        ("WindowCenter", ["+40", "1e2"], ["40", "100"]),
        ("InstanceNumber", "007", "7"),
        ("PatientName", "Doe^John^^^", "Doe^John"),
        ("PatientName", "Yamada^Tarou==", "Yamada^Tarou"),
        ("RetrieveAETitle", "OLD", "NEW"),
        ("InstanceAvailability", "NEARLINE", "ONLINE"),
    ],
)
def test_what_an_archive_may_write_otherwise_is_no_difference(
    tmp_path: Path, compare: Compare, keyword: str, ours: object, theirs: object
) -> None:
    mine = edited(made(tmp_path / "a", ExplicitVRLittleEndian), with_value(keyword, ours))
    other = edited(made(tmp_path / "b", ExplicitVRLittleEndian), with_value(keyword, theirs))
    assert compare(mine, other).fate is Fate.IDENTICAL


@pytest.mark.parametrize(
    ("keyword", "ours", "theirs"),
    [
        ("SliceThickness", "1.23456789012", "1.2345679"),
        ("WindowCenter", ["40", "100"], ["40"]),
        ("PatientName", "Doe^John", "DOE^JOHN"),
        ("PatientName", "^Doe", "Doe"),
        ("StudyID", "007", "7"),
    ],
)
def test_what_reads_otherwise_is_a_difference(
    tmp_path: Path, compare: Compare, keyword: str, ours: object, theirs: object
) -> None:
    mine = edited(made(tmp_path / "a", ExplicitVRLittleEndian), with_value(keyword, ours))
    other = edited(made(tmp_path / "b", ExplicitVRLittleEndian), with_value(keyword, theirs))
    assert list(names(compare(mine, other))) == [keyword]


def test_texts_that_cannot_be_read_are_compared_as_they_are_written(tmp_path: Path, compare: Compare) -> None:
    def written(folder: str, letter: bytes) -> Path:
        def named(ds: Dataset) -> None:
            ds.SpecificCharacterSet, ds.PatientName = "ISO_IR 192", "M~ller"

        path = edited(made(tmp_path / folder, ExplicitVRLittleEndian), named)
        path.write_bytes(path.read_bytes().replace(b"M~ller", b"M" + letter + b"ller"))
        return path

    ours, same, other = written("a", b"\xfc"), written("b", b"\xfc"), written("c", b"\xe9")
    assert compare(ours, same).fate is Fate.IDENTICAL
    assert list(names(compare(ours, other))) == ["PatientName"]


def test_escape_sequences_mean_nothing_without_their_character_set(tmp_path: Path, compare: Compare) -> None:
    def named(ds: Dataset) -> None:
        ds.SpecificCharacterSet, ds.PatientName = ["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"

    ours = edited(made(tmp_path / "a", ExplicitVRLittleEndian), named)
    raw = ours.read_bytes()
    theirs = tmp_path / "b.dcm"
    theirs.write_bytes(raw.replace(b"\\ISO 2022 IR 87", b"\\ISO 2022 IR 58"))
    assert compare(ours, ours).fate is Fate.IDENTICAL
    assert theirs.read_bytes() != raw
    assert list(names(compare(ours, theirs))) == ["PatientName"]


def test_a_number_that_lost_its_sign_is_a_difference(tmp_path: Path, compare: Compare) -> None:
    def padded(vr: str, value: int) -> Path:
        def change(ds: Dataset) -> None:
            ds.add_new("PixelPaddingValue", vr, value)

        return edited(made(tmp_path / f"{vr}{value}", ExplicitVRLittleEndian), change)

    assert list(names(compare(padded("SS", -2000), padded("US", 63536)))) == ["PixelPaddingValue"]
    assert compare(padded("SS", 2000), padded("US", 2000)).fate is Fate.IDENTICAL


def test_a_record_that_shows_only_the_beginning_of_a_change_proves_nothing(
    tmp_path: Path, compare: Compare
) -> None:
    text = "x" * 300
    ours = edited(made(tmp_path / "a", ExplicitVRLittleEndian), with_value("ImageComments", "short"))
    theirs = edited(made(tmp_path / "b", ExplicitVRLittleEndian), with_value("ImageComments", text))
    change = Change("ImageComments", "short", "x" * 255 + "…")
    assert compare(ours, theirs, change).fate is Fate.UNCOMPARED


def test_additions_to_many_items_are_told_once(tmp_path: Path, compare: Compare) -> None:
    def items(more: bool) -> Callable[[Dataset], None]:
        def change(ds: Dataset) -> None:
            ds.ReferencedImageSequence = Sequence([Dataset() for _ in range(20)])
            for item in ds.ReferencedImageSequence:
                item.ReferencedSOPInstanceUID = "1.2"
                if more:
                    item.RetrieveURL = "https://pacs.invalid"

        return change

    ours = edited(made(tmp_path / "a", ExplicitVRLittleEndian), items(False))
    theirs = edited(made(tmp_path / "b", ExplicitVRLittleEndian), items(True))
    result = compare(ours, theirs)
    assert (result.fate, result.additions) == (Fate.IDENTICAL, ("ReferencedImageSequence.RetrieveURL",))


def test_a_comparison_of_large_objects_can_be_stopped(tmp_path: Path) -> None:
    def large(ds: Dataset) -> None:
        ds.PixelData = bytes(3 << 20)

    path = edited(made(tmp_path / "a", ExplicitVRLittleEndian), large)
    found, looks = _instance(path), iter([False] * 4)
    bare = tmp_path / "back.dcm"
    bare.write_bytes(path.read_bytes()[found.offset :])
    comparer = Comparer(tmp_path, lambda: next(looks, True))
    with pytest.raises(Cancelled):
        comparer.compare(Source(str(path), found), Arrived(bare, found.uid, found.pair, "C-GET"))
