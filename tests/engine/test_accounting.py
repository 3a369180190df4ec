"""The ledgers balance, and the rates mean what they say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from migrator.core.outcome import Outcome, State
from migrator.engine.accounting import Accounting, Ledger


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


SETTLED = [state for state in State if state is not State.PENDING]


@given(
    st.dictionaries(st.sampled_from(SETTLED), st.integers(0, 50)),
    st.lists(
        st.tuples(st.sampled_from(["new", "settled", "problem"]), st.sampled_from(SETTLED), st.booleans())
    ),
)
def test_both_ledgers_balance_whatever_happens(
    earlier: dict[State, int], steps: list[tuple[str, State, bool]]
) -> None:
    accounting = Accounting("d")
    accounting.load_job(earlier)
    settled_earlier = sum(earlier.values())
    known = 0
    for kind, state, is_settled_now in steps:
        if kind == "settled" and known < settled_earlier:
            known += 1
            accounting.found(State.SKIPPED, state, keeps_job=True)
        elif kind == "problem":
            accounting.found(state, None)
        else:
            accounting.found(State.PENDING, None, size=10)
            if is_settled_now:
                accounting.settled(State.PENDING, 10, Outcome(state))
        snapshot = accounting.snapshot()
        assert snapshot.run.balances
        assert snapshot.job.balances
        assert snapshot.run.found <= len(steps)
    assert accounting.snapshot().job.found == settled_earlier + sum(1 for kind, *_ in steps) - known


def test_rates_and_time_left_come_from_the_last_seconds() -> None:
    clock = Clock()
    accounting = Accounting("d", clock)
    for _ in range(100):
        accounting.found(State.PENDING, None, size=1000)
    accounting.requesting_association()
    accounting.snapshot()
    for _ in range(50):
        clock.now += 0.1
        accounting.settled(State.PENDING, 1000, Outcome(State.SENT, bytes=900))
    snapshot = accounting.snapshot()
    assert round(snapshot.files_per_second) == 10
    assert round(snapshot.bytes_per_second) == 9000
    assert snapshot.eta_seconds is not None
    assert 4.9 < snapshot.eta_seconds < 5.7
    assert round(snapshot.send_seconds) == 5


def test_pending_failures_spoil_a_job_and_skipped_paths_do_not() -> None:
    assert Ledger(sent=3, skipped=2, found=5).spoiled == 0
    assert Ledger(sent=3, held=1, pending=2, found=6).spoiled == 3
