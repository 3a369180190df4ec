"""Workers against a PACS in memory: what happens to every instance when things go well, and when not."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest

from migrator.core.control import Control
from migrator.core.errors import AssociationLost, AssociationRejected, LimitReached, Unreachable
from migrator.core.events import Event, InstanceSettled
from migrator.core.model import Instance
from migrator.core.outcome import Cause, Outcome, State
from migrator.engine.accounting import Accounting, Snapshot
from migrator.engine.lane import Destination, Lane
from migrator.engine.manifest import Manifest
from migrator.engine.planner import Planner
from migrator.engine.record import JobRecord
from migrator.engine.worker import Worker
from tests.engine.making import RLE, MemoryPacs, Steady, make_instance, make_study, settings_of


class Bench:
    """One run of some workers over some instances."""

    def __init__(self, folder: Path, pacs: MemoryPacs, **settings: object) -> None:
        self.settings = settings_of(**settings)
        self.events: list[Event] = []
        self.waits: list[float] = []
        self.control = Control()
        self.control.wait = self._note_wait  # type: ignore[method-assign]
        self.record = JobRecord(Manifest(folder, "/s", "d"), Accounting("d"), self.events.append, "d")
        self.lane = Lane(
            Destination("d", pacs.sender, pacs.finder, pacs.probe, Steady(self.settings.send.workers)),
            self.settings,
            self.record,
            self.control,
            self.events.append,
        )

    def _note_wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.control.checkpoint()

    def run(self, instances: Iterable[Instance]) -> Snapshot:
        instances = list(instances)
        for instance in instances:
            self.record.found(instance)
        for batch in Planner(self.settings.send).plan(instances):
            self.lane.queue.put(batch)
        self.lane.queue.filled()
        threads = [
            threading.Thread(target=Worker(self.lane, number).run, daemon=True)
            for number in range(self.settings.send.workers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()
        self.lane.end()
        self.record.manifest.close()
        snapshot = self.record.accounting.snapshot()
        assert snapshot.run.balances
        assert snapshot.job.balances
        assert snapshot.associations == 0
        return snapshot

    def outcome_of(self, instance: Instance) -> Outcome:
        (found,) = (
            e.outcome for e in self.events if isinstance(e, InstanceSettled) and e.instance == instance
        )
        return found


def many_studies(studies: int, count: int) -> list[Instance]:
    return [instance for study in range(1, studies + 1) for instance in make_study(study, count)]


@pytest.mark.parametrize("workers", [1, 4, 16])
def test_every_instance_is_sent_exactly_once(tmp_path: Path, workers: int) -> None:
    pacs = MemoryPacs()
    instances = many_studies(30, 7)
    snapshot = Bench(tmp_path, pacs, workers=workers).run(instances)
    assert snapshot.run.sent == len(instances)
    assert pacs.held == {instance.uid for instance in instances}
    assert set(pacs.stores.values()) == {1}
    assert pacs.associations == 0


def test_a_study_goes_over_one_association_in_one_piece(tmp_path: Path) -> None:
    pacs = MemoryPacs()
    Bench(tmp_path, pacs, workers=4, batch_size=20).run(many_studies(12, 30))
    for study in range(1, 13):
        numbers = [number for number, uid in pacs.log if uid.startswith(f"1.2.{study}.")]
        assert len(set(numbers)) == 1


def test_the_association_is_renewed_at_the_first_study_boundary_after_the_batch_size(tmp_path: Path) -> None:
    pacs = MemoryPacs()
    Bench(tmp_path, pacs, workers=1, batch_size=50).run(many_studies(10, 20))
    used: dict[int, int] = {}
    for number, _ in pacs.log:
        used[number] = used.get(number, 0) + 1
    assert list(used.values()) == [60, 60, 60, 20]


def test_no_renewal_with_batch_size_zero(tmp_path: Path) -> None:
    pacs = MemoryPacs()
    Bench(tmp_path, pacs, workers=1, batch_size=0).run(many_studies(10, 20))
    assert pacs.opened == 1


def test_a_lost_answer_is_asked_for_and_not_resent_when_it_is_there(tmp_path: Path) -> None:
    def lose(instance: Instance, tries: int) -> Exception | None:
        if instance.uid.endswith(".3") and tries == 1:
            pacs.held.add(instance.uid)
            return AssociationLost("aborted")
        return None

    pacs = MemoryPacs(script=lose)
    bench = Bench(tmp_path, pacs, workers=1)
    study = make_study(1, 5)
    assert bench.run(study).run.sent == 5
    assert pacs.stores[study[2].uid] == 1
    outcome = bench.outcome_of(study[2])
    assert outcome.healed
    assert outcome.remedies == ("asked",)


def test_a_lost_answer_is_resent_when_the_destination_lacks_it(tmp_path: Path) -> None:
    pacs = MemoryPacs(
        script=lambda one, tries: (
            AssociationLost("aborted") if one.uid.endswith(".3") and tries == 1 else None
        )
    )
    study = make_study(1, 5)
    bench = Bench(tmp_path, pacs, workers=1)
    assert bench.run(study).run.sent == 5
    assert pacs.stores[study[2].uid] == 2
    assert bench.outcome_of(study[2]).remedies == ("resent",)


def test_a_lost_answer_is_resent_once_and_told_where_nobody_can_tell(tmp_path: Path) -> None:
    pacs = MemoryPacs(
        answers_find=False,
        script=lambda one, tries: AssociationLost("aborted") if one.uid.endswith(".3") else None,
    )
    study = make_study(1, 5)
    bench = Bench(tmp_path, pacs, workers=1)
    snapshot = bench.run(study)
    assert (snapshot.run.sent, snapshot.run.unknown) == (4, 1)
    assert pacs.stores[study[2].uid] == 2
    assert "resent blindly" in bench.outcome_of(study[2]).remedies


def test_what_had_not_left_is_sent_again_without_asking(tmp_path: Path) -> None:
    pacs = MemoryPacs(
        answers_find=False,
        script=lambda one, tries: AssociationLost("closed", nothing_sent=True) if tries == 1 else None,
    )
    snapshot = Bench(tmp_path, pacs, workers=2).run(many_studies(4, 5))
    assert snapshot.run.sent == snapshot.healed == 20
    assert snapshot.remedies == {"reconnected": 20}


def test_a_rejected_context_is_healed_by_decompression(tmp_path: Path) -> None:
    pacs = MemoryPacs(accepts=lambda pair: pair.transfer_syntax != RLE)
    one = make_instance(transfer_syntax=RLE)
    bench = Bench(tmp_path, pacs)
    snapshot = bench.run([one])
    assert snapshot.healed == 1
    assert snapshot.fidelity == {"decompressed": 1}
    assert bench.outcome_of(one).word == "HEALED"


def test_a_rejected_context_fails_in_words_when_decompression_is_off(tmp_path: Path) -> None:
    pacs = MemoryPacs(accepts=lambda pair: pair.transfer_syntax != RLE)
    snapshot = Bench(tmp_path, pacs, decompress=False).run([make_instance(transfer_syntax=RLE)])
    assert snapshot.run.failed == 1


@pytest.mark.parametrize(("retries", "sends", "waits"), [(0, 1, []), (1, 2, [2.0]), (3, 4, [2.0, 4.0, 8.0])])
def test_a_passing_failure_is_retried_as_often_as_allowed(
    tmp_path: Path, retries: int, sends: int, waits: list[float]
) -> None:
    busy = Outcome(State.FAILED, status=0xA700, may_retry=True, reason="out of resources")
    pacs = MemoryPacs(script=lambda one, tries: busy)
    bench = Bench(tmp_path, pacs, retries=retries)
    one = make_instance()
    assert bench.run([one]).run.failed == 1
    assert pacs.stores[one.uid] == sends
    assert [wait for wait in bench.waits if wait] == waits
    assert bench.outcome_of(one).attempts == sends


def test_a_permanent_failure_is_not_retried(tmp_path: Path) -> None:
    pacs = MemoryPacs(script=lambda one, tries: Outcome(State.FAILED, status=0x0122, reason="no such class"))
    one = make_instance()
    assert Bench(tmp_path, pacs, retries=5).run([one]).run.failed == 1
    assert pacs.stores[one.uid] == 1


def test_a_destination_that_goes_away_leaves_everything_pending_and_nothing_failed(tmp_path: Path) -> None:
    pacs = MemoryPacs()

    def die(instance: Instance, tries: int) -> Exception | None:
        if len(pacs.held) == 10:
            pacs.refuses = [Unreachable("nobody there")] * 9999
            return AssociationLost("reset", nothing_sent=True)
        return None

    pacs.script = die
    bench = Bench(tmp_path, pacs, workers=2, batch_size=0, give_up_after=0.2, breaker_wait=0.01)
    snapshot = bench.run(many_studies(10, 4))
    assert (snapshot.run.sent, snapshot.run.pending, snapshot.run.failed) == (10, 30, 0)
    assert isinstance(bench.lane.stopped_by, LimitReached)


def test_a_destination_that_comes_back_is_used_again(tmp_path: Path) -> None:
    pacs = MemoryPacs(refuses=[Unreachable("nobody there")] * 4)
    assert Bench(tmp_path, pacs, workers=1).run(many_studies(3, 3)).run.sent == 9


def test_a_permanent_rejection_stops_at_once(tmp_path: Path) -> None:
    pacs = MemoryPacs(refuses=[AssociationRejected("called AE title not recognised", 1, 1, 7)] * 9)
    bench = Bench(tmp_path, pacs, workers=1)
    assert bench.run(make_study(1, 3)).run.pending == 3
    assert bench.waits == []


def test_an_association_limit_slows_but_fails_nothing(tmp_path: Path) -> None:
    pacs = MemoryPacs(most_associations=2)
    snapshot = Bench(tmp_path, pacs, workers=8, batch_size=5).run(many_studies(20, 5))
    assert snapshot.run.sent == 100
    assert set(pacs.stores.values()) == {1}


def test_a_destination_that_accepts_everybody_and_serves_nobody_is_given_up(tmp_path: Path) -> None:
    pacs = MemoryPacs(script=lambda one, tries: AssociationLost("aborted", nothing_sent=True))
    bench = Bench(tmp_path, pacs, workers=3, give_up_after=0.2, breaker_wait=0.01)
    snapshot = bench.run(many_studies(5, 2))
    assert (snapshot.run.pending, snapshot.run.failed) == (10, 0)


def test_a_refusal_of_us_stops_the_run(tmp_path: Path) -> None:
    def refuse(instance: Instance, tries: int) -> Outcome | None:
        return Outcome(State.FAILED, status=0x0124, reason="not authorised", stops=True)

    bench = Bench(tmp_path, MemoryPacs(script=refuse), workers=1)
    snapshot = bench.run(make_study(1, 5))
    assert (snapshot.run.failed, snapshot.run.pending) == (1, 4)
    assert "not authorised" in str(bench.lane.stopped_by)


def test_cancelling_leaves_the_rest_pending_and_nothing_in_doubt(tmp_path: Path) -> None:
    pacs = MemoryPacs()
    bench = Bench(tmp_path, pacs, workers=2)

    def cancel(instance: Instance, tries: int) -> None:
        if len(pacs.held) == 20:
            bench.control.cancel()

    pacs.script = cancel
    study = many_studies(10, 10)
    snapshot = bench.run(study)
    assert 20 <= snapshot.run.sent < 30
    assert snapshot.run.sent + snapshot.run.pending == 100
    again = JobRecord(Manifest(tmp_path, "/s", "d"), Accounting("d"), bench.events.append, "d")
    assert not again.manifest.index.in_doubt
    again.manifest.close()


def test_what_an_interrupted_run_left_in_doubt_is_asked_for(tmp_path: Path) -> None:
    study = make_study(1, 4)
    first = Bench(tmp_path, MemoryPacs())
    for instance in study:
        first.record.found(instance)
    first.record.begin(study)
    first.record.manifest.close()

    pacs = MemoryPacs(held={study[1].uid})
    second = Bench(tmp_path, pacs)
    assert second.run(study).run.sent == 4
    assert pacs.stores[study[1].uid] == 0
    assert second.outcome_of(study[1]).healed


def test_only_what_the_destination_lacks_is_sent_when_asked_to_skip(tmp_path: Path) -> None:
    study = make_study(1, 6)
    pacs = MemoryPacs(held={one.uid for one in study[:4]})
    snapshot = Bench(tmp_path, pacs, skip_existing=True).run(study)
    assert (snapshot.run.skipped, snapshot.run.sent) == (4, 2)
    assert set(pacs.stores) == {one.uid for one in study[4:]}


def test_a_status_that_passes_first_for_one_and_then_for_another_reason_stays_under_the_cap(
    tmp_path: Path,
) -> None:
    def flap(instance: Instance, tries: int) -> Outcome | Exception:
        if tries % 2:
            return AssociationLost("reset", nothing_sent=False)
        return Outcome(State.FAILED, Cause.STATUS, status=0xA700, may_retry=True, reason="busy")

    pacs = MemoryPacs(script=flap)
    one = make_instance()
    Bench(tmp_path, pacs, retries=10).run([one])
    assert pacs.stores[one.uid] <= 8


class AtOnce(threading.Thread):
    """A thread that has done its work when it is started."""

    def start(self) -> None:
        super().start()
        self.join()


def test_where_opening_is_slow_the_next_association_is_opened_while_the_last_one_sends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrator.engine.lane._SLOW_OPENING", 0.0)
    # In memory a study takes no time: what is done beside it would come too late on a busy machine.
    monkeypatch.setattr("migrator.engine.line.threading", SimpleNamespace(Thread=AtOnce, Lock=threading.Lock))
    opened_at: list[int] = []
    pacs = MemoryPacs(script=lambda one, tries: opened_at.append(pacs.associations))
    snapshot = Bench(tmp_path, pacs, workers=1, batch_size=20).run(many_studies(10, 20))
    assert snapshot.run.sent == 200
    assert set(pacs.stores.values()) == {1}
    assert max(opened_at) == 2
    assert pacs.associations == 0


def test_a_destination_without_room_for_one_more_is_not_asked_ahead_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrator.engine.lane._SLOW_OPENING", 0.0)
    pacs = MemoryPacs(most_associations=1)
    bench = Bench(tmp_path, pacs, workers=1, batch_size=20)
    assert bench.run(many_studies(5, 20)).run.sent == 100
    assert not bench.lane.may_open_ahead
