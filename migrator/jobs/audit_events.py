"""What a run tells while it works, as events of its audit log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from migrator.core.edits import Change, Edit
from migrator.core.events import (
    AssociationEnded,
    Event,
    InstanceSettled,
    Notice,
    ProblemFound,
    Steered,
)
from migrator.core.model import LEFT_OUT, Instance, Reason
from migrator.core.outcome import Fidelity, Outcome, Problem, State
from migrator.core.rules import Action, ApplyCrosswalk, ApplyRules
from migrator.records.audit import FAILED, SUCCESS, WARNING, AuditEvent

# These are found anew by every run; the settings and the ledger tell of them.
UNTOLD = LEFT_OUT | {Reason.ALREADY_SENT}
STATES = {
    State.SENT: ("file_sent", SUCCESS),
    State.WARNED: ("file_sent", WARNING),
    State.SKIPPED: ("file_skipped", SUCCESS),
    State.HELD: ("file_held", WARNING),
    State.FAILED: ("file_failed", FAILED),
    State.QUARANTINED: ("file_failed", FAILED),
    State.UNKNOWN: ("file_failed", FAILED),
    State.PENDING: ("file_failed", FAILED),
}
_CHANGED = {  # other uncompressed encodings change no value; `fidelity` tells of them
    Fidelity.DECOMPRESSED: "file_edited",
    Fidelity.EDITED: "file_edited",
    Fidelity.REMAPPED: "file_remapped",
    Fidelity.RECLASSIFIED: "file_reclassified",
}
_LEVELS = {"debug": SUCCESS, "info": SUCCESS, "warning": WARNING}
_IDENTITY = frozenset({"PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex"})

EditsOf = Callable[[str], Sequence[Edit]]


TOLD = (InstanceSettled, ProblemFound, Steered, Notice, AssociationEnded)
"""What the audit is about; there are thousands of the first a second."""


def is_plain(event: Event) -> TypeGuard[InstanceSettled]:
    """Whether an event only says that a file was sent as it is, or in another encoding."""
    if not isinstance(event, InstanceSettled):
        return False
    outcome = event.outcome
    return outcome.state is State.SENT and not outcome.healed and outcome.fidelity not in _CHANGED


def audited(event: Event, edits_of: EditsOf) -> Iterator[AuditEvent]:
    """The audit's events for one of a run; `edits_of` tells which edits a destination's rules ask for."""
    if isinstance(event, InstanceSettled):
        if event.outcome.is_stored and event.outcome.fidelity in _CHANGED:
            yield from _changed(event, edits_of(event.destination))
        yield settled(event)
    elif isinstance(event, ProblemFound):
        if event.problem.reason not in UNTOLD:
            yield _problem(event.problem, event.destination)
    elif isinstance(event, Steered):
        name = "settings_changed" if event.action == "set" else event.action
        detail = {"set": event.detail} if event.detail else {}
        yield AuditEvent(name, destination=event.destination, detail={"by": event.by, **detail})
    elif isinstance(event, Notice):
        status = _LEVELS.get(event.level, FAILED)
        yield AuditEvent("notice", status, destination=event.destination, detail={"text": event.text})
    elif isinstance(event, AssociationEnded):
        lost: dict[str, Any] = {"worker": event.worker, "reason": event.reason}
        yield AuditEvent("association_lost", WARNING, destination=event.destination, detail=lost)


def settled(event: InstanceSettled, at: int = 0) -> AuditEvent:
    """What became of an instance."""
    instance, outcome = event.instance, event.outcome
    name, status = STATES[outcome.state]
    study = instance.study
    detail: dict[str, Any] = {"path": instance.path, "study": study.uid}
    if outcome.state is not State.SENT or outcome.healed:
        detail |= _outcome_words(outcome)
    if outcome.sent_uid:
        detail["sent_uid"] = outcome.sent_uid
    fidelity = outcome.fidelity.value if outcome.is_stored else ""
    patient, to = study.patient, event.destination
    return AuditEvent(name, status, instance.uid, patient.name, patient.id, to, fidelity, detail, at)


def _outcome_words(outcome: Outcome) -> dict[str, Any]:
    words: dict[str, Any] = {"state": outcome.state.value, "attempts": outcome.attempts}
    if outcome.status is not None:
        words["dimse_status"] = f"{outcome.status:04X}"
    for name in ("comment", "reason"):
        if text := getattr(outcome, name):
            words[name] = text
    if outcome.remedies:
        words["remedies"] = list(outcome.remedies)
    return words


def _problem(problem: Problem, destination: str) -> AuditEvent:
    name, status = STATES[problem.state]
    detail: dict[str, Any] = {"path": problem.path, "state": problem.state.value}
    detail["reason"] = problem.reason.value
    if problem.detail:
        detail["more"] = problem.detail
    instance = problem.instance
    if instance is None:
        return AuditEvent(name, status, destination=destination, detail=detail)
    patient = instance.study.patient
    detail["study"] = instance.study.uid
    return AuditEvent(name, status, instance.uid, patient.name, patient.id, destination, "", detail)


def _changed(event: InstanceSettled, edits: Sequence[Edit]) -> Iterator[AuditEvent]:
    """What was stored is not what the file holds: in what it differs, by the names of attributes."""
    instance, outcome = event.instance, event.outcome
    patient = instance.study.patient
    attributes = [change.keyword for change in outcome.changes]
    by_rules = list(_attributes_of(edits))
    identity = _new_identity(instance, outcome.changes, edits)
    name = _CHANGED[outcome.fidelity]
    detail: dict[str, Any] = {"study": instance.study.uid}
    if attributes:
        detail["attributes"] = attributes
    if by_rules:
        detail["attributes_by_rules"] = by_rules
    if outcome.sent_uid:
        detail["sent_uid"] = outcome.sent_uid
    if outcome.remedies:
        detail["remedies"] = list(outcome.remedies)

    def told(name: str, status: str, more: Mapping[str, Any]) -> AuditEvent:
        return AuditEvent(
            name,
            status,
            instance.uid,
            patient.name,
            patient.id,
            event.destination,
            outcome.fidelity.value,
            {**detail, **more},
        )

    if identity or name == "file_remapped":
        yield told("file_remapped", WARNING, identity)
    if name == "file_reclassified":
        yield told(name, WARNING, {})
    elif name == "file_edited" and not identity:
        yield told(name, SUCCESS, {})


def _new_identity(instance: Instance, changes: Sequence[Change], edits: Sequence[Edit]) -> dict[str, Any]:
    """The patient's attributes before and after, where a remedy or the crosswalk changed them; else empty."""
    patient = instance.study.patient
    before, after = {"PatientID": patient.id}, {"PatientID": patient.id}
    for edit in edits:
        new = edit.find(patient) if isinstance(edit, ApplyCrosswalk) else None
        if new is not None:
            after["PatientID"] = new.id
            for keyword, old, text in (
                ("IssuerOfPatientID", patient.issuer, new.issuer),
                ("PatientName", patient.name, new.name),
            ):
                if text:
                    before[keyword], after[keyword] = old, text
    for change in changes:
        if change.keyword in _IDENTITY:
            before.setdefault(change.keyword, change.before)
            after[change.keyword] = change.after
    return {} if before == after else {"before": before, "after": after}


def _attributes_of(edits: Sequence[Edit]) -> Iterator[str]:
    """The attributes that rules may change; which of them differ in one file is not kept."""
    for edit in edits:
        if isinstance(edit, ApplyRules):
            for rule in edit.rules:
                yield "private attributes" if rule.action is Action.STRIP_PRIVATE else rule.attribute
