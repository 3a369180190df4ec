"""Reading C-STORE statuses (PS3.4 B.2.3 Table B.2-1; PS3.7 9.1.1.1.9 and Annex C)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from migrator.core.model import Reason
from migrator.core.outcome import State


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a status says about the instance, in words; `stops` when it concerns every instance alike."""

    state: State
    words: str
    may_retry: bool = False
    stops: bool = False


# Once somebody has mended the authorisation, the same instance is to be sent.
_NOT_AUTHORISED = Meaning(State.FAILED, "refused: not authorised to store", may_retry=True, stops=True)
_CLASS_NOT_SUPPORTED = Meaning(State.FAILED, "refused: SOP class not supported")

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
        0xB000: Meaning(State.WARNED, "stored, but data elements were coerced"),
        0xB006: Meaning(State.WARNED, "stored, but elements were discarded"),
        0xB007: Meaning(State.WARNED, "stored, but the data set does not match its SOP class"),
    }
)

CLASSES: tuple[tuple[range, Meaning], ...] = (
    (range(0xA700, 0xA800), Meaning(State.FAILED, "refused: out of resources", may_retry=True)),
    (range(0xA900, 0xAA00), Meaning(State.FAILED, "the data set does not match its SOP class")),
    (range(0xB000, 0xC000), Meaning(State.WARNED, "stored with a warning")),
    (range(0xC000, 0xD000), Meaning(State.FAILED, "the destination cannot understand the data set")),
)

_INVALID = Meaning(State.FAILED, "a status that is not valid for C-STORE")
_NO_OVERRIDES: Mapping[int, Meaning] = MappingProxyType({})


def meaning(status: int, overrides: Mapping[int, Meaning] = _NO_OVERRIDES) -> Meaning:
    """What `status` means; `overrides` is what this destination is known to mean otherwise."""
    known = overrides.get(status) or STATUSES.get(status)
    if known is not None:
        return known
    return next((value for codes, value in CLASSES if status in codes), _INVALID)
