"""What a destination holds, by C-FIND (PS3.4 C.4.1): hierarchical, each level with its parents' keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from migrator.core.model import Instance, Node, Patient, Proof, SeriesHoldings, StudyHoldings
from migrator.core.settings import SendSettings
from migrator.dicom.association import Timeouts
from migrator.dicom.identifier import (
    ATTRIBUTES,
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
from migrator.dicom.query_narrowing import Narrowing, is_round

ExpectedSeries = Mapping[str, frozenset[str]]

_NO_FIND = "the destination does not offer C-FIND"
_NO_IMAGES = "it does not list instances: no answer at IMAGE level"
_NOTHING: ExpectedSeries = MappingProxyType({})


class StudyFinder:
    """Fits `engine.ports.Finder`. Study Root where it is offered, else Patient Root."""

    def __init__(self, node: Node, settings: SendSettings, idle_seconds: float = IDLE_SECONDS) -> None:
        """An association that was not used for `idle_seconds` is released."""
        timeouts = Timeouts(settings.acse_timeout, settings.dimse_timeout, settings.network_timeout)
        self._inquiry = Inquiry(node, timeouts, idle_seconds)

    def holdings(self, study_uid: str, expected: ExpectedSeries = _NOTHING) -> StudyHoldings:
        """What the destination holds of one study, by the best proof it can give.

        `expected` are SOP instance UIDs by series: where lists turn out to be cut off, these are asked for.
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
        if not series.matches or (series.refusal and not expected):
            return self._by_study(parents, series)
        return self._by_series(parents, series.matches, expected)

    def _patient_of(self, study_uid: str) -> str | None:
        """The ID that Patient Root needs above the study (PS3.4 C.6.1.1); not all peers answer without it."""
        answers = self._find("STUDY", {STUDY_UID: study_uid}, (PATIENT_ID,))
        return next((match.get(PATIENT_ID, "") for match in answers.matches), None)

    def _by_series(self, parents: Keys, series: Iterable[Keys], expected: ExpectedSeries) -> StudyHoldings:
        declared = {match.get(SERIES_UID, ""): _count(match.get(SERIES_INSTANCES)) for match in series}
        narrowing = Narrowing(self._find)
        held: list[SeriesHoldings] = []
        for series_uid, count in declared.items():
            asked = {**parents, SERIES_UID: series_uid}
            held.append(self._images(asked, count, expected.get(series_uid, frozenset()), narrowing))
        found = {uid for one in held for uid in one.uids}
        lists_images = bool(found)
        for series_uid, uids in expected.items():
            # Lists of series are cut off too; what was filed elsewhere need not be looked for.
            if series_uid and series_uid not in declared and not found.issuperset(uids):
                one = self._images({**parents, SERIES_UID: series_uid}, None, uids, narrowing)
                if lists_images and one.proof is Proof.NONE and one.reason == _NO_IMAGES:
                    # It would list them: no answer means that they are not there.
                    one = SeriesHoldings(series_uid, Proof.UID_SET, count=0)
                held.append(one)
        return self._summed(parents, held, narrowing.asked)

    def _images(
        self, asked: Keys, count: int | None, expected: frozenset[str], narrowing: Narrowing
    ) -> SeriesHoldings:
        """One series: its list of instances; where that was cut off, what is known of those expected."""
        series_uid = asked[SERIES_UID]
        images = self._find("IMAGE", asked, (SOP_INSTANCE_UID,))
        found = frozenset(match.get(SOP_INSTANCE_UID, "") for match in images.matches) - {""}
        cut = _cut(images.refusal, found, count, expected)
        # Without a count nothing vouches for a list that lacks some: it is asked about them, if it can be.
        is_doubtful = not cut and count is None and not expected <= found
        if not cut and not is_doubtful:
            return SeriesHoldings(series_uid, Proof.UID_SET, found, len(found))
        present = (
            narrowing.present(asked, expected - found) if expected and (found or images.refusal) else None
        )
        if is_doubtful:
            present, cut = present or frozenset(), "it counts no instances of a series" if present else ""
        if present is None:
            proof = Proof.NONE if count is None else Proof.COUNT
            return SeriesHoldings(series_uid, proof, found, count, cut)
        return SeriesHoldings(series_uid, Proof.UID_SET, found | present, len(found | present), cut)

    def _summed(self, parents: Keys, held: list[SeriesHoldings], narrowed: int) -> StudyHoldings:
        study_uid = parents[STUDY_UID]
        reasons = list(dict.fromkeys(one.reason for one in held if one.reason))
        if all(one.proof is Proof.UID_SET for one in held):
            uids = frozenset(uid for one in held for uid in one.uids)
            reason = ""
            if reasons:
                how = (
                    f"{narrowed:,} instances were asked for by their UIDs"
                    if narrowed
                    else "it lists all expected"
                )
                reason = f"{reasons[0]}; {how}"
            return StudyHoldings(study_uid, Proof.UID_SET, uids, len(uids), reason, tuple(held), narrowed)
        known = [one.count for one in held if one.count is not None]
        if len(known) == len(held):
            result = StudyHoldings(study_uid, Proof.COUNT, count=sum(known), reason=reasons[0])
        else:
            study = self._find("STUDY", parents, (STUDY_INSTANCES,))
            result = _counted(study_uid, study, reasons[0])
        return replace(result, series=tuple(held), narrowed=narrowed)

    def _by_study(self, parents: Keys, series: Answers) -> StudyHoldings:
        """Where no series came back: either the study is not there, or it is not listed."""
        study = self._find("STUDY", parents, (STUDY_INSTANCES,))
        if not study.refusal and not study.matches:
            return StudyHoldings(parents[STUDY_UID], Proof.UID_SET)
        reason = f"it does not list series: {series.refusal or 'no answer at SERIES level'}"
        return _counted(parents[STUDY_UID], study, reason)

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

    def studies(self, study_uid: str) -> tuple[dict[str, str], ...] | None:
        """What the destination says of a study, by keyword; an attribute that it does not return is absent.

        Several where it lists the study more than once, none where it does not; None when it cannot tell.
        Raises Unreachable, AssociationRejected, AssociationLost.
        """
        if self._inquiry.model() is None:
            return None
        answers = self._find("STUDY", {STUDY_UID: study_uid}, (CHARACTER_SET, *ATTRIBUTES.values()))
        if answers.refusal and not answers.matches:
            return None
        return tuple(
            {keyword: match[tag] for keyword, tag in ATTRIBUTES.items() if tag in match}
            for match in answers.matches
        )

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


def _cut(refusal: str, found: frozenset[str], count: int | None, expected: frozenset[str]) -> str:
    """Why a list of instances may lack some that are there; empty where nothing says so."""
    if not found:
        return f"it does not list instances: {refusal}" if refusal else _NO_IMAGES
    if refusal:
        return f"it lists {len(found):,} instances of a series and then says: {refusal}"
    if count is not None and len(found) < count:
        # Archives cut long answers off without saying so.
        return f"it lists {len(found)} of the {count} instances of a series"
    if is_round(len(found)) and expected - found:
        return f"it lists just {len(found):,} instances of a series, as if it cut its answers off there"
    return ""


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def _counted(study_uid: str, study: Answers, reason: str) -> StudyHoldings:
    counts = [_count(match.get(STUDY_INSTANCES)) for match in study.matches]
    if len(counts) > 1:
        return StudyHoldings(study_uid, Proof.NONE, reason=f"{reason}; it lists the study more than once")
    if counts and counts[0] is not None:
        return StudyHoldings(study_uid, Proof.COUNT, count=counts[0], reason=reason)
    return StudyHoldings(study_uid, Proof.NONE, reason=f"{reason}; it counts no instances either")
