"""What is made once for several threads: shared, bounded, and never lost to one that gives up."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from migrator.core.errors import AssociationLost, Cancelled, CannotEncode
from migrator.core.memo import Memo
from tests.peers import wait_until


class Asking(threading.Thread):
    """A thread that asks a memo, and what it got."""

    def __init__(
        self, memo: Memo[str, bytes], make: Callable[[], bytes], **options: Callable[[], bool]
    ) -> None:
        super().__init__(daemon=True)
        self._ask = lambda: memo.get("one", make, **options)
        self.got: bytes | Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self.got = self._ask()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.got = error


class Making:
    """Makes a value when it is allowed to, and counts."""

    def __init__(self, result: bytes | Exception) -> None:
        self.may = threading.Event()
        self.begun = threading.Event()
        self.count = 0
        self._result = result

    def __call__(self) -> bytes:
        self.count += 1
        self.begun.set()
        assert self.may.wait(10)
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


def test_two_that_ask_at_once_get_one_value_made_once() -> None:
    memo: Memo[str, bytes] = Memo(100, len)
    making = Making(b"value")
    asking = [Asking(memo, making) for _ in range(4)]
    making.begun.wait(10)
    making.may.set()
    for one in asking:
        one.join(10)
    assert [one.got for one in asking] == [b"value"] * 4
    assert making.count == 1


def test_what_was_asked_for_longest_ago_is_forgotten_first_and_the_budget_holds() -> None:
    memo: Memo[str, bytes] = Memo(30, len)
    made: list[str] = []

    def ask(key: str) -> None:
        memo.get(key, lambda: made.append(key) or bytes(10))

    for key in ("a", "b", "c", "a", "d", "a", "b"):
        ask(key)
        assert memo.weight <= 30
    assert made == ["a", "b", "c", "d", "b"]


def test_what_is_larger_than_the_budget_is_given_and_not_kept() -> None:
    memo: Memo[str, bytes] = Memo(30, len)
    assert len(memo.get("a", lambda: bytes(31))) == 31
    assert memo.weight == 0


def test_what_everybody_had_is_not_kept() -> None:
    memo: Memo[str, bytes] = Memo(30, len, takers=2)
    for _ in range(2):
        memo.get("a", lambda: b"value")
    assert memo.weight == 0


def test_a_fault_of_the_file_is_told_to_all_who_wait() -> None:
    memo: Memo[str, bytes] = Memo(100, len)
    making = Making(CannotEncode("damaged"))
    first = Asking(memo, making)
    making.begun.wait(10)
    second = Asking(memo, making)
    making.may.set()
    for one in (first, second):
        one.join(10)
        assert isinstance(one.got, CannotEncode)


@pytest.mark.parametrize("error", [Cancelled("stopped"), AssociationLost("gone")])
def test_one_that_gives_up_leaves_the_making_to_the_next(error: Exception) -> None:
    memo: Memo[str, bytes] = Memo(100, len)
    giving_up, making = Making(error), Making(b"value")
    making.may.set()
    first = Asking(memo, giving_up)
    giving_up.begun.wait(10)
    second = Asking(memo, making)
    giving_up.may.set()
    first.join(10)
    second.join(10)
    assert first.got is error
    assert second.got == b"value"


def test_one_that_waits_may_be_stopped() -> None:
    memo: Memo[str, bytes] = Memo(100, len)
    making, stop = Making(b"value"), threading.Event()
    first = Asking(memo, making)
    making.begun.wait(10)
    second = Asking(memo, making, is_cancelled=stop.is_set)
    stop.set()
    wait_until(lambda: isinstance(second.got, Cancelled), "the second was stopped")
    making.may.set()
    first.join(10)
    assert first.got == b"value"
