"""The speed test's dialog, against a peer that really stores."""

from __future__ import annotations

from collections.abc import Callable

from pytestqt.qtbot import QtBot

from migrator.jobs.speed_test_kept import advice_of
from migrator.ui.configuration import Configuration, Destination
from migrator.ui.desk import Desk
from migrator.ui.dialogs.speed_test import SpeedTestDialog
from tests.peers import KeepingScp
from tests.peers.archives import Archive


def step(workers: int, *, files: int = 10, seconds: float = 1.0, unopened: int = 0) -> dict[str, object]:
    return {
        "workers": workers,
        "files": files,
        "bytes": files * 1_000_000,
        "seconds": seconds,
        "latency_median": 0.01,
        "latency_p95": 0.05,
        "counts": not unopened,
        "refused": 0,
        "unopened": unopened,
        "lost": 0,
        "reason": "no room" if unopened else "",
    }


KEPT = {
    "at": 1_790_000_000.0,
    "node": "PACS@10.0.0.7:104",
    "samples": [
        {"stored": True, "state": "sent", "reason": ""},
        {"stored": False, "state": "skipped", "reason": "already at the destination"},
        {"stored": False, "state": "failed", "reason": "refused: SOP class not supported"},
    ],
    "first": step(1),
    "steps": [step(1), step(2), step(4, unopened=2), step(1, seconds=3.0), step(2, files=30)],
    "remaining": {"files": 1200, "bytes": 3_000_000_000},
    "estimate": {"low": 65.0, "high": 130.0},
    "workers": 2,
}


def test_the_rounds_of_one_number_of_workers_are_taken_together_and_the_estimate_is_told() -> None:
    advice = advice_of(KEPT)
    assert [(one.workers, one.files) for one in advice.levels] == [(1, 5.0), (2, 20.0), (4, 0.0)]
    assert advice.levels[2].trouble == "2 associations not accepted: no room"
    assert advice.estimate == "What is left, 1,200 files, 3.0 GB, takes 1:05 min to 2:10 min at that."
    assert advice.refused == "Not stored: 1 of 3 samples (refused: SOP class not supported)"


def test_without_a_destination_nothing_can_be_measured(qtbot: QtBot, desk: Desk) -> None:
    dialog = SpeedTestDialog(desk)
    qtbot.addWidget(dialog)
    assert not dialog.begin.isEnabled()
    assert "Configuration" in dialog.ask.text()


def test_it_stores_measures_and_sets_the_recommended_number_of_workers(
    qtbot: QtBot, desk: Desk, archive: Callable[..., Archive], keeping_scp: Callable[..., KeepingScp]
) -> None:
    source, peer = archive(studies=3, instances=4), keeping_scp()
    node = peer.node
    place = Destination(host=node.host, port=node.port, ae_title=node.ae_title)
    desk.change(Configuration(source=str(source.folder), destinations=(place,)))
    dialog = SpeedTestDialog(desk)
    qtbot.addWidget(dialog)
    dialog.samples.setValue(5)
    dialog.workers.setValue(1)
    dialog.step = 0.2
    assert not peer.datasets
    dialog.begin.click()
    assert not dialog.samples.isEnabled()
    qtbot.waitUntil(lambda: dialog.advice is not None, timeout=60_000)
    assert dialog.trouble.text() == ""
    assert len(peer.datasets) >= 5
    assert dialog.use.text() == "Use 1 worker"
    dialog.use.click()
    assert desk.configuration.settings.send.workers == 1
    again = SpeedTestDialog(desk)
    qtbot.addWidget(again)
    qtbot.waitUntil(lambda: again.advice == dialog.advice)
