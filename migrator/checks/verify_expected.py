"""What a destination should hold, study by study: its instances, and what was sent about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from migrator.core.model import Series


def sent_values(series: Series) -> dict[str, str]:
    """What the objects of a series say of patient and study, by keyword (PS3.6)."""
    study, patient = series.study, series.study.patient
    return {
        "PatientName": patient.name,
        "PatientID": patient.id,
        "PatientBirthDate": patient.birth_date,
        "PatientSex": patient.sex,
        "StudyDate": study.date,
        "AccessionNumber": study.accession,
        "StudyDescription": study.description,
    }


@dataclass(slots=True)
class ExpectedStudy:
    """One study. `series` holds SOP instance UIDs by series, `about` what the source says of a series.

    `sent` holds every value that was sent of an attribute; of those in `unsure` some nobody can tell.
    The UID is empty for instances whose study the record does not tell.
    """

    uid: str
    series: dict[str, set[str]] = field(default_factory=dict)
    about: dict[str, Series] = field(default_factory=dict)
    sent: dict[str, set[str]] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)

    @property
    def uids(self) -> frozenset[str]:
        return frozenset(uid for uids in self.series.values() for uid in uids)

    def add(self, series: Series | None, uid: str, sent: Mapping[str, str] | None = None) -> None:
        """One instance; `sent` is what it says where that differs from what its series' others do."""
        series_uid = series.uid if series is not None else ""
        uids = self.series.get(series_uid)
        if uids is None:
            uids = self.series[series_uid] = set()
        uids.add(uid)
        if series is None:
            return
        if sent is not None:
            self._take(sent)
        elif self.about.get(series_uid) is not series:
            self._take(sent_values(series))
        self.about[series_uid] = series

    def _take(self, sent: Mapping[str, str]) -> None:
        for keyword, value in sent.items():
            self.sent.setdefault(keyword, set()).add(value)


class Expectation:
    """All studies, in the order in which they were first met."""

    def __init__(self) -> None:
        self._studies: dict[str, ExpectedStudy] = {}

    def study(self, uid: str) -> ExpectedStudy:
        """The study, which is made where it is new."""
        study = self._studies.get(uid)
        if study is None:
            study = self._studies[uid] = ExpectedStudy(uid)
        return study

    def add(self, series: Series | None, uid: str) -> None:
        """One instance that went as its file says."""
        self.study(series.study.uid if series is not None else "").add(series, uid)

    @property
    def studies(self) -> list[ExpectedStudy]:
        return list(self._studies.values())
