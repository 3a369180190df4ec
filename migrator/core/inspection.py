"""What a look into a file finds wrong with it: plain data that the readers of files hand to the checks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Kind(str, Enum):
    """What can be wrong with an archive. The value is the code that people and programs see."""

    # What the scan says of a path.
    UNREADABLE = "unreadable"
    UNREADABLE_FOLDER = "unreadable-folder"
    VANISHED = "vanished"
    CHANGING = "still-written"
    TRUNCATED = "truncated"
    UNPARSABLE = "unparsable"
    CHECK_FAILED = "cannot-be-checked"
    EMPTY = "zero-byte"
    NOT_DICOM = "not-dicom"
    NOT_A_FILE = "not-a-file"
    LINK_OUTSIDE = "link-outside"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    # Identifiers that are not there (types 1 and 2, PS3.5 7.4).
    NO_UID = "missing-sop-uid"
    NO_STUDY = "missing-study-uid"
    NO_MODALITY = "missing-modality"
    NO_PATIENT_ID = "missing-patient-id"
    NO_PATIENT_NAME = "missing-patient-name"
    NO_BIRTH_DATE = "missing-birth-date"
    NO_SEX = "missing-sex"
    NO_STUDY_DATE = "missing-study-date"
    NO_STUDY_TIME = "missing-study-time"
    NO_ACCESSION = "missing-accession-number"
    NO_STUDY_ID = "missing-study-id"
    NO_REFERRING = "missing-referring-physician"
    NO_SERIES_NUMBER = "missing-series-number"
    NO_INSTANCE_NUMBER = "missing-instance-number"
    NO_PIXEL_DESCRIPTION = "missing-pixel-description"
    # UIDs (PS3.5 9.1).
    UID_TOO_LONG = "uid-too-long"
    UID_CHARACTERS = "uid-illegal-characters"
    UID_ZEROS = "uid-leading-zeros"
    UID_COMPONENTS = "uid-empty-component"
    UID_PADDING = "uid-padding"
    # File meta information (PS3.10 7.1) against the dataset.
    META_ABSENT = "meta-absent"
    META_CLASS = "meta-other-sop-class"
    META_INSTANCE = "meta-other-sop-instance"
    META_SYNTAX = "meta-other-transfer-syntax"
    UNKNOWN_SYNTAX = "unknown-transfer-syntax"
    PREAMBLE = "executable-preamble"
    # The encoding of the dataset.
    ODD_LENGTH = "odd-length"
    DISORDER = "element-order"
    CHARSET_UNKNOWN = "charset-unknown"
    CHARSET_UNDECLARED = "charset-undeclared"
    CHARSET_WRONG = "charset-wrong"
    PIXELS_ENCODING = "pixel-data-other-encoding"
    PIXELS_CODESTREAM = "pixel-data-other-codec"
    PIXELS_SHORT = "pixel-data-short"
    PIXELS_LONG = "pixel-data-long"
    FRAMES = "frame-count"
    # Values.
    PRIVATE_CLASS = "private-sop-class"
    UNKNOWN_CLASS = "unknown-sop-class"
    RETIRED_CLASS = "retired-sop-class"
    DATE_MALFORMED = "date-malformed"
    DATE_FUTURE = "date-in-future"
    BORN_LATER = "born-after-study"
    VALUE_UNFIT = "value-unfit"
    # What files say together.
    UID_IN_TWO_SERIES = "uid-in-two-series"
    SERIES_IN_TWO_STUDIES = "series-in-two-studies"
    SERIES_MODALITIES = "series-of-two-modalities"
    TWO_PERSONS = "two-persons-one-id"
    PATIENT_NAMES = "patient-names-differ"
    PATIENT_BIRTH_DATES = "patient-birth-dates-differ"
    PATIENT_SEXES = "patient-sexes-differ"
    STUDY_PATIENTS = "study-of-two-patients"
    STUDY_DIFFERS = "study-differs"
    NUMBER_GAPS = "instance-number-gaps"
    # DICOMDIR (PS3.10 8).
    DIRECTORY_DAMAGED = "dicomdir-damaged"
    DIRECTORY_UNSAFE = "dicomdir-unsafe-path"
    DIRECTORY_MISSING = "dicomdir-missing-file"

    __hash__ = str.__hash__  # Enum's own is written in Python


class Fault(NamedTuple):
    """One thing that is wrong with a file. The detail may hold patient data."""

    kind: Kind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file's header tells beside who it is. `number` is an image's Instance Number (0020,0013)."""

    faults: tuple[Fault, ...] = ()
    number: int | None = None


class DirectoryEntry(NamedTuple):
    """A file that a DICOMDIR lists: its path (0004,1500), which is not to be trusted, and its UID."""

    components: tuple[str, ...]
    uid: str = ""
