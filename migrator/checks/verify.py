"""Proof after a migration: the set of SOP instance UIDs that should be there, against the one that is."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from migrator.checks.verify_attributes import AttributeResult, compare_attributes
from migrator.checks.verify_expected import ExpectedStudy
from migrator.checks.verify_judging import judge
from migrator.checks.verify_report import StudyResult, VerifyReport
from migrator.core.control import Control
from migrator.core.errors import DestinationError
from migrator.core.model import Proof, StudyHoldings
from migrator.core.room import where_there_is_room

_MOST_FAILURES = 3  # in a row; then the destination is not asked any more
_PROBED = 3  # studies; how long they take tells how far away the destination is
_WATCH = 0.2  # seconds between two looks at the threads; longer waits would outlast Ctrl-C


class Prover(Protocol):
    """Asks a destination what it holds, on associations of its own. Owned by one thread."""

    def holdings(self, study_uid: str, expected: Mapping[str, frozenset[str]]) -> StudyHoldings:
        """What it holds of one study, by the best proof it can give; `expected` are UIDs by series.

        Raises DestinationError.
        """
        ...

    def studies(self, study_uid: str) -> Sequence[Mapping[str, str]] | None:
        """What it says of the study, by keyword, once for each time that it lists it; None: it cannot tell.

        Raises DestinationError.
        """
        ...


def _alone(seconds: float) -> Sequence[Prover]:
    """One association is enough."""
    return ()


@dataclass(frozen=True, slots=True)
class Manner:
    """How to verify.

    `tolerant`: a destination that cannot be asked at all leaves every study unproven. `attributes`: compare
    patients and studies too. `helpers` gives further provers, told how many seconds a study takes.
    """

    tolerant: bool = False
    attributes: bool = False
    helpers: Callable[[float], Sequence[Prover]] = _alone


def verify(
    expected: Sequence[ExpectedStudy],
    prover: Prover,
    control: Control,
    asked: Callable[[int], None],
    manner: Manner | None = None,
) -> VerifyReport:
    """Ask for every study; `asked` hears how many were.

    Raises DestinationError when the destination cannot be asked for the first study, unless tolerant; all
    other failures leave studies unproven. Raises Cancelled.
    """
    manner = manner or Manner()
    work = _Work(expected, control, asked)
    first = _Inquiry(prover, manner, is_helper=False)
    started = time.monotonic()
    work.do(first, most=_PROBED)
    if work.is_left:
        helpers = manner.helpers((time.monotonic() - started) / _PROBED)
        others = [_Inquiry(helper, manner, is_helper=True) for helper in helpers]
        if others:
            _in_threads(work, [first, *others])
    # What a helper gave back at the end is still to be asked for.
    work.do(first)
    return VerifyReport(tuple(work.results()))


def _in_threads(work: _Work, inquiries: Sequence[_Inquiry]) -> None:
    """Let each of them take studies until none is left. Raises what one of them raised."""
    failures: list[BaseException] = []

    def run(inquiry: _Inquiry) -> None:
        try:
            work.do(inquiry)
        except BaseException as error:  # noqa: BLE001 - a thread's outermost loop: raised again below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(one,), name="verifying", daemon=True) for one in inquiries]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(_WATCH)
    if failures:
        raise failures[0]


class _Work:
    """The studies that are to be asked for, each by one thread, and the results in their order."""

    def __init__(
        self, expected: Sequence[ExpectedStudy], control: Control, asked: Callable[[int], None]
    ) -> None:
        self._expected = expected
        self._control = control
        self._asked = asked
        self._lock = threading.Lock()
        self._left = deque(range(len(expected)))
        self._done = 0  # guarded by _lock
        self._results: list[StudyResult | None] = [None] * len(expected)

    @property
    def is_left(self) -> bool:
        return bool(self._left)

    def do(self, inquiry: _Inquiry, most: int | None = None) -> None:
        """Ask for studies, for so many at the most. Raises DestinationError, Cancelled."""
        while most is None or most > 0:
            self._control.checkpoint()
            try:
                place = self._left.popleft()
            except IndexError:
                return
            result = inquiry.result(self._expected[place], self._control)
            if result is None:
                self._left.appendleft(place)
                return
            with self._lock:
                self._results[place] = result
                self._done += 1
                self._asked(self._done)
            most = None if most is None else most - 1

    def results(self) -> Iterator[StudyResult]:
        return (result for result in self._results if result is not None)


class _Inquiry:
    """Asks a destination until it has stopped answering."""

    def __init__(self, prover: Prover, manner: Manner, *, is_helper: bool) -> None:
        """A helper that gets no answer leaves its study to others: few may be served at a time."""
        self._prover = prover
        self._wants_attributes = manner.attributes
        self._is_helper = is_helper
        self._may_fail = manner.tolerant
        self._failures = 0

    def result(self, expected: ExpectedStudy, control: Control) -> StudyResult | None:
        """One study's; None where it is left to others.

        Raises DestinationError at the first inquiry, and Cancelled.
        """
        held = self._holdings(expected, control)
        if held is None:
            return None
        result = judge(expected, held)
        if not self._wants_attributes or not result.matched:
            return result
        return replace(result, attributes=self._attributes(expected, control))

    def _holdings(self, expected: ExpectedStudy, control: Control) -> StudyHoldings | None:
        if not expected.uid:
            # An empty Study Instance UID would ask for every study there is (PS3.4 C.2.2.2.3).
            return _unknown("", "not asked: the record does not tell the study")
        if self._failures == _MOST_FAILURES:
            return _unknown(expected.uid, "not asked: the destination stopped answering")
        uids = {series_uid: frozenset(uids) for series_uid, uids in expected.series.items()}

        def ask() -> StudyHoldings:
            return self._prover.holdings(expected.uid, uids)

        try:
            held = ask() if self._is_helper else where_there_is_room(ask, control)
        except DestinationError as error:
            control.check()
            if self._is_helper:
                return None
            if not self._may_fail:
                raise
            self._failures += 1
            return _unknown(expected.uid, str(error))
        self._failures, self._may_fail = 0, True
        return held

    def _attributes(self, expected: ExpectedStudy, control: Control) -> AttributeResult:
        try:
            answers = self._prover.studies(expected.uid)
        except DestinationError:
            control.check()
            answers = None
        return compare_attributes(expected.sent, expected.unsure, answers or ())


def _unknown(study_uid: str, reason: str) -> StudyHoldings:
    return StudyHoldings(study_uid, Proof.NONE, reason=reason)
