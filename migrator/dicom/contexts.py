"""Which presentation contexts to propose (PS3.8 9.3.2.2), and what was made of them (PS3.8 9.3.3.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydicom.config import IGNORE
from pydicom.uid import UID

from migrator.core.model import ContextPair

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"

# In these pixel data is not compressed (PS3.5 A.1 to A.3, A.5).
NATIVE = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED})

# In order of preference: explicit VR says more about private elements.
FALLBACKS = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)

# Context ids are the odd numbers from 1 to 255.
MOST_CONTEXTS = 128

REFUSALS = {
    1: "refused by the user",
    2: "refused without a reason",
    3: "the SOP class is not supported",
    4: "the transfer syntax is not supported",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The contexts that one association proposes, in order; `left_out` are needed pairs beyond the 128."""

    contexts: tuple[ContextPair, ...]
    left_out: tuple[ContextPair, ...] = ()


_UID = re.compile(r"[0-9.]{1,64}")


def can_propose(pair: ContextPair) -> bool:
    """Whether both look like UIDs. Leading zeros pass; what is no UID would spoil the whole request."""
    return all(_UID.fullmatch(uid) for uid in pair)


def plan_contexts(needed: Iterable[ContextPair], *, is_uncompressed: bool = False) -> Plan:
    """One context per pair, in the given order of need, then the uncompressed fallbacks of their classes.

    With `is_uncompressed` the pairs themselves are left out, unless they are fallbacks.
    The acceptor picks one syntax per context: only one that stands alone tells whether it is accepted.
    """
    wanted = [pair for pair in dict.fromkeys(needed) if can_propose(pair)]
    if is_uncompressed:
        wanted = [pair for pair in wanted if pair.transfer_syntax in FALLBACKS] or [
            ContextPair(pair.sop_class, FALLBACKS[0]) for pair in wanted
        ]
    kept, left_out = wanted[:MOST_CONTEXTS], wanted[MOST_CONTEXTS:]
    classes = dict.fromkeys(pair.sop_class for pair in kept)
    fallbacks = (ContextPair(sop_class, syntax) for sop_class in classes for syntax in FALLBACKS)
    contexts = list(dict.fromkeys([*kept, *fallbacks]))[:MOST_CONTEXTS]
    return Plan(tuple(contexts), tuple(left_out))


@dataclass(frozen=True, slots=True)
class Negotiation:
    """What the peer made of a proposal.

    `accepted` maps pairs to context ids, `refused` maps pairs to the result (PS3.8 Table 9-18).
    `max_pdu` is the longest PDU that the peer receives, in bytes; 0 is no limit.
    """

    accepted: Mapping[ContextPair, int]
    refused: Mapping[ContextPair, int] = field(default_factory=dict)
    max_pdu: int = 0
    implementation_uid: str = ""
    implementation_version: str = ""

    def fallback(self, sop_class: str) -> str | None:
        """The uncompressed transfer syntax to use for a SOP class; None where none was accepted."""
        return next((s for s in FALLBACKS if ContextPair(sop_class, s) in self.accepted), None)

    def explain(self, pair: ContextPair) -> str:
        """Why `pair` cannot be used on this association, in words."""
        sop_class, syntax = uid_words(pair.sop_class), uid_words(pair.transfer_syntax)
        if not can_propose(pair):
            return f"{sop_class} in {syntax} cannot be proposed: not a UID"
        if pair not in self.refused:
            return f"{sop_class} in {syntax} was not proposed on this association"
        words = REFUSALS.get(self.refused[pair], "refused")
        if any(accepted.sop_class == pair.sop_class for accepted in self.accepted):
            return f"the destination accepts {sop_class}, but not in {syntax} ({words})"
        return f"the destination does not accept {sop_class} ({words}; proposed in {syntax})"


def uid_words(uid: str) -> str:
    """A UID with its registered name, for people; a private UID stands alone."""
    name = UID(uid, validation_mode=IGNORE).name
    return uid if name == uid else f"{name} ({uid})"
