"""What a destination holds of the studies that would be sent, and whom it knows them under."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from migrator.core.control import Control
from migrator.core.errors import DestinationError
from migrator.core.model import Instance, Patient, Proof
from migrator.core.outcome import Cause, Outcome, Refusal, State
from migrator.core.settings import RecoverySettings
from migrator.engine.ports import Finder
from migrator.engine.recovery import Attempt, Hold, Retry
from migrator.engine.remedies.patient import differences, reidentify

_MOST_FAILURES = 3  # in a row; then the destination is not asked any more


@dataclass(slots=True)
class Planned:
    """What would be sent of a study: the UIDs as sent, one of its instances, the patients whom they name."""

    example: Instance
    uids: list[str] = field(default_factory=list)
    patients: set[Patient] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Found:
    """What the destination said of one study.

    `there` are the UIDs that it holds of those that would be sent; None where it cannot tell, for the
    `reason`. `differs` names in what its patient is another one (empty: in nothing that both sides tell); if
    the destination refuses the study for that, its instances would be `then`, in words.
    """

    there: frozenset[str] | None = None
    reason: str = ""
    differs: tuple[str, ...] = ()
    then: str = ""


@dataclass(frozen=True, slots=True)
class Asking:
    """How studies are asked for; `asks_holdings` unless the run itself has left out what is there."""

    finder: Finder
    recovery: RecoverySettings
    asks_holdings: bool = True


def look(
    studies: Mapping[str, Planned], asking: Asking, control: Control, asked: Callable[[int], None]
) -> dict[str, Found]:
    """Ask the destination for each study; `asked` is told of how many. Raises Cancelled.

    A destination that does not answer again and again is not asked any more.
    """
    found: dict[str, Found] = {}
    failures, words = 0, ""
    for number, (uid, planned) in enumerate(studies.items(), 1):
        control.checkpoint()
        if failures >= _MOST_FAILURES:
            found[uid] = Found(reason=f"not asked any more: {words}")
            continue
        try:
            found[uid] = _look_at(uid, planned, asking)
            failures = 0
        except DestinationError as error:
            control.check()
            failures, words = failures + 1, str(error)
            found[uid] = Found(reason=words)
        asked(number)
    return found


def _look_at(uid: str, planned: Planned, asking: Asking) -> Found:
    """Raises DestinationError."""
    known = asking.finder.patients(uid)
    if known is not None and not known:
        return Found(frozenset())  # it has never heard of this study
    found = _held(uid, planned.uids, asking.finder) if asking.asks_holdings else Found(frozenset())
    if known is None:
        return found
    differs, then = _identity(planned, known, asking.recovery)
    return replace(found, differs=differs, then=then)


def _held(uid: str, wanted: Collection[str], finder: Finder) -> Found:
    holdings = finder.holdings(uid)
    if holdings.proof is Proof.UID_SET:
        return Found(frozenset(one for one in wanted if one in holdings.uids))
    reason = holdings.reason
    if holdings.proof is Proof.COUNT:
        reason = f"it holds {holdings.count:,} instances of the study, and does not say which: {reason}"
    return Found(reason=reason)


def _identity(
    planned: Planned, known: tuple[Patient, ...], recovery: RecoverySettings
) -> tuple[tuple[str, ...], str]:
    """In what the destination's patient differs from those that would be sent, and what a remedy would do."""
    for own in sorted(planned.patients, key=lambda patient: (patient.id, patient.name)):
        differs = _differs(own, known)
        if differs:
            return differs, _would_be(own, planned.example, known, recovery)
    return (), ""


def _differs(own: Patient, known: tuple[Patient, ...]) -> tuple[str, ...]:
    if len(known) > 1:
        return (f"known under {len(known)} patients",)
    return differences(own, known[0])


def _would_be(own: Patient, example: Instance, known: tuple[Patient, ...], recovery: RecoverySettings) -> str:
    """What the remedy for a refused patient decides (`engine/remedies/patient.py`)."""
    refused = Outcome(State.FAILED, Cause.STATUS, refusal=Refusal.PATIENT, sent_patient=own)
    decision = reidentify(recovery, lambda study_uid: known)(Attempt(example), refused)
    if isinstance(decision, Retry):
        return f"sent again, {decision.remedy}"
    if isinstance(decision, Hold):
        return f"held: {decision.reason}"
    return "failed"


def count_there(found: Iterable[Found]) -> int:
    """How many of the instances that would be sent are there already, as far as is known."""
    return sum(len(one.there) for one in found if one.there is not None)
