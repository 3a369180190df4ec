"""Patients and studies as the destination tells them, against what was sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from migrator.checks.verify_attributes import AttributeResult, compare_attributes
from migrator.cli.main import main
from tests.conftest import Start
from tests.migrate.running import Command
from tests.migrate.running import migrate as migrate
from tests.peers import Known, Rule
from tests.peers.archives import Archive
from tests.peers.retrieving import Lies, RetrievingPacs

Make = Callable[..., Archive]


def compared(keyword: str, ours: str, theirs: str | None) -> AttributeResult:
    answer = {} if theirs is None else {keyword: theirs}
    return compare_attributes({keyword: {ours}}, set(), [answer])


@pytest.mark.parametrize(
    ("keyword", "ours", "theirs"),
    [
        ("PatientName", "Doe^John^^^", "DOE^JOHN"),
        ("PatientName", "Doe^John  ^", "Doe^John"),
        ("PatientName", "Yamada^Tarou=山田^太郎", "Yamada^Tarou"),
        ("PatientName", "Müller^Jörg", "M?ller^J?rg"),
        ("PatientName", "Mu\u0308ller", "Müller"),
        ("PatientID", " P1", "P1 "),
        ("StudyDate", "2024.01.31", "20240131"),
        ("StudyDescription", "Schädel", "Schdel"),
        ("PatientName", "", "^^"),
    ],
)
def test_what_an_index_may_write_otherwise_is_no_difference(keyword: str, ours: str, theirs: str) -> None:
    result = compared(keyword, ours, theirs)
    assert (result.compared, result.differences) == ((keyword,), ())


@pytest.mark.parametrize(
    ("keyword", "ours", "theirs"),
    [
        ("PatientName", "Doe^John", "Doe^Jane"),
        ("PatientName", "Yamada^Tarou=山田^太郎", "Yamada^Tarou=山本^太郎"),
        ("PatientName", "Müller^Jörg", "Meier^J?rg"),
        ("PatientID", "P1", "p1"),
        ("PatientID", "P1", ""),
        ("StudyDate", "20240131", "20240130"),
        ("StudyDescription", "", "made up"),
    ],
)
def test_what_says_something_else_is_a_difference(keyword: str, ours: str, theirs: str) -> None:
    (difference,) = compared(keyword, ours, theirs).differences
    assert (difference.attribute, difference.ours, difference.theirs) == (keyword, ours, theirs)


@pytest.mark.parametrize(
    ("keyword", "theirs"), [("PatientID", None), ("StudyDescription", ""), ("PatientSex", None)]
)
def test_what_is_not_returned_is_unknown(keyword: str, theirs: str | None) -> None:
    result = compared(keyword, "X", theirs)
    assert (result.unknown, result.compared, result.differences) == ((keyword,), (), ())


def test_any_of_the_values_that_were_sent_will_do() -> None:
    sent = {"StudyDescription": {"one", "two"}}
    assert not compare_attributes(sent, set(), [{"StudyDescription": "two"}]).differences
    (difference,) = compare_attributes(sent, set(), [{"StudyDescription": "three"}]).differences
    assert difference.ours == "one\\two"


def test_what_nobody_can_tell_any_more_is_unknown_unless_it_matches() -> None:
    sent = {"PatientID": {"P1"}}
    assert compare_attributes(sent, {"PatientID"}, [{"PatientID": "P1"}]).compared == ("PatientID",)
    result = compare_attributes(sent, {"PatientID"}, [{"PatientID": "X-P1"}])
    assert (result.unknown, result.differences) == (("PatientID",), ())


def test_a_study_that_is_listed_under_two_patients_differs_in_one() -> None:
    answers = [{"PatientID": "P1"}, {"PatientID": "P2"}]
    (difference,) = compare_attributes({"PatientID": {"P1"}}, set(), answers).differences
    assert difference.theirs == "P2"


def test_a_patient_that_the_archive_changed_is_named_but_not_on_the_console(
    archive: Make, start_peer: Start, migrate: Command, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def told(answer: Dataset) -> Dataset:
        if "PatientID" in answer and answer.PatientID == "P2":
            answer.PatientID = "SECRET"
        return answer

    made, peer = archive(studies=3), start_peer(RetrievingPacs, Lies(told=told))
    assert migrate(made.folder, peer.node).code == 0
    arguments = ["verify", str(made.folder), "--to", str(peer.node)]
    table = tmp_path / "proof.csv"
    assert main([*arguments, "--csv", str(table)]) == 1
    shown = capsys.readouterr().out
    assert "PatientID" in shown and "SECRET" not in shown
    assert "attribute," in table.read_text() and "SECRET" in table.read_text()
    assert main([*arguments, "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["proven"], result["attribute_differences"]) == (True, 1)
    (study,) = [one for one in result["per_study"] if one["differences"]]
    assert study["attributes"]["differences"] == [
        {"attribute": "PatientID", "ours": "P2", "theirs": "SECRET"}
    ]
    assert main([*arguments, "--no-attributes"]) == 0
    capsys.readouterr()
    assert migrate(made.folder, peer.node, "--verify").code == 1
    assert migrate(made.folder, peer.node, "--verify", "--no-attributes").code == 0


def test_a_patient_that_was_remapped_on_the_way_is_no_difference(
    archive: Make, scripted_pacs: Callable[..., object], migrate: Command
) -> None:
    made = archive(studies=1)
    known = {made.files[0].study_uid: (Known("KNOWN", "Test^Patient1", "19700101", "O"),)}
    peer = scripted_pacs(Rule(0xFFFB, when=lambda one: one.dataset.PatientID != "KNOWN"), patients=known)
    ran = migrate(made.folder, peer.node, "--verify")  # type: ignore[attr-defined]
    verified = ran.json["destinations"][0]["verify"]
    assert (ran.code, verified["matched"], verified["attribute_differences"]) == (0, 3, 0)
    assert "PatientID" in verified["per_study"][0]["attributes"]["compared"]


def test_attributes_that_no_answer_tells_are_not_passed_over_in_silence(
    archive: Make, start_peer: Start, migrate: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(answer: Dataset) -> Dataset | None:
        return None if answer.QueryRetrieveLevel == "STUDY" else answer

    made, peer = archive(studies=2), start_peer(RetrievingPacs, Lies(told=told))
    assert migrate(made.folder, peer.node).code == 0
    assert main(["verify", str(made.folder), "--to", str(peer.node)]) == 0
    assert "2 studies: patient and study could not be compared" in capsys.readouterr().out


def test_the_table_is_not_written_into_the_source(archive: Make, start_peer: Start) -> None:
    made, peer = archive(), start_peer(RetrievingPacs)
    inside = made.folder / "proof.csv"
    assert main(["verify", str(made.folder), "--to", str(peer.node), "--csv", str(inside)]) == 2
    assert not inside.exists()


@pytest.mark.parametrize(("ours", "theirs"), [("患者", ""), ("Müller", "Meller"), ("患者", "P1")])
def test_letters_that_an_answer_lacks_stand_for_no_others(ours: str, theirs: str) -> None:
    assert compared("PatientID", ours, theirs).differences


def test_texts_with_many_replaced_letters_are_compared_at_once() -> None:
    ours, theirs = "头 " * 32 + "x", "? " * 32 + "y"
    assert compared("StudyDescription", ours, theirs).differences
    assert not compared("StudyDescription", ours, "? " * 32 + "x").differences
