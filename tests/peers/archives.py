"""Small seeded archives of DICOM files, made quickly."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

ENCODABLE = (RLELossless, JPEGLSLossless, JPEG2000Lossless)


@dataclass(frozen=True)
class ArchivePlan:
    """What to make. Studies have `series` series of `instances` images of `side` x `side` 16-bit pixels.

    SOP classes and transfer syntaxes take turns over the instances. Compressed syntaxes that cannot be
    encoded here get arbitrary bytes as their one frame.
    """

    studies: int = 2
    series: int = 1
    instances: int = 3
    side: int = 16
    sop_classes: tuple[str, ...] = (CTImageStorage,)
    syntaxes: tuple[str, ...] = (ExplicitVRLittleEndian,)
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Made:
    """One file that was made; `data` are the bytes of its dataset, without group 0002."""

    path: Path
    study_uid: str
    series_uid: str
    uid: str
    sop_class: str
    transfer_syntax: str
    data: bytes


@dataclass(frozen=True)
class Archive:
    """A folder with the files that were made in it."""

    folder: Path
    files: tuple[Made, ...]

    @property
    def uids(self) -> set[str]:
        return {made.uid for made in self.files}

    @property
    def datasets(self) -> dict[str, bytes]:
        return {made.uid: made.data for made in self.files}

    def study(self, uid: str) -> set[str]:
        """The SOP instance UIDs of one study."""
        return {made.uid for made in self.files if made.study_uid == uid}

    @property
    def studies(self) -> dict[str, set[str]]:
        studies: dict[str, set[str]] = {}
        for made in self.files:
            studies.setdefault(made.study_uid, set()).add(made.uid)
        return studies


def make_archive(folder: Path, plan: ArchivePlan | None = None) -> Archive:
    """Make the files of `plan` under `folder`: a folder per study and series. Same seed, same files."""
    folder.mkdir(parents=True, exist_ok=True)
    return Archive(folder, tuple(_files(folder, plan or ArchivePlan())))


def _files(folder: Path, plan: ArchivePlan) -> Iterator[Made]:
    random_numbers = random.Random(plan.seed)
    pixels = numpy.random.default_rng(plan.seed)
    root = f"1.2.826.0.1.3680043.8.498.{random_numbers.randrange(10**12)}"
    turn = 0
    for study in range(1, plan.studies + 1):
        for series in range(1, plan.series + 1):
            place = folder / f"study{study}" / f"series{series}"
            place.mkdir(parents=True)
            for number in range(1, plan.instances + 1):
                ds = _dataset(root, (study, series, number))
                ds.SOPClassUID = plan.sop_classes[turn % len(plan.sop_classes)]
                _add_pixels(ds, pixels.integers(0, 4096, (plan.side, plan.side), numpy.uint16))
                syntax = UID(plan.syntaxes[turn % len(plan.syntaxes)])
                yield _write(place / f"image{number}.dcm", ds, syntax)
                turn += 1


def _dataset(root: str, place: tuple[int, int, int]) -> Dataset:
    study, series, number = place
    ds = Dataset()
    ds.SOPInstanceUID = f"{root}.{study}.{series}.{number}"
    ds.StudyDate = f"202401{study % 28 + 1:02}"
    ds.StudyTime = "101500"
    ds.AccessionNumber = f"A{study}"
    ds.Modality = "CT"
    ds.StudyDescription = f"Study {study}"
    ds.ReferringPhysicianName = ""
    ds.PatientName = f"Test^Patient{study}"
    ds.PatientID = f"P{study}"
    ds.PatientBirthDate = "19700101"
    ds.PatientSex = "O"
    ds.StudyInstanceUID = f"{root}.{study}"
    ds.SeriesInstanceUID = f"{root}.{study}.{series}"
    ds.StudyID = str(study)
    ds.SeriesNumber = series
    ds.InstanceNumber = number
    return ds


def _add_pixels(ds: Dataset, pixels: numpy.ndarray) -> None:
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OW"


def _write(path: Path, ds: Dataset, syntax: UID) -> Made:
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if syntax in ENCODABLE:
        ds.compress(syntax, generate_instance_uid=False)
    elif syntax.is_compressed and not syntax.is_deflated:
        ds.PixelData = encapsulate([ds.PixelData])
        ds["PixelData"].VR = "OB"
    elif not syntax.is_little_endian:
        ds.PixelData = numpy.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    ds.file_meta.TransferSyntaxUID = syntax
    dcmwrite(
        path, ds, enforce_file_format=True, implicit_vr=syntax.is_implicit_VR if syntax.is_private else None
    )
    content = path.read_bytes()
    start = 144 + int.from_bytes(content[140:144], "little")
    return Made(
        path,
        ds.StudyInstanceUID,
        ds.SeriesInstanceUID,
        ds.SOPInstanceUID,
        ds.SOPClassUID,
        str(syntax),
        content[start:],
    )
