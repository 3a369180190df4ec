"""Files to be edited, and what comes out of editing them."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from pathlib import Path

import numpy
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import dcmwrite, write_dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from migrator.core.edits import Edit
from migrator.core.model import Instance
from migrator.dicom.editing.edits import Edited, Editor
from migrator.dicom.editing.splice import Draft
from migrator.dicom.editing.splice_elements import memory
from migrator.dicom.structure import Coding
from tests.association.making import scan

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED, RLE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5"
JPEG = "1.2.840.10008.1.2.4.50"
CT, US = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.6.1"
NOW = datetime(2026, 3, 14, 15, 9, 26)


def a_dataset(**attributes: object) -> Dataset:
    """An image of one patient, with private elements on the top level and in sequences."""
    ds = Dataset()
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SOPClassUID, ds.SOPInstanceUID = CT, "1.2.3.4.5"
    ds.StudyDate, ds.Modality, ds.StudyDescription = "20240131", "CT", "Thorax"
    ds.PatientName, ds.PatientID = "Doe^Jane", "P1"
    ds.PatientBirthDate, ds.PatientSex = "19700101", "F"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    block = ds.private_block(0x0009, "ACME 1.1", create=True)
    block.add_new(0x01, "LO", "secret")
    for is_undefined in (False, True):
        name = "RequestAttributesSequence" if is_undefined else "ReferencedStudySequence"
        setattr(ds, name, Sequence([an_item(is_undefined=is_undefined), an_item(is_undefined=False)]))
        ds[name].is_undefined_length = is_undefined
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows = ds.Columns = 4
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelData = numpy.arange(16, dtype="<u2").tobytes()
    ds["PixelData"].VR = "OW"
    ds.private_block(0x7FE1, "ACME 1.1", create=True).add_new(0x10, "OB", b"\1\2\3\4")
    for name, value in attributes.items():
        if value is None:
            delattr(ds, name)
        else:
            setattr(ds, name, value)
    return ds


def an_item(*, is_undefined: bool) -> Dataset:
    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3.9"
    item.StudyDescription = "inner"
    item.private_block(0x0011, "ACME 1.1", create=True).add_new(0x02, "SH", "inner")
    item.is_undefined_length_sequence_item = is_undefined
    return item


def write(path: Path, ds: Dataset, syntax: str = EXPLICIT) -> Path:
    """Write a file; for compressed syntaxes the pixel data is one fragment of whatever is in it."""
    uid = UID(syntax)
    if uid.is_encapsulated:
        ds.PixelData = encapsulate([ds.PixelData])
        ds["PixelData"].VR = "OB"
        ds["PixelData"].is_undefined_length = True
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = uid
    dcmwrite(path, ds, enforce_file_format=True)
    return path


def edit(path: Path, *edits: Edit) -> tuple[Edited, bytes]:
    """The edited data set and its bytes, in the transfer syntax of the segments."""
    instance = scan(path)
    edited = Editor(lambda: NOW).edit(str(path), instance, edits)
    return edited, sent_bytes(edited)


def sent_bytes(edited: Edited) -> bytes:
    """All bytes, read in pieces of awkward sizes."""
    payload = edited.open()
    pieces, size = [], 1
    while payload.remaining:
        piece = bytearray(min(payload.remaining, size))
        views = memoryview(piece)
        payload.fill([views[: len(piece) // 3], views[len(piece) // 3 :]])
        pieces.append(bytes(piece))
        size = size * 2 + 1
    payload.close()
    return b"".join(pieces)


def encoded_as(ds: Dataset, syntax: str, **attributes: object) -> bytes:
    """The data set's bytes, without a file around them."""
    for name, value in attributes.items():
        setattr(ds, name, value)
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = syntax == IMPLICIT, syntax != BIG
    write_dataset(stream, ds)
    return stream.getvalue()


def read(data: bytes, syntax: str = EXPLICIT) -> Dataset:
    return read_dataset(BytesIO(data), syntax == IMPLICIT, syntax != BIG)


def draft_of(data: bytes, syntax: str = EXPLICIT) -> Draft:
    coding = Coding(is_implicit=syntax == IMPLICIT, is_little=syntax != BIG)
    return Draft(memory(data), coding, in_file=False)


def joined(draft: Draft) -> bytes:
    return b"".join(part for part in draft.segments().parts if isinstance(part, bytes))


def original_of(path: Path) -> bytes:
    instance: Instance = scan(path)
    return path.read_bytes()[instance.offset :]
