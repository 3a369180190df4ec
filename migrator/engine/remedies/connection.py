"""Remedies for lost answers, lost associations, and failures that pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from migrator.core.errors import DestinationError
from migrator.core.model import Instance
from migrator.core.outcome import Cause, Outcome, Refusal, State
from migrator.core.settings import RecoverySettings
from migrator.engine.recovery import Attempt, Decision, Remedy, Retry, Settle

FIRST_WAIT = 2.0  # seconds before a status that may pass is tried again; doubles each time
_MOST_BACK_OFFS = 3
_MOST_RECONNECTS = 3

Holds = Callable[[Instance], bool | None]


def resolve_unknown(settings: RecoverySettings, holds: Holds) -> Remedy:
    """Ask before resending what was sent without an answer; resend once where nobody can tell.

    `holds` asks the destination whether it has an instance (None: it cannot tell).
    """

    def resolve(attempt: Attempt, outcome: Outcome) -> Decision | None:
        if outcome.state is not State.UNKNOWN or not settings.allows("reconnect"):
            return None
        is_there = _answer(attempt) if settings.allows("ask") else None
        if is_there:
            size = outcome.bytes or attempt.instance.size - attempt.instance.offset
            reason = "no answer came; found at the destination by C-FIND"
            stored = replace(outcome, state=State.SENT, may_retry=False, bytes=size, reason=reason)
            return Settle("asked", stored)
        if is_there is False:
            return _again(attempt, "resent") if attempt.remedies.count("resent") < 2 else None
        if "resent blindly" in attempt.remedies:
            return None
        return _again(attempt, "resent blindly")

    def _answer(attempt: Attempt) -> bool | None:
        # A copy that was sent under another UID is not what would be found.
        if any(edit.makes_new_uid for edit in attempt.edits):
            return None
        try:
            return holds(attempt.instance)
        except DestinationError:
            return None

    return resolve


def reconnect(settings: RecoverySettings) -> Remedy:
    """Send over a new association what had not left when the old one ended."""

    def decide(attempt: Attempt, outcome: Outcome) -> Decision | None:
        if outcome.cause is not Cause.ASSOCIATION or outcome.state is State.UNKNOWN:
            return None
        if not settings.allows("reconnect") or attempt.remedies.count("reconnected") >= _MOST_RECONNECTS:
            return None
        return _again(attempt, "reconnected")

    return decide


def back_off(settings: RecoverySettings) -> Remedy:
    """Give a destination that is out of resources 2, 4 and 8 seconds (PS3.7 C.5.9)."""

    def decide(attempt: Attempt, outcome: Outcome) -> Decision | None:
        done = attempt.remedies.count("backed off")
        if outcome.refusal is not Refusal.RESOURCES or attempt.is_last_try:
            return None
        if not settings.allows("back_off") or done >= _MOST_BACK_OFFS:
            return None
        return _again(attempt, "backed off", FIRST_WAIT * 2**done)

    return decide


def try_again(retries: int) -> Remedy:
    """Repeat a failure that may pass, so often as the settings allow, waiting longer each time."""

    def decide(attempt: Attempt, outcome: Outcome) -> Decision | None:
        tries = attempt.remedies.count("tried again")
        if not outcome.may_retry or outcome.stops or outcome.cause is Cause.ASSOCIATION:
            return None
        if attempt.is_last_try or tries >= retries or outcome.refusal is Refusal.RESOURCES:
            return None
        after = 0.0 if outcome.cause is Cause.FILE else FIRST_WAIT * 2**tries
        return _again(attempt, "tried again", after)

    return decide


def _again(attempt: Attempt, remedy: str, after: float = 0.0) -> Retry:
    return Retry(remedy, attempt.edits, attempt.route, after)
