"""The manifest keeps what it was told, through crashes, damage and any file name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from migrator.core.errors import JobBusy, ManifestError
from migrator.core.events import ignore
from migrator.core.model import Reason
from migrator.core.outcome import Outcome, Problem, State
from migrator.engine.accounting import Accounting
from migrator.engine.manifest import Manifest
from migrator.engine.manifest_rows import compact, rows, stored
from migrator.engine.record import JobRecord
from tests.engine.making import make_instance, make_study

SENT = Outcome(State.SENT, status=0, bytes=700)


def open_record(folder: Path) -> JobRecord:
    return JobRecord(Manifest(folder, "/source", "PACS@host:104"), Accounting("x"), ignore, "x")


def test_an_outcome_is_settled_in_the_next_run(tmp_path: Path) -> None:
    record = open_record(tmp_path)
    one, two = make_instance(1), make_instance(2)
    for instance in (one, two):
        record.found(instance)
    record.settle(one, SENT)
    record.manifest.close()

    again = open_record(tmp_path)
    assert again.settled_as(one.path, one.size, one.mtime_ns) is State.SENT
    assert again.settled_as(two.path, two.size, two.mtime_ns) is None
    assert again.accounting.snapshot().job.as_dict() == {"found": 1, "sent": 1} | dict.fromkeys(
        ("warned", "skipped", "held", "failed", "quarantined", "unknown", "pending"), 0
    )
    again.manifest.close()


@pytest.mark.parametrize(
    ("size", "shift", "is_settled"),
    [(1000, 1.9e9, True), (1000, -1.9e9, True), (1000, 2.1e9, False), (999, 0, False)],
)
def test_a_changed_file_is_taken_up_again(tmp_path: Path, size: int, shift: float, is_settled: bool) -> None:
    record = open_record(tmp_path)
    one = make_instance()
    record.found(one)
    record.settle(one, SENT)
    record.manifest.close()
    again = open_record(tmp_path)
    assert (again.settled_as(one.path, size, one.mtime_ns + int(shift)) is State.SENT) is is_settled
    again.manifest.close()


def test_a_time_before_1970_survives_packing(tmp_path: Path) -> None:
    record = open_record(tmp_path)
    old = make_instance(mtime_ns=-5_000_000_001)
    record.found(old)
    record.settle(old, SENT)
    assert record.settled_as(old.path, old.size, old.mtime_ns) is State.SENT
    record.manifest.close()


def test_a_torn_last_line_is_dropped_and_the_file_stays_usable(tmp_path: Path) -> None:
    record = open_record(tmp_path)
    study = make_study(1, 3)
    for instance in study[:2]:
        record.found(instance)
        record.settle(instance, SENT)
    record.manifest.close()
    file = tmp_path / "manifest.jsonl"
    file.write_bytes(file.read_bytes()[:-20])

    again = open_record(tmp_path)
    assert again.settled_as(study[0].path, 1000, study[0].mtime_ns) is State.SENT
    assert again.settled_as(study[1].path, 1000, study[1].mtime_ns) is None
    assert not again.manifest.damage
    again.found(study[2])
    again.settle(study[2], SENT)
    again.manifest.close()
    assert {row.uid for row in stored(file)} == {study[0].uid, study[2].uid}


def test_other_damage_is_reported_by_line_and_the_rest_is_used(tmp_path: Path) -> None:
    record = open_record(tmp_path)
    study = make_study(1, 4)
    for instance in study:
        record.found(instance)
        record.settle(instance, SENT)
    record.manifest.close()
    file = tmp_path / "manifest.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    lines[3] = b"\x00" * (len(lines[3]) - 1) + b"\n"
    file.write_bytes(b"".join(lines))

    again = open_record(tmp_path)
    assert [damage.line for damage in again.manifest.damage] == [4]
    assert again.accounting.snapshot().job.sent == 3
    again.manifest.close()


def test_what_was_begun_without_an_outcome_is_in_doubt(tmp_path: Path) -> None:
    record = open_record(tmp_path)
    study = make_study(1, 5)
    for instance in study:
        record.found(instance)
    record.begin(study)
    record.settle(study[0], SENT)
    record.settle(study[1], Outcome(State.UNKNOWN, reason="no answer", may_retry=True))
    record.end(study[4:])
    record.manifest.close()

    again = open_record(tmp_path)
    assert [again.is_in_doubt(instance) for instance in study] == [False, True, True, True, False]
    again.manifest.close()


def test_two_processes_cannot_hold_one_job(tmp_path: Path) -> None:
    record = open_record(tmp_path)
    with pytest.raises(JobBusy):
        Manifest(tmp_path, "/source", "PACS@host:104")
    record.manifest.close()
    open_record(tmp_path).manifest.close()


def test_undecodable_names_and_characters_survive(tmp_path: Path) -> None:
    record = open_record(tmp_path)
    strange = make_instance(path=os.fsdecode(b"caf\xe9/IM\xff"))
    record.found(strange)
    record.settle(strange, Outcome(State.FAILED, status=0xC000, comment="bad \udcff byte"))
    record.manifest.close()
    again = open_record(tmp_path)
    assert again.settled_as(strange.path, strange.size, strange.mtime_ns) is State.FAILED
    again.manifest.close()
    (row,) = rows(tmp_path / "manifest.jsonl")
    assert row.path == strange.path
    assert row.series == strange.series


def test_filtered_and_passing_failures_are_not_settled(tmp_path: Path) -> None:
    record = open_record(tmp_path)
    left, passing, held = make_study(1, 3)
    record.problem(Problem(left.path, 1000, left.mtime_ns, State.SKIPPED, Reason.FILTERED, instance=left))
    record.problem(
        Problem(passing.path, 1000, passing.mtime_ns, State.FAILED, Reason.UNREADABLE, may_retry=True)
    )
    record.problem(Problem(held.path, 1000, held.mtime_ns, State.HELD, Reason.CONFLICT, instance=held))
    record.manifest.close()
    again = open_record(tmp_path)
    states = [again.settled_as(one.path, 1000, one.mtime_ns) for one in (left, passing, held)]
    assert states == [None, None, State.HELD]
    assert again.accounting.snapshot().job.found == 3
    again.manifest.close()


def test_a_manifest_that_cannot_be_replaced_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = open_record(tmp_path)
    (instance,) = make_study(1, 1)
    record.found(instance)
    for state in (State.FAILED, State.SENT):
        record.settle(instance, Outcome(state))
    file = record.manifest.file
    record.manifest.close()
    before = file.read_bytes()

    def refuse(path: Path, target: Path) -> Path:
        raise PermissionError(13, "somebody reads it")  # as Windows does

    monkeypatch.setattr(Path, "replace", refuse)
    compact(file, set())
    assert file.read_bytes() == before
    assert [one.name for one in file.parent.glob("*.new")] == []


def test_compacting_keeps_the_last_word_on_every_path(tmp_path: Path) -> None:
    record = open_record(tmp_path)
    study = make_study(1, 3)
    for instance in study:
        record.found(instance)
    record.begin(study)
    for state in (State.FAILED, State.UNKNOWN, State.SENT):
        record.settle(study[0], Outcome(state))
    record.settle(study[1], SENT)
    file = record.manifest.file
    record.manifest.close()
    before = file.read_bytes().count(b"\n")

    compact(file, {study[2].uid})
    assert file.read_bytes().count(b"\n") == before - 2
    if os.name != "nt":
        assert file.stat().st_mode & 0o777 == 0o600
    again = open_record(tmp_path)
    assert [again.is_in_doubt(one) for one in study] == [False, False, True]
    assert again.accounting.snapshot().job.sent == 2
    again.manifest.close()


def test_a_settings_line_is_written_only_when_they_change(tmp_path: Path) -> None:
    for values in ({"a": 1}, {"a": 1}, {"a": 2}):
        manifest = Manifest(tmp_path, "/source", "x")
        manifest.note_settings(values)
        key = manifest.settings_key
        manifest.close()
    assert key == 2
    assert (tmp_path / "manifest.jsonl").read_bytes().count(b'"t":"settings"') == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_and_corrupts_nothing(tmp_path: Path) -> None:
    record = open_record(tmp_path)
    one, two = make_study(1, 2)
    record.found(one)
    record.settle(one, SENT)
    # What is not on the disk by then its syncer would try to force there, and tell of it in other words.
    record.manifest.wait_durable(record.manifest._written)
    real = record.manifest._descriptor
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, real)
    os.close(full)
    record.found(two)
    with pytest.raises(ManifestError, match="No space left"):
        record.settle(two, SENT)
    with pytest.raises(ManifestError):
        record.manifest.wait_durable(10**9)
    record.manifest.close()
    assert [row.uid for row in stored(tmp_path / "manifest.jsonl")] == [one.uid]
