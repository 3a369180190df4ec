"""What a DICOMDIR lists against what is there; its paths are not to be trusted."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from migrator.checks.quality_directory import is_unsafe
from tests.quality.making import BIG, EXPLICIT, IMPLICIT, Command, clean, encoded, padded, part_10, put

DIRECTORY = b"1.2.840.10008.1.3.10"
ITEM = b"\xfe\xff\0\xe0"


def item_head(number: int, length: int, syntax: bytes) -> bytes:
    return struct.pack((">" if syntax == BIG else "<") + "HHL", 0xFFFE, number, length)


def record(path: str, uid: str = "1.2.3", syntax: bytes = EXPLICIT) -> bytes:
    """A directory record of an image (PS3.3 F.5); without a path, of a patient."""
    elements = {0x00041430: (b"CS", b"IMAGE ")}
    if path:
        elements |= {0x00041500: (b"CS", padded(path)), 0x00041511: (b"UI", padded(uid, b"\0"))}
    data = encoded(elements, syntax)
    return item_head(0xE000, len(data), syntax) + data


def directory(*paths: str, syntax: bytes = EXPLICIT, is_undefined: bool = False) -> bytes:
    records = record("", syntax=syntax) + b"".join(record(path, syntax=syntax) for path in paths)
    length = 0xFFFFFFFF if is_undefined else len(records)
    if is_undefined:
        records += item_head(0xE0DD, 0, syntax)
    order = ">" if syntax == BIG else "<"
    head = struct.pack(order + "HH", 0x0004, 0x1220) + (b"" if syntax == IMPLICIT else b"SQ\0\0")
    head += struct.pack(order + "L", length)
    dataset = encoded({0x00041130: (b"CS", b"SET1")}, syntax) + head + records
    return part_10({}, syntax, meta={0x00020002: DIRECTORY, 0x00020003: b"1.2.9"}, dataset=dataset)


@pytest.fixture
def medium(source: Path) -> Path:
    """A folder with images and, below it, a medium of its own."""
    put(source / "outside.dcm", part_10(clean(3)))
    put(source / "cd" / "IMAGES" / "IM1", part_10(clean(1)))
    put(source / "cd" / "IMAGES" / "IM2", part_10(clean(2)))
    return source / "cd"


@pytest.mark.parametrize("is_undefined", [False, True])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_files_that_are_listed_and_not_there_are_told(
    syntax: bytes, is_undefined: bool, quality: Command, source: Path, medium: Path
) -> None:
    listed = ("IMAGES\\IM1", "IMAGES\\IM2", "IMAGES\\IM3", "GONE\\IM4", "IMAGES")
    put(medium / "DICOMDIR", directory(*listed, syntax=syntax, is_undefined=is_undefined))
    result = quality(source)
    assert result.counts == {"dicomdir-missing-file": 3}
    example = result.example("dicomdir-missing-file")
    assert (example["path"], example["detail"]) == (str(Path("cd", "DICOMDIR")), "lists IMAGES/IM3")
    assert example["sop_instance_uid"] == "1.2.3"
    assert result.code == 1


@pytest.mark.parametrize("name", ["im1", "IM1.;1", "im1.;1", "IM1;1", "Im1."])
def test_names_are_compared_as_iso_9660_writes_them(
    name: str, quality: Command, source: Path, medium: Path
) -> None:
    (medium / "IMAGES").rename(medium / "images")
    (medium / "images" / "IM1").rename(medium / "images" / name)
    put(medium / "DICOMDIR", directory("IMAGES\\IM1", "IMAGES\\IM2"))
    assert quality(source).counts == {}


@pytest.mark.parametrize(
    "path",
    [
        "..\\outside.dcm",
        "IMAGES\\..\\..\\outside.dcm",
        "/etc/passwd",
        "\\etc\\passwd",
        "C:\\x",
        "IMAGES\\\\IM1",
        ".",
    ],
)
def test_paths_that_lead_out_are_told_and_never_followed(
    path: str, quality: Command, medium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(medium / "DICOMDIR", directory(path, "IMAGES\\IM1"))
    listed: list[str] = []
    scandir = os.scandir

    def watched(folder: str) -> object:
        listed.append(os.path.realpath(folder))
        return scandir(folder)

    monkeypatch.setattr("migrator.checks.quality_directory.os.scandir", watched)
    assert quality(medium).counts == {"dicomdir-unsafe-path": 1}
    assert listed
    assert all(Path(folder).is_relative_to(medium.resolve()) for folder in listed)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_to_a_folder_is_not_followed(
    quality: Command, source: Path, medium: Path, tmp_path: Path
) -> None:
    put(tmp_path / "elsewhere" / "IM1", part_10(clean(4)))
    (medium / "LINKED").symlink_to(tmp_path / "elsewhere")
    put(medium / "DICOMDIR", directory("LINKED\\IM1"))
    assert quality(source).counts == {"dicomdir-missing-file": 1, "link-outside": 1}


def test_a_damaged_dicomdir_is_told_and_the_rest_goes_on(
    quality: Command, source: Path, medium: Path
) -> None:
    data = directory("IMAGES\\IM1", "IMAGES\\IM3")
    item = data.rindex(ITEM)
    put(medium / "DICOMDIR", data[: item + 4] + b"\xff\xff\xff\x7f" + data[item + 8 :])
    result = quality(source)
    assert result.counts == {"dicomdir-damaged": 1}
    assert result.json["instances"] == 3


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "C:", "a\0b"])
def test_what_is_no_plain_name_is_unsafe(name: str) -> None:
    assert is_unsafe(name)
    assert not is_unsafe("IM000001")
