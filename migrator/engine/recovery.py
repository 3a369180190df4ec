"""What to try when an instance was not stored: an ordered list of remedies.

A remedy looks at the attempt and its outcome and decides, or passes to the next one by returning None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from migrator.core.edits import Edit, Uncompress
from migrator.core.errors import DestinationError
from migrator.core.model import Instance
from migrator.core.outcome import Cause, Fidelity, Outcome, State
from migrator.core.settings import Settings

MOST_SENDS = 8  # C-STORE requests per instance and run, whatever the remedies decide
_FIRST_WAIT = 2.0  # seconds before a status that may pass is tried again; doubles each time
_MOST_RECONNECTS = 3


class Route(str, Enum):
    """Over which association a retry goes."""

    SAME = "same association"
    TARGETED = "an association for this SOP class alone"
    UNCOMPRESSED = "an association that proposes uncompressed syntaxes only"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What has been done for an instance so far; `remedies` names what was applied, in order."""

    instance: Instance
    edits: tuple[Edit, ...] = ()
    sends: int = 0
    remedies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Retry:
    """Send again with these edits over this route, after so many seconds."""

    remedy: str
    edits: tuple[Edit, ...]
    route: Route = Route.SAME
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Hold:
    """A person has to decide."""

    reason: str


@dataclass(frozen=True, slots=True)
class Settle:
    """The outcome is known without another send."""

    remedy: str
    outcome: Outcome


Decision = Retry | Hold | Settle
Remedy = Callable[[Attempt, Outcome], Decision | None]
Holds = Callable[[Instance], bool | None]


def remedies_of(settings: Settings, holds: Holds) -> list[Remedy]:
    """The chain in its order. `holds` asks the destination whether it has an instance (None: cannot tell)."""
    return [resolve_unknown(holds), reconnect, uncompress(settings), try_again(settings)]


def resolve_unknown(holds: Holds) -> Remedy:
    """Ask before resending what was sent without an answer; resend once where nobody can tell."""

    def resolve(attempt: Attempt, outcome: Outcome) -> Decision | None:
        if outcome.state is not State.UNKNOWN:
            return None
        try:
            is_there = holds(attempt.instance)
        except DestinationError:
            is_there = None
        if is_there:
            size = attempt.instance.size - attempt.instance.offset
            reason = "no answer came; found at the destination by C-FIND"
            stored = replace(outcome, state=State.SENT, may_retry=False, bytes=size, reason=reason)
            return Settle("asked", stored)
        if is_there is False:
            return Retry("resent", attempt.edits) if attempt.remedies.count("resent") < 2 else None
        if "resent blindly" in attempt.remedies:
            return None
        return Retry("resent blindly", attempt.edits)

    return resolve


def reconnect(attempt: Attempt, outcome: Outcome) -> Decision | None:
    """Send over a new association what had not left when the old one ended."""
    if outcome.cause is not Cause.ASSOCIATION or outcome.state is State.UNKNOWN:
        return None
    if attempt.remedies.count("reconnected") >= _MOST_RECONNECTS:
        return None
    return Retry("reconnected", attempt.edits)


def uncompress(settings: Settings) -> Remedy:
    """Decode or re-encode, without loss, what the negotiation did not accept as it is."""

    def decide(attempt: Attempt, outcome: Outcome) -> Decision | None:
        if (
            outcome.cause is not Cause.CONTEXT
            or Uncompress() in attempt.edits
            or not settings.recovery.allows("decompress")
        ):
            return None
        return Retry("uncompressed", (*attempt.edits, Uncompress()))

    return decide


def try_again(settings: Settings) -> Remedy:
    """Repeat a failure that may pass, so often as the settings allow, waiting longer each time."""

    def decide(attempt: Attempt, outcome: Outcome) -> Decision | None:
        tries = attempt.remedies.count("tried again")
        if not outcome.may_retry or outcome.stops or outcome.cause is Cause.ASSOCIATION:
            return None
        if tries >= settings.send.retries:
            return None
        after = 0.0 if outcome.cause is Cause.FILE else _FIRST_WAIT * 2**tries
        return Retry("tried again", attempt.edits, after=after)

    return decide


def decide(remedies: Sequence[Remedy], attempt: Attempt, outcome: Outcome) -> Decision | None:
    """The first decision of the chain, or None when nothing is left to try."""
    if attempt.sends >= MOST_SENDS:
        return None
    for remedy in remedies:
        decision = remedy(attempt, outcome)
        if decision is not None:
            return decision
    return None


def concluded(attempt: Attempt, outcome: Outcome) -> Outcome:
    """The last outcome, told with everything that led to it."""
    stored = outcome.is_stored
    reason = outcome.reason
    if stored and "resent blindly" in attempt.remedies:
        reason = "resent after an answer that never came; the destination may have received it twice"
    return replace(
        outcome,
        attempts=attempt.sends,
        healed=stored and bool(attempt.remedies),
        remedies=attempt.remedies,
        fidelity=outcome.fidelity if stored else Fidelity.VERBATIM,
        reason=reason,
    )
