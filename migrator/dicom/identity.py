"""From the raw values of a header to an Instance, with everything shared that repeats."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from migrator.core.model import Instance, Patient, Series, Study
from migrator.dicom.charsets import decoder_of

CHARACTER_SET = 0x00080005
SOP_CLASS = 0x00080016
SOP_INSTANCE = 0x00080018
STUDY_UID = 0x0020000D
SERIES_UID = 0x0020000E
LAST_WANTED = 0x00200011

# Patient ID, Issuer, Patient's Name, Birth Date, Sex.
_PATIENT_NAME = 0x00100010
_PATIENT = (0x00100020, 0x00100021, _PATIENT_NAME, 0x00100030, 0x00100040)
# Study Instance UID, Study Date, Study Description, Accession Number.
_STUDY = (STUDY_UID, 0x00080020, 0x00081030, 0x00080050)
# Series Instance UID, Modality, Series Description, Series Number.
_SERIES = (SERIES_UID, 0x00080060, 0x0008103E, LAST_WANTED)
WANTED = (CHARACTER_SET, SOP_CLASS, SOP_INSTANCE, *_PATIENT, *_STUDY, *_SERIES)

Raw = Mapping[int, bytes]

_series_key = itemgetter(CHARACTER_SET, *_SERIES, *_STUDY, *_PATIENT)
_study_key = itemgetter(CHARACTER_SET, *_STUDY, *_PATIENT)
_patient_key = itemgetter(CHARACTER_SET, *_PATIENT)
_identity = itemgetter(SOP_INSTANCE, SOP_CLASS, STUDY_UID, SERIES_UID)

_MOST_SHARED = 8192
_all_series: dict[tuple[bytes, ...], Series] = {}
_all_studies: dict[tuple[bytes, ...], Study] = {}
_all_patients: dict[tuple[bytes, ...], Patient] = {}
_all_uids: dict[bytes, str] = {}
_all_numbers: dict[int, int] = {}


def has_identity(raw: Raw) -> bool:
    """Whether SOP instance, SOP class, study and series UIDs are all there."""
    instance, sop_class, study, series = _identity(raw)
    return bool(uid_of(instance) and uid_of(sop_class) and uid_of(study) and uid_of(series))


def instance_of(raw: Raw, path: str, size: int, mtime_ns: int, place: tuple[int, str]) -> Instance:
    """The instance that these raw values identify; `raw` holds every wanted tag, empty where absent.

    `place` is the offset of the dataset and its transfer syntax.
    """
    series = _all_series.get(_series_key(raw)) or _new_series(raw)
    sop_class = _all_uids.get(raw[SOP_CLASS]) or shared_uid(raw[SOP_CLASS])
    size = _all_numbers.get(size) or _shared_number(size)
    offset = _all_numbers.get(place[0]) or _shared_number(place[0])
    return Instance(path, size, mtime_ns, offset, place[1], sop_class, uid_of(raw[SOP_INSTANCE]), series)


def uid_of(value: bytes) -> str:
    """A UID without padding, otherwise as it is written."""
    return value.decode("latin_1").strip(" \0")


def shared_uid(value: bytes) -> str:
    """A UID that many instances have in common."""
    _bound(_all_uids)
    return _all_uids.setdefault(value, uid_of(value))


def _shared_number(number: int) -> int:
    _bound(_all_numbers)
    return _all_numbers.setdefault(number, number)


def _bound(shared: dict[Any, Any]) -> None:
    """Forget everything when a table is full: what is shared stays so, what comes is shared anew."""
    if len(shared) >= _MOST_SHARED:
        shared.clear()


def _new_series(raw: Raw) -> Series:
    uid, modality, description, number = _texts(raw, _SERIES)
    key = _study_key(raw)
    study = _all_studies.get(key) or _new_study(raw)
    _bound(_all_series)
    series = Series(uid, modality, description, number, study)
    return _all_series.setdefault(_series_key(raw), series)


def _new_study(raw: Raw) -> Study:
    key = _patient_key(raw)
    patient = _all_patients.get(key)
    if patient is None:
        _bound(_all_patients)
        patient = _all_patients.setdefault(key, Patient(*_texts(raw, _PATIENT)))
    uid, date, description, accession = _texts(raw, _STUDY)
    _bound(_all_studies)
    return _all_studies.setdefault(_study_key(raw), Study(uid, date, description, accession, patient))


def _texts(raw: Raw, tags: tuple[int, ...]) -> list[str]:
    decode = decoder_of(raw[CHARACTER_SET])
    return [decode(raw[tag], tag == _PATIENT_NAME).strip(" \0") for tag in tags]
