"""Reading C-STORE statuses (PS3.4 B.2.3 Table B.2-1; PS3.7 9.1.1.1.9 and Annex C)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from migrator.core.errors import UsageError
from migrator.core.model import Reason
from migrator.core.outcome import Refusal, State


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a status says about the instance, in words; `stops` when it concerns every instance alike.

    `refusal` is what a remedy may be known for.
    """

    state: State
    words: str
    may_retry: bool = False
    stops: bool = False
    refusal: Refusal = Refusal.NONE


# Once somebody has mended the authorisation, the same instance is to be sent.
_NOT_AUTHORISED = Meaning(State.FAILED, "refused: not authorised to store", may_retry=True, stops=True)
_CLASS_NOT_SUPPORTED = Meaning(State.FAILED, "refused: SOP class not supported")
_OUT_OF_RESOURCES = Meaning(
    State.FAILED, "refused: out of resources", may_retry=True, refusal=Refusal.RESOURCES
)
_MISMATCH = Meaning(State.FAILED, "the data set does not match its SOP class", refusal=Refusal.MISMATCH)
_NOT_UNDERSTOOD = Meaning(
    State.FAILED, "the destination cannot understand the data set", refusal=Refusal.NOT_UNDERSTOOD
)
_PATIENT_CONFLICT = Meaning(
    State.FAILED, "the destination knows the patient otherwise", refusal=Refusal.PATIENT
)

STATUSES: Mapping[int, Meaning] = MappingProxyType(
    {
        0x0000: Meaning(State.SENT, ""),
        0x0106: Meaning(State.FAILED, "invalid attribute value"),
        0x0110: Meaning(State.FAILED, "processing failure at the destination", may_retry=True),
        # Stated by archives that hold the instance already: recorded as such, and verify asks for it.
        0x0111: Meaning(State.SKIPPED, Reason.ALREADY_THERE.value),
        # Some conformance statements write 0112 and 0214 for 0122 and 0124.
        0x0112: _CLASS_NOT_SUPPORTED,
        0x0117: Meaning(State.QUARANTINED, "invalid object instance"),
        0x0122: _CLASS_NOT_SUPPORTED,
        0x0124: _NOT_AUTHORISED,
        0x0210: Meaning(State.FAILED, "duplicate invocation", may_retry=True),
        0x0211: Meaning(State.FAILED, "the destination does not know the C-STORE operation"),
        0x0212: Meaning(State.FAILED, "mistyped argument"),
        0x0213: Meaning(State.FAILED, "resource limitation at the destination", may_retry=True),
        0x0214: _NOT_AUTHORISED,
        # Not of the standard: several archives say so of a patient whom they know otherwise.
        0xFFFB: _PATIENT_CONFLICT,
        0xB000: Meaning(State.WARNED, "stored, but data elements were coerced"),
        0xB006: Meaning(State.WARNED, "stored, but elements were discarded"),
        0xB007: Meaning(State.WARNED, "stored, but the data set does not match its SOP class"),
    }
)

CLASSES: tuple[tuple[range, Meaning], ...] = (
    (range(0xA700, 0xA800), _OUT_OF_RESOURCES),
    (range(0xA900, 0xAA00), _MISMATCH),
    (range(0xB000, 0xC000), Meaning(State.WARNED, "stored with a warning")),
    (range(0xC000, 0xD000), _NOT_UNDERSTOOD),
)

# What a person may say that a status means at one destination, since vendors differ.
MEANINGS: Mapping[str, Meaning] = MappingProxyType(
    {
        "stored-with-warning": Meaning(State.WARNED, "stored with a warning"),
        "already-there": Meaning(State.SKIPPED, Reason.ALREADY_THERE.value),
        "out-of-resources": _OUT_OF_RESOURCES,
        "class-mismatch": _MISMATCH,
        "cannot-understand": _NOT_UNDERSTOOD,
        "patient-conflict": _PATIENT_CONFLICT,
        "invalid": Meaning(State.QUARANTINED, "invalid object instance"),
        "failed": Meaning(State.FAILED, "refused"),
        "failed-for-now": Meaning(State.FAILED, "refused for now", may_retry=True),
        "not-authorised": _NOT_AUTHORISED,
    }
)

_INVALID = Meaning(State.FAILED, "a status that is not valid for C-STORE")
_NO_OVERRIDES: Mapping[int, Meaning] = MappingProxyType({})


def meaning(status: int, overrides: Mapping[int, Meaning] = _NO_OVERRIDES) -> Meaning:
    """What `status` means; `overrides` is what this destination is known to mean otherwise."""
    known = overrides.get(status) or STATUSES.get(status)
    if known is not None:
        return known
    return next((value for codes, value in CLASSES if status in codes), _INVALID)


_OVERRIDE = re.compile(r"(?:0x)?([0-9A-Fa-f]{4})=([a-z-]+)")


def overrides_of(texts: Iterable[str]) -> dict[int, Meaning]:
    """The table that `CODE=MEANING` texts make. Raises UsageError that names the one that is wrong."""
    table: dict[int, Meaning] = {}
    for text in texts:
        match = _OVERRIDE.fullmatch(text.strip())
        if match is None or match[2] not in MEANINGS or int(match[1], 16) == 0:
            raise UsageError(
                f"--status {text}: write CODE=MEANING, a status in hexadecimal other than 0000 and one of "
                f"{', '.join(MEANINGS)}"
            )
        table[int(match[1], 16)] = MEANINGS[match[2]]
    return table
