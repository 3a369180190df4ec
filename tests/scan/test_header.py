"""What the reader says of files of every kind."""

from __future__ import annotations

import os
import sys
import tracemalloc
import zlib
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from migrator.core.model import Instance
from migrator.core.outcome import Problem
from migrator.dicom.header import read_header, same_dataset
from tests.scan.making import dataset, read, reason, write

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"


def instance(path: Path) -> Instance:
    item = read(path)
    assert isinstance(item, Instance), item
    return item


def test_an_instance_says_what_its_dataset_says(tmp_path: Path) -> None:
    item = instance(write(tmp_path / "a.dcm"))
    assert (item.uid, item.sop_class, item.transfer_syntax) == ("1.2.3.1", dataset().SOPClassUID, EXPLICIT)
    assert (item.series.uid, item.series.modality, item.series.number) == ("1.2.3.0", "CT", "4")
    assert (item.study.uid, item.study.date, item.study.accession) == ("1.2.3", "20240102", "A1")
    assert (item.study.patient.id, item.study.patient.name) == ("P1", "Doe^Jane")


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED])
def test_the_offset_is_that_of_the_datasets_first_byte(tmp_path: Path, syntax: str) -> None:
    path = write(tmp_path / "a.dcm", syntax=syntax)
    item = instance(path)
    assert item.transfer_syntax == syntax
    content = path.read_bytes()[item.offset :]
    if syntax == DEFLATED:
        content = zlib.decompress(content, -zlib.MAX_WBITS)
    assert content[:4] == (b"\0\x08\0\x16" if syntax == BIG_ENDIAN else b"\x08\0\x16\0")


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN])
def test_a_bare_dataset_is_read_and_its_syntax_guessed(tmp_path: Path, syntax: str) -> None:
    whole = write(tmp_path / "whole.dcm", syntax=syntax)
    bare = tmp_path / "bare"
    bare.write_bytes(whole.read_bytes()[instance(whole).offset :])
    item = instance(bare)
    assert (item.offset, item.transfer_syntax, item.uid) == (0, syntax, "1.2.3.1")


def test_a_file_without_preamble_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[132:])
    assert instance(path).uid == "1.2.3.1"


def test_group_0002_that_names_the_wrong_vr_is_corrected(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", syntax=IMPLICIT)
    head, tail = path.read_bytes().split(b"1.2.840.10008.1.2\0")
    length = int.from_bytes(head[-2:], "little")
    assert length == 18
    path.write_bytes(head[:-2] + b"\x14\0" + b"1.2.840.10008.1.2.1\0" + tail)
    assert instance(path).transfer_syntax == IMPLICIT


def test_the_dataset_counts_when_group_0002_contradicts_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"1.2.3.1", b"1.2.3.9", 1))
    assert instance(path).uid == "1.2.3.1"


def test_an_executable_preamble_does_not_matter(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm")
    path.write_bytes(b"MZ" + path.read_bytes()[2:])
    assert instance(path).uid == "1.2.3.1"


def test_values_inside_sequences_are_not_taken_for_the_datasets_own(tmp_path: Path) -> None:
    ds = dataset()
    inner = Dataset()
    inner.SOPInstanceUID = "9.9.9"
    inner.StudyInstanceUID = "9.9"
    for is_undefined in (False, True):
        inner.is_undefined_length_sequence_item = is_undefined
        ds.ReferencedStudySequence = Sequence([inner, inner])
        ds["ReferencedStudySequence"].is_undefined_length = is_undefined
        item = instance(write(tmp_path / "a.dcm", ds))
        assert (item.uid, item.study.uid) == ("1.2.3.1", "1.2.3")


def test_a_header_of_many_kilobytes_is_read(tmp_path: Path) -> None:
    ds = dataset()
    ds.add_new(0x00091010, "OB", bytes(300_000))
    ds.add_new(0x00090010, "LO", "ACME")
    assert instance(write(tmp_path / "a.dcm", ds)).series.number == "4"


def test_elements_out_of_order_are_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", dataset(StudyInstanceUID=None))
    study = b"\x20\x00\x0d\x00UI\x06\x001.2.3\0"
    path.write_bytes(path.read_bytes() + study)
    assert instance(path).study.uid == "1.2.3"


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        ("ISO_IR 100", "Müller^Jürgen"),
        ("ISO_IR 192", "Иванов^Пётр"),
        ("GB18030", "王^小东"),
        ("ISO_IR 144", "Ленин^Пуща"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    ],
)
def test_texts_are_decoded_as_the_dataset_says(tmp_path: Path, character_set: object, name: str) -> None:
    path = write(tmp_path / "a.dcm", dataset(SpecificCharacterSet=character_set, PatientName=name))
    assert instance(path).study.patient.name == name == str(pydicom.dcmread(path).PatientName)


def test_names_of_pydicoms_character_set_files_are_as_pydicom_has_them() -> None:
    folder = Path(pydicom.__file__).parent / "data" / "charset_files"
    compared = 0
    for path in sorted(folder.glob("*.dcm")):
        item = read(path)
        if isinstance(item, Instance):
            name = str(pydicom.dcmread(path).get("PatientName", ""))
            assert item.study.patient.name.rstrip("=") == name
            compared += 1
    assert compared >= 15


def test_an_unknown_character_set_and_bad_bytes_do_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", dataset(SpecificCharacterSet="ISO_IR 192"))
    path.write_bytes(path.read_bytes().replace(b"Doe^Jane", b"D\xfee^Jane"))
    assert instance(path).study.patient.name == "D\N{REPLACEMENT CHARACTER}e^Jane"
    path.write_bytes(path.read_bytes().replace(b"ISO_IR 192", b"NO_SUCH 99"))
    assert instance(path).study.patient.name == "Dþe^Jane"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "SKIPPED EMPTY"),
        (b"notes about the archive\n" * 50, "SKIPPED NOT_DICOM"),
        (b"\x08\0", "SKIPPED NOT_DICOM"),
        (bytes(128) + b"DICM", "QUARANTINED TRUNCATED"),
        (bytes(128) + b"DICM" + b"\xff" * 400, "QUARANTINED UNPARSABLE"),
    ],
)
def test_what_is_no_image_is_named(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    assert reason(read(path)) == expected


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("SOPInstanceUID", "QUARANTINED NO_UID"),
        ("SOPClassUID", "QUARANTINED NO_UID"),
        ("StudyInstanceUID", "QUARANTINED NO_STUDY"),
        ("SeriesInstanceUID", "QUARANTINED NO_STUDY"),
    ],
)
def test_a_missing_uid_is_named(tmp_path: Path, missing: str, expected: str) -> None:
    path = write(tmp_path / "a.dcm")
    ds = pydicom.dcmread(path)
    delattr(ds, missing)
    ds.save_as(path)
    assert reason(read(path)) == expected


def test_a_dicomdir_is_skipped() -> None:
    path = Path(pydicom.__file__).parent / "data" / "test_files" / "dicomdirtests" / "DICOMDIR"
    assert reason(read(path)) == "SKIPPED DICOMDIR"


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED])
def test_a_truncated_file_is_quarantined(tmp_path: Path, syntax: str) -> None:
    path = write(tmp_path / "a.dcm", syntax=syntax)
    path.write_bytes(path.read_bytes()[:-10])
    assert reason(read(path)) == "QUARANTINED TRUNCATED"


def test_truncated_encapsulated_pixel_data_is_quarantined(tmp_path: Path) -> None:
    source = Path(pydicom.__file__).parent / "data" / "test_files" / "MR_small_RLE.dcm"
    path = tmp_path / "a.dcm"
    path.write_bytes(source.read_bytes())
    assert isinstance(read(path), Instance)
    path.write_bytes(source.read_bytes()[:-9])
    assert reason(read(path)) == "QUARANTINED TRUNCATED"


def test_zero_padding_behind_the_dataset_is_not_damage(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes() + bytes(1000))
    assert instance(path).uid == "1.2.3.1"


def test_a_deflated_bomb_needs_little_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", syntax=DEFLATED)
    data = path.read_bytes()
    offset = instance(path).offset
    bomb = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    inflated = zlib.decompress(data[offset:], -zlib.MAX_WBITS)
    packed = (
        bomb.compress(inflated) + b"".join(bomb.compress(bytes(1 << 20)) for _ in range(200)) + bomb.flush()
    )
    path.write_bytes(data[:offset] + packed)
    tracemalloc.start()
    try:
        assert isinstance(read(path), Instance)
        assert tracemalloc.get_traced_memory()[1] < 30 << 20
    finally:
        tracemalloc.stop()


def test_a_file_that_vanished_or_cannot_be_opened_may_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = read_header(str(tmp_path), "gone.dcm", 100, 0)
    assert isinstance(gone, Problem)
    assert (reason(gone), gone.may_retry) == ("FAILED VANISHED", True)

    def refuse(path: str) -> int:
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path / "a.dcm")
    monkeypatch.setattr("migrator.dicom.header.open_readonly", refuse)
    refused = read(path)
    assert isinstance(refused, Problem)
    assert (reason(refused), refused.may_retry) == ("FAILED UNREADABLE", True)


def test_a_damaged_file_that_is_another_by_now_is_still_being_written(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm")
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-10])
    item = read_header(str(tmp_path), "a.dcm", size, path.stat().st_mtime_ns)
    assert reason(item) == "FAILED CHANGING"


@pytest.mark.skipif(not hasattr(os, "O_NOATIME"), reason="only Linux can read without an access time")
def test_reading_leaves_the_access_time_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm")
    os.utime(path, (1, 2_000_000_000))
    read(path)
    assert path.stat().st_atime == 1


def test_what_repeats_is_shared(tmp_path: Path) -> None:
    first = instance(write(tmp_path / "a.dcm", dataset(1)))
    second = instance(write(tmp_path / "b.dcm", dataset(2)))
    assert first.series is second.series
    assert first.sop_class is second.sop_class
    assert first.transfer_syntax is second.transfer_syntax
    other = instance(write(tmp_path / "c.dcm", dataset(3, SeriesInstanceUID="1.2.3.7")))
    assert other.series is not first.series
    assert other.study is first.study


def test_an_instance_needs_little_memory(tmp_path: Path) -> None:
    write(tmp_path / "a.dcm")
    one = instance(tmp_path / "a.dcm")
    own = sys.getsizeof(one) + sum(sys.getsizeof(part) for part in (one.path, one.uid, one.mtime_ns))
    assert own < 330


def test_the_same_dataset_is_recognised_whatever_its_preamble(tmp_path: Path) -> None:
    first = write(tmp_path / "a.dcm")
    second = tmp_path / "b.dcm"
    second.write_bytes(b"II" + first.read_bytes()[2:])
    third = write(tmp_path / "c.dcm", dataset(PixelData=b"\x01" * 32))
    one, same, other = instance(first), instance(second), instance(third)
    assert same_dataset(str(tmp_path), one, same)
    assert not same_dataset(str(tmp_path), one, other)
