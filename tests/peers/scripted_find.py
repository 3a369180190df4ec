"""What the scripted PACS answers to C-FIND: what it stored, under the patients that its script presets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydicom.dataset import Dataset

from migrator.dicom.receiver_index import ALL_KEYS, KEYS, Index, text_of
from tests.peers.scripted_rules import Arrived, Known

Patients = Mapping[str, tuple[Known, ...]]


class Holdings:
    """An index over what was stored. For any thread."""

    def __init__(self) -> None:
        self._index = Index()

    @property
    def uids(self) -> frozenset[str]:
        return self._index.uids

    def add(self, arrived: Arrived) -> None:
        self._index.add({keyword: text_of(arrived.dataset, keyword) for keyword in ALL_KEYS})

    def find(self, identifier: Dataset, patients: Patients) -> Iterator[Dataset]:
        """The answers at any level; a study with preset patients is answered once for each of them.

        Their keys are not matched: a study is asked for by its UID.
        """
        level = str(identifier.get("QueryRetrieveLevel", ""))
        wanted = str(identifier.get("StudyInstanceUID", ""))
        found = self._index.find(_asking_for_study(identifier))
        for answer in found:
            known = patients.get(str(answer.StudyInstanceUID)) if level != "PATIENT" else None
            if known is None:
                yield answer
            elif level == "STUDY":
                yield from (_as_known(answer, one) for one in known)
            else:
                yield _as_known(answer, known[0])
        if level == "STUDY" and not found:
            for one in patients.get(wanted, ()):
                yield _as_known(_empty_study(identifier), one)


def _asking_for_study(identifier: Dataset) -> Dataset:
    asked = Dataset()
    asked.update(identifier)
    if "StudyInstanceUID" not in asked and identifier.get("QueryRetrieveLevel") != "PATIENT":
        asked.StudyInstanceUID = ""
    return asked


def _empty_study(identifier: Dataset) -> Dataset:
    answer = Dataset()
    for element in identifier:
        if element.VR != "SQ":
            answer.add_new(element.tag, element.VR, None)
    answer.StudyInstanceUID = identifier.StudyInstanceUID
    answer.QueryRetrieveLevel = "STUDY"
    return answer


def _as_known(answer: Dataset, known: Known) -> Dataset:
    """The answer with this patient's keys, those only that were asked for, in the patient's character set."""
    told = Dataset()
    told.update(answer)
    values = (known.patient_id, known.name, known.birth_date, known.sex, known.issuer)
    for keyword, value in zip(KEYS["PATIENT"], values, strict=True):
        if keyword in told:
            setattr(told, keyword, value)
    told.SpecificCharacterSet = known.character_set.split("\\")
    return told
