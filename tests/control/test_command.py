"""`control` on the command line, with a destination's real dials, queue and numbers behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.cli.main import main
from migrator.core.control import Control
from migrator.core.model import Node, StudyBatch
from migrator.core.outcome import State
from migrator.core.settings import PaceSettings
from migrator.engine.accounting import Accounting
from migrator.engine.pacing import Pacing
from migrator.engine.queue import BatchQueue
from migrator.jobs.home import job_folder
from migrator.jobs.steering import DestinationSteering, steering
from tests.engine.making import make_study

NODE = Node("127.0.0.1", 11112, "PACS")


class RunStub:
    """What steering meets of a run: one destination that has three studies to send."""

    def __init__(self, home: Path) -> None:
        self.folder = job_folder(home, str(home / "archive"), NODE)
        self.folder.mkdir(parents=True)
        self.control = Control()
        self.pacing = Pacing(PaceSettings(), 4, self.control)
        self.queue = BatchQueue()
        accounting = Accounting(str(NODE))
        for study in (1, 2, 3):
            instances = make_study(study, 5)
            for instance in instances:
                accounting.found(State.PENDING, None, size=instance.size)
            self.queue.put(StudyBatch(study, f"1.2.{study}", tuple(instances)))
        self.steered = DestinationSteering(
            self.control, self.pacing, self.queue.prioritise, accounting.snapshot
        )

    def first_study(self) -> str:
        head = self.queue.head
        assert head is not None
        return head.study_uid


@pytest.fixture
def run(data_directory: Path) -> Iterator[RunStub]:
    stub = RunStub(data_directory)
    with steering(stub.folder, stub.steered):
        yield stub


class ControlCommand:
    """`control` for the archive of this test."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._start = ["control", str(home / "archive"), "--to", str(NODE)]
        self._capsys = capsys
        self.told = ""
        self.warned = ""

    def __call__(self, *words: str) -> int:
        try:
            code = main([*self._start, *words])
        except SystemExit as ended:
            code = int(ended.code or 0)
        self.told, self.warned = self._capsys.readouterr()
        return code


@pytest.fixture
def control(data_directory: Path, capsys: pytest.CaptureFixture[str]) -> ControlCommand:
    return ControlCommand(data_directory, capsys)


def test_pause_and_resume_reach_the_workers_at_once(run: RunStub, control: ControlCommand) -> None:
    assert control("pause") == 0
    assert "paused" in control.told
    assert run.pacing.workers() == 0
    assert control("status") == 0
    assert "\n  paused\n" in control.told
    assert control("resume") == 0
    assert run.pacing.workers() == 4


def test_cancel_stops_the_destination_in_order(run: RunStub, control: ControlCommand) -> None:
    assert control("cancel", "--json") == 0
    assert json.loads(control.told) == {}
    assert run.control.is_cancelled


def test_a_study_or_a_patient_goes_first(run: RunStub, control: ControlCommand) -> None:
    assert control("prioritise", "--study", "1.2.3") == 0
    assert control.told == "5 instances go first\n"
    assert run.first_study() == "1.2.3"
    assert control("prioritise", "--patient", "P2", "--json") == 0
    assert json.loads(control.told) == {"instances": 5}
    assert run.first_study() == "1.2.2"
    assert control("prioritise", "--patient", "P9") == 1
    assert "nothing of that waits" in control.told


def test_dials_are_turned_and_shown(run: RunStub, control: ControlCommand) -> None:
    assert control("set", "workers=2", "bandwidth=5", "window=00:00-00:00", "max-duration=8h") == 0
    assert "workers 2, of which 2 may send now" in control.told
    assert "bandwidth at most 5 MB/s" in control.told
    assert "window 00:00-00:00" in control.told
    assert "stops in 8 h 00 min" in control.told
    assert (run.pacing.workers(), run.pacing.view().bandwidth) == (2, 5.0)
    assert control("set", "bandwidth=off", "--json") == 0
    assert json.loads(control.told)["bandwidth"] == 0


def test_status_is_the_snapshot_with_the_dials(run: RunStub, control: ControlCommand) -> None:
    assert control("status", "--json") == 0
    status = json.loads(control.told)
    assert status["destination"] == str(NODE)
    assert (status["run"]["found"], status["run"]["pending"]) == (15, 15)
    assert status["pace"]["workers"] == 4
    assert control("status") == 0
    assert "0 of 15 paths settled" in control.told


@pytest.mark.parametrize(
    "words",
    [
        ("explode",),
        ("prioritise",),
        ("prioritise", "--study", "1.2.3", "--patient", "P1"),
        ("pause", "--study", "1.2.3"),
        ("set",),
        ("set", "bandwidth"),
        ("set", "bandwidth=fast"),
        ("set", "retries=3"),
        ("pause", "workers=3"),
        (),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    words: tuple[str, ...], run: RunStub, control: ControlCommand
) -> None:
    before = run.pacing.view()
    assert control(*words) == 2
    assert control.warned
    assert run.pacing.view() == before
    assert run.first_study() == "1.2.1"


def test_where_no_run_is_on_the_exit_code_is_1(control: ControlCommand) -> None:
    assert control("pause") == 1
    assert "no run is on from" in control.warned
