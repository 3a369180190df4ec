"""Deliveries behind a run's back: tries that grow apart, an end that is waited for, but not for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from migrator.core.errors import NotDelivered
from migrator.notify.delivery import Delivery, Told
from migrator.notify.message import Message

LATER = NotDelivered("later", may_retry=True)
NEVER = NotDelivered("never", may_retry=False)


def message(event: str) -> Message:
    return Message(event, 0.0, event, event)


class Carrier:
    """Does with each try what its script says next, and then takes everything; `is_free` lets it go on."""

    words, place = "pigeon", "the loft"

    def __init__(self, *script: Exception | None) -> None:
        self._script = list(script)
        self.tries: list[tuple[str, float]] = []
        self.is_free = threading.Event()
        self.is_free.set()
        self.begun = threading.Event()

    def attempt_for(self, message: Message) -> Callable[[], None]:
        def attempt() -> None:
            self.tries.append((message.event, time.monotonic()))
            self.begun.set()
            self.is_free.wait(60)
            if self._script and (error := self._script.pop(0)) is not None:
                raise error

        return attempt


class Ears:
    """Hears what became of the messages."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self._changed = threading.Condition()

    def __call__(self, told: Told) -> None:
        with self._changed:
            self.told.append(told)
            self._changed.notify_all()

    def wait_for(self, count: int) -> list[tuple[str, str]]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.told) >= count, 60)
            return [(one.event, one.trouble) for one in self.told]


@contextmanager
def delivering(carrier: Carrier, ears: Ears, waits: tuple[float, ...] = ()) -> Iterator[Delivery]:
    delivery = Delivery(carrier, ears, waits)
    try:
        yield delivery
    finally:
        carrier.is_free.set()
        delivery.closing(time.monotonic())
        delivery.close(lambda: False)


def test_messages_go_one_after_the_other_and_what_became_of_each_is_told() -> None:
    carrier, ears = Carrier(None, NEVER), Ears()
    with delivering(carrier, ears) as delivery:
        for event in ("one", "two", "three"):
            delivery.put(message(event))
        assert ears.wait_for(3) == [("one", ""), ("two", "never"), ("three", "")]
    assert [event for event, _ in carrier.tries] == ["one", "two", "three"]
    assert (ears.told[0].carrier, ears.told[0].place) == ("pigeon", "the loft")


def test_what_may_be_tried_again_is_until_the_tries_are_used_up() -> None:
    carrier, ears = Carrier(LATER, LATER, None, LATER, LATER, LATER), Ears()
    with delivering(carrier, ears, (0.01, 0.01)) as delivery:
        delivery.put(message("one"))
        assert ears.wait_for(1) == [("one", "")]
        delivery.put(message("two"))
        assert ears.wait_for(2)[1] == ("two", "later")
    assert [event for event, _ in carrier.tries] == ["one"] * 3 + ["two"] * 3


def test_who_asks_to_be_left_alone_for_a_while_is() -> None:
    carrier, ears = Carrier(NotDelivered("busy", may_retry=True, retry_after=0.3)), Ears()
    with delivering(carrier, ears, (0.0,)) as delivery:
        delivery.put(message("one"))
        assert ears.wait_for(1) == [("one", "")]
    (_, first), (_, second) = carrier.tries
    assert second - first >= 0.3


def test_a_try_that_breaks_ends_no_delivery() -> None:
    carrier, ears = Carrier(KeyError("secret")), Ears()
    with delivering(carrier, ears) as delivery:
        delivery.put(message("one"))
        delivery.put(message("two"))
        assert ears.wait_for(2) == [("one", "KeyError"), ("two", "")]


def test_putting_never_waits_and_what_finds_no_room_is_told() -> None:
    carrier, ears = Carrier(), Ears()
    carrier.is_free.clear()
    with delivering(carrier, ears) as delivery:
        for number in range(51):
            delivery.put(message(str(number)))
        assert ears.wait_for(1) == [("50", "too many others wait already")]
        carrier.is_free.set()
        assert len(ears.wait_for(51)) == 51


def test_at_the_end_what_waits_for_its_next_try_is_tried_at_once() -> None:
    carrier, ears = Carrier(LATER), Ears()
    delivery = Delivery(carrier, ears, (600.0,))
    delivery.put(message("one"))
    assert carrier.begun.wait(60)
    delivery.closing(time.monotonic() + 60)
    delivery.close(lambda: False)
    assert ears.wait_for(1) == [("one", "")]
    assert len(carrier.tries) == 2


@pytest.mark.parametrize("retry_after", [0.0, 300.0])
def test_at_the_end_nobody_waits_for_a_try_that_would_come_too_late(retry_after: float) -> None:
    later = NotDelivered("later", may_retry=True, retry_after=retry_after)
    carrier, ears = Carrier(later, later, later), Ears()
    delivery = Delivery(carrier, ears, (600.0, 600.0))
    delivery.put(message("one"))
    assert carrier.begun.wait(60)
    delivery.closing(time.monotonic() + 60)
    delivery.close(lambda: False)
    assert ears.told == [Told("pigeon", "the loft", "one", "later")]
    assert len(carrier.tries) == (1 if retry_after else 2)


def test_what_is_still_under_way_at_the_end_is_told_as_not_delivered_and_only_once() -> None:
    carrier, ears = Carrier(), Ears()
    carrier.is_free.clear()
    delivery = Delivery(carrier, ears, ())
    for event in ("one", "two"):
        delivery.put(message(event))
    assert carrier.begun.wait(60)
    delivery.closing(time.monotonic() + 600)
    delivery.close(lambda: True)
    late = "the run ended before it could be delivered"
    assert ears.wait_for(2) == [("one", late), ("two", late)]
    carrier.is_free.set()
    delivery.put(message("three"))
    assert ears.wait_for(3)[2] == ("three", late)
    assert [event for event, _ in carrier.tries] == ["one"]
