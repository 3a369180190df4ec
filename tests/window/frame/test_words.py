"""What the title, the tray and the status bar say of a run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.engine.accounting import Ledger, Snapshot
from migrator.ui.frame.words import brief, ending_in_words, title_of
from migrator.ui.running import Sight

RUN = Snapshot(
    destination="PACS@pacs:104",
    phase="sending",
    run=Ledger(sent=47, pending=53, found=100),
    job=Ledger(sent=47, pending=53, found=100),
    bytes_sent=0,
    bytes_pending=0,
    send_seconds=0.0,
    files_per_second=0.0,
    bytes_per_second=0.0,
    eta_seconds=8070.0,
    healed=0,
    fidelity={},
    remedies={},
    associations=1,
)


def sight(**changes: object) -> Sight:
    return Sight((replace(RUN, **changes),), ({},), is_live=True)  # type: ignore[arg-type]


def test_the_title_tells_how_far_the_run_is_and_how_long_it_will_last() -> None:
    assert title_of(sight()) == "47% - ETA 2:14:30 - DICOM PACS Migrator"


@pytest.mark.parametrize("shown", [None, Sight(), replace(sight(), is_live=False)])
def test_the_title_is_plain_while_nothing_is_on(shown: Sight | None) -> None:
    assert title_of(shown) == "DICOM PACS Migrator"


def test_no_percentage_is_told_while_nobody_knows_how_much_there_is() -> None:
    assert brief(sight(phase="scanning")) == "Scanning"
    assert brief(Sight(is_live=True)) == "Starting"


def test_a_paused_run_tells_no_time() -> None:
    assert brief(replace(sight(), is_paused=True)) == "47% - paused"


def test_what_is_not_whole_is_never_a_hundred_percent() -> None:
    ledger = Ledger(sent=99_999, pending=1, found=100_000)
    assert brief(sight(run=ledger, eta_seconds=None)) == "99%"


def test_what_comes_after_the_sending_is_named() -> None:
    ledger = Ledger(sent=100, found=100)
    assert brief(sight(run=ledger, phase="verifying")) == "100% - verifying"


@pytest.mark.parametrize(
    ("code", "ledger", "is_well"),
    [
        (0, Ledger(sent=2, found=2), True),
        (1, Ledger(sent=1, failed=1, found=2), False),
        (1, Ledger(sent=2, found=2), False),
        (3, Ledger(), False),
        (130, Ledger(sent=1, pending=1, found=2), True),
        (5, Ledger(sent=1, pending=1, found=2), False),
        (-1, Ledger(sent=2, found=2), False),
        (None, Ledger(sent=2, found=2), True),
        (None, Ledger(sent=1, pending=1, found=2), False),
    ],
)
def test_an_end_is_well_only_if_all_is(code: int | None, ledger: Ledger, is_well: bool) -> None:
    words, told = ending_in_words(replace(sight(run=ledger), is_live=False, code=code))
    assert told is is_well
    assert words


@pytest.mark.parametrize(
    ("code", "said"),
    [(5, "stopped by a limit"), (-1, "broken off"), (3, "could not be done"), (None, "The other process")],
)
def test_an_end_is_told_as_what_it_was(code: int | None, said: str) -> None:
    assert said in ending_in_words(replace(sight(), is_live=False, code=code))[0]
