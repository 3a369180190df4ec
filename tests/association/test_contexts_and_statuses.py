"""What is proposed, and what statuses mean."""

from __future__ import annotations

import pytest

from migrator.core.model import ContextPair
from migrator.core.outcome import State
from migrator.dicom.contexts import FALLBACKS, Negotiation, can_propose, plan_contexts
from migrator.dicom.status import STATUSES, Meaning, meaning
from tests.association.making import CT, EXPLICIT, IMPLICIT

JPEG = "1.2.840.10008.1.2.4.70"


def test_needed_pairs_come_first_and_fallbacks_once() -> None:
    needed = [ContextPair(CT, JPEG), ContextPair("1.2.3", IMPLICIT), ContextPair(CT, JPEG)]
    assert plan_contexts(needed).contexts == (
        ContextPair(CT, JPEG),
        ContextPair("1.2.3", IMPLICIT),
        ContextPair(CT, EXPLICIT),
        ContextPair(CT, IMPLICIT),
        ContextPair("1.2.3", EXPLICIT),
    )


def test_no_more_than_128_are_proposed_and_what_is_left_out_is_named() -> None:
    needed = [ContextPair(f"1.2.{number}", JPEG) for number in range(130)]
    plan = plan_contexts(needed)
    assert plan.contexts == tuple(needed[:128])
    assert plan.left_out == tuple(needed[128:])
    plan = plan_contexts(needed[:127])
    assert plan.contexts == (*needed[:127], ContextPair("1.2.0", FALLBACKS[0]))
    assert not plan.left_out


def test_what_is_no_uid_is_never_proposed() -> None:
    for uid in ("", "1.2.x", "1" * 65, "1.2 3"):
        assert not can_propose(ContextPair(uid, EXPLICIT))
        assert plan_contexts([ContextPair(uid, EXPLICIT)]).contexts == ()
    assert can_propose(ContextPair("1.02.3", EXPLICIT))


def test_refusals_are_explained_in_words() -> None:
    accepted = {ContextPair(CT, EXPLICIT): 1}
    negotiation = Negotiation(accepted, {ContextPair(CT, JPEG): 4, ContextPair("1.2.3", JPEG): 3})
    assert negotiation.explain(ContextPair(CT, JPEG)).startswith("the destination accepts CT Image Storage")
    assert "(the transfer syntax is not supported)" in negotiation.explain(ContextPair(CT, JPEG))
    assert negotiation.explain(ContextPair("1.2.3", JPEG)).startswith("the destination does not accept 1.2.3")
    assert "was not proposed" in negotiation.explain(ContextPair("1.2.4", JPEG))


@pytest.mark.parametrize(
    ("status", "state", "may_retry"),
    [
        (0x0000, State.SENT, False),
        (0x0001, State.FAILED, False),
        (0x0107, State.FAILED, False),
        (0x0110, State.FAILED, True),
        (0x0111, State.SKIPPED, False),
        (0x0117, State.QUARANTINED, False),
        (0x0122, State.FAILED, False),
        (0x0124, State.FAILED, True),
        (0xA700, State.FAILED, True),
        (0xA7FF, State.FAILED, True),
        (0xA900, State.FAILED, False),
        (0xB000, State.WARNED, False),
        (0xB123, State.WARNED, False),
        (0xC123, State.FAILED, False),
        (0xFF00, State.FAILED, False),
        (0xFFFB, State.FAILED, False),
    ],
)
def test_each_status_has_its_state(status: int, state: State, may_retry: bool) -> None:
    found = meaning(status)
    assert (found.state, found.may_retry) == (state, may_retry)
    assert found.words or status == 0


def test_not_authorised_stops_the_run_under_both_codes() -> None:
    assert [code for code in STATUSES if meaning(code).stops] == [0x0124, 0x0214]
    assert all(value.may_retry for value in STATUSES.values() if value.stops)
    assert meaning(0x0112) == meaning(0x0122)


def test_a_destination_may_mean_something_else() -> None:
    permanent = Meaning(State.FAILED, "no patient id")
    assert meaning(0xA777, {0xA777: permanent}) is permanent
    assert meaning(0xA700, {0xA777: permanent}).may_retry
