"""Remedies for what a destination does not accept: presentation contexts, contents, SOP classes."""

from __future__ import annotations

from collections.abc import Callable

from migrator.core.edits import Clean, Edit, Reclassify, StripPrivate, Uncompress
from migrator.core.model import ContextPair
from migrator.core.outcome import Cause, Outcome, Refusal
from migrator.core.settings import RecoverySettings
from migrator.engine.recovery import Attempt, Decision, Remedy, Route, Step, first_step

UNCOMPRESSED = "uncompressed"
TARGETED = "targeted"
TARGETED_UNCOMPRESSED = "targeted and uncompressed"
UNCOMPRESSED_ONLY = "uncompressed only"
RENEGOTIATED = frozenset({UNCOMPRESSED, TARGETED, TARGETED_UNCOMPRESSED, UNCOMPRESSED_ONLY})


def renegotiate(settings: RecoverySettings, is_hopeless: Callable[[ContextPair], bool]) -> Remedy:
    """Decode or re-encode, without loss, what the negotiation did not accept; then ask for less at a time.

    `is_hopeless` tells that further associations have never helped for such instances.
    """
    uncompress = Uncompress(keeps_lossy=not settings.allows("decompress_lossy"))

    def decide(attempt: Attempt, outcome: Outcome) -> Decision | None:
        # What cannot be decoded may be accepted as it is elsewhere.
        after_encoding = outcome.cause is Cause.ENCODING and UNCOMPRESSED in attempt.remedies
        if outcome.cause is not Cause.CONTEXT and not after_encoding:
            return None
        plain = without(attempt.edits, Uncompress)
        packed = (*plain, uncompress)
        steps = [Step(UNCOMPRESSED, packed, attempt.route, ("decompress",))]
        if not is_hopeless(attempt.instance.pair) and not outcome.status:
            steps += (
                Step(TARGETED, plain, Route.TARGETED, ("targeted",)),
                Step(TARGETED_UNCOMPRESSED, packed, Route.TARGETED, ("targeted", "decompress")),
                Step(UNCOMPRESSED_ONLY, packed, Route.UNCOMPRESSED, ("targeted", "decompress")),
            )
        return first_step(settings, attempt, steps)

    return decide


def simplify(settings: RecoverySettings) -> Remedy:
    """Leave out what a destination may stumble over when it says that it cannot understand an object."""
    uncompress = Uncompress(keeps_lossy=not settings.allows("decompress_lossy"))

    def decide(attempt: Attempt, outcome: Outcome) -> Decision | None:
        if outcome.refusal is not Refusal.NOT_UNDERSTOOD:
            return None
        plain = without(attempt.edits, Uncompress, StripPrivate, Clean)
        cleaned = (*plain, Clean(), uncompress)
        steps = (
            Step("without private elements", (*plain, StripPrivate()), attempt.route, ("strip_private",)),
            Step("cleaned", cleaned, attempt.route, ("clean", "decompress")),
            Step(
                "cleaned, uncompressed only", cleaned, Route.UNCOMPRESSED, ("clean", "decompress", "targeted")
            ),
        )
        return first_step(settings, attempt, steps)

    return decide


def reclassify(settings: RecoverySettings) -> Remedy:
    """Send a Secondary Capture copy of what does not match its SOP class."""
    uncompress = Uncompress(keeps_lossy=not settings.allows("decompress_lossy"))
    copy = Reclassify(uncompress if settings.allows("decompress") else None)

    def decide(attempt: Attempt, outcome: Outcome) -> Decision | None:
        if outcome.refusal is not Refusal.MISMATCH:
            return None
        edits = (*without(attempt.edits, Reclassify), copy)
        step = Step("as a Secondary Capture copy", edits, Route.TARGETED, ("reclassify",))
        return first_step(settings, attempt, (step,))

    return decide


def without(edits: tuple[Edit, ...], *kinds: type[Edit]) -> tuple[Edit, ...]:
    """These edits but for those of some kinds."""
    return tuple(edit for edit in edits if not isinstance(edit, kinds))
