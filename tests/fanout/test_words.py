"""What people and scripts are told of several destinations: each one's numbers, their sum, the worst code."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from migrator.checks.verify_report import StudyResult, Verdict, VerifyReport
from migrator.cli.migrate_words import exit_code, summary
from migrator.cli.progress import ProgressReport, lines_of
from migrator.core.errors import DestinationError, LimitReached, ManifestError, MigratorError
from migrator.core.model import Node, Proof
from migrator.engine.accounting import Accounting, Ledger, Snapshot
from migrator.engine.source_check import SourceCheck
from migrator.engine.upload import Ending
from migrator.jobs.migrate import DestinationResult, MigrateResult
from migrator.jobs.migrate_json import as_json
from migrator.jobs.migrate_totals import total_of
from tests.peers import wait_until

DONE = Ledger(sent=3, skipped=1, found=4)
HALF = Ledger(sent=1, pending=3, found=4)
BAD = Ledger(sent=2, failed=1, held=1, found=4)
LIMIT = Ending(LimitReached("the time is up"))
GONE = Ending(DestinationError("it refuses"))
INTACT = SourceCheck(4, 0, 0)


def snapshot(ledger: Ledger, name: str = "A@a:1", phase: str = "sending") -> Snapshot:
    return replace(Accounting(name).snapshot(), run=ledger, job=ledger, phase=phase, bytes_sent=100)


def result(
    ledger: Ledger,
    ending: Ending | None = None,
    verification: VerifyReport | None = None,
    failure: MigratorError | None = None,
) -> DestinationResult:
    part = snapshot(ledger, phase="done")
    return DestinationResult(
        Node("a", 1, "A"), part, ending or Ending(), verification, Path("m"), 0, (), 0, failure=failure
    )


def report(verdict: Verdict, missing: int = 0) -> VerifyReport:
    return VerifyReport((StudyResult("1.2", verdict, Proof.UID_SET, 3, 3 - missing, missing, 0),))


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([result(DONE)], 0),
        ([result(BAD)], 1),
        ([result(HALF)], 1),
        ([result(HALF, LIMIT)], 5),
        ([result(BAD, LIMIT)], 1),
        ([result(DONE, GONE)], 1),
        ([result(HALF, Ending(is_cancelled=True))], 130),
        ([result(DONE), result(DONE)], 0),
        ([result(DONE), result(HALF, LIMIT)], 5),
        ([result(HALF, LIMIT), result(BAD)], 1),
        ([result(DONE), result(DONE, failure=ManifestError("the disk is full"))], 1),
        ([result(BAD), result(HALF, Ending(is_cancelled=True))], 130),
        ([result(DONE, verification=report(Verdict.MATCH))], 0),
        ([result(DONE), result(DONE, verification=report(Verdict.UNPROVEN))], 1),
        ([result(HALF, LIMIT, report(Verdict.UNPROVEN))], 5),
        ([result(HALF, LIMIT, report(Verdict.MISMATCH, missing=1))], 1),
    ],
)
def test_the_exit_code_is_the_worst_of_all(parts: list[DestinationResult], code: int) -> None:
    assert exit_code(MigrateResult(tuple(parts), INTACT)) == code


def test_a_source_that_changed_spoils_what_a_limit_ended() -> None:
    changed = SourceCheck(4, 1, 0)
    assert exit_code(MigrateResult((result(DONE), result(HALF, LIMIT)), changed)) == 1


def test_the_sum_is_at_what_is_least_far_and_adds_up() -> None:
    total = total_of(
        [
            replace(snapshot(DONE, "A@a:1", "done"), eta_seconds=0.0, fidelity={"verbatim": 3}),
            replace(
                snapshot(BAD, "B@b:1", "sending"), eta_seconds=5.0, fidelity={"verbatim": 1}, hold="busy"
            ),
        ]
    )
    assert (total.run.found, total.run.sent, total.run.balances) == (8, 5, True)
    assert (total.phase, total.eta_seconds, total.bytes_sent) == ("sending", 5.0, 200)
    assert total.fidelity == {"verbatim": 4}
    assert total.hold == "B@b:1: busy"


def test_nothing_can_be_said_of_the_time_left_while_one_is_unknown() -> None:
    parts = [replace(snapshot(HALF), eta_seconds=3.0), replace(snapshot(HALF), eta_seconds=None)]
    assert total_of(parts).eta_seconds is None


def test_progress_names_the_destinations_where_there_are_several() -> None:
    one, other = snapshot(DONE, "A@a:1"), replace(snapshot(HALF, "B@b:1"), hold="left alone for 9 s")
    assert len(lines_of([one])) == 1
    assert lines_of([one])[0].startswith("sending: 4/4")
    lines = lines_of([one, other])
    assert [line.split()[0] for line in lines] == ["A@a:1", "B@b:1"]
    assert "1/4" in lines[1]
    assert "left alone" in lines[1]


def test_a_destination_that_was_given_up_says_why() -> None:
    failed = result(HALF, failure=ManifestError("the disk is full"))
    both = MigrateResult((result(DONE), failed), INTACT)
    assert "the disk is full" in summary(both)
    assert [part["stopped"] for part in as_json(both)["destinations"]] == [None, "the disk is full"]


def test_a_terminal_shows_a_line_for_each_destination(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("migrator.cli.progress._TERMINAL_SECONDS", 0.01)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    stream, parts = Terminal(), [snapshot(DONE, "A@[::1]:104"), snapshot(HALF, "B@b:1")]
    with ProgressReport(lambda: parts, stream):
        wait_until(lambda: "B@b:1 sending" in stream.getvalue(), "the second line is shown")
    assert "A@[::1]:104 sending" in stream.getvalue()
