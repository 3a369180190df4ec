"""Who and what is in the sample archive: invented people, and a list of studies, as data."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.uid import (
    BasicTextSRStorage,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    MRImageStorage,
    RLELossless,
    UltrasoundMultiFrameImageStorage,
)


@dataclass(frozen=True, slots=True)
class Person:
    """An invented patient; `character_set` is the Specific Character Set (PS3.3 C.12.1.1.2) of the files."""

    name: str
    birth_date: str
    sex: str
    character_set: tuple[str, ...] = ()


PEOPLE = (
    Person("Adams^John^Quincy^^Mr", "19520412", "M"),
    Person("Müller^Jürgen", "19480930", "M", ("ISO_IR 100",)),
    Person("Buc^Jérôme", "19671121", "M", ("ISO_IR 100",)),
    Person("Nguyễn^Thị Hương", "19880203", "F", ("ISO_IR 192",)),
    Person("Yamada^Tarou=山田^太郎=やまだ^たろう", "19751224", "M", ("", "ISO 2022 IR 87")),
    Person("Hong^Gildong=洪^吉洞=홍^길동", "19810615", "M", ("", "ISO 2022 IR 149")),
    Person("Люксембург^Роза", "19390731", "F", ("ISO_IR 144",)),
    Person("Διονυσιος", "19550101", "M", ("ISO_IR 126",)),
    Person("Wang^XiaoDong=王^小东=", "19920808", "F", ("GB18030",)),
    Person("O'Neil-Smith^Mary Ann", "20110505", "F"),
    Person("Doe^Baby", "20160229", "O"),
    Person("Rossi^Giulia", "19601017", "F", ("ISO_IR 192",)),
)

SOP_CLASSES = {
    "CT": CTImageStorage,
    "MR": MRImageStorage,
    "CR": ComputedRadiographyImageStorage,
    "US": UltrasoundMultiFrameImageStorage,
    "SR": BasicTextSRStorage,
}


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """One study: `series` series of `images` images each, in one transfer syntax."""

    modality: str
    syntax: str
    series: int
    images: int


STUDIES = (
    StudyPlan("CT", ExplicitVRLittleEndian, 2, 20),
    StudyPlan("MR", ExplicitVRLittleEndian, 2, 9),
    StudyPlan("CR", ExplicitVRLittleEndian, 1, 2),
    StudyPlan("CT", RLELossless, 2, 10),
    StudyPlan("US", RLELossless, 1, 2),
    StudyPlan("MR", ImplicitVRLittleEndian, 3, 7),
    StudyPlan("CT", ImplicitVRLittleEndian, 1, 30),
    StudyPlan("SR", ExplicitVRLittleEndian, 1, 1),
    StudyPlan("CT", JPEGLSLossless, 1, 12),
    StudyPlan("MR", JPEG2000Lossless, 2, 6),
    StudyPlan("CR", JPEG2000Lossless, 1, 2),
    StudyPlan("US", JPEGLSLossless, 2, 1),
    StudyPlan("CT", ExplicitVRBigEndian, 1, 8),
    StudyPlan("MR", DeflatedExplicitVRLittleEndian, 1, 8),
    StudyPlan("CT", DeflatedExplicitVRLittleEndian, 1, 8),
    StudyPlan("SR", ImplicitVRLittleEndian, 1, 2),
    StudyPlan("MR", RLELossless, 2, 8),
    StudyPlan("CT", ExplicitVRLittleEndian, 3, 16),
    StudyPlan("CR", RLELossless, 2, 1),
    StudyPlan("US", ExplicitVRLittleEndian, 1, 2),
    StudyPlan("MR", ExplicitVRBigEndian, 1, 6),
    StudyPlan("CT", JPEG2000Lossless, 1, 8),
    StudyPlan("CR", ImplicitVRLittleEndian, 1, 1),
    StudyPlan("MR", JPEGLSLossless, 1, 10),
    StudyPlan("US", ImplicitVRLittleEndian, 1, 1),
    StudyPlan("SR", DeflatedExplicitVRLittleEndian, 1, 1),
    StudyPlan("CT", ImplicitVRLittleEndian, 2, 9),
    StudyPlan("MR", ExplicitVRLittleEndian, 2, 8),
    StudyPlan("CR", JPEGLSLossless, 1, 2),
    StudyPlan("US", JPEG2000Lossless, 1, 1),
)
