"""The bandwidth cap: its rate, its bursts, and who goes first."""

from __future__ import annotations

import threading
import time
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.engine.throttle import Budget, Throttle
from tests.patient_clock import PatientClock

MB = 1e6
LIMIT = 60.0


def sent_by(budget: Budget, sizes: list[int], seconds: float) -> list[tuple[float, int]]:
    """Send objects of these sizes over and over, as fast as the budget lets; when how many bytes went."""
    now, grants, position, left = 0.0, [], 0, 0
    while True:
        if not left:
            left, position = sizes[position % len(sizes)], position + 1
        now += budget.wait(now)
        if now >= seconds:
            return grants
        piece = budget.take(left, now)
        left -= piece
        grants.append((now, piece))


@pytest.mark.parametrize("rate", [0.01 * MB, MB, 12 * MB, 100 * MB])
@pytest.mark.parametrize("sizes", [[10**9], [4096], [1, 300_000, 20_000]])
def test_the_rate_is_kept_within_one_percent_over_ten_seconds(rate: float, sizes: list[int]) -> None:
    total = sum(size for _, size in sent_by(Budget(rate, 0.0), sizes, 10.0))
    assert total == pytest.approx(rate * 10, rel=0.01)


@given(
    st.floats(1e3, 1e9),
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 1)), min_size=1, max_size=10),
)
def test_no_burst_is_larger_than_a_third_of_a_second(rate: float, objects: list[tuple[float, float]]) -> None:
    budget, now, grants = Budget(rate, 0.0), 0.0, []
    for idle, seconds_worth in objects:
        now += idle
        left = int(rate * seconds_worth)
        while left:
            now += budget.wait(now)
            grants.append((now, budget.take(left, now)))
            left -= grants[-1][1]
    for first in range(0, len(grants), 7):
        sent = 0
        for at, size in grants[first:]:
            sent += size
            assert sent <= rate * (at - grants[first][0] + 0.34) + 2


def test_a_long_idle_time_is_not_made_up_for() -> None:
    budget = Budget(MB, 0.0)
    now, sent = 60.0, 0
    while now < 61.0:
        sent += budget.take(10**9, now)
        now += budget.wait(now)
    assert sent == pytest.approx(1.2 * MB, rel=0.05)


def test_at_a_low_rate_bytes_go_in_small_pieces() -> None:
    grants = sent_by(Budget(10_000, 0.0), [10**6], 5.0)
    assert max(size for _, size in grants) <= 500
    assert max(later - at for (at, _), (later, _) in pairwise(grants)) <= 0.06


def test_the_slowest_rate_still_lets_a_byte_go() -> None:
    assert Budget(0.001, 0.0).take(100, 0.0) == 1


def test_a_new_rate_counts_at_once_for_what_is_owed_too() -> None:
    budget = Budget(1.0, 0.0)
    for _ in range(10):
        budget.take(1, 0.0)
    assert budget.wait(0.0) == pytest.approx(10)
    budget.change(1000.0, 0.0)
    assert budget.wait(0.0) <= 0.01


def test_without_a_rate_nothing_waits_and_nothing_is_divided() -> None:
    assert Throttle(0.0).pace(10**9) == 10**9


def patient_clock() -> PatientClock:
    return PatientClock(time.monotonic, 0.05)


class CountingBudget(Budget):
    """Knows how many bytes it has let go."""

    taken = 0

    def take(self, size: int, now: float) -> int:
        piece = super().take(size, now)
        self.taken += piece
        return piece


class Senders:
    """Threads that pace objects of one size until they are stopped; `clock` is the throttle's."""

    def __init__(self, throttle: Throttle, clock: PatientClock, count: int, size: int) -> None:
        self.sent: Counter[int] = Counter()
        self._clock = clock
        self._stop = threading.Event()
        self._throttle = throttle
        self._budget = throttle._budget = CountingBudget(throttle._budget.rate, clock())
        self._threads = [
            threading.Thread(target=self._send, args=(number, size), daemon=True) for number in range(count)
        ]

    def _send(self, number: int, size: int) -> None:
        while not self._stop.is_set():
            left = size
            while left and not self._stop.is_set():
                piece = self._throttle.pace(left)
                self.sent[number] += piece
                left -= piece

    def __enter__(self) -> Senders:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._throttle.open()
        for thread in self._threads:
            thread.join(LIMIT)
        assert not any(thread.is_alive() for thread in self._threads)

    def rate_over(self, seconds: float) -> float:
        begin, before = self._now_and_sent()
        now, sent = begin, before
        while now < begin + seconds:
            assert not self._stop.wait(0.01)
            now, sent = self._now_and_sent()
        return (sent - before) / (now - begin)

    def _now_and_sent(self) -> tuple[float, int]:
        """The time, and how many bytes may have gone by then: nothing is let go in between."""
        with self._throttle._lock:
            return self._clock(), self._budget.taken


@pytest.mark.parametrize(("workers", "size"), [(1, 10**9), (16, 10**9), (16, 5_000)])
def test_the_rate_is_that_of_all_workers_together(workers: int, size: int) -> None:
    clock = patient_clock()
    with Senders(Throttle(2 * MB, clock), clock, workers, size) as senders:
        senders.rate_over(0.3)
        assert senders.rate_over(2.0) == pytest.approx(2 * MB, rel=0.05)


def test_nobody_starves_among_large_and_small_objects() -> None:
    clock = patient_clock()
    throttle = Throttle(MB, clock)
    with Senders(throttle, clock, 8, 10**9) as large, Senders(throttle, clock, 8, 10**9) as others:
        large.rate_over(2.0)
        shares = [*large.sent.values(), *others.sent.values()]
    assert len(shares) == 16
    assert min(shares) > 0.5 * max(shares)


def test_a_change_reaches_even_those_who_wait_at_this_moment() -> None:
    clock = patient_clock()
    throttle = Throttle(1.0, clock)  # a byte per second
    with Senders(throttle, clock, 4, 10**9) as senders:
        senders.rate_over(0.2)
        throttle.set_rate(5 * MB)
        assert senders.rate_over(1.0) == pytest.approx(5 * MB, rel=0.3)
        throttle.set_rate(0.5 * MB)
        senders.rate_over(0.2)
        assert senders.rate_over(1.0) == pytest.approx(0.5 * MB, rel=0.2)


def test_a_cap_can_be_taken_away_and_put_on_while_sending() -> None:
    throttle = Throttle(1.0)
    passed = threading.Event()

    def send() -> None:
        left = 100
        while left:
            left -= throttle.pace(left)
        passed.set()

    thread = threading.Thread(target=send)
    thread.start()
    throttle.set_rate(0.0)
    assert passed.wait(LIMIT)
    thread.join(LIMIT)
    throttle.set_rate(MB)
    assert throttle.pace(10**9) <= 0.1 * MB


def test_once_opened_for_good_it_holds_nothing_back_whatever_is_set() -> None:
    throttle = Throttle(1.0)
    throttle.open()
    throttle.set_rate(1.0)
    assert throttle.pace(10**9) == 10**9


def test_without_a_cap_it_costs_next_to_nothing() -> None:
    pace = Throttle(0.0).pace
    began = time.thread_time()
    for _ in range(30_000):
        pace(1000)
    assert time.thread_time() - began < 0.3  # 3,000 files a second: 1 % of a worker's time
