"""Whether the identifying values of a header are there, and are what they may be (PS3.3 C.7, C.12.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from pydicom._uid_dict import UID_dictionary

from migrator.core.inspection import Fault, Kind
from migrator.dicom.charsets import decoder_of
from migrator.dicom.editing.rules_values import fault_of
from migrator.dicom.editing.splice_elements import CHARACTER_SET
from migrator.dicom.editing.splice_show import keyword_of

SOP_CLASS, SOP_INSTANCE, STUDY_UID, SERIES_UID = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
INSTANCE_NUMBER = 0x00200013
_STUDY_DATE, _BIRTH_DATE = 0x00080020, 0x00100030
_STANDARD_ROOT = "1.2.840.10008."
_LONGEST_UID = 64
# Of the world's clocks the last is a day behind the first.
_CLOCKS_APART = timedelta(days=1)


class _Wanted(NamedTuple):
    """An attribute that every object is to have, and its VR."""

    kind: Kind
    vr: str


# Types 1 and 2 of the modules Patient (C.7.1.1), General Study (C.7.2.1), General Series (C.7.3.1).
_EVERYWHERE = {
    0x00080020: _Wanted(Kind.NO_STUDY_DATE, "DA"),
    0x00080030: _Wanted(Kind.NO_STUDY_TIME, "TM"),
    0x00080050: _Wanted(Kind.NO_ACCESSION, "SH"),
    0x00080060: _Wanted(Kind.NO_MODALITY, "CS"),
    0x00080090: _Wanted(Kind.NO_REFERRING, "PN"),
    0x00100010: _Wanted(Kind.NO_PATIENT_NAME, "PN"),
    0x00100020: _Wanted(Kind.NO_PATIENT_ID, "LO"),
    0x00100030: _Wanted(Kind.NO_BIRTH_DATE, "DA"),
    0x00100040: _Wanted(Kind.NO_SEX, "CS"),
    0x00200010: _Wanted(Kind.NO_STUDY_ID, "SH"),
    0x00200011: _Wanted(Kind.NO_SERIES_NUMBER, "IS"),
}
_UIDS = {
    SOP_CLASS: Kind.NO_UID,
    SOP_INSTANCE: Kind.NO_UID,
    STUDY_UID: Kind.NO_STUDY,
    SERIES_UID: Kind.NO_STUDY,
}
_KINDS = (
    _UIDS
    | {tag: wanted.kind for tag, wanted in _EVERYWHERE.items()}
    | {INSTANCE_NUMBER: Kind.NO_INSTANCE_NUMBER}  # of images only (C.7.6.1)
)
_DATES = (0x00080012, 0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x00100030)
_OTHER_VRS = {0x00100021: "LO", INSTANCE_NUMBER: "IS"}
_CHECKED = {tag: wanted.vr for tag, wanted in _EVERYWHERE.items() if wanted.vr != "DA"} | _OTHER_VRS

WANTED = frozenset({CHARACTER_SET, *_UIDS, *_EVERYWHERE, *_DATES, *_OTHER_VRS})
"""Tags of the values that `value_faults` looks at."""

Values = Mapping[int, bytes]

_SOUND_UID = re.compile(rb"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))*\0?")
_BLANKS = b" \0\t\r\n"


def absences(values: Values, *, is_image: bool) -> Iterator[Fault]:
    """Which values a header ought to have and has not, or has empty."""
    for tag, kind in _KINDS.items():
        value = values.get(tag)
        if (not value or not value.strip(_BLANKS)) and (tag != INSTANCE_NUMBER or is_image):
            yield Fault(kind, f"{keyword_of(tag)} is {'absent' if value is None else 'empty'}")


def value_faults(values: Values, today: date) -> Iterator[Fault]:
    """What is wrong with the values that a header has, by their tags."""
    for tag in _UIDS:
        if value := values.get(tag):
            yield from uid_faults(keyword_of(tag), value)
    yield from _class_faults(values.get(SOP_CLASS, b""))
    yield from _date_faults(values, today)
    yield from _unfit(values)


def instance_number(values: Values) -> int | None:
    """The Instance Number; None where there is none, or it is no number."""
    try:
        return int(values.get(INSTANCE_NUMBER, b"").strip(_BLANKS))
    except ValueError:
        return None


def uid_faults(name: str, value: bytes) -> Iterator[Fault]:
    """What is wrong with a UID as it stands in the file, padded with at most one zero (PS3.5 9.1)."""
    if len(value) <= _LONGEST_UID and _SOUND_UID.fullmatch(value):
        return
    uid = value.strip(_BLANKS)
    shown = f"{name} {uid.decode('latin_1')}"
    if value not in (uid, uid + b"\0"):
        yield Fault(Kind.UID_PADDING, shown)
    if len(uid) > _LONGEST_UID:
        yield Fault(Kind.UID_TOO_LONG, f"{shown} ({len(uid):,} characters)")
    if uid.strip(b"0123456789."):
        yield Fault(Kind.UID_CHARACTERS, shown)
        return
    components = uid.split(b".")
    if uid and not all(components):
        yield Fault(Kind.UID_COMPONENTS, shown)
    if any(len(component) > 1 and component.startswith(b"0") for component in components):
        yield Fault(Kind.UID_ZEROS, shown)


def _class_faults(value: bytes) -> Iterator[Fault]:
    uid = value.strip(_BLANKS).decode("latin_1")
    if not uid:
        return
    known = UID_dictionary.get(uid)
    if known is None:
        yield Fault(Kind.UNKNOWN_CLASS if uid.startswith(_STANDARD_ROOT) else Kind.PRIVATE_CLASS, uid)
    elif known[3]:
        yield Fault(Kind.RETIRED_CLASS, f"{known[0]} ({uid})")


def _date_faults(values: Values, today: date) -> Iterator[Fault]:
    found: dict[int, date] = {}
    for tag in _DATES:
        value = values.get(tag, b"").strip(_BLANKS)
        if not value:
            continue
        day = _day(value)
        if day is None:
            yield Fault(Kind.DATE_MALFORMED, f"{keyword_of(tag)} {value.decode('latin_1')}")
        elif day > today + _CLOCKS_APART:
            yield Fault(Kind.DATE_FUTURE, f"{keyword_of(tag)} {day}")
        else:
            found[tag] = day
    born, examined = found.get(_BIRTH_DATE), found.get(_STUDY_DATE)
    if born is not None and examined is not None and born > examined:
        yield Fault(Kind.BORN_LATER, f"born {born}, examined {examined}")


@lru_cache(4096)
def _day(value: bytes) -> date | None:
    """The day that a value of VR DA names: YYYYMMDD (PS3.5 6.2)."""
    if len(value) != 8 or not value.isdigit():
        return None
    try:
        return date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        return None


def _unfit(values: Values) -> Iterator[Fault]:
    character_set = values.get(CHARACTER_SET, b"")
    for tag, vr in _CHECKED.items():
        if (value := values.get(tag)) and (words := _unfit_words(vr, value, character_set)):
            yield Fault(Kind.VALUE_UNFIT, f"{keyword_of(tag)} is {words}")


@lru_cache(16384)
def _unfit_words(vr: str, value: bytes, character_set: bytes) -> str | None:
    text = decoder_of(character_set)(value, vr == "PN").strip(" \0")
    return fault_of(vr, text)
