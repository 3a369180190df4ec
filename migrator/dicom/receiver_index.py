"""What the embedded PACS holds, in memory, and C-FIND over it (PS3.4 C.2.2.2 and C.4.1)."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

Record = dict[str, str]

LEVELS = ("PATIENT", "STUDY", "SERIES", "IMAGE")

# The keys of each level (PS3.4 C.6.1.1 and C.6.2.1), the unique one first. Patient's keys are kept per study.
KEYS = {
    "PATIENT": ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "IssuerOfPatientID"),
    "STUDY": (
        "StudyInstanceUID",
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "StudyID",
        "StudyDescription",
        "ReferringPhysicianName",
    ),
    "SERIES": ("SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription", "BodyPartExamined"),
    "IMAGE": ("SOPInstanceUID", "SOPClassUID", "InstanceNumber", "NumberOfFrames"),
}
ALL_KEYS = tuple(keyword for keywords in KEYS.values() for keyword in keywords)

_RANGES = frozenset({"DA", "TM", "DT"})
_WILDCARDS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})


@dataclass(slots=True)
class _Series:
    keys: Record
    images: dict[str, Record] = field(default_factory=dict)


@dataclass(slots=True)
class _Study:
    keys: Record
    series: dict[str, _Series] = field(default_factory=dict)


class Index:
    """Patients, studies, series and images by their UIDs. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._studies: dict[str, _Study] = {}  # guarded by _lock
        self._places: dict[
            str, tuple[str, str]
        ] = {}  # study and series by SOP instance UID; guarded by _lock

    def add(self, record: Record) -> None:
        """Take up one instance; one with the same SOP instance UID is replaced."""
        uid, study_uid, series_uid = (
            record[key] for key in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
        )
        with self._lock:
            self._remove(uid)
            study = self._studies.setdefault(study_uid, _Study(_part(record, "PATIENT", "STUDY")))
            series = study.series.setdefault(series_uid, _Series(_part(record, "SERIES")))
            series.images[uid] = _part(record, "IMAGE")
            self._places[uid] = (study_uid, series_uid)

    def _remove(self, uid: str) -> None:
        place = self._places.pop(uid, None)
        if place is None:
            return
        study = self._studies[place[0]]
        series = study.series[place[1]]
        del series.images[uid]
        if not series.images:
            del study.series[place[1]]
        if not study.series:
            del self._studies[place[0]]

    @property
    def uids(self) -> frozenset[str]:
        """The SOP instance UIDs of all that is held."""
        with self._lock:
            return frozenset(self._places)

    def find(self, identifier: Dataset) -> list[Dataset]:
        """The answers to a C-FIND identifier. Raises ValueError when its level is none."""
        level = str(identifier.get("QueryRetrieveLevel", "")).strip()
        if level not in LEVELS:
            raise ValueError("the identifier has no query/retrieve level")
        wanted = [keyword for element in identifier if (keyword := keyword_for_tag(element.tag))]
        tests = {
            key: _test(key, text) for key in wanted if (text := text_of(identifier, key)) and key in ALL_KEYS
        }
        with self._lock:
            found = [row for row in self._rows(level) if all(t(row.get(key, "")) for key, t in tests.items())]
        return [_answer(row, wanted, level) for row in found]

    def _rows(self, level: str) -> Iterator[Record]:
        patients: dict[str, Record] = {}
        for study in self._studies.values():
            if level == "PATIENT":
                patients.setdefault(study.keys["PatientID"], _part(study.keys, "PATIENT"))
            elif level == "STUDY":
                yield study.keys | _counts(study)
            else:
                yield from _series_rows(study, level)
        yield from patients.values()


def _series_rows(study: _Study, level: str) -> Iterator[Record]:
    for series in study.series.values():
        above = study.keys | series.keys
        if level == "SERIES":
            yield above | {"NumberOfSeriesRelatedInstances": str(len(series.images))}
        else:
            yield from (above | image for image in series.images.values())


def _counts(study: _Study) -> Record:
    modalities = {series.keys["Modality"] for series in study.series.values()} - {""}
    return {
        "ModalitiesInStudy": "\\".join(sorted(modalities)),
        "NumberOfStudyRelatedSeries": str(len(study.series)),
        "NumberOfStudyRelatedInstances": str(sum(len(series.images) for series in study.series.values())),
    }


def _part(record: Record, *levels: str) -> Record:
    return {keyword: record.get(keyword, "") for level in levels for keyword in KEYS[level]}


def text_of(ds: Dataset, keyword: str) -> str:
    """An attribute's values as one text, joined by backslashes; empty where there is none."""
    value = ds.get(keyword)
    if value is None:
        return ""
    values = value if isinstance(value, MultiValue) else [value]
    return "\\".join(str(part) for part in values).strip(" \0")


def _test(keyword: str, wanted: str) -> Callable[[str], bool]:
    """How one key is matched: a list of UIDs, a range, wildcards, or a single value (PS3.4 C.2.2.2)."""
    vr = dictionary_VR(keyword)
    if vr == "UI":
        uids = frozenset(wanted.split("\\"))
        return lambda value: value in uids
    if vr in _RANGES and "-" in wanted:
        first, _, last = wanted.partition("-")
        return lambda value: (
            bool(value) and first <= value and (not last or value <= last or value.startswith(last))
        )
    if vr not in _WILDCARDS:
        return lambda value: value == wanted
    pattern = "".join({"*": ".*", "?": "."}.get(letter) or re.escape(letter) for letter in wanted)
    # Person names may be matched without regard to case (PS3.4 C.2.2.2.1).
    compiled = re.compile(pattern, re.DOTALL | (re.IGNORECASE if vr == "PN" else 0))
    return lambda value: compiled.fullmatch(value.rstrip("^=") if vr == "PN" else value) is not None


def _answer(row: Record, wanted: list[str], level: str) -> Dataset:
    ds = Dataset()
    for keyword in wanted:
        if dictionary_VR(keyword) != "SQ":
            setattr(ds, keyword, row.get(keyword, ""))
    ds.SpecificCharacterSet = "ISO_IR 192"  # of the answer, whatever that of the question is
    ds.QueryRetrieveLevel = level
    return ds
