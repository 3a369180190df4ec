"""Whatever comes between, nothing is lost, nothing waits for ever, and the record says what happened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.core.control import Control
from migrator.core.errors import (
    AssociationLost,
    AssociationRejected,
    DestinationError,
    Unreachable,
)
from migrator.core.events import Notice, ignore
from migrator.core.model import ContextPair, Instance, StudyBatch
from migrator.core.outcome import Outcome, Refusal, State
from migrator.engine.accounting import Accounting
from migrator.engine.asking import Asking
from migrator.engine.manifest import Manifest
from migrator.engine.record import JobRecord
from tests.engine.making import CT, RLE, MemoryFinder, MemoryPacs, make_instance, make_series, make_study
from tests.engine.test_worker import Bench, many_studies

MR = "1.2.840.10008.5.1.4.1.1.4"


def in_doubt(folder: Path) -> set[str]:
    """What the next run would ask about."""
    record = JobRecord(Manifest(folder, "/s", "d"), Accounting("d"), ignore, "d")
    record.manifest.close()
    return record.manifest.index.in_doubt


def test_what_is_in_doubt_stays_so_when_its_batch_was_begun_ahead_and_not_started(tmp_path: Path) -> None:
    studies = many_studies(3, 4)
    first = Bench(tmp_path, MemoryPacs())
    first.record.begin(studies[4:8])
    first.record.manifest.close()

    pacs = MemoryPacs()
    second = Bench(tmp_path, pacs, workers=1)
    pacs.script = lambda one, tries: second.control.cancel()
    assert second.run(studies).run.pending == 11
    assert in_doubt(tmp_path) == {one.uid for one in studies[4:8]}


def test_what_was_sent_blindly_stays_in_doubt_when_the_destination_then_goes_away(tmp_path: Path) -> None:
    def go_away(instance: Instance, tries: int) -> Exception:
        if tries == 1:
            return AssociationLost("reset")
        pacs.refuses = [Unreachable("nobody there")] * 9999
        return AssociationLost("reset", nothing_sent=True)

    pacs = MemoryPacs(answers_find=False, script=go_away)
    one = make_instance()
    bench = Bench(tmp_path, pacs, workers=1, give_up_after=0.2, breaker_wait=0.01)
    assert bench.run([one]).run.pending == 1
    assert in_doubt(tmp_path) == {one.uid}


@pytest.mark.parametrize("status", [0xFFFB, 0xC000, 0xA900, 0xA700])
def test_what_is_cancelled_in_the_middle_of_its_chain_stays_pending(tmp_path: Path, status: int) -> None:
    refusals = {
        0xFFFB: Refusal.PATIENT,
        0xC000: Refusal.NOT_UNDERSTOOD,
        0xA900: Refusal.MISMATCH,
        0xA700: Refusal.RESOURCES,
    }

    def refuse(instance: Instance, tries: int) -> Outcome:
        bench.control.cancel()
        return Outcome(State.FAILED, status=status, refusal=refusals[status], reason="no")

    bench = Bench(tmp_path, MemoryPacs(script=refuse), workers=1)
    snapshot = bench.run(make_study(1, 3))
    assert (snapshot.run.pending, snapshot.run.failed) == (3, 0)
    assert not in_doubt(tmp_path)


def test_what_a_cancel_leaves_of_a_batch_is_known_to_be_left(tmp_path: Path) -> None:
    def cancel(instance: Instance, tries: int) -> None:
        if instance.uid.endswith(".2"):
            bench.control.cancel()

    bench = Bench(tmp_path, MemoryPacs(script=cancel), workers=1)
    study = make_study(1, 5)
    bench.run(study)
    assert [one for batch in bench.lane.queue.left() for one in batch.instances] == study[2:]


def test_what_a_refusal_of_us_leaves_of_a_batch_is_known_to_be_left(tmp_path: Path) -> None:
    def refuse(instance: Instance, tries: int) -> Outcome | None:
        if instance.uid.endswith(".2"):
            return Outcome(State.FAILED, status=0x0124, reason="not authorised", stops=True)
        return None

    bench = Bench(tmp_path, MemoryPacs(script=refuse), workers=1)
    study = make_study(1, 5)
    bench.run(study)
    assert [one for batch in bench.lane.queue.left() for one in batch.instances] == study[2:]


def test_what_was_begun_ahead_and_then_split_by_a_priority_is_not_in_doubt(tmp_path: Path) -> None:
    bench = Bench(tmp_path, MemoryPacs())
    first, second = make_study(1, 2), make_study(2, 4)
    for number, study in enumerate((first, second), 1):
        bench.lane.queue.put(StudyBatch(number, study[0].study.uid, tuple(study)))
    assert bench.lane.take() is not None
    assert bench.lane.prioritise(lambda one: one is second[2]) == 1
    assert [one for batch in bench.lane.queue.left() for one in batch.instances] == [
        second[2],
        *second[:2],
        second[3],
    ]
    bench.lane.end()
    bench.record.manifest.close()
    assert in_doubt(tmp_path) == {one.uid for one in first}


def only_alone(pair: ContextPair, proposed: frozenset[ContextPair]) -> bool:
    """As of archives that take this class only where nothing else was proposed."""
    return pair.sop_class != MR or len(proposed) == 1


def mixed_study(count: int) -> list[Instance]:
    series = make_series()
    return [make_instance(n, series, sop_class=MR if n % 2 else CT) for n in range(1, count + 1)]


@pytest.mark.parametrize(
    "refusal",
    [
        lambda: AssociationLost("the destination closed the connection"),
        lambda: AssociationRejected("local limit exceeded", 2, 3, 2),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_side_associations_do_not_stand_in_the_way_where_room_is_scarce(
    tmp_path: Path, refusal: Callable[[], DestinationError], workers: int
) -> None:
    pacs = MemoryPacs(takes=only_alone, most_associations=workers, no_room=refusal)
    studies = [*mixed_study(6), *make_study(2, 3), *make_study(3, 3)]
    bench = Bench(tmp_path, pacs, workers=workers, batch_size=0, give_up_after=60, breaker_wait=0.01)
    assert bench.run(studies).run.sent == 12
    assert set(pacs.stores.values()) == {1}


def test_a_proposal_that_a_peer_aborts_costs_only_what_needs_it(tmp_path: Path) -> None:
    def hang_up(proposed: frozenset[ContextPair]) -> DestinationError | None:
        is_lone = {pair.sop_class for pair in proposed} == {MR}
        return AssociationLost("aborted") if is_lone else None

    pacs = MemoryPacs(takes=only_alone, opens=hang_up)
    bench = Bench(tmp_path, pacs, workers=1, give_up_after=60, breaker_wait=0.01)
    snapshot = bench.run(mixed_study(6))
    assert (snapshot.run.sent, snapshot.run.failed, snapshot.run.pending) == (3, 3, 0)
    assert bench.lane.stopped_by is None


def test_a_side_association_refused_for_now_is_no_final_verdict(tmp_path: Path) -> None:
    def refuse(proposed: frozenset[ContextPair]) -> DestinationError | None:
        is_lone = {pair.sop_class for pair in proposed} == {MR}
        return AssociationRejected("congestion", 2, 3, 1) if is_lone else None

    study = mixed_study(8)
    bench = Bench(tmp_path, MemoryPacs(takes=only_alone, opens=refuse), workers=1)
    assert bench.run(study).run.failed == 4
    assert all(bench.outcome_of(one).may_retry for one in study if one.sop_class == MR)
    assert not bench.lane.learning.is_hopeless(study[0].pair)


def test_a_file_that_costs_every_association_does_not_keep_the_others_waiting(tmp_path: Path) -> None:
    def lose(instance: Instance, tries: int) -> Exception | None:
        if instance.uid.endswith(".2"):
            return AssociationLost("closed while it was decoded", nothing_sent=True)
        return None

    pacs = MemoryPacs(script=lose)
    study = make_study(1, 6)
    bench = Bench(tmp_path, pacs, workers=1, give_up_after=60, breaker_wait=0.01)
    snapshot = bench.run(study)
    assert (snapshot.run.sent, snapshot.run.failed, snapshot.run.pending) == (5, 1, 0)
    assert bench.outcome_of(study[1]).may_retry


def test_how_an_object_was_sent_whose_answer_was_lost_is_recorded(tmp_path: Path) -> None:
    def lose(instance: Instance, tries: int) -> Exception:
        pacs.held.add(instance.uid)
        return AssociationLost("reset")

    pacs = MemoryPacs(accepts=lambda pair: pair.transfer_syntax != RLE, script=lose)
    bench = Bench(tmp_path, pacs, workers=1)
    assert bench.run([make_instance(transfer_syntax=RLE)]).fidelity == {"decompressed": 1}


def test_a_question_that_comes_after_the_cancel_is_not_asked() -> None:
    class Interrupted(MemoryFinder):
        def interrupt(self) -> None:
            interrupted.append(self)

    interrupted: list[MemoryFinder] = []
    control = Control()
    asking = Asking(lambda: Interrupted(MemoryPacs()), lambda: None, control, ignore)
    control.cancel()
    asking.holds(make_instance())
    assert len(interrupted) == 1


def test_a_destination_left_alone_is_told_of_once(tmp_path: Path) -> None:
    pacs = MemoryPacs(refuses=[Unreachable("nobody there")] * 12)
    bench = Bench(tmp_path, pacs, workers=4, breaker_wait=0.01)
    assert bench.run(many_studies(6, 2)).run.sent == 12
    told = [event for event in bench.events if isinstance(event, Notice) and "left alone" in event.text]
    assert len(told) == 1


def test_how_an_object_was_sent_is_recorded_when_it_is_found_only_later(tmp_path: Path) -> None:
    def lose(instance: Instance, tries: int) -> Exception:
        pacs.answers_find = False
        pacs.refuses = [Unreachable("nobody there")]
        return AssociationLost("reset")

    def come_back() -> None:
        if pacs.stores:
            pacs.answers_find = True
            pacs.held.add(one.uid)

    pacs = MemoryPacs(accepts=lambda pair: pair.transfer_syntax != RLE, script=lose)
    one = make_instance(transfer_syntax=RLE)
    bench = Bench(tmp_path, pacs, workers=1)
    wait = bench.control.wait
    bench.control.wait = lambda seconds: (come_back() if seconds else None, wait(seconds))[1]  # type: ignore[method-assign]
    snapshot = bench.run([one])
    assert (snapshot.fidelity, snapshot.remedies) == ({"decompressed": 1}, {"asked": 1})
    assert pacs.stores[one.uid] == 1
