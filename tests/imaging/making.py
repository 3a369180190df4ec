"""Small objects with images of every kind."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy
import psutil
from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid


def is_decoder(process: psutil.Process) -> bool:
    """Whether it is a decoder's process; one that has ended, waited for or not, is none."""
    try:
        return any("spawn_main" in word for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False


def make_object(syntax: str = ExplicitVRLittleEndian, **attributes: Any) -> Dataset:
    """An object without pixels; attributes by keyword."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = generate_uid()
    ds.StudyInstanceUID = generate_uid()
    ds.SeriesInstanceUID = generate_uid()
    ds.PatientName = "Doe^Jane"
    ds.PatientID = "P1"
    ds.Modality = "CT"
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def make_image(pixels: Any, syntax: str = ExplicitVRLittleEndian, **attributes: Any) -> Dataset:
    """An image, described as the array is: (frames,) rows, columns (, 3); attributes override."""
    array = numpy.asarray(pixels)
    is_colour = array.ndim >= 3 and array.shape[-1] == 3
    shape = array.shape[:-1] if is_colour else array.shape
    bits = array.dtype.itemsize * 8
    described: dict[str, Any] = {
        "Rows": shape[-2],
        "Columns": shape[-1],
        "SamplesPerPixel": 3 if is_colour else 1,
        "PhotometricInterpretation": "RGB" if is_colour else "MONOCHROME2",
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(array.dtype.kind == "i"),
    }
    if is_colour:
        described["PlanarConfiguration"] = 0
    if len(shape) == 3:
        described["NumberOfFrames"] = shape[0]
    ds = make_object(syntax, **(described | attributes))
    data = array.tobytes()
    ds.add_new(0x7FE00010, "OW" if bits > 8 else "OB", data + bytes(len(data) & 1))
    return ds


def overflowing_run() -> bytes:
    """A frame in RLE of two segments (PS3.5 G), of which the second's last run goes beyond its 16 pixels."""
    return struct.pack("<16L", 2, 64, 66, *(0,) * 13) + bytes((0xF1, 1)) + bytes((0xF3, 7, 0, 0, 0xF2, 7))


def save(ds: Dataset, path: Path) -> str:
    with config.disable_value_validation():
        ds.save_as(path, enforce_file_format=True)
    return str(path)
