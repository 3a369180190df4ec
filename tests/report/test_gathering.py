"""What a report says is what the record bears out: counts, causes, changes, runs, verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from migrator.core.control import Control
from migrator.core.edits import Change
from migrator.core.errors import Cancelled
from migrator.core.outcome import Cause, Fidelity, Outcome, State
from migrator.jobs.history import all_manifests
from migrator.jobs.report import gather
from migrator.jobs.report_tally import MOST_CHANGES, MOST_EXAMPLES
from migrator.records.report_model import Report, Statement
from tests.report.making import TROUBLES, Plan, Trouble, make_manifest, refused


def report_of(home: Path, plan: Plan, **kept: Any) -> Report:
    """The report of a manifest made by this plan; `kept` are the results of later checks."""
    file = make_manifest(home, plan)
    for name, value in kept.items():
        (file.parent / f"{name.replace('_', '-')}.json").write_text(json.dumps(value))
    return gather(next(all_manifests(home)), Control())


def statement(report: Report, title: str) -> Statement:
    return next(one for one in report.statements if one.title.startswith(title))


def test_the_ledger_the_studies_and_the_causes_all_add_up(data_directory: Path) -> None:
    report = report_of(data_directory, Plan(studies=200, instances=25, problems=20))
    assert report.found == 200 * 25 + 20 == sum(report.ledger.values())
    in_studies: dict[str, int] = dict(report.without_study)
    for study in report.studies:
        for state, number in study.counts.items():
            in_studies[state] = in_studies.get(state, 0) + number
    assert in_studies == {state: number for state, number in report.ledger.items() if number}
    causes = report.causes
    for state, groups in {
        "warned": causes.warned,
        "skipped": causes.skipped,
        "held": causes.held,
        "failed": causes.failed,
        "quarantined": causes.failed,
        "unknown": causes.failed,
    }.items():
        assert sum(group.count for group in groups if group.state == state) == report.ledger[state]
    assert report.ledger["failed"] and report.ledger["unknown"] and report.ledger["warned"]
    assert sum(report.contents.fidelity.values()) == report.ledger["sent"] + report.ledger["warned"]
    assert report.stored_bytes == sum(study.bytes for study in report.studies)


def test_what_is_pending_is_known_from_how_the_newest_run_ended(data_directory: Path) -> None:
    file = make_manifest(data_directory, Plan(studies=2, runs=1, problems=0, troubles=()))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[-1]["job"] |= {"found": 100, "pending": 76}
    lines[-1] |= {"interrupted": True}
    file.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    report = gather(next(all_manifests(data_directory)), Control())
    assert (report.found, report.ledger["pending"], report.ledger["sent"]) == (100, 76, 24)
    assert report.headline.word == "INCOMPLETE"
    assert "76 pending" in report.headline.sentence


def test_each_run_tells_when_who_and_what_it_did(data_directory: Path) -> None:
    report = report_of(data_directory, Plan(studies=9, runs=3, is_killed=True, troubles=()))
    assert [run.number for run in report.runs] == [1, 2, 3]
    assert {run.who for run in report.runs} == {"admin@migration-host"}
    assert [run.how for run in report.runs[:2]] == ["ended", "ended"]
    assert report.runs[2].ended is None
    assert "36 sent" in report.runs[2].ledger, "what a killed run had done is counted all the same"
    assert report.headline.word == "INCOMPLETE"
    assert "not ended" in report.headline.sentence


def test_throughput_keeps_every_file_and_byte(data_directory: Path) -> None:
    report = report_of(data_directory, Plan(studies=300, instances=20, runs=2, troubles=()))
    assert sum(sum(one.files) for one in report.stretches) == 6000
    assert sum(sum(one.bytes) for one in report.stretches) == report.stored_bytes
    assert all(len(one.files) <= 240 for one in report.stretches)


def test_equal_changes_are_one_line_with_their_true_number(data_directory: Path) -> None:
    change = Outcome(
        State.SENT,
        status=0,
        fidelity=Fidelity.EDITED,
        changes=(Change("InstitutionName", "old", "new"), Change("PatientID", "A", "B")),
    )
    report = report_of(data_directory, Plan(studies=50, instances=40, troubles=(Trouble(2, change),)))
    assert report.contents.changed == 1000
    for group in report.contents.edits:
        assert (group.count, len(group.lines), group.further, group.further_count) == (1000, 1, 0, 0)
        assert group.lines[0].count == 1000
        assert "study 1.2.826." in group.lines[0].example
    assert {study.sent_as for study in report.studies} == {"(ID B)"}


def test_many_different_changes_are_counted_and_told_as_not_listed(data_directory: Path) -> None:
    outcomes = tuple(
        Trouble(
            number,
            Outcome(State.SENT, fidelity=Fidelity.EDITED, changes=(Change("StudyID", str(number), ""),)),
        )
        for number in range(100, 200)
    )
    report = report_of(data_directory, Plan(studies=100, instances=10, troubles=outcomes))
    (group,) = report.contents.edits
    assert len(group.lines) == MOST_CHANGES
    assert group.further > 0
    assert (
        sum(line.count for line in group.lines) + group.further_count
        == group.count
        == report.contents.changed
    )


def test_failures_are_grouped_by_cause_with_advice_and_a_few_examples(data_directory: Path) -> None:
    troubles = (
        Trouble(3, refused(0x0122, "refused: SOP class not supported")),
        Trouble(7, Outcome(State.HELD, Cause.DECISION, status=0xFFFB, reason="this study, 2 patients")),
        Trouble(11, Outcome(State.UNKNOWN, Cause.ASSOCIATION, reason="no answer")),
    )
    report = report_of(data_directory, Plan(studies=10, instances=30, troubles=troubles))
    first = report.causes.failed[0]
    assert (first.cause, first.count) == ("status 0122: refused: SOP class not supported", 100)
    assert len(first.examples) == MOST_EXAMPLES
    assert first.studies == 10
    assert "does not store this SOP class" in first.advice
    assert [group.cause for group in report.causes.held] == ["this study, 2 patients"]
    assert all(group.advice for group in (*report.causes.failed, *report.causes.held))


def test_causes_without_end_stay_bounded(data_directory: Path) -> None:
    troubles = tuple(
        Trouble(number, Outcome(State.FAILED, Cause.FILE, reason=f"cause {number}"))
        for number in range(200, 500)
    )
    report = report_of(data_directory, Plan(studies=100, instances=30, problems=0, troubles=troubles))
    assert len(report.causes.failed) <= 101
    assert sum(group.count for group in report.causes.failed) == report.ledger["failed"]


def _verification(file_plan: Plan, **totals: Any) -> dict[str, Any]:
    studies = [
        {"study": f"1.2.826.0.1.3680043.8.498.{number + 1}", "verdict": "match", "proof": "uid set"}
        | {"expected": file_plan.instances, "matched": file_plan.instances}
        for number in range(file_plan.studies)
    ]
    base = {"expected": 24, "matched": 24, "missing": 0, "extra": 0, "proven": True}
    return {"at": file_plan.begun + 1e6, "who": "root@host", "per_study": studies} | base | totals


WHOLE = Plan(studies=2, runs=1, problems=3, troubles=())


def test_a_whole_and_verified_migration_is_complete_and_proven(data_directory: Path) -> None:
    report = report_of(data_directory, WHOLE, verification=_verification(WHOLE))
    assert (report.headline.word, report.headline.tone) == ("COMPLETE AND PROVEN", "good")
    assert {study.proof for study in report.studies} == {"proven"}


def test_without_a_verification_nothing_is_called_proven(data_directory: Path) -> None:
    report = report_of(data_directory, WHOLE)
    assert report.headline.word == "COMPLETE, NOT PROVEN"
    assert {study.proof for study in report.studies} == {"not verified"}
    assert {one.word for one in report.statements} == {"NOT DONE"}


@pytest.mark.parametrize(
    ("study", "word", "proof"),
    [
        ({"proof": "count"}, "COMPLETE, PROVEN IN PART BY COUNT", "count only"),
        (
            {"attributes": {"differences": [{"attribute": "PatientName", "ours": "A", "theirs": "B"}]}},
            "COMPLETE, WITH DIFFERENCES",
            "differs",
        ),
        ({"elsewhere_count": 3}, "COMPLETE, WITH DIFFERENCES", "differs"),
    ],
)
def test_a_weaker_proof_makes_a_weaker_verdict(
    data_directory: Path, study: dict[str, Any], word: str, proof: str
) -> None:
    verification = _verification(WHOLE)
    verification["per_study"][0] |= study
    report = report_of(data_directory, WHOLE, verification=verification)
    assert report.headline.word == word
    assert proof in {one.proof for one in report.studies}


def test_objects_that_came_back_otherwise_forbid_a_good_verdict(data_directory: Path) -> None:
    verification = _verification(WHOLE) | {"deep": {"asked": 5, "identical": 4, "different": 1}}
    report = report_of(data_directory, WHOLE, verification=verification)
    assert report.headline.tone == "bad"
    assert statement(report, "Comparison").word == "DIFFERENCES"


def test_a_source_that_changed_is_named_beside_the_verdict(data_directory: Path) -> None:
    integrity = {"at": WHOLE.begun + 9e5, "verdict": "not intact", "changed": 2, "before": {"files": 27}}
    report = report_of(data_directory, WHOLE, verification=_verification(WHOLE), integrity=integrity)
    assert report.headline.tone == "warn"
    assert "NOT INTACT" in report.headline.sentence
    assert "2 changed" in statement(report, "Integrity").text


def test_commitment_counts_only_for_what_it_was_asked_about(data_directory: Path) -> None:
    kept = {"at": WHOLE.begun + 1e6, "requested": 24, "committed": 24, "failed": 0, "unanswered": 0}
    report = report_of(data_directory, WHOLE, commitment=kept)
    assert statement(report, "Storage Commitment").word == "COMMITTED"
    report = report_of(data_directory, WHOLE, commitment=kept | {"requested": 20, "committed": 20})
    assert statement(report, "Storage Commitment").word == "OUT OF DATE"


def test_a_speed_test_is_told_with_what_it_advised(data_directory: Path) -> None:
    kept = {"at": WHOLE.begun + 10, "workers": 4, "files_per_second": 123.46}
    told = statement(report_of(data_directory, WHOLE, speed_test=kept), "Speed test")
    assert told.word == "DONE"
    assert ("Recommended workers", "4") in told.facts
    assert ("Files per second expected", "123.5") in told.facts


def test_kept_results_of_another_version_are_read_without_trust(data_directory: Path) -> None:
    junk: dict[str, Any] = {
        "at": WHOLE.begun + 1e6,
        "proven": True,
        "per_study": 7,
        "deep": "x",
        "before": 1,
    }
    report = report_of(
        data_directory, WHOLE, verification=junk, commitment=junk, integrity=junk, speed_test=junk
    )
    assert report.headline.word == "COMPLETE, NOT PROVEN"


def test_the_configuration_names_what_is_not_at_its_default_and_in_which_runs(data_directory: Path) -> None:
    plan = Plan(studies=6, runs=3, settings={"send": {"workers": 2}, "pace": {"window": "19:00-06:00"}})
    report = report_of(data_directory, plan)
    told = {line.name: (line.value, line.runs, bool(line.meaning)) for line in report.setup.settings}
    assert told == {"send.workers": ("2", "1-3", True), "pace.window": ("19:00-06:00", "1-3", True)}
    assert {"Python", "pydicom", "pynetdicom"} <= {name for name, _ in report.setup.versions}


@pytest.mark.parametrize(("may_retry", "advice"), [(True, "run migrate again"), (False, "--retry-failed")])
def test_advice_tells_whether_the_next_run_tries_again_by_itself(
    data_directory: Path, may_retry: bool, advice: str
) -> None:
    """As `is_settled` of the manifest has it: what may be retried is taken up without being asked for."""
    outcome = Outcome(State.FAILED, Cause.ASSOCIATION, may_retry=may_retry, reason="the connection broke")
    report = report_of(data_directory, Plan(studies=1, troubles=(Trouble(5, outcome),)))
    told = next(group.advice for group in report.causes.failed if group.cause == "the connection broke")
    assert advice in told


def test_gathering_stops_when_the_user_wants_it(data_directory: Path) -> None:
    make_manifest(data_directory, Plan(studies=3))
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        gather(next(all_manifests(data_directory)), control)


def test_an_empty_record_makes_a_report_too(data_directory: Path) -> None:
    report = report_of(data_directory, Plan(studies=0, problems=0, runs=1, troubles=TROUBLES))
    assert (report.found, report.headline.word) == (0, "NOTHING RECORDED")
