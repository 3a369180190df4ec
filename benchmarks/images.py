"""Writes the corpora's files: one header is encoded by pydicom, then patched for every image.

Run as a program of its own, so that the process that measures stays small:
    python images.py FOLDER STUDIES IMAGES_PER_STUDY ROWS FRAMES SYNTAX...
"""

from __future__ import annotations

import io
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    RLELossless,
)

SYNTAXES = {
    "explicit": ExplicitVRLittleEndian,
    "j2k": JPEG2000Lossless,
    "jpeg-ls": JPEGLSLossless,
    "rle": RLELossless,
}
ROOT = "1.2.826.0.1.3680043.10.1571"
# Values that differ from file to file. Each has a width of its own that all its values share, so that a
# file is its template with a few bytes replaced.
STUDY_UID = f"{ROOT}.1.700001"
SERIES_UID = f"{ROOT}.2.700001"
IMAGE_UID = f"{ROOT}.3.70000001"
PATIENT_ID = "PAT700001"
NUMBER = "7000001"


@dataclass(frozen=True)
class Shape:
    """What one corpus holds."""

    studies: int
    images: int
    rows: int
    frames: int
    syntax: str


def write(folder: Path, shape: Shape) -> None:
    """Write `shape.studies` folders of `shape.images` files each below `folder`; the same at each call."""
    head, pool = _template(shape)
    chance = random.Random(f"{shape}")
    length = shape.rows * shape.rows * 2 * shape.frames
    for study in range(shape.studies):
        place = folder / f"{shape.syntax}-{study:04}"
        place.mkdir(parents=True)
        for image in range(shape.images):
            name = place / f"IM{image:06}.dcm"
            with name.open("wb") as file:
                file.write(_patched(head, shape, study, image))
                if shape.syntax == "explicit":
                    file.writelines(_pixels(pool, chance, length))


def _pixels(pool: memoryview, chance: random.Random, length: int) -> Iterator[memoryview]:
    """Cut `length` bytes of noise from the pool, from another place in it for each file."""
    while length:
        piece = min(length, len(pool) // 2)
        start = chance.randrange(len(pool) // 4) * 2
        yield pool[start : start + piece]
        length -= piece


def _patched(head: bytes, shape: Shape, study: int, image: int) -> bytes:
    base = list(SYNTAXES).index(shape.syntax) * 10_000 + study
    serial = list(SYNTAXES).index(shape.syntax) * 1_000_000 + study * shape.images + image
    return (
        head.replace(STUDY_UID.encode(), f"{ROOT}.1.{800_001 + base}".encode())
        .replace(SERIES_UID.encode(), f"{ROOT}.2.{800_001 + base}".encode())
        .replace(IMAGE_UID.encode(), f"{ROOT}.3.{80_000_001 + serial}".encode())
        .replace(PATIENT_ID.encode(), f"PAT{800_001 + base}".encode())
        .replace(NUMBER.encode(), f"{8_000_001 + image}".encode())
    )


def _template(shape: Shape) -> tuple[bytes, memoryview]:
    """The file up to its pixel bytes (all of it, when compressed), and noise to fill them with."""
    noise = numpy.random.default_rng(1571)
    pool = noise.integers(0, 4096, 1 << 20, dtype=numpy.uint16)
    ds = _header(shape)
    if shape.syntax == "explicit":
        ds.PixelData = bytes(2)
        ds["PixelData"].VR = "OW"
        length = shape.rows * shape.rows * 2 * shape.frames
        return _encoded(ds)[:-6] + length.to_bytes(4, "little"), memoryview(pool.tobytes())
    y, x = numpy.mgrid[: shape.rows, : shape.rows]
    frame = (1000 + 800 * numpy.sin(x / 40) * numpy.cos(y / 50)).astype(numpy.uint16)
    frame += noise.integers(0, 16, frame.shape, dtype=numpy.uint16)
    ds.compress(SYNTAXES[shape.syntax], frame, generate_instance_uid=False)
    return _encoded(ds), memoryview(b"")


def _encoded(ds: Dataset) -> bytes:
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _header(shape: Shape) -> Dataset:
    """About 85 elements, as a scanner writes them, with a sequence and a private block among them."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.ImplementationVersionName = "BENCHMARK"
    sop_class = CTImageStorage if shape.frames == 1 else MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    _fill(ds, sop_class)
    ds.Rows = ds.Columns = shape.rows
    if shape.frames > 1:
        ds.NumberOfFrames = shape.frames
        ds.FrameIncrementPointer = 0x00181063
        ds.FrameTime = "40"
    return ds


def _fill(ds: Dataset, sop_class: UID) -> None:
    for group in (_IDENTITY, _EQUIPMENT, _ACQUISITION, _IMAGE):
        for keyword, value in group.items():
            setattr(ds, keyword, value)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.ReferencedStudySequence = Sequence([_reference("1.2.840.10008.3.1.2.3.1", 1)])
    ds.SourceImageSequence = Sequence([_reference(CTImageStorage, number) for number in (2, 3)])
    procedure = Dataset()
    procedure.CodeValue, procedure.CodingSchemeDesignator = "CTTHOR", "99LOCAL"
    procedure.CodeMeaning = "CT of the thorax"
    ds.ProcedureCodeSequence = Sequence([procedure])
    private = ds.private_block(0x0029, "BENCHMARK HEADER", create=True)
    private.add_new(0x08, "CS", "IMAGE NUM 4")
    private.add_new(0x10, "OB", bytes(range(256)) * 2)


def _reference(sop_class: str, number: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = f"{ROOT}.9.{number}"
    return item


_IDENTITY = {
    "SpecificCharacterSet": "ISO_IR 100",
    "SOPInstanceUID": IMAGE_UID,
    "StudyInstanceUID": STUDY_UID,
    "SeriesInstanceUID": SERIES_UID,
    "FrameOfReferenceUID": f"{ROOT}.4.1",
    "PatientName": "Sample^Patient^Middle",
    "PatientID": PATIENT_ID,
    "IssuerOfPatientID": "BENCHMARK",
    "PatientBirthDate": "19610804",
    "PatientSex": "O",
    "PatientAge": "062Y",
    "PatientWeight": "71.5",
    "PatientPosition": "HFS",
    "StudyDate": "20240312",
    "SeriesDate": "20240312",
    "AcquisitionDate": "20240312",
    "ContentDate": "20240312",
    "StudyTime": "101501.218000",
    "SeriesTime": "101733.640000",
    "AcquisitionTime": "101810.412500",
    "ContentTime": "101810.412500",
    "AccessionNumber": "A2024031200",
    "StudyID": "17733",
    "StudyDescription": "CT thorax with contrast",
    "SeriesDescription": "Thorax 1.0 B70f lung",
    "ProtocolName": "ThoraxRoutine",
    "ReferringPhysicianName": "Referrer^Anne",
    "PerformingPhysicianName": "Performer^Bo",
    "OperatorsName": "Operator^Cy",
}
_EQUIPMENT = {
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"],
    "Modality": "CT",
    "Manufacturer": "Benchmark Medical Systems",
    "InstitutionName": "Benchmark General Hospital",
    "InstitutionAddress": "1 Loopback Street",
    "StationName": "CT01",
    "ManufacturerModelName": "Slice 64",
    "DeviceSerialNumber": "60021",
    "SoftwareVersions": "syngo CT 2012B",
    "DateOfLastCalibration": "20240311",
    "TimeOfLastCalibration": "064401.000000",
}
_ACQUISITION = {
    "BodyPartExamined": "CHEST",
    "ScanOptions": "HELICAL MODE",
    "SliceThickness": "1",
    "KVP": "120",
    "DataCollectionDiameter": "500",
    "ReconstructionDiameter": "345",
    "DistanceSourceToDetector": "1085.6",
    "DistanceSourceToPatient": "595",
    "GantryDetectorTilt": "0",
    "TableHeight": "152",
    "RotationDirection": "CW",
    "ExposureTime": "500",
    "XRayTubeCurrent": "214",
    "Exposure": "89",
    "FilterType": "WEDGE_3",
    "GeneratorPower": "34",
    "FocalSpots": "1.2",
    "ConvolutionKernel": "B70f",
    "ContrastBolusAgent": "APPLIED",
    "SingleCollimationWidth": 0.6,
    "TotalCollimationWidth": 19.2,
    "TableSpeed": 46.0,
    "SpiralPitchFactor": 1.2,
    "CTDIvol": 6.02,
}
_IMAGE = {
    "SeriesNumber": "5",
    "AcquisitionNumber": "2",
    "InstanceNumber": NUMBER,
    "ImagePositionPatient": ["-172.16", "-345.16", "1408.5"],
    "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
    "PositionReferenceIndicator": "",
    "SliceLocation": "1408.5",
    "ImageComments": "",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "PixelSpacing": ["0.673828125", "0.673828125"],
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
    "SmallestImagePixelValue": 0,
    "LargestImagePixelValue": 4095,
    "WindowCenter": ["-600", "40"],
    "WindowWidth": ["1200", "400"],
    "RescaleIntercept": "-1024",
    "RescaleSlope": "1",
    "RescaleType": "HU",
}


if __name__ == "__main__":
    studies, images, rows, frames = map(int, sys.argv[2:6])
    for word in sys.argv[6:]:
        write(Path(sys.argv[1]), Shape(studies, images, rows, frames, word))
