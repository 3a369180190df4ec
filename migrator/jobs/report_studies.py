"""The studies of a job for its report: in the order of their patients, each with its proof."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from migrator.core.outcome import State
from migrator.jobs.report_tally import StudyTally
from migrator.jobs.report_verdict import ProofState, is_different, number_in
from migrator.records.report_model import StudyLine


def study_lines(studies: Iterable[StudyTally], proof: ProofState) -> tuple[tuple[StudyLine, ...], int]:
    """All studies by patient and date, and the number of different patients."""
    tallies = sorted(studies, key=_by_patient)
    patients = {(tally.study.patient.id, tally.study.patient.issuer) for tally in tallies}
    return tuple(_line(tally, proof) for tally in tallies), len(patients)


def _by_patient(tally: StudyTally) -> tuple[str, str, str, str]:
    patient = tally.study.patient
    return patient.name.casefold(), patient.id, tally.study.date, tally.study.uid


def _line(tally: StudyTally, proof: ProofState) -> StudyLine:
    study, patient = tally.study, tally.study.patient
    word, tone, detail = _proof_of(tally, proof)
    others = len(tally.patients) - 1
    sent_as = "; ".join(sorted(tally.sent_as))
    if others:
        sent_as = "; ".join(filter(None, (f"{others} more identities in its files", sent_as)))
    return StudyLine(
        uid=study.uid,
        patient_name=patient.name,
        patient_id=patient.id,
        birth_date=patient.birth_date,
        date=study.date,
        description=study.description,
        accession=study.accession,
        modalities=", ".join(sorted(filter(None, tally.modalities))),
        counts=dict(tally.counts),
        bytes=tally.bytes,
        edited=tally.edited,
        sent_as=sent_as,
        proof=word,
        proof_tone=tone,
        proof_detail=detail,
    )


def _proof_of(tally: StudyTally, proof: ProofState) -> tuple[str, str, str]:
    """A word, its tone, and how it is known."""
    found = proof.per_study.get(tally.study.uid)
    if found is None:
        if any(tally.counts[state.value] for state in (State.SENT, State.WARNED)):
            return "not verified", "none", ""
        return "nothing sent", "none", ""
    if not proof.is_current:
        return "out of date", "warn", "verified before the newest outcomes"
    return _verified(found)


def _verified(found: Mapping[str, Any]) -> tuple[str, str, str]:
    verdict, matched, expected = (
        found.get("verdict"),
        number_in(found, "matched"),
        number_in(found, "expected"),
    )
    how = found.get("proof")
    counts = f"{matched:,} of {expected:,}, by {how}" if how in ("uid set", "count") else ""
    if verdict != "match":
        tone = "warn" if verdict == "unproven" else "bad"
        return str(verdict), tone, ": ".join(filter(None, (counts, str(found.get("reason", "")))))
    if is_different(found):
        return "differs", "warn", "; ".join((counts, *_differences(found)))
    if found.get("proof") == "count":
        return "count only", "warn", counts
    return "proven", "good", counts


def _differences(found: Mapping[str, Any]) -> list[str]:
    attributes = found.get("attributes")
    differences = attributes.get("differences") if isinstance(attributes, dict) else None
    shown = [
        f"{one.get('attribute')}: sent {one.get('ours')!r}, there {one.get('theirs')!r}"
        for one in (differences or ())[:3]
        if isinstance(one, dict)
    ]
    elsewhere = number_in(found, "elsewhere_count")
    return shown + ([f"{elsewhere:,} under another series"] if elsewhere else [])
