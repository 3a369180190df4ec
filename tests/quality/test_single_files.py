"""What is wrong inside single files: one case for each kind of finding."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.quality.making import (
    ACCESSION,
    ALLOCATED,
    BIG,
    BORN,
    CHARSET,
    CLASS,
    COLUMNS,
    COMMENTS,
    DEFLATED,
    EXPLICIT,
    FRAMES,
    IMPLICIT,
    INSTANCE,
    J2K,
    JPEG,
    META_CLASS,
    META_INSTANCE,
    META_SYNTAX,
    MODALITY,
    NAME,
    NUMBER,
    PATIENT_ID,
    PHOTOMETRIC,
    PIXELS,
    REFERRING,
    RLE,
    ROWS,
    SAMPLES,
    SERIES,
    SERIES_NUMBER,
    SEX,
    STUDY,
    STUDY_DATE,
    STUDY_ID,
    STUDY_TIME,
    Command,
    Value,
    clean,
    encoded,
    fragments,
    padded,
    part_10,
    put,
)

JPEG_FRAME, J2K_FRAME = b"\xff\xd8\xff\xe0", b"\xff\x4f\xff\x51"
RLE_FRAME = struct.pack("<16L", 1, 64, *[0] * 14) + bytes(4)
TOMORROW_OR_SO = (date.today() + timedelta(days=3)).strftime("%Y%m%d").encode()


def changed(changes: dict[int, Value | None], syntax: bytes = EXPLICIT, **rest: Any) -> bytes:
    """A clean file but for these elements, in order of their tags; None leaves one out."""
    elements = clean() | changes
    kept = {tag: value for tag, value in sorted(elements.items()) if value is not None}
    return part_10(kept, syntax, **rest)


def big_endian() -> bytes:
    shorts = {tag: (b"US", bytes(reversed(clean()[tag][1]))) for tag in (SAMPLES, ROWS, COLUMNS, ALLOCATED)}
    return changed(shorts, BIG)


def late() -> bytes:
    """The study description stands behind the matrix."""
    elements = clean()
    pixels = elements.pop(PIXELS)
    return part_10(elements | {0x00081030: (b"LO", b"late"), PIXELS: pixels})


CLEAN: dict[str, bytes] = {
    "explicit": changed({}),
    "implicit": changed({}, IMPLICIT),
    "big endian": big_endian(),
    "deflated": changed({}, DEFLATED, dataset=zlib.compress(encoded(clean()), wbits=-15)),
    "jpeg": changed({PIXELS: (b"OB", fragments(JPEG_FRAME))}, JPEG),
    "jpeg 2000": changed({PIXELS: (b"OB", fragments(J2K_FRAME, bytes(2)))}, J2K),
    "rle": changed({PIXELS: (b"OB", fragments(RLE_FRAME))}, RLE),
    "frames with a table": changed(
        {
            FRAMES: (b"IS", b"2 "),
            PIXELS: (b"OB", fragments(JPEG_FRAME, JPEG_FRAME, offsets=struct.pack("<LL", 0, 12))),
        },
        JPEG,
    ),
    "subsampled colour": changed(
        {
            SAMPLES: (b"US", b"\x03\0"),
            PHOTOMETRIC: (b"CS", b"YBR_FULL_422"),
            ALLOCATED: (b"US", b"\x08\0"),
            PIXELS: (b"OB", bytes(32)),
        }
    ),
    "bits": changed({ALLOCATED: (b"US", b"\x01\0"), PIXELS: (b"OB", bytes(2))}),
    "odd pixels, padded": changed(
        {
            ROWS: (b"US", b"\x03\0"),
            COLUMNS: (b"US", b"\x03\0"),
            ALLOCATED: (b"US", b"\x08\0"),
            PIXELS: (b"OB", bytes(10)),
        }
    ),
    "latin": changed({NAME: (b"PN", b"M\xfcller^J\xf6rg ")}),
    "utf-8": changed({CHARSET: (b"CS", b"ISO_IR 192"), NAME: (b"PN", padded("Müller^J"))}),
    "japanese": changed(
        {
            CHARSET: (b"CS", b"\\ISO 2022 IR 87 "),
            NAME: (b"PN", b"Yamada^T=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"),
        }
    ),
    # PS3.5 K
    "chinese": changed(
        {
            CHARSET: (b"CS", b"\\ISO 2022 IR 58 "),
            NAME: (b"PN", b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab= "),
        }
    ),
    "tiff as preamble": changed({}, preamble=b"II*\0\x08\0\0\0"),
    "no image": changed({tag: None for tag in clean() if tag > 0x00280000} | {NUMBER: None}),
    "padding behind": changed({}) + bytes(64),
}


@pytest.mark.parametrize("name", CLEAN)
def test_nothing_is_found_in_a_sound_file(name: str, quality: Command, source: Path) -> None:
    put(source / "1.dcm", CLEAN[name])
    result = quality(source)
    assert result.counts == {}
    assert (result.code, result.json["instances"]) == (0, 1)


FAULTY: dict[str, tuple[str, bytes]] = {
    "no modality": ("missing-modality", changed({MODALITY: (b"CS", b"")})),
    "no patient id": ("missing-patient-id", changed({PATIENT_ID: None})),
    "blank patient id": ("missing-patient-id", changed({PATIENT_ID: (b"LO", b"  ")})),
    "no name": ("missing-patient-name", changed({NAME: None})),
    "no birth date": ("missing-birth-date", changed({BORN: (b"DA", b"")})),
    "no sex": ("missing-sex", changed({SEX: None})),
    "no study date": ("missing-study-date", changed({STUDY_DATE: (b"DA", b"")})),
    "no study time": ("missing-study-time", changed({STUDY_TIME: None})),
    "no accession": ("missing-accession-number", changed({ACCESSION: (b"SH", b"")})),
    "no study id": ("missing-study-id", changed({STUDY_ID: None})),
    "no referring": ("missing-referring-physician", changed({REFERRING: (b"PN", b"")})),
    "no series number": ("missing-series-number", changed({SERIES_NUMBER: None})),
    "no instance number": ("missing-instance-number", changed({NUMBER: (b"IS", b"")})),
    "no rows": ("missing-pixel-description", changed({ROWS: None})),
    "no rows at all": ("missing-pixel-description", changed({ROWS: (b"US", b"\0\0")})),
    "frames that are no number": ("missing-pixel-description", changed({FRAMES: (b"IS", b"1A")})),
    "no sop instance": ("missing-sop-uid", changed({INSTANCE: None})),
    "no study": ("missing-study-uid", changed({STUDY: (b"UI", b"")})),
    "long uid": ("uid-too-long", changed({SERIES: (b"UI", padded("1.2" + ".12345" * 12, b"\0"))})),
    "letters in uid": ("uid-illegal-characters", changed({STUDY: (b"UI", b"1.2.3a")})),
    "zeros in uid": ("uid-leading-zeros", changed({STUDY: (b"UI", b"1.2.03")})),
    "empty component": ("uid-empty-component", changed({STUDY: (b"UI", b"1.2..3")})),
    "blank behind uid": ("uid-padding", changed({STUDY: (b"UI", b"1.2.3 ")})),
    "blank before uid": ("uid-padding", changed({STUDY: (b"UI", b" 1.2.3")})),
    "two zeros behind uid": ("uid-padding", changed({STUDY: (b"UI", b"1.2.30\0\0")})),
    "no meta": ("meta-absent", encoded(clean())),
    "no preamble": ("meta-absent", changed({})[132:]),
    "another class in meta": ("meta-other-sop-class", changed({}, meta={META_CLASS: b"1.2.840.10008.1.1"})),
    "another uid in meta": ("meta-other-sop-instance", changed({}, meta={META_INSTANCE: b"1.2.3.9"})),
    "implicit called explicit": (
        "meta-other-transfer-syntax",
        changed({}, IMPLICIT, meta={META_SYNTAX: EXPLICIT}),
    ),
    "private syntax": ("unknown-transfer-syntax", changed({}, meta={META_SYNTAX: b"1.2.9.9"})),
    "windows program": ("executable-preamble", changed({}, preamble=b"MZ\x90\0")),
    "linux program": ("executable-preamble", changed({}, preamble=b"\x7fELF")),
    "script": ("executable-preamble", changed({}, preamble=b"#!/bin/sh\n")),
    "web page": ("executable-preamble", changed({}, preamble=b"<HTML><script>")),
    "odd": ("odd-length", changed({COMMENTS: (b"LT", b"odd")})),
    "odd, implicit": ("odd-length", changed({COMMENTS: (b"LT", b"odd")}, IMPLICIT)),
    "order": ("element-order", late()),
    "unknown set": ("charset-unknown", changed({CHARSET: (b"CS", b"ISO 8859-1")})),
    "unknown second set": ("charset-unknown", changed({CHARSET: (b"CS", b"\\ISO_IR 100 ")})),
    "undeclared": ("charset-undeclared", changed({CHARSET: None, NAME: (b"PN", b"M\xfcller")})),
    "undeclared, implicit": (
        "charset-undeclared",
        changed({CHARSET: None, COMMENTS: (b"LT", b"M\xfcller")}, IMPLICIT),
    ),
    "utf-8 called latin": ("charset-wrong", changed({NAME: (b"PN", padded("Müller^J"))})),
    "latin called utf-8": (
        "charset-wrong",
        changed({CHARSET: (b"CS", b"ISO_IR 192"), NAME: (b"PN", b"M\xfcller")}),
    ),
    "windows letters": ("charset-wrong", changed({COMMENTS: (b"LT", b"\x93text\x94")})),
    "native in jpeg": ("pixel-data-other-encoding", changed({}, JPEG)),
    "jpeg in native": (
        "pixel-data-other-encoding",
        changed({PIXELS: (b"OB", fragments(JPEG_FRAME))}),
    ),
    "jpeg called jpeg 2000": (
        "pixel-data-other-codec",
        changed({PIXELS: (b"OB", fragments(JPEG_FRAME))}, J2K),
    ),
    "nothing called rle": ("pixel-data-other-codec", changed({PIXELS: (b"OB", fragments(bytes(64)))}, RLE)),
    "short": ("pixel-data-short", changed({PIXELS: (b"OW", bytes(30))})),
    "short, big endian": (
        "pixel-data-short",
        changed(
            {
                ROWS: (b"US", b"\0\x09"),
                COLUMNS: (b"US", b"\0\x04"),
                SAMPLES: (b"US", b"\0\x01"),
                ALLOCATED: (b"US", b"\0\x10"),
            },
            BIG,
        ),
    ),
    "frames that are not there": ("pixel-data-short", changed({FRAMES: (b"IS", b"2 ")})),
    "long": ("pixel-data-long", changed({PIXELS: (b"OW", bytes(34))})),
    "too few fragments": (
        "frame-count",
        changed({FRAMES: (b"IS", b"3 "), PIXELS: (b"OB", fragments(JPEG_FRAME, JPEG_FRAME))}, JPEG),
    ),
    "too many rle fragments": (
        "frame-count",
        changed({PIXELS: (b"OB", fragments(RLE_FRAME, RLE_FRAME))}, RLE),
    ),
    "table of other frames": (
        "frame-count",
        changed({PIXELS: (b"OB", fragments(JPEG_FRAME, JPEG_FRAME, offsets=bytes(8)))}, JPEG),
    ),
    "no fragment": ("frame-count", changed({PIXELS: (b"OB", fragments())}, JPEG)),
    "private class": ("private-sop-class", changed({CLASS: (b"UI", b"1.3.12.2.1107.5.9.1\0")})),
    "unregistered class": ("unknown-sop-class", changed({CLASS: (b"UI", b"1.2.840.10008.5.1.4.1.1.999\0")})),
    "retired class": ("retired-sop-class", changed({CLASS: (b"UI", b"1.2.840.10008.5.1.4.1.1.6\0")})),
    "old date": ("date-malformed", changed({STUDY_DATE: (b"DA", b"1997.01.31")})),
    "no such day": ("date-malformed", changed({BORN: (b"DA", b"19700230")})),
    "future": ("date-in-future", changed({STUDY_DATE: (b"DA", TOMORROW_OR_SO)})),
    "born later": ("born-after-study", changed({BORN: (b"DA", b"20240103")})),
    "long accession": ("value-unfit", changed({ACCESSION: (b"SH", b"A" * 18)})),
    "number that is none": ("value-unfit", changed({SERIES_NUMBER: (b"IS", b"one ")})),
    "truncated": ("truncated", changed({})[:-2]),
    "without end": ("truncated", changed({PIXELS: (b"OB", fragments(JPEG_FRAME))}, JPEG)[:-8]),
    "zero-byte": ("zero-byte", b""),
    "no dicom": ("not-dicom", b"Scanned at the old site."),
    "nonsense": (
        "unparsable",
        changed({})[:-44] + b"\xfe\xff\x0d\xe0" + bytes(4) + b"\x01\0\0\0\x04\0\0\0abcd",
    ),
}


@pytest.mark.parametrize("name", FAULTY)
def test_what_is_wrong_is_found_and_nothing_else(name: str, quality: Command, source: Path) -> None:
    code, data = FAULTY[name]
    put(source / "sound.dcm", part_10(clean(patient=2)))
    put(source / "wrong.dcm", data)
    result = quality(source)
    assert result.counts == {code: 1}
    assert result.example(code)["path"] == "wrong.dcm"
    assert result.code == (1 if result.findings[code]["severity"] == "error" else 0)


def test_what_stands_before_the_cut_of_a_truncated_file_is_looked_at(quality: Command, source: Path) -> None:
    data = changed({STUDY: (b"UI", b"1.2.03")})
    put(source / "wrong.dcm", data[: data.index(b"MONOCHROME2")])
    assert quality(source).counts == {"truncated": 1, "uid-leading-zeros": 1}


def test_a_date_of_the_morrow_is_that_of_another_time_zone(quality: Command, source: Path) -> None:
    tomorrow = (date.today() + timedelta(days=1)).strftime("%Y%m%d").encode()
    put(source / "1.dcm", changed({STUDY_DATE: (b"DA", tomorrow)}))
    assert quality(source).counts == {}


def test_several_faults_of_one_kind_count_once_for_a_file(quality: Command, source: Path) -> None:
    put(source / "1.dcm", changed({STUDY: (b"UI", b"1.2.03"), SERIES: (b"UI", b"1.2.04")}))
    result = quality(source)
    assert result.counts == {"uid-leading-zeros": 1}
    detail = result.example("uid-leading-zeros")["detail"]
    assert "StudyInstanceUID 1.2.03" in detail
    assert "SeriesInstanceUID 1.2.04" in detail


@pytest.mark.parametrize("deed", [ValueError, RecursionError, MemoryError])
def test_a_check_that_fails_is_a_finding_of_its_own(
    deed: Callable[[], BaseException], quality: Command, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise deed()

    monkeypatch.setattr("migrator.dicom.inspection.inspector.value_faults", fail)
    put(source / "1.dcm", changed({}))
    result = quality(source)
    assert result.counts == {"cannot-be-checked": 1}
    assert result.json["instances"] == 1
