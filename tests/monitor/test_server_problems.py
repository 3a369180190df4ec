"""The last problems: equal ones are one, and none names a patient or a path unless that is wanted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrator.core.events import AssociationEnded, Event, InstanceSettled, Notice, PhaseStarted, ProblemFound
from migrator.core.model import Instance, Patient, Reason, Series, Study
from migrator.core.outcome import Cause, Outcome, Problem, Refusal, State
from migrator.monitor.problems import MOST_SHOWN, Problems, scrubbed
from tests.monitor.made_up import numbers, served

NAME = "DOE^JANE"
PATH = f"{NAME}/image 1.dcm"
UID = "1.2.826.0.1.3680043.8.498.1"


def an_instance() -> Instance:
    series = Series("1.2.3.4.5.6.8", study=Study("1.2.3.4.5.6.7", patient=Patient("4711", name=NAME)))
    return Instance(PATH, 100, 0, 0, "1.2.840.10008.1.2.1", "1.2.840.10008.5.1.4.1.1.2", UID, series)


def settled(state: State, **outcome: object) -> InstanceSettled:
    return InstanceSettled(an_instance(), Outcome(state, **outcome), "PACS@127.0.0.1:104")  # type: ignore[arg-type]


REFUSED = settled(
    State.FAILED,
    status=0xA700,
    refusal=Refusal.RESOURCES,
    comment=f"patient {NAME} unknown",
    reason=f"refused: {PATH}",
)

EVENTS: list[tuple[Event, str, str]] = [
    (REFUSED, "error", "failed: refused by the destination (status A700: out-of-resources)"),
    (
        settled(State.FAILED, cause=Cause.CONTEXT, reason=f"no context for {UID}"),
        "error",
        "failed: the destination accepts no encoding of it",
    ),
    (
        settled(State.QUARANTINED, cause=Cause.FILE, reason=f"/archive/{PATH} is cut short"),
        "error",
        "quarantined: the file could not be read as it was scanned",
    ),
    (settled(State.HELD, cause=Cause.DECISION, reason=NAME), "warning", "held: it waits for a decision"),
    (
        settled(State.WARNED, status=0xB000),
        "warning",
        "warned: stored, with a warning of the destination (status B000)",
    ),
    (
        ProblemFound(Problem(PATH, 1, 0, State.QUARANTINED, Reason.TRUNCATED, f"at {PATH}")),
        "error",
        "quarantined: truncated: the data ends before its last element does",
    ),
    (Notice(f"cannot write /archive/{PATH}: disk full", "error"), "error", "cannot write …: disk full"),
    (Notice(f"of {NAME} and {UID} at 3 files/s"), "warning", "of … and … at 3 files/s"),
    (
        AssociationEnded("PACS", 1, "aborted by the peer"),
        "warning",
        "an association ended: aborted by the peer",
    ),
]


@pytest.mark.parametrize(("event", "level", "words"), EVENTS)
def test_a_problem_is_told_without_patient_and_path(event: Event, level: str, words: str) -> None:
    problems = Problems()
    problems.take(event)
    (one,) = problems.shown(details=False)
    assert (one["level"], one["words"], one["count"]) == (level, words, 1)
    assert "path" not in one


def test_nothing_of_a_patient_leaves_the_server_without_details(tmp_path: Path) -> None:
    with served(tmp_path) as run:
        for event, _, _ in EVENTS:
            run.watched.problems.take(event)
        shown = json.dumps(numbers(run), ensure_ascii=False)
    for secret in ("DOE", "JANE", "image", ".dcm", UID, "4711", "archive"):
        assert secret not in shown


def test_with_details_paths_and_reasons_are_shown_but_not_what_the_pacs_said(tmp_path: Path) -> None:
    with served(tmp_path, monitor_details=True) as run:
        run.watched.problems.take(REFUSED)
        (one,) = numbers(run)["problems"]
    assert one["path"] == PATH
    assert one["words"].endswith(f"refused: {PATH}")
    assert "unknown" not in one["words"]


def test_equal_problems_are_one_with_a_count_and_the_newest_come_first() -> None:
    problems = Problems()
    for _ in range(12):
        problems.take(REFUSED)
    problems.take(Notice("something else"))
    problems.take(REFUSED)
    assert [one["count"] for one in problems.shown(details=False)] == [13, 1]


def test_only_the_last_problems_are_kept() -> None:
    problems = Problems()
    for number in range(500):
        problems.take(Notice(f"number {number}"))
    shown = problems.shown(details=False)
    assert len(shown) == MOST_SHOWN
    assert shown[0]["words"] == "number 499"


def test_what_went_well_is_no_problem_and_every_event_is_passed_on() -> None:
    problems, heard = Problems(), list[Event]()
    emit = problems.hearing(heard.append)
    events = [settled(State.SENT), PhaseStarted("sending"), Notice("fine", "info"), settled(State.SKIPPED)]
    for event in events:
        emit(event)
    assert heard == events
    assert problems.shown(details=False) == []


def test_a_file_whose_name_is_no_text_can_be_shown(tmp_path: Path) -> None:
    with served(tmp_path, monitor_details=True) as run:
        run.watched.problems.take(ProblemFound(Problem("a\udcff.dcm", 1, 0, State.FAILED, Reason.UNREADABLE)))
        assert numbers(run)["problems"][0]["path"] == "a?.dcm"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("tried again in 9 s: PACS@10.0.0.1:104 does not answer", None),
        ("812 files/s, 3.1 MB/s", None),
        (r"C:\DOE JANE\x.dcm: in use", "…: in use"),
        (r"at \\server\share\DOE; next", "at …; next"),
        ("one\nline", "one line"),
        ("DOE, JANE/IM1 cannot be read: x", "…: x"),
        (r"left alone: DOE\JANE MARY is gone; next", "left alone: …; next"),
        ("of DOE^JANE at 3 files/s", "of … at 3 files/s"),
        ("the source /a/DOE, JANE MARY/x is gone", "the source …"),
        ("cannot write /a/DOE, JANE: disk full", "cannot write …: disk full"),
        pytest.param("x" * 100_000, "x" * 300, id="a long word"),
        pytest.param("/x: " * 10_000, "…: ", id="many paths"),
        ("'/a/DOE; JANE MARY/b/x y.dcm' is gone: ask /c", "'…"),
    ],
)
def test_addresses_and_rates_are_kept_and_paths_are_not(text: str, plain: str | None) -> None:
    assert scrubbed(text) == (text if plain is None else plain)
