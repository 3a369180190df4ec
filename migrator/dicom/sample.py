"""The sample archive of `demo`: invented patients, and what real archives hold beside good files."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, MediaStorageDirectoryStorage

from migrator.dicom import sample_images as images
from migrator.dicom.sample_studies import PEOPLE, SOP_CLASSES, STUDIES, Person, StudyPlan

# 2.25 with a random number needs no registration (PS3.5 B.2).
_UID_ROOT = "2.25"

# 128 bytes and the letters DICM (PS3.10 7.1).
_PREAMBLE = 132


@dataclass(frozen=True, slots=True)
class SampleTruth:
    """What a complete migration of the sample archive must give.

    Counts are paths by the state that each must end in; `uids` are the SOP instance UIDs that the
    destination must then hold, neither more nor less.
    """

    folder: str
    patients: int
    studies: int
    found: int
    sent: int
    skipped: int
    held: int
    quarantined: int
    uids: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Good:
    """A file that a migration must send."""

    path: Path
    uid: str
    syntax: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a study stands in the archive; the files' names follow from it."""

    root: Path
    uid_prefix: str
    number: int
    person: int

    @property
    def folder(self) -> Path:
        return self.root / f"patient {self.person + 1:02}" / f"study{self.number + 1:02}"


def make_sample(folder: str, seed: int = 1) -> SampleTruth:
    """Make the archive in `folder`, which must be new or empty. The same seed makes the same files."""
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    prefix = f"{_UID_ROOT}.{random.Random(seed).getrandbits(90)}"
    noise = np.random.default_rng(seed)
    good: list[_Good] = []
    for number, plan in enumerate(STUDIES):
        place = _Place(root, prefix, number, number % len(PEOPLE))
        good.extend(_make_study(place, plan, noise))
    skipped, held, quarantined = _add_odd_files(root, good)
    _make_good_ones_odd(good)
    return SampleTruth(
        folder=folder,
        patients=len(PEOPLE),
        studies=len(STUDIES),
        found=len(good) + skipped + held + quarantined,
        sent=len(good),
        skipped=skipped,
        held=held,
        quarantined=quarantined,
        uids=frozenset(file.uid for file in good),
    )


def _make_study(place: _Place, plan: StudyPlan, noise: np.random.Generator) -> Iterator[_Good]:
    for series in range(1, plan.series + 1):
        folder = place.folder / f"{plan.modality}{series}"
        folder.mkdir(parents=True)
        for number in range(1, plan.images + 1):
            ds = _identity(place, plan, series, number)
            _add_content(ds, plan, number, noise)
            path = folder / f"IM{number:06}"
            write_as(path, ds, plan.syntax)
            yield _Good(path, str(ds.SOPInstanceUID), plan.syntax)


def _identity(place: _Place, plan: StudyPlan, series: int, number: int) -> Dataset:
    person = PEOPLE[place.person]
    ds = Dataset()
    _add_person(ds, person, place.person)
    study_uid = f"{place.uid_prefix}.{place.number + 1}"
    ds.SOPClassUID = SOP_CLASSES[plan.modality]
    ds.SOPInstanceUID = f"{study_uid}.{series}.{number}"
    ds.StudyInstanceUID = study_uid
    ds.SeriesInstanceUID = f"{study_uid}.{series}"
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = (
        f"20{10 + place.number % 15:02}{place.number % 12 + 1:02}17"
    )
    ds.StudyTime = ds.SeriesTime = ds.ContentTime = f"{8 + place.number % 10:02}3000"
    ds.StudyID = str(place.number + 1)
    ds.AccessionNumber = f"ACC{place.number + 1:05}"
    ds.StudyDescription = f"{plan.modality} sample study {place.number + 1}"
    ds.ReferringPhysicianName = "Sample^Physician"
    ds.Modality = plan.modality
    ds.Manufacturer = "DICOM Migrator sample"
    ds.SeriesNumber = series
    ds.SeriesDescription = f"{plan.modality} series {series}"
    ds.InstanceNumber = number
    return ds


def _add_person(ds: Dataset, person: Person, index: int) -> None:
    if person.character_set:
        ds.SpecificCharacterSet = list(person.character_set)
    ds.PatientName = person.name
    ds.PatientID = f"SAMPLE{index + 1:03}"
    ds.PatientBirthDate = person.birth_date
    ds.PatientSex = person.sex


def _add_content(ds: Dataset, plan: StudyPlan, number: int, noise: np.random.Generator) -> None:
    position = number / (plan.images + 1)
    if plan.modality == "CT":
        images.add_grey(ds, images.ct_slice(position, noise))
        ds.RescaleIntercept, ds.RescaleSlope = "-1024", "1"
    elif plan.modality == "MR":
        images.add_grey(ds, images.mr_slice(position, noise))
    elif plan.modality == "CR":
        images.add_grey(ds, images.cr_image(noise))
        ds.BodyPartExamined = "CHEST"
    elif plan.modality == "US":
        images.add_colour(ds, images.us_loop(noise))
    else:
        _add_report(ds)
    if plan.modality in ("CT", "MR"):
        ds.ImagePositionPatient = ["-64", "-64", str(5 * number)]
        ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
        ds.PixelSpacing = ["1", "1"]


def _add_report(ds: Dataset) -> None:
    """A structured report of one sentence (PS3.3 A.35.1)."""
    concept = Dataset()
    concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = "121071", "DCM", "Finding"
    finding = Dataset()
    finding.RelationshipType = "CONTAINS"
    finding.ValueType = "TEXT"
    finding.ConceptNameCodeSequence = [concept]
    finding.TextValue = "An invented report about an invented patient. Nothing abnormal was invented."
    ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "UNVERIFIED"
    ds.ValueType = "CONTAINER"
    ds.ContinuityOfContent = "SEPARATE"
    ds.ContentSequence = [finding]


def write_as(path: Path, ds: Dataset, syntax: str) -> None:
    """Write a dataset with little-endian, uncompressed pixels as a part 10 file in another syntax."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    target = UID(syntax)
    if target.is_encapsulated:
        ds.compress(target, generate_instance_uid=False)
    elif not target.is_little_endian and ds.get("BitsAllocated") == 16:
        ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    ds.file_meta.TransferSyntaxUID = target
    dcmwrite(path, ds, enforce_file_format=True)


def _add_odd_files(root: Path, good: list[_Good]) -> tuple[int, int, int]:
    """Add what archives hold beside good files; returns how many must be skipped, held, quarantined."""
    odd = root / "odd files"
    odd.mkdir()
    _write_dicomdir(root / "DICOMDIR")
    (odd / "empty.dcm").touch()
    (odd / "notes.txt").write_text("Scanned at the old site.\n", encoding="utf-8")
    (odd / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + bytes(200) + b"\xff\xd9")
    (odd / "copy of IM000001.dcm").write_bytes(good[0].path.read_bytes())
    _write_changed(good[1].path, odd / "same uid, other content.dcm", good[1].uid)
    truncated = odd / "truncated.dcm"
    _write_changed(good[2].path, truncated, f"{good[2].uid}.9")
    truncated.write_bytes(truncated.read_bytes()[:-4001])
    return 5, 1, 1


def _make_good_ones_odd(good: list[_Good]) -> None:
    """One with an odd name, one that begins with group 0002, one without even that."""
    good[4].path.rename(good[4].path.with_name("Bild ü (1), Kopie.IMA"))
    _drop_start(good[3].path, _PREAMBLE)
    bare = next(file.path for file in good if file.syntax == ImplicitVRLittleEndian)
    group_length = int.from_bytes(bare.read_bytes()[140:144], "little")
    _drop_start(bare, _PREAMBLE + 12 + group_length)


def _write_dicomdir(path: Path) -> None:
    ds = Dataset()
    ds.FileSetID = "SAMPLE"
    ds.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = 0
    ds.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = 0
    ds.FileSetConsistencyFlag = 0
    ds.DirectoryRecordSequence = []
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    ds.file_meta.MediaStorageSOPInstanceUID = UID(f"{_UID_ROOT}.1")
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dcmwrite(path, ds, enforce_file_format=True)


def _write_changed(original: Path, path: Path, uid: str) -> None:
    ds = dcmread(original)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID(uid)
    ds.SeriesDescription = "changed afterwards"
    dcmwrite(path, ds, enforce_file_format=True)


def _drop_start(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[size:])
