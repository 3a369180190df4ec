"""What to try when an instance was not stored: an ordered list of remedies.

A remedy looks at the attempt and its outcome and decides, or passes to the next one by returning None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from migrator.core.edits import Edit
from migrator.core.model import Instance
from migrator.core.outcome import Cause, Fidelity, Outcome
from migrator.core.settings import RecoverySettings

MOST_SENDS = 8  # C-STORE requests per instance and pass, whatever the remedies decide


class Route(str, Enum):
    """Over which association a retry goes."""

    SAME = "same association"
    TARGETED = "an association for this SOP class alone"
    UNCOMPRESSED = "an association that proposes uncompressed syntaxes only"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What has been done for an instance so far; `remedies` names what was applied, in order.

    `is_last_try` forbids repeating what failed for now: the instance has its turn in a wave.
    """

    instance: Instance
    edits: tuple[Edit, ...] = ()
    route: Route = Route.SAME
    sends: int = 0
    remedies: tuple[str, ...] = ()
    is_last_try: bool = False


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


@dataclass(frozen=True, slots=True)
class Step:
    """One way to send an instance otherwise; `switches` are the settings that must allow it."""

    name: str
    edits: tuple[Edit, ...]
    route: Route
    switches: tuple[str, ...]


def first_step(settings: RecoverySettings, attempt: Attempt, steps: Sequence[Step]) -> Decision | None:
    """The first step not yet taken that the settings allow.

    A step that only the preset `strict` forbids holds the instance: a person may allow it.
    """
    for step in steps:
        if step.name in attempt.remedies:
            continue
        forbidden = [switch for switch in step.switches if not settings.allows(switch)]
        if not forbidden:
            return Retry(step.name, step.edits, step.route)
        if settings.recovery == "strict" and all(getattr(settings, one) is None for one in forbidden):
            return Hold(f"it could be sent {step.name}, which --recovery strict leaves to a person")
    return None


def decide(remedies: Sequence[Remedy], attempt: Attempt, outcome: Outcome) -> Decision | None:
    """The first decision of the chain, or None when nothing is left to try."""
    if attempt.sends >= MOST_SENDS:
        return None
    for remedy in remedies:
        decision = remedy(attempt, outcome)
        if decision is not None:
            return decision
    return None


def after_retry(before: Outcome, again: Outcome) -> Outcome:
    """What the last try came to. One that could not be made leaves the answer standing that led to it."""
    if again.attempts or again.is_stored or again.cause is Cause.ASSOCIATION or not again.reason:
        return again
    if before.status is None:
        return replace(again, reason=_joined(before, again))
    return replace(
        before,
        cause=again.cause,
        reason=f"{before.reason}; {again.reason}",
        attempts=0,
        seconds=0.0,
        may_retry=before.may_retry or again.may_retry,
    )


def _joined(before: Outcome, again: Outcome) -> str:
    """Why an instance is not accepted as it is, and why it cannot be made into what would be."""
    if again.reason in before.reason:
        return before.reason
    if again.cause is before.cause or before.cause is not Cause.CONTEXT:
        # A further association that is no better tells nothing new of what cannot be decoded.
        return again.reason if before.cause is Cause.CONTEXT else before.reason
    return f"{before.reason}; {again.reason}"


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
        changes=outcome.changes if stored else (),
        sent_uid=outcome.sent_uid if stored else "",
        sent_syntax=outcome.sent_syntax if stored else "",
        sent_class=outcome.sent_class if stored else "",
        reason=reason,
    )
