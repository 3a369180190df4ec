"""Small DICOM files whose every byte a test may choose, and the `quality` command run on them."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from migrator.cli.main import main
from tests.scan.making import aged

CT = b"1.2.840.10008.5.1.4.1.1.2\0"
EXPLICIT, IMPLICIT, BIG = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0", b"1.2.840.10008.1.2.2\0"
DEFLATED, JPEG, J2K = b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.4.50", b"1.2.840.10008.1.2.4.90"
RLE = b"1.2.840.10008.1.2.5\0"
CHARSET, CLASS, INSTANCE, STUDY_DATE = 0x00080005, 0x00080016, 0x00080018, 0x00080020
STUDY_TIME, ACCESSION, MODALITY, REFERRING = 0x00080030, 0x00080050, 0x00080060, 0x00080090
NAME, PATIENT_ID, ISSUER, BORN, SEX = 0x00100010, 0x00100020, 0x00100021, 0x00100030, 0x00100040
STUDY, SERIES, STUDY_ID, SERIES_NUMBER, NUMBER = 0x0020000D, 0x0020000E, 0x00200010, 0x00200011, 0x00200013
SAMPLES, PHOTOMETRIC, FRAMES, ROWS, COLUMNS = 0x00280002, 0x00280004, 0x00280008, 0x00280010, 0x00280011
ALLOCATED, PIXELS, COMMENTS = 0x00280100, 0x7FE00010, 0x00204000
_LONG = (b"OB", b"OW", b"SQ", b"UT", b"UN")
Value = tuple[bytes, bytes]

META_CLASS, META_INSTANCE, META_SYNTAX = 0x00020002, 0x00020003, 0x00020010


def padded(text: str, pad: bytes = b" ") -> bytes:
    value = text.encode()
    return value + pad * (len(value) & 1)


def clean(number: int = 1, *, patient: int = 1, study: int = 1, series: int = 1) -> dict[int, Value]:
    """The elements of a CT slice of 4 x 4 pixels at which nothing is wrong."""
    study_uid = f"1.2.3.{patient}.{study}"
    return {
        CHARSET: (b"CS", b"ISO_IR 100"),
        CLASS: (b"UI", CT),
        INSTANCE: (b"UI", padded(f"{study_uid}.{series}.{number}", b"\0")),
        STUDY_DATE: (b"DA", b"20240102"),
        STUDY_TIME: (b"TM", b"101500"),
        ACCESSION: (b"SH", padded(f"A{patient}.{study}")),
        MODALITY: (b"CS", b"CT"),
        REFERRING: (b"PN", b"Roe^Jane"),
        NAME: (b"PN", padded(f"Doe^J{patient}")),
        PATIENT_ID: (b"LO", padded(f"P{patient}")),
        BORN: (b"DA", b"19700101"),
        SEX: (b"CS", b"F "),
        STUDY: (b"UI", padded(study_uid, b"\0")),
        SERIES: (b"UI", padded(f"{study_uid}.{series}", b"\0")),
        STUDY_ID: (b"SH", padded(str(study))),
        SERIES_NUMBER: (b"IS", padded(str(series))),
        NUMBER: (b"IS", padded(str(number))),
        SAMPLES: (b"US", b"\x01\0"),
        PHOTOMETRIC: (b"CS", b"MONOCHROME2 "),
        ROWS: (b"US", b"\x04\0"),
        COLUMNS: (b"US", b"\x04\0"),
        ALLOCATED: (b"US", b"\x10\0"),
        PIXELS: (b"OW", bytes(32)),
    }


def encoded(elements: dict[int, Value], syntax: bytes = EXPLICIT) -> bytes:
    """The elements in their order, lengths as they are; encapsulated pixel data as `fragments` made it."""
    order = ">" if syntax == BIG else "<"
    parts = []
    for tag, (vr, value) in elements.items():
        head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
        length = 0xFFFFFFFF if tag == PIXELS and value.startswith(b"\xfe\xff\0\xe0") else len(value)
        if syntax == IMPLICIT:
            parts.append(head + struct.pack("<L", length) + value)
        elif vr in _LONG:
            parts.append(head + vr + b"\0\0" + struct.pack(order + "L", length) + value)
        else:
            parts.append(head + vr + struct.pack(order + "H", length) + value)
    return b"".join(parts)


def fragments(*frames: bytes, offsets: bytes = b"") -> bytes:
    """Encapsulated pixel data (PS3.5 A.4), with a basic offset table."""
    items = (b"\xfe\xff\0\xe0" + struct.pack("<L", len(item)) + item for item in (offsets, *frames))
    return b"".join(items) + b"\xfe\xff\xdd\xe0" + bytes(4)


def part_10(elements: dict[int, Value], syntax: bytes = EXPLICIT, **changes: Any) -> bytes:
    """A file with these elements. Changes: `preamble`, `meta` (values of group 0002), `dataset` (bytes)."""
    meta = {
        META_CLASS: elements.get(CLASS, (b"UI", CT))[1].strip(b" \0"),
        META_INSTANCE: elements.get(INSTANCE, (b"UI", b"1.2"))[1].strip(b" \0"),
        META_SYNTAX: syntax,
    } | changes.get("meta", {})
    group = encoded({tag: (b"UI", uid + b"\0" * (len(uid) & 1)) for tag, uid in meta.items()})
    length = encoded({0x00020000: (b"UL", struct.pack("<L", len(group)))})
    dataset = changes.get("dataset", encoded(elements, syntax))
    return changes.get("preamble", b"").ljust(128, b"\0") + b"DICM" + length + group + dataset


def put(path: Path, data: bytes) -> Path:
    """Write a file that has settled long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return aged(path)


@dataclass(frozen=True, slots=True)
class Checked:
    """What the command said: exit code, JSON, and its findings by code."""

    code: int
    json: dict[str, Any]
    told: str

    @property
    def findings(self) -> dict[str, dict[str, Any]]:
        return {finding["code"]: finding for finding in self.json["findings"]}

    @property
    def counts(self) -> dict[str, int]:
        return {code: finding["count"] for code, finding in self.findings.items()}

    def example(self, code: str) -> dict[str, str]:
        return self.findings[code]["examples"][0]


class Command:
    """`quality` in this process, on one folder."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, source: Path, *options: str) -> Checked:
        code = main(["quality", str(source), "--json", "--settle", "0", *options])
        captured = self._capsys.readouterr()
        return Checked(code, json.loads(captured.out) if captured.out else {}, captured.err)
