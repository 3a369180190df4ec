"""Giving an object another patient identity (PS3.3 C.7.1.1, C.12.1.1.9.1)."""

from __future__ import annotations

from migrator.core.errors import CannotEncode
from migrator.core.model import Patient
from migrator.dicom.editing.splice import Draft

NAME, ID, ISSUER = 0x00100010, 0x00100020, 0x00100021
BIRTH_DATE, SEX = 0x00100030, 0x00100040
# Says more about the issuer, in items: with another issuer it would contradict.
ISSUER_QUALIFIERS = 0x00100024
_LONGEST_ID = 64


def patient_of(draft: Draft) -> Patient:
    """The patient that the object names."""
    return Patient(*(draft.text(tag) for tag in (ID, ISSUER, NAME, BIRTH_DATE, SEX)))


def remap(draft: Draft, patient: Patient) -> None:
    """Give the object this identity; what is empty in `patient` stays, but for the issuer of another ID."""
    before = patient_of(draft)
    wanted = ((NAME, patient.name), (ID, patient.id), (BIRTH_DATE, patient.birth_date), (SEX, patient.sex))
    texts = [(tag, text) for tag, text in wanted if text]
    if patient.id and patient.issuer:
        texts.append((ISSUER, patient.issuer))
    texts = [(tag, text) for tag, text in texts if text != draft.text(tag)]
    draft.make_room_for(texts)
    for tag, text in texts:
        draft.set_text(tag, text)
    # Many archives do not say who issued an ID; the same ID then has the issuer that it had.
    is_same = before.id == patient.id and patient.issuer in ("", before.issuer)
    if not patient.id or is_same:
        return
    if not patient.issuer:
        draft.delete(ISSUER)
    draft.delete(ISSUER_QUALIFIERS)


def suffix_id(draft: Draft, suffix: str) -> None:
    """Append to Patient ID, within its 64 characters; not twice. Raises CannotEncode without a Patient ID."""
    before = draft.text(ID)
    if not before:
        raise CannotEncode("there is no patient ID to append to")
    if before.endswith(suffix):
        return
    after = before[: _LONGEST_ID - len(suffix)] + suffix
    draft.make_room_for([(ID, after)])
    draft.set_text(ID, after)
