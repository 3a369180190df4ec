"""commit against a scripted SCP: where results come, what they say, and what never comes."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from migrator.cli.main import main
from migrator.core.model import Node
from migrator.jobs.recorded import COMMITMENT, recorded_job
from tests.commit.making import CT, Command, study_uid
from tests.peers import free_port, wait_until
from tests.peers.committing import (
    NO_SUCH_INSTANCE,
    Asked,
    CommittingScp,
    commits,
    commits_at,
    report_of,
    report_to,
)

Scp = Callable[..., CommittingScp]


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(newline="") as stream:
        return list(csv.DictReader(stream))


def reports_first(port: int, made: Callable[[Asked], Dataset], event_type: int) -> Callable[[Asked], int]:
    """Report before the request is answered: then there is no time within which the report must come."""

    def decide(asked: Asked) -> int:
        assert report_to(port, made(asked), event_type) == 0
        return 0

    return decide


def test_all_is_committed_by_a_report_on_our_own_association(commit: Command, committing_scp: Scp) -> None:
    scp = committing_scp(commits)
    uids = commit.record(scp.node, 7)
    ran = commit(scp.node)
    assert (ran.code, ran.counts) == (0, (7, 7, 0, 0))
    (asked,) = scp.asked
    assert sorted(asked.references) == sorted((CT, uid) for uid in uids)
    assert (asked.action, asked.calling_ae_title) == (1, "DICOM_MIGRATOR")
    assert scp.answers == [0]


@pytest.mark.parametrize("has_role", [True, False])
def test_all_is_committed_by_a_report_on_an_association_that_is_opened_to_us(
    has_role: bool, commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    scp = committing_scp(commits_at(port, has_role=has_role))
    commit.record(scp.node, 3)
    ran = commit(scp.node, *listen)
    assert (ran.code, ran.counts) == (0, (3, 3, 0, 0))
    assert scp.answers == [0]


def test_a_result_that_overtakes_the_answer_counts(commit: Command, committing_scp: Scp) -> None:
    scp = committing_scp()

    def report_first(asked: Asked) -> int:
        commits(scp, asked)
        return 0

    scp.decide = report_first
    commit.record(scp.node, 3)
    assert commit(scp.node).counts == (3, 3, 0, 0)


def test_more_than_500_go_in_transactions_of_500(
    commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    scp = committing_scp(commits_at(port))
    uids = commit.record(scp.node, 1203)
    ran = commit(scp.node, *listen)
    assert (ran.code, ran.counts) == (0, (1203, 1203, 0, 0))
    assert [len(asked.uids) for asked in scp.asked] == [500, 500, 203]
    assert sorted(uid for asked in scp.asked for uid in asked.uids) == sorted(uids)
    assert len({asked.transaction for asked in scp.asked}) == 3
    assert [one["state"] for one in ran.json["transactions"]] == ["answered"] * 3


def test_what_fails_is_told_with_its_reason(commit: Command, committing_scp: Scp, tmp_path: Path) -> None:
    reasons = {0: 0x0112, 1: 0x0110, 2: 0x0213, 3: 0x0119, 4: 0x0122, 5: 0x0131, 6: 0x1234}

    def then(scp: CommittingScp, asked: Asked) -> None:
        failed = {asked.uids[index]: reason for index, reason in reasons.items()}
        scp.report_here(asked, report_of(asked.transaction, asked.uids[7:], failed), 2)

    scp = committing_scp(then)
    uids = commit.record(scp.node, 9)
    table = tmp_path / "result.csv"
    ran = commit(scp.node, "--csv", str(table))
    assert (ran.code, ran.counts) == (1, (9, 2, 7, 0))
    told = {failure["uid"]: failure for failure in ran.json["failures"]}
    assert {uid: one["code"] for uid, one in told.items()} == {
        uids[index]: f"{reason:04X}" for index, reason in reasons.items()
    }
    words = [told[uid]["reason"] for uid in uids[:7]]
    assert "does not hold it" in words[0]
    assert "processing failure" in words[1]
    assert "resources" in words[2]
    assert "another SOP class" in words[3]
    assert len(set(words)) == 7
    rows = {row["sop_instance_uid"]: row for row in rows_of(table)}
    assert [rows[uid]["result"] for uid in uids] == ["failed"] * 7 + ["committed"] * 2
    assert rows[uids[0]]["code"] == "0112"
    assert table.stat().st_mode & 0o077 == 0


def test_an_accepted_request_is_not_committed(commit: Command, committing_scp: Scp) -> None:
    scp = committing_scp(held={})
    commit.record(scp.node, 4)
    ran = commit(scp.node, wait=0.2)
    assert (ran.code, ran.counts) == (1, (4, 0, 0, 4))
    assert ran.json["transactions"][0]["state"] == "accepted"
    assert "--listen" in ran.told


def test_what_is_unanswered_is_asked_for_by_c_find_and_still_not_committed(
    commit: Command, committing_scp: Scp, tmp_path: Path
) -> None:
    held: dict[str, list[str]] = {}
    scp = committing_scp(held=held)
    uids = commit.record(scp.node, 6, per_study=3)
    held |= {study_uid(1): uids[:3], study_uid(2): uids[3:5]}
    ran = commit(scp.node, "--csv", str(tmp_path / "all.csv"), wait=0.2)
    assert (ran.code, ran.counts) == (1, (6, 0, 0, 6))
    assert ran.json["found_by_cfind"] == 5
    assert "unanswered, but found by C-FIND: 5" in ran.told
    rows = rows_of(tmp_path / "all.csv")
    assert [row["found_by_cfind"] for row in rows] == ["yes"] * 5 + ["no"]


def test_a_destination_that_does_not_offer_commitment_is_asked_by_c_find(
    commit: Command, committing_scp: Scp
) -> None:
    held: dict[str, list[str]] = {}
    scp = committing_scp(offers=False, held=held)
    held[study_uid(1)] = commit.record(scp.node, 3)
    ran = commit(scp.node)
    assert (ran.code, ran.counts, ran.json["found_by_cfind"]) == (1, (3, 0, 0, 3), 3)
    assert "does not offer storage commitment" in ran.told
    assert not ran.json["offered"]


@pytest.mark.parametrize(
    ("status", "words"), [(0x0124, "not authorised"), (0x0213, "resource limitation"), (0x0999, "0999")]
)
def test_a_refused_request_fails_with_the_reason(
    status: int, words: str, commit: Command, committing_scp: Scp
) -> None:
    scp = committing_scp(decide=lambda asked: status)
    commit.record(scp.node, 3)
    ran = commit(scp.node)
    assert (ran.code, ran.counts) == (1, (3, 0, 3, 0))
    assert words in ran.told
    assert "refused the request" in ran.json["failures"][0]["reason"]
    assert ran.json["transactions"][0]["state"] == "refused"


def test_a_report_in_two_parts_is_taken_whole(
    commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    def then(scp: CommittingScp, asked: Asked) -> None:
        scp.report(port, report_of(asked.transaction, asked.uids[:2]), 2)
        scp.report(port, report_of(asked.transaction, asked.uids[2:4], {asked.uids[4]: NO_SUCH_INSTANCE}), 2)

    scp = committing_scp(then)
    commit.record(scp.node, 5)
    assert commit(scp.node, *listen).counts == (5, 4, 1, 0)
    assert scp.answers == [0, 0]


def test_a_report_that_comes_twice_counts_once(
    commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    def then(scp: CommittingScp, asked: Asked) -> None:
        for _ in range(2):
            scp.report(port, report_of(asked.transaction, asked.uids[:2]), 2)
        scp.report(port, report_of(asked.transaction, asked.uids[2:]), 2)

    scp = committing_scp(then)
    commit.record(scp.node, 3)
    ran = commit(scp.node, *listen)
    assert ran.counts == (3, 3, 0, 0)
    assert ran.json["reports"]["repeated"] == 1
    assert scp.answers == [0, 0, 0]


def test_only_what_a_report_names_is_committed_and_what_was_not_asked_is_told(
    commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    def made(asked: Asked) -> Dataset:
        return report_of(asked.transaction, [*asked.uids[:2], "1.2.3.999", "1.2.3.998"])

    scp = committing_scp(decide=reports_first(port, made, 1), held={})
    commit.record(scp.node, 3)
    ran = commit(scp.node, *listen, wait=0.1)
    assert ran.counts == (3, 2, 0, 1)
    assert ran.json["reports"]["unexpected_instances"] == 2
    assert "2 instances were reported that were not asked about as such" in ran.told
    assert ran.json["transactions"][0]["state"] == "answered in part"


@pytest.mark.parametrize("event_type", [1, 2])
@pytest.mark.parametrize("named", [[], ["", ""]])
def test_a_result_that_names_nothing_commits_nothing(
    named: list[str], event_type: int, commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    decide = reports_first(port, lambda asked: report_of(asked.transaction, named), event_type)
    scp = committing_scp(decide=decide, held={})
    commit.record(scp.node, 3)
    ran = commit(scp.node, *listen, wait=0.1)
    assert ran.counts == (3, 0, 0, 3)
    assert ran.json["reports"]["empty"] == 1
    assert "1 results named no instance" in ran.told


def test_success_that_names_a_failure_commits_nothing_else(
    commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    def made(asked: Asked) -> Dataset:
        return report_of(asked.transaction, (), {asked.uids[0]: NO_SUCH_INSTANCE})

    scp = committing_scp(decide=reports_first(port, made, 1), held={})
    commit.record(scp.node, 3)
    assert commit(scp.node, *listen, wait=0.1).counts == (3, 0, 1, 2)


def test_what_is_reported_under_another_class_is_not_what_was_sent(
    commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    def made(asked: Asked) -> Dataset:
        ds = report_of(asked.transaction, asked.uids)
        ds.ReferencedSOPSequence[0].ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
        del ds.ReferencedSOPSequence[1].ReferencedSOPClassUID
        return ds

    scp = committing_scp(decide=reports_first(port, made, 1), held={})
    commit.record(scp.node, 3)
    ran = commit(scp.node, *listen, wait=0.1)
    assert ran.counts == (3, 2, 0, 1)
    assert ran.json["reports"]["unexpected_instances"] == 1


def test_what_is_reported_as_both_is_not_committed(commit: Command, committing_scp: Scp) -> None:
    def then(scp: CommittingScp, asked: Asked) -> None:
        scp.report_here(asked, report_of(asked.transaction, asked.uids, {asked.uids[0]: 0x0110}), 2)

    scp = committing_scp(then)
    commit.record(scp.node, 3)
    assert commit(scp.node).counts == (3, 2, 1, 0)


def test_a_transaction_that_is_none_of_ours_is_refused(
    commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    def decide(asked: Asked) -> int:
        scp.report(port, report_of("1.2.3.4.5.6", asked.uids), 1)
        scp.report(port, report_of(asked.transaction, asked.uids[:1]), 2)
        return 0

    scp = committing_scp(decide=decide, held={})
    commit.record(scp.node, 3)
    ran = commit(scp.node, *listen, wait=0.2)
    assert ran.counts == (3, 1, 0, 2)
    assert scp.answers == [0x0115, 0]
    assert ran.json["reports"]["unknown_transaction"] == 1
    log = (commit.home / "logs" / "migrator.log").read_text()
    assert "transaction 1.2.3.4.5.6, UNKNOWN" in log


def test_an_event_type_that_is_none_is_refused(
    commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    def then(scp: CommittingScp, asked: Asked) -> None:
        scp.report(port, report_of(asked.transaction, asked.uids), 3)
        scp.report(port, report_of(asked.transaction, asked.uids), 1)

    scp = committing_scp(then)
    commit.record(scp.node, 2)
    assert commit(scp.node, *listen).counts == (2, 2, 0, 0)
    assert scp.answers == [0x0113, 0]


def test_an_association_aborted_in_the_middle_is_opened_anew(
    commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    scp = committing_scp(commits_at(port))

    def abort_the_second(asked: Asked) -> int:
        if len(scp.asked) == 2:
            asked.assoc.abort()
        return 0

    scp.decide = abort_the_second
    commit.record(scp.node, 1100)
    ran = commit(scp.node, *listen)
    assert (ran.code, ran.counts) == (0, (1100, 1100, 0, 0))
    assert {one["state"] for one in ran.json["transactions"]} <= {"answered", "lost"}
    assert len(ran.json["transactions"]) == 4


def test_a_destination_that_always_aborts_leaves_the_rest_unanswered_and_says_why(
    commit: Command, committing_scp: Scp
) -> None:
    def abort(asked: Asked) -> int:
        asked.assoc.abort()
        return 0

    scp = committing_scp(decide=abort, held={})
    commit.record(scp.node, 600)
    ran = commit(scp.node)
    assert (ran.code, ran.counts) == (1, (600, 0, 0, 600))
    assert len(scp.asked) == 3
    assert "stopped answering" in ran.told
    assert ran.json["asked"] == 0


def test_a_late_result_is_taken_up_by_the_next_call(
    commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    scp = committing_scp(held={})
    commit.record(scp.node, 4)
    first = commit(scp.node, *listen, wait=0.2)
    assert first.counts == (4, 0, 0, 4)
    late = scp.asked[0]

    def decide(asked: Asked) -> int:
        failed = {late.uids[0]: NO_SUCH_INSTANCE}
        scp.report(port, report_of(late.transaction, late.uids[1:], failed), 2)
        return 0

    scp.decide = decide
    ran = commit(scp.node, *listen, wait=0.2)
    assert len(scp.asked) == 2, "everything is asked for anew"
    assert (ran.code, ran.counts) == (1, (4, 3, 1, 0))
    assert ran.json["late"] == 4
    assert ran.json["earlier_unanswered_transactions"] == 1
    assert scp.answers == [0]

    def tell_again(asked: Asked) -> int:
        scp.report(port, report_of(late.transaction, late.uids[1:]), 2)
        scp.report(port, report_of(asked.transaction, asked.uids), 1)
        return 0

    scp.decide = tell_again
    third = commit(scp.node, *listen)
    assert (third.code, third.counts, third.json["late"]) == (0, (4, 4, 0, 0), 0)
    assert third.json["reports"]["unexpected_instances"] == 0, "it was asked about, in its time"
    assert scp.answers == [0, 0, 0], "what was taken up already is no unknown transaction"


def test_the_answer_to_this_calls_request_goes_before_a_late_one(
    commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    scp = committing_scp(held={})
    commit.record(scp.node, 2)
    commit(scp.node, *listen, wait=0.2)
    late = scp.asked[0]

    def then(scp: CommittingScp, asked: Asked) -> None:
        scp.report(port, report_of(late.transaction, late.uids), 1)
        scp.report(port, report_of(asked.transaction, asked.uids[1:], {asked.uids[0]: NO_SUCH_INSTANCE}), 2)

    scp.then = then
    assert commit(scp.node, *listen).counts == (2, 1, 1, 0)


def test_a_request_is_on_the_disk_before_it_is_sent_and_a_result_before_it_is_answered(
    commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    seen: list[tuple[int, str]] = []
    scp = committing_scp()

    def lines() -> list[dict[str, Any]]:
        return [json.loads(line) for line in commit.journal(scp.node).read_text().splitlines()]

    def decide(asked: Asked) -> int:
        (line,) = [line for line in lines() if line["transaction"] == asked.transaction]
        seen.append((len(line["uids"]), line["t"]))
        return 0

    def then(scp: CommittingScp, asked: Asked) -> None:
        scp.report(port, report_of(asked.transaction, asked.uids), 1)
        (line,) = [line for line in lines() if line["t"] == "report"]
        seen.append((len(line["committed"]), line["t"]))

    scp.decide, scp.then = decide, then
    commit.record(scp.node, 3)
    assert commit(scp.node, *listen).code == 0
    assert scp.answers == [0]
    assert seen == [(3, "request"), (3, "report")]
    assert commit.journal(scp.node).stat().st_mode & 0o077 == 0
    assert "SECRET" not in commit.journal(scp.node).read_text()


def test_the_result_is_kept_beside_the_manifest(commit: Command, committing_scp: Scp) -> None:
    scp = committing_scp(commits)
    commit.record(scp.node, 2)
    ran = commit(scp.node)
    job = recorded_job(str(commit.source), scp.node, commit.home)
    assert job.kept(COMMITMENT) == ran.json
    assert ran.json["who"].count("@") == 1


def test_with_no_record_there_is_nothing_to_commit(commit: Command, committing_scp: Scp) -> None:
    scp = committing_scp(commits)
    assert commit(scp.node).code == 2
    commit.record(scp.node, 0)
    ran = commit(scp.node)
    assert ran.code == 2
    assert "nothing is recorded as stored" in ran.told
    assert not scp.asked


def test_a_destination_that_is_not_there_gives_3(commit: Command) -> None:
    node = Node("127.0.0.1", free_port(), "NOWHERE")
    commit.record(node, 2)
    assert commit(node).code == 3


def test_a_port_that_is_taken_is_a_wrong_setting(commit: Command, committing_scp: Scp) -> None:
    scp = committing_scp(commits)
    commit.record(scp.node, 2)
    ran = commit(scp.node, "--listen", f"127.0.0.1:{scp.port}")
    assert ran.code == 2
    assert f"cannot listen at 127.0.0.1, port {scp.port}: something else listens there already" in ran.told
    assert not scp.asked


def test_a_table_that_cannot_be_written_is_told_before_anything_is_asked(
    commit: Command, committing_scp: Scp, tmp_path: Path
) -> None:
    scp = committing_scp(commits)
    commit.record(scp.node, 2)
    ran = commit(scp.node, "--csv", str(tmp_path / "nowhere" / "table.csv"))
    assert (ran.code, ran.json) == (2, {})
    assert not scp.asked


def test_where_no_result_comes_to_our_listener_the_reason_is_guessed(
    commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    scp = committing_scp(held={})
    commit.record(scp.node, 2)
    ran = commit(scp.node, *listen, wait=0.1)
    assert f"does the destination know {listen[1]} of this machine" in ran.told
    scp.decide = reports_first(port, lambda asked: report_of(asked.transaction, asked.uids[:1]), 2)
    assert "does the destination know" not in commit(scp.node, *listen, wait=0.1).told


def test_a_table_is_never_written_into_the_source(commit: Command, committing_scp: Scp) -> None:
    scp = committing_scp(commits)
    commit.record(scp.node, 2)
    assert commit(scp.node, "--csv", str(commit.source / "table.csv")).code == 2
    assert not scp.asked
    assert not list(commit.source.iterdir())


def test_for_people_the_result_is_told_on_stdout(
    commit: Command, committing_scp: Scp, capsys: pytest.CaptureFixture[str]
) -> None:
    def then(scp: CommittingScp, asked: Asked) -> None:
        scp.report_here(asked, report_of(asked.transaction, asked.uids[1:], {asked.uids[0]: 0x0112}), 2)

    scp = committing_scp(then)
    (first, *_) = commit.record(scp.node, 3)
    assert main(["commit", str(commit.source), "--to", str(scp.node)]) == 1
    out = capsys.readouterr().out
    assert "2 of 3 instances are committed" in out
    assert f"failed  {first}: no such object instance" in out


def test_a_slow_destination_is_asked_about_everything_at_last(commit: Command, committing_scp: Scp) -> None:
    """Transactions under way are bounded only as long as waiting helps."""
    scp = committing_scp(held={})
    commit.record(scp.node, 5200, per_study=6000)
    ran = commit(scp.node, wait=0.3)
    assert ran.counts == (5200, 0, 0, 5200)
    assert len(scp.asked) == 11


def test_no_more_than_eight_transactions_are_under_way(
    commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    scp = committing_scp()
    free = threading.Event()
    most: list[int] = []

    def then(scp: CommittingScp, asked: Asked) -> None:
        assert free.wait(20)
        commits_at(port)(scp, asked)

    def release() -> None:
        wait_until(lambda: len(scp.asked) == 8, "eight are under way", 20)
        # One more would come at once, if it came.
        wait_until(lambda: commit.journal(scp.node).read_text().count('"answer"') == 8, "all are accepted")
        most.append(len(scp.asked))
        free.set()

    scp.then = then
    commit.record(scp.node, 4800, per_study=6000)
    thread = threading.Thread(target=release)
    thread.start()
    ran = commit(scp.node, *listen)
    thread.join()
    assert (ran.code, ran.json["committed"]) == (0, 4800)
    assert most == [8]
    assert len(scp.asked) == 10


def test_an_archive_that_reports_only_after_our_association_has_ended_is_heard(
    commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    def then(scp: CommittingScp, asked: Asked) -> None:
        wait_until(lambda: not asked.assoc.is_established, "our association has ended", 20)
        commits_at(port)(scp, asked)

    scp = committing_scp(then)
    commit.record(scp.node, 3)
    assert commit(scp.node, *listen, wait=8).counts == (3, 3, 0, 0)


def test_a_destination_that_bears_one_transaction_at_a_time_gets_one_at_a_time(
    commit: Command, committing_scp: Scp, port: int, listen: Any
) -> None:
    busy: list[str] = []
    turned_away: list[str] = []

    def decide(asked: Asked) -> int:
        if busy:
            turned_away.append(asked.transaction)
            return 0x0213
        busy.append(asked.transaction)
        return 0

    def then(scp: CommittingScp, asked: Asked) -> None:
        wait_until(lambda: bool(turned_away), "another one was turned away", 20)
        busy.clear()
        commits_at(port)(scp, asked)

    scp = committing_scp(then, decide)
    commit.record(scp.node, 1400, per_study=2000)
    ran = commit(scp.node, *listen)
    assert (ran.code, ran.counts) == (0, (1400, 1400, 0, 0))
    assert "refused" in {one["state"] for one in ran.json["transactions"]}
