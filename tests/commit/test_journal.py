"""The journal of transactions: nothing is lost by a crash, and what has its answer is let go."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from migrator.core.commitment import Failure
from migrator.core.errors import JobBusy, ManifestError
from migrator.jobs import commit_journal
from migrator.jobs.commit_journal import CommitmentJournal

DAY = 86400.0


def uids_of(journal: CommitmentJournal, transaction: str) -> tuple[str, ...]:
    earlier = journal.earlier(transaction)
    assert earlier is not None
    return tuple(earlier.uids)


def test_what_has_no_answer_is_known_to_the_next_call(tmp_path: Path) -> None:
    with CommitmentJournal(tmp_path) as journal:
        journal.requested("1", ["a", "b", "c"])
        journal.answered("1", 0)
        journal.requested("2", ["d"])
        assert journal.earlier("1") is None, "of this call's own the ledger knows"
    with CommitmentJournal(tmp_path) as journal:
        assert journal.waiting == 2
        assert uids_of(journal, "1") == ("a", "b", "c")
        assert uids_of(journal, "2") == ("d",)
        assert journal.earlier("3") is None
    assert (tmp_path / "commitments.jsonl").stat().st_mode & 0o077 == 0


def test_of_what_was_answered_in_part_the_rest_is_kept(tmp_path: Path) -> None:
    with CommitmentJournal(tmp_path) as journal:
        journal.requested("1", ["a", "b", "c", "d"])
        journal.reported("1", ["a"], [Failure("c", 0x0112)])
    with CommitmentJournal(tmp_path) as journal:
        assert uids_of(journal, "1") == ("b", "d")
        journal.reported("1", ["b", "d"], [])
    with CommitmentJournal(tmp_path) as journal:
        assert uids_of(journal, "1") == ()
        assert journal.waiting == 0


def test_what_was_refused_or_answered_stays_known_but_holds_nothing(tmp_path: Path) -> None:
    with CommitmentJournal(tmp_path) as journal:
        for name in ("refused", "answered"):
            journal.requested(name, [f"{name}{n}" for n in range(500)])
        journal.answered("refused", 0x0124)
        journal.reported("answered", [f"answered{n}" for n in range(500)], [])
    CommitmentJournal(tmp_path).close()
    with CommitmentJournal(tmp_path) as journal:
        assert uids_of(journal, "refused") == uids_of(journal, "answered") == ()
    assert (tmp_path / "commitments.jsonl").stat().st_size < 300


def test_a_torn_line_is_left_out_and_the_rest_is_used(tmp_path: Path) -> None:
    with CommitmentJournal(tmp_path) as journal:
        journal.requested("1", ["a"])
        journal.requested("2", ["b"])
    file = tmp_path / "commitments.jsonl"
    file.write_bytes(file.read_bytes()[:-9])
    with CommitmentJournal(tmp_path) as journal:
        assert uids_of(journal, "1") == ("a",)
        assert journal.earlier("2") is None
        journal.requested("3", ["c"])
    assert all(json.loads(line) for line in file.read_text().splitlines())


def test_what_is_older_than_any_archive_takes_is_let_go(tmp_path: Path) -> None:
    with CommitmentJournal(tmp_path, lambda: 0.0) as journal:
        journal.requested("old", ["a"])
    with CommitmentJournal(tmp_path, lambda: 60 * DAY) as journal:
        journal.requested("young", ["a"])
        assert journal.waiting == 1
    with CommitmentJournal(tmp_path, lambda: 100 * DAY) as journal:
        assert journal.earlier("old") is None
        assert uids_of(journal, "young") == ("a",)


def test_what_never_has_an_answer_does_not_grow_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_journal, "_MOST_KEPT", 10)
    with CommitmentJournal(tmp_path) as journal:
        for number in range(5):
            journal.requested(str(number), ["a", "b", "c"])
    with CommitmentJournal(tmp_path) as journal:
        kept = [number for number in range(5) if journal.earlier(str(number)) is not None]
    assert kept == [2, 3, 4], "the newest"


def test_what_comes_after_the_end_is_written_nowhere(tmp_path: Path) -> None:
    journal = CommitmentJournal(tmp_path)
    journal.close()
    with (tmp_path / "another").open("wb"), pytest.raises(ManifestError):
        journal.reported("1", ["a"], [])
    assert not (tmp_path / "another").read_bytes()


def test_two_processes_do_not_ask_at_once(tmp_path: Path) -> None:
    with CommitmentJournal(tmp_path), pytest.raises(JobBusy):
        CommitmentJournal(tmp_path)
    CommitmentJournal(tmp_path).close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_what_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with CommitmentJournal(tmp_path) as journal:
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, journal._descriptor)
        os.close(full)
        with pytest.raises(ManifestError, match="cannot write"):
            journal.reported("1", ["a"], [])
