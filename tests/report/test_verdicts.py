"""A verdict claims no more than runs, record and checks bear out; the history and the report say the same."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from migrator.core.control import Control
from migrator.core.model import Instance
from migrator.core.settings import ScanSettings, Settings
from migrator.dicom.header import read_header
from migrator.jobs.history import all_manifests, history
from migrator.jobs.migrate import MigrateJob, MigrateRequest, Target
from migrator.jobs.report import gather
from migrator.records.report_attestation import attestation
from migrator.records.report_document import Table
from migrator.records.report_model import Report
from tests.migrate.running import Command
from tests.peers import KeepingScp, Orthanc
from tests.peers.archives import Archive
from tests.report.making import Plan, make_manifest

WHOLE = Plan(studies=2, runs=1, problems=0, troubles=())


def told(home: Path) -> Report:
    """The report of the only job; the history has the same verdict."""
    report = gather(next(all_manifests(home)), Control())
    verdict = history(home)[0].verdict
    assert (report.headline.word, report.headline.sentence) == (verdict.word, verdict.sentence)
    return report


def point(report: Report, name: str) -> tuple[str, str]:
    """What the attestation says of a point: its word and its sentence."""
    rows = [row for block in attestation(report) if isinstance(block, Table) for row in block.rows]
    _, word, text = next(row for row in rows if row[0][0].text == name)
    return word[0].text, text[0].text


def proven(file: Path, **kept: dict[str, Any]) -> None:
    """Keep a perfect verification of every study, and other results."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    at = max(line.get("at", 0.0) for line in lines) + 60
    studies = [
        {"study": line["study"], "verdict": "match", "proof": "uid set"} for line in lines if "study" in line
    ]
    value = {"at": at, "proven": True, "missing": 0, "per_study": studies}
    for name, result in {"verification": value, **kept}.items():
        (file.parent / f"{name}.json").write_text(json.dumps({"at": at} | result))


def ends(*lines: dict[str, Any]) -> Callable[[Path], None]:
    """Add a run for each of these ends; {} for one without an end."""

    def add(file: Path) -> None:
        ended = json.loads(file.read_text().splitlines()[-1])
        with file.open("a") as stream:
            for number, line in enumerate(lines, 1):
                at = ended["at"] + number
                stream.write(json.dumps({"t": "run", "at": at}, separators=(",", ":")) + "\n")
                if line:
                    stream.write(json.dumps(ended | {"at": at} | line, separators=(",", ":")) + "\n")

    return add


NAMED = {"scanned": False}  # a run for named files alone, as a speed test makes one


@pytest.mark.parametrize(
    ("runs", "says"),
    [
        (({"interrupted": True},), "interrupted"),
        (({"interrupted": True}, NAMED), "was to look at the whole source"),
        (({"stopped": "the destination was given up"}, NAMED), "was to look at the whole source"),
        (({},), "has not ended"),
        (({}, NAMED), "was to look at the whole source"),
    ],
)
def test_a_job_that_a_run_left_unfinished_is_never_complete(
    data_directory: Path, runs: tuple[dict[str, Any], ...], says: str
) -> None:
    file = make_manifest(data_directory, WHOLE)
    ends(*runs)(file)
    proven(file)
    report = told(data_directory)
    assert report.headline.word == "INCOMPLETE"
    assert says in report.headline.sentence
    assert point(report, "Completeness")[0] == "NOT KNOWN TO BE WHOLE"


@pytest.mark.parametrize("runs", [(NAMED,), ({"interrupted": True}, {"scanned": True}, NAMED)])
def test_a_run_for_named_files_takes_nothing_from_a_job_that_is_complete(
    data_directory: Path, runs: tuple[dict[str, Any], ...]
) -> None:
    file = make_manifest(data_directory, WHOLE)
    ends(*runs)(file)
    proven(file)
    report = told(data_directory)
    assert report.headline.word == "COMPLETE AND PROVEN"
    assert point(report, "Completeness")[0] == "ALL SETTLED"


def test_samples_that_were_sent_alone_do_not_make_a_migration_complete(
    keeping_scp: Callable[..., KeepingScp], archive: Callable[..., Archive], data_directory: Path
) -> None:
    made, peer = archive(studies=2), keeping_scp()
    file = made.files[0].path
    status = file.stat()
    sample = read_header(
        str(made.folder), str(file.relative_to(made.folder)), status.st_size, status.st_mtime_ns
    )
    assert isinstance(sample, Instance)
    target = Target(peer.node, Settings(scan=ScanSettings(settle=0)))
    request = MigrateRequest(str(made.folder), (target,), data_directory, only=(sample,))
    MigrateJob(request, Control(), lambda _: None).run()
    report = told(data_directory)
    assert (report.found, report.headline.word) == (1, "INCOMPLETE")
    MigrateJob(replace(request, only=()), Control(), lambda _: None).run()
    assert told(data_directory).headline.word == "COMPLETE, NOT PROVEN"


def test_a_pilot_is_told_as_the_part_that_it_is(
    orthanc: Orthanc, archive: Callable[..., Archive], migrate: Command
) -> None:
    made = archive(studies=3)
    home = Path(os.environ["DICOM_MIGRATOR_HOME"])
    assert migrate(made.folder, orthanc.node, "--limit-studies", "1", "--verify").code == 0
    report = told(home)
    assert (report.headline.word, report.headline.tone) == ("IN PART ONLY: COMPLETE AND PROVEN", "warn")
    left = len(made.files) - report.ledger["sent"]
    assert left and f"{left:,} paths were left out" in report.headline.sentence
    assert point(report, "Completeness")[0] == "IN PART ONLY"
    assert migrate(made.folder, orthanc.node, "--verify").code == 0
    assert told(home).headline.word == "COMPLETE AND PROVEN"


@pytest.mark.parametrize(
    ("kept", "says"),
    [
        ({"commitment": {"requested": 24, "committed": 23, "failed": 1}}, "REFUSED FOR SOME"),
        ({"integrity": {"verdict": "not intact", "changed": 1}}, "NOT INTACT"),
    ],
)
def test_a_check_that_failed_is_in_the_verdict_itself(
    data_directory: Path, kept: dict[str, Any], says: str
) -> None:
    file = make_manifest(data_directory, WHOLE)
    proven(file, **kept)
    headline = told(data_directory).headline
    assert (headline.word, headline.tone) == ("COMPLETE AND PROVEN, WITH RESERVATIONS", "warn")
    assert says in headline.sentence


def test_a_source_that_others_changed_is_in_the_verdict_itself(data_directory: Path) -> None:
    file = make_manifest(data_directory, WHOLE)
    ends({"scanned": True, "source": {"checked": 24, "modified": 2, "deleted": 1}})(file)
    proven(file)
    headline = told(data_directory).headline
    assert headline.word == "COMPLETE AND PROVEN, WITH RESERVATIONS"
    assert "CHANGED BY OTHERS" in headline.sentence


def test_what_is_proven_by_count_is_not_called_proven_outright(data_directory: Path) -> None:
    file = make_manifest(data_directory, WHOLE)
    proven(file)
    verification = file.parent / "verification.json"
    verification.write_text(verification.read_text().replace("uid set", "count"))
    report = told(data_directory)
    assert "BY COUNT" in report.headline.word
    assert "BY COUNT" in point(report, "Verification by C-FIND")[0]


def test_a_source_is_not_called_intact_past_the_run_that_was_watched(data_directory: Path) -> None:
    file = make_manifest(data_directory, replace(WHOLE, runs=2))
    ended = [json.loads(line) for line in file.read_text().splitlines() if '"t":"ended"' in line]
    intact = {"verdict": "intact", "before": {"files": 24, "at": 1.0}, "after": {"at": ended[0]["at"]}}
    proven(file, integrity=intact | {"at": ended[0]["at"]})
    assert point(told(data_directory), "Integrity of the source")[0] == "OUT OF DATE"
    proven(file, integrity=intact)
    assert point(told(data_directory), "Integrity of the source")[0] == "INTACT"


def test_an_audit_log_of_some_runs_is_not_one_of_all(data_directory: Path) -> None:
    file = make_manifest(data_directory, replace(WHOLE, runs=2))
    head = {"t": "audit", "file": "/var/log/a.jsonl", "log": "l", "seq": 9, "hash": "h"}
    with file.open("a") as stream:
        stream.write(json.dumps(head | {"run": "one"}) + "\n")
    word, text = point(told(data_directory), "Audit log")
    assert word == "WRITTEN IN PART"
    assert "1 of 2 runs" in text
    with file.open("a") as stream:
        stream.write(json.dumps(head | {"run": "two"}) + "\n")
    assert point(told(data_directory), "Audit log")[0] == "WRITTEN"
