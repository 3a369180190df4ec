"""Small DICOM files for the scan, and the scanner's answers in a form that is easy to compare."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from migrator.core.control import Control
from migrator.core.model import Instance
from migrator.core.outcome import Problem
from migrator.core.settings import ScanSettings
from migrator.dicom.fallback import read_with_pydicom
from migrator.dicom.header import read_header
from migrator.dicom.verdicts import Found
from migrator.engine.scanner import Item, Scanner

CT = "1.2.840.10008.5.1.4.1.1.2"
OLD = time.time() - 3600


def dataset(number: int = 1, **values: Any) -> Dataset:
    """A small CT slice; `values` replace or, when None, remove its attributes."""
    ds = Dataset()
    attributes: dict[str, Any] = {
        "SOPClassUID": CT,
        "SOPInstanceUID": f"1.2.3.{number}",
        "StudyDate": "20240102",
        "AccessionNumber": "A1",
        "Modality": "CT",
        "StudyDescription": "Thorax",
        "SeriesDescription": "axial",
        "PatientName": "Doe^Jane",
        "PatientID": "P1",
        "PatientBirthDate": "19700101",
        "PatientSex": "F",
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.3.0",
        "SeriesNumber": "4",
        "InstanceNumber": str(number),
        "Rows": 4,
        "Columns": 4,
        "BitsAllocated": 16,
        "PixelData": bytes(32),
    } | values
    for name, value in attributes.items():
        if value is not None:
            setattr(ds, name, value)
    return ds


def write(path: Path, ds: Dataset | None = None, *, syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write a Part 10 file that has settled long ago."""
    ds = ds or dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return aged(path)


def aged(path: Path) -> Path:
    os.utime(path, (OLD, OLD))
    return path


def read(path: Path) -> Instance | Problem:
    """What the reader says of one file."""
    status = path.stat()
    return read_header(str(path.parent), path.name, status.st_size, status.st_mtime_ns)


def read_slowly(path: Path) -> Instance | Problem:
    """What the fallback says of the same file."""
    status = path.stat()
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        return read_with_pydicom(descriptor, Found(path.name, status.st_size, status.st_mtime_ns))
    finally:
        os.close(descriptor)


def scan(root: Path, **changes: Any) -> dict[str, Item]:
    """Everything a scan finds, by path. `changes` replace fields of the scanner."""
    fields: dict[str, Any] = {
        "settings": ScanSettings(readers=1),
        "read": read_header,
        "control": Control(),
    } | changes
    found: dict[str, Item] = {}
    for item in items(Scanner(str(root), **fields)):
        assert item.path not in found, "a path was found twice"
        found[item.path] = item
    return found


def items(scanner: Scanner) -> Iterator[Item]:
    for block in scanner.blocks():
        assert len(block) <= 512
        yield from block


def reason(item: Item) -> str:
    """STATE REASON of a problem; what else it is otherwise."""
    return f"{item.state.name} {item.reason.name}" if isinstance(item, Problem) else type(item).__name__
