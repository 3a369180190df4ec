"""What the Verify page says of verdicts, proofs and attributes."""

from __future__ import annotations

import re

from migrator.jobs.verified import Proof, Verdict

VERDICTS: dict[Verdict, str] = {
    Verdict.MISSING: "MISSING",
    Verdict.MISMATCH: "MISMATCH",
    Verdict.UNPROVEN: "UNPROVEN",
    Verdict.MATCH: "MATCH",
}
"""In the order in which they want attention."""

MEANINGS: dict[Verdict, str] = {
    Verdict.MATCH: "The destination holds every instance that was sent; Proof tells how that is known",
    Verdict.MISMATCH: "The destination holds only some of what was sent, or has it under another series",
    Verdict.MISSING: "The destination holds none of the instances that were sent",
    Verdict.UNPROVEN: "The destination's answers do not prove it either way",
}

PROOFS: dict[Proof, str] = {
    Proof.UID_SET: "Every UID",
    Proof.COUNT: "Number only",
    Proof.NONE: "None",
}

PROOF_MEANINGS: dict[Proof, str] = {
    Proof.UID_SET: "The destination named the UID of every instance that it holds",
    Proof.COUNT: "The destination told only how many instances it holds",
    Proof.NONE: "The destination could not be asked, or did not answer to it",
}

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def attribute_words(keyword: str) -> str:
    """PatientBirthDate as Patient Birth Date, PatientID as Patient ID."""
    return _HUMP.sub(" ", keyword)
