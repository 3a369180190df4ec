"""What a destination holds, by C-FIND (PS3.4 C.4.1): hierarchical, each level with its parents' keys."""

from __future__ import annotations

from collections.abc import Iterable

from migrator.core.model import Instance, Node, Patient, Proof, StudyHoldings
from migrator.core.settings import SendSettings
from migrator.dicom.association import Timeouts
from migrator.dicom.identifier import (
    CHARACTER_SET,
    LEVEL,
    PATIENT,
    PATIENT_ID,
    SERIES_INSTANCES,
    SERIES_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCES,
    STUDY_UID,
    Keys,
)
from migrator.dicom.inquiry import IDLE_SECONDS, PATIENT_ROOT, Answers, Inquiry

_NO_FIND = "the destination does not offer C-FIND"


class StudyFinder:
    """Fits `engine.ports.Finder`. Study Root where it is offered, else Patient Root."""

    def __init__(self, node: Node, settings: SendSettings, idle_seconds: float = IDLE_SECONDS) -> None:
        """An association that was not used for `idle_seconds` is released."""
        timeouts = Timeouts(settings.acse_timeout, settings.dimse_timeout, settings.network_timeout)
        self._inquiry = Inquiry(node, timeouts, idle_seconds)

    def holdings(self, study_uid: str) -> StudyHoldings:
        """What the destination holds of one study, by the best proof it can give.

        Raises Unreachable, AssociationRejected, AssociationLost.
        """
        model = self._inquiry.model()
        if model is None:
            return StudyHoldings(study_uid, Proof.NONE, reason=_NO_FIND)
        parents = {STUDY_UID: study_uid}
        if model == PATIENT_ROOT:
            patient_id = self._patient_of(study_uid)
            if patient_id is None:
                reason = "the destination finds studies only with their patient's ID"
                return StudyHoldings(study_uid, Proof.NONE, reason=reason)
            parents[PATIENT_ID] = patient_id
        series = self._find("SERIES", parents, (SERIES_UID, SERIES_INSTANCES))
        if series.refusal or not series.matches:
            return self._by_study(parents, series)
        return self._by_series(parents, series.matches)

    def _patient_of(self, study_uid: str) -> str | None:
        """The ID that Patient Root needs above the study (PS3.4 C.6.1.1); not all peers answer without it."""
        answers = self._find("STUDY", {STUDY_UID: study_uid}, (PATIENT_ID,))
        return next((match.get(PATIENT_ID, "") for match in answers.matches), None)

    def _by_series(self, parents: Keys, series: Iterable[Keys]) -> StudyHoldings:
        declared = {match.get(SERIES_UID, ""): _count(match.get(SERIES_INSTANCES)) for match in series}
        counts = list(declared.values())
        uids: set[str] = set()
        for series_uid, count in declared.items():
            images = self._find("IMAGE", {**parents, SERIES_UID: series_uid}, (SOP_INSTANCE_UID,))
            found = {match.get(SOP_INSTANCE_UID, "") for match in images.matches} - {""}
            if images.refusal or not found:
                reason = f"it does not list instances: {images.refusal or 'no answer at IMAGE level'}"
                return self._by_count(parents, counts, reason)
            if count is not None and len(found) < count:
                # Archives cut long answers off without saying so.
                reason = f"it lists {len(found)} of the {count} instances of a series"
                return self._by_count(parents, counts, reason)
            uids |= found
        return StudyHoldings(parents[STUDY_UID], Proof.UID_SET, frozenset(uids), len(uids))

    def _by_study(self, parents: Keys, series: Answers) -> StudyHoldings:
        """Where no series came back: either the study is not there, or it is not listed."""
        study = self._find("STUDY", parents, (STUDY_INSTANCES,))
        if not study.refusal and not study.matches:
            return StudyHoldings(parents[STUDY_UID], Proof.UID_SET)
        reason = f"it does not list series: {series.refusal or 'no answer at SERIES level'}"
        return _counted(parents[STUDY_UID], study, reason)

    def _by_count(self, parents: Keys, counts: list[int | None], reason: str) -> StudyHoldings:
        known = [count for count in counts if count is not None]
        if len(known) == len(counts):
            return StudyHoldings(parents[STUDY_UID], Proof.COUNT, count=sum(known), reason=reason)
        return _counted(parents[STUDY_UID], self._find("STUDY", parents, (STUDY_INSTANCES,)), reason)

    def holds(self, instance: Instance) -> bool | None:
        """Whether the destination holds this instance; None when it cannot tell.

        Raises Unreachable, AssociationRejected, AssociationLost.
        """
        model = self._inquiry.model()
        if model is None:
            return None
        parents = {STUDY_UID: instance.study.uid, SERIES_UID: instance.series.uid}
        if model == PATIENT_ROOT:
            parents[PATIENT_ID] = instance.study.patient.id
        answers = self._find("IMAGE", {**parents, SOP_INSTANCE_UID: instance.uid})
        if any(match.get(SOP_INSTANCE_UID) == instance.uid for match in answers.matches):
            return True
        return None if answers.refusal else False

    def patients(self, study_uid: str) -> tuple[Patient, ...] | None:
        """The patients under whom the destination knows a study, each once; None when it cannot tell.

        Raises Unreachable, AssociationRejected, AssociationLost.
        """
        if self._inquiry.model() is None:
            return None
        answers = self._find("STUDY", {STUDY_UID: study_uid}, (CHARACTER_SET, *PATIENT))
        if answers.refusal:
            return None
        found = (Patient(*(match.get(tag, "") for tag in PATIENT)) for match in answers.matches)
        return tuple(dict.fromkeys(found))

    @property
    def is_open(self) -> bool:
        """Whether an association is open."""
        return self._inquiry.is_open

    def _find(self, level: str, keys: Keys, wanted: Iterable[int] = ()) -> Answers:
        """Ask at one level; answers about other parents than those asked for are dropped."""
        answers = self._inquiry.ask({**dict.fromkeys(wanted, ""), **keys, LEVEL: level})
        matches = tuple(match for match in answers.matches if _is_about(match, keys))
        return Answers(matches, answers.refusal)

    def interrupt(self) -> None:
        """Make the owner's present call and all further ones raise AssociationLost; for any thread."""
        self._inquiry.interrupt()

    def close(self) -> None:
        self._inquiry.close()


def _is_about(match: Keys, keys: Keys) -> bool:
    return all(match.get(tag) in (None, "", keys[tag]) for tag in (STUDY_UID, SERIES_UID) if tag in keys)


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def _counted(study_uid: str, study: Answers, reason: str) -> StudyHoldings:
    counts = [_count(match.get(STUDY_INSTANCES)) for match in study.matches]
    if counts and counts[0] is not None:
        return StudyHoldings(study_uid, Proof.COUNT, count=counts[0], reason=reason)
    return StudyHoldings(study_uid, Proof.NONE, reason=f"{reason}; it counts no instances either")
