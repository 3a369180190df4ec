"""The remedy for patients whom the destination knows otherwise."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace

from migrator.core.edits import RemapPatient, SuffixPatientId
from migrator.core.errors import DestinationError
from migrator.core.model import Patient
from migrator.core.outcome import Outcome, Refusal
from migrator.core.settings import RecoverySettings
from migrator.engine.recovery import Attempt, Decision, Hold, Remedy, Retry, Settle
from migrator.engine.remedies.contents import without

REMAPPED = "patient remapped"
SUFFIXED = "patient ID suffixed"

Patients = Callable[[str], "tuple[Patient, ...] | None"]


def reidentify(settings: RecoverySettings, patients: Patients) -> Remedy:
    """Take over the patient that the destination has for the study; else make the ID one of its own.

    `patients` tells the destination's patients of a study (None: it cannot tell), asking once per study.
    """

    def decide(attempt: Attempt, outcome: Outcome) -> Decision | None:
        if outcome.refusal is not Refusal.PATIENT:
            return None
        if settings.recovery == "strict" and settings.remap is None and settings.suffix is None:
            return Hold("the destination knows the patient otherwise")
        if REMAPPED not in attempt.remedies and settings.allows("remap"):
            decision = _remap(attempt, outcome)
            if decision is not None:
                return decision
        if SUFFIXED in attempt.remedies or not settings.allows("suffix"):
            return None
        edits = (*without(attempt.edits, RemapPatient), SuffixPatientId(settings.conflict_suffix))
        return Retry(SUFFIXED, edits, attempt.route)

    def _remap(attempt: Attempt, outcome: Outcome) -> Decision | None:
        own = outcome.sent_patient or attempt.instance.study.patient
        try:
            known = patients(attempt.instance.study.uid)
        except DestinationError as error:
            # Another day it may answer; making up an identity could not be taken back.
            return Settle("asked for the patient", _postponed(outcome, error))
        if known is not None and len(known) > 1:
            return Hold(f"the destination knows this study under {len(known)} patients")
        if not known or not known[0].id:
            return None
        (there,) = known
        if is_another_person(own, there):
            return Hold("the destination has this study under another person: name and birth date differ")
        if (own.id, own.issuer) == (there.id, there.issuer) and there == own:
            return None
        return Retry(REMAPPED, (*without(attempt.edits, RemapPatient), RemapPatient(there)), attempt.route)

    return decide


def _postponed(outcome: Outcome, error: DestinationError) -> Outcome:
    reason = f"{outcome.reason}, and could not be asked as whom: {error}"
    return replace(outcome, may_retry=True, reason=reason)


def differences(one: Patient, other: Patient) -> tuple[str, ...]:
    """In what two patients differ, as far as both sides tell; not in how a name is written. An ID is one even
    where it is empty in `one`.
    """
    pairs = {
        "patient ID": (one.id or "(none)", other.id),
        "issuer": (one.issuer, other.issuer),
        "name": (_name(one.name), _name(other.name)),
        "birth date": (_date(one.birth_date), _date(other.birth_date)),
    }
    return tuple(what for what, (ours, theirs) in pairs.items() if ours and theirs and ours != theirs)


def is_another_person(one: Patient, other: Patient) -> bool:
    """Whether name and birth date are known on both sides, and both differ."""
    names, dates = (_name(one.name), _name(other.name)), (_date(one.birth_date), _date(other.birth_date))
    if not all(names) or not all(dates):
        return False
    return names[0] != names[1] and dates[0] != dates[1]


def _name(text: str) -> str:
    """Family and given name of the first component group (PS3.5 6.2.1), for comparing."""
    group = unicodedata.normalize("NFKD", text.split("=")[0]).casefold()
    plain = "".join(character for character in group if not unicodedata.combining(character))
    parts = [" ".join(part.split()) for part in plain.split("^")[:2]]
    return "^".join(parts).strip("^")


def _date(text: str) -> str:
    return "".join(character for character in text if character.isdigit())
