"""Runs and the window: attached to, left behind, quit from, survived."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from migrator.core.errors import UsageError
from migrator.jobs.left_running import left_running
from migrator.ui.configuration import Configuration, Destination, load, save
from migrator.ui.desk import Desk
from migrator.ui.dialogs.quit import QuitDialog
from migrator.ui.dialogs.welcome_back import WelcomeBack
from migrator.ui.main_window import MainWindow
from tests.peers import KeepingScp, wait_until
from tests.peers.archives import Archive

Open = Callable[[], MainWindow]
Make = Callable[..., Archive]
Start = Callable[..., KeepingScp]
LONG = 60_000  # milliseconds

WINDOW = """
import sys
from pathlib import Path
from PyQt5.QtCore import QTimer
from migrator.ui.app import make_application, open_window
application = make_application()
window = open_window(Path(sys.argv[1]))
window.show()
QTimer.singleShot(0, lambda: window.desk.migrate("--workers", "1"))
application.exec()
"""


def configuration_of(source: Archive, *peers: KeepingScp) -> Configuration:
    nodes = [peer.node for peer in peers]
    destinations = tuple(Destination(host=one.host, port=one.port, ae_title=one.ae_title) for one in nodes)
    return Configuration(source=str(source.folder), destinations=destinations, verify=False, chime=False)


@pytest.fixture
def slow(archive: Make, keeping_scp: Start) -> tuple[Archive, KeepingScp]:
    """An archive, and a PACS that takes its time: together they last until they are cancelled."""
    return archive(studies=20, instances=10), keeping_scp(delay=0.3)


def test_a_killed_window_leaves_its_run_alive_and_the_next_one_attaches_to_it(
    qtbot: QtBot, data_directory: Path, open_main: Open, slow: tuple[Archive, KeepingScp]
) -> None:
    source, peer = slow
    save(data_directory, configuration_of(source, peer))
    variables = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    command = [sys.executable, "-c", WINDOW, str(data_directory)]
    with subprocess.Popen(command, env=variables) as process:
        try:
            wait_until(lambda: bool(peer.datasets), "the first instance has arrived", 60)
        finally:
            process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    before = len(peer.datasets)
    window = open_main()
    with qtbot.waitSignal(window.attending.settled, timeout=LONG):
        pass
    migration = window.desk.migration
    assert migration is not None
    assert migration.running is not None
    assert "has gone on" in window.status.message.text()
    assert window.page == "upload"
    qtbot.waitUntil(lambda: len(peer.datasets) > before and "%" in window.windowTitle(), timeout=LONG)
    with qtbot.waitSignal(migration.ended, timeout=LONG) as ended:
        migration.do("cancel")
    assert ended.args == [130]
    assert window.windowTitle() == "DICOM PACS Migrator"


def test_quitting_in_a_run_asks_and_stays_leaves_or_cancels(
    qtbot: QtBot, open_main: Open, slow: tuple[Archive, KeepingScp]
) -> None:
    source, peer = slow
    window = open_main()
    desk = window.desk
    desk.change(configuration_of(source, peer))
    migration = desk.migrate("--workers", "1")
    qtbot.waitUntil(lambda: bool(peer.datasets), timeout=LONG)

    window.close()
    qtbot.waitUntil(lambda: window.findChild(QuitDialog) is not None)
    window.findChild(QuitDialog).stay.click()
    assert window.isVisible()
    assert migration.running.is_on
    qtbot.waitUntil(lambda: window.findChild(QuitDialog) is None)

    window.quit()
    with qtbot.waitSignal(window.left):
        window.findChild(QuitDialog).keep.click()
    assert not window.isVisible()

    second = open_main()
    qtbot.waitUntil(lambda: second.desk.migration is not None, timeout=LONG)
    qtbot.waitUntil(lambda: second.desk.migration.sight.is_live, timeout=LONG)
    second.quit()
    with qtbot.waitSignal(second.left, timeout=LONG):
        second.findChild(QuitDialog).cancel.click()
    assert second.desk.migration.running.code == 130
    assert left_running(second.desk.home) == []


def test_of_several_runs_that_went_on_one_is_chosen(
    qtbot: QtBot, open_main: Open, data_directory: Path, slow: tuple[Archive, KeepingScp], keeping_scp: Start
) -> None:
    source, peer = slow
    other = keeping_scp(delay=0.3)
    earlier = Desk(data_directory)
    for one in (peer, other):
        earlier.change(configuration_of(source, one))
        earlier.migrate("--workers", "1")
    qtbot.waitUntil(lambda: bool(peer.datasets and other.datasets), timeout=LONG)
    earlier.close()

    window = open_main()
    with qtbot.waitSignal(window.attending.several, timeout=LONG):
        pass
    assert window.desk.migration.nodes == (other.node,)
    chooser = window.findChild(WelcomeBack)
    assert chooser.list.count() == 2
    chooser.list.setCurrentRow(1)
    chooser.list.itemActivated.emit(chooser.list.item(1))
    migration = window.desk.migration
    assert migration.nodes == (peer.node,)
    assert migration.running is not None  # not only looked at: its end and its result will be known
    for running in list(window.desk.commands):
        running.do("cancel")
    qtbot.waitUntil(lambda: not window.desk.commands, timeout=LONG)


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_run_that_goes_on_unseen_is_told_of_once_when_it_is_killed(
    qtbot: QtBot, open_main: Open, slow: tuple[Archive, KeepingScp]
) -> None:
    source, peer = slow
    window = open_main()
    desk = window.desk
    desk.change(configuration_of(source, peer))
    said: list[str] = []
    desk.noticed.connect(lambda level, text: said.append(text))
    running = desk.migrate("--workers", "1").running
    qtbot.waitUntil(lambda: bool(peer.datasets), timeout=LONG)
    desk.open_job("/mnt/other", desk.migration.nodes)
    gc.collect()
    os.kill(running.launched.process_id, signal.SIGKILL)
    with qtbot.waitSignal(running.ended, timeout=LONG) as ended:
        pass
    assert ended.args == [-1]
    (words,) = [text for text in said if "broken off" in text]
    assert words.startswith(f"From {source.folder}: ")
    assert "goes on from there" in words
    assert left_running(desk.home) == []  # told already


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_run_that_was_killed_without_a_window_is_told_of_at_the_next_start_and_resumed(
    qtbot: QtBot, open_main: Open, data_directory: Path, slow: tuple[Archive, KeepingScp]
) -> None:
    source, peer = slow
    earlier = Desk(data_directory)
    earlier.change(configuration_of(source, peer))
    command = earlier.migrate("--workers", "1").running.launched
    process = command.process_id
    qtbot.waitUntil(lambda: bool(peer.datasets), timeout=LONG)
    earlier.close()
    os.kill(process, signal.SIGKILL)
    wait_until(lambda: command.look().code == -1, "it is gone")

    window = open_main()
    with qtbot.waitSignal(window.attending.settled, timeout=LONG):
        pass
    assert "broken off" in window.status.message.text()
    qtbot.waitUntil(lambda: window.upload_page.bar.start_button.text() == "Resume", timeout=LONG)
    assert window.upload_page.bar.start_button.isEnabled()


def test_a_job_that_another_process_migrates_is_shown_live_and_not_started_twice(
    qtbot: QtBot, open_main: Open, slow: tuple[Archive, KeepingScp]
) -> None:
    source, peer = slow
    window = open_main()
    desk = window.desk
    words = [
        "migrate",
        str(source.folder),
        "--to",
        str(peer.node),
        "--workers",
        "1",
        "--home",
        str(desk.home),
    ]
    command = [sys.executable, "-m", "migrator", *words]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as other:
        try:
            wait_until(lambda: bool(peer.datasets), "the first instance has arrived", 60)
            desk.change(configuration_of(source, peer))
            qtbot.waitUntil(lambda: "%" in window.windowTitle(), timeout=LONG)
            assert "Another process" in window.status.message.text()
            before = desk.migration
            assert desk.migrate() is before
            assert desk.commands == []
            window.quit()  # it is not ours: nothing to ask
            assert not window.isVisible()
        finally:
            other.terminate()


# The demo


def test_the_demo_is_migrated_in_the_pages_and_leaves_nothing_behind(qtbot: QtBot, open_main: Open) -> None:
    window = open_main()
    desk = window.desk
    desk.update(chime=False)
    kept = desk.configuration
    window.welcome.demo.click()
    qtbot.waitUntil(lambda: "%" in window.windowTitle(), timeout=LONG)
    assert window.page == "upload"
    assert window.demo_bar.isVisible()
    assert Path(desk.configuration.source).is_dir()
    qtbot.waitUntil(lambda: bool(desk.rows.tails) and len(desk.rows.tails[0]) > 5, timeout=LONG)
    folders = desk.migration.folders
    window.turn_demo()
    qtbot.waitUntil(lambda: not window.demo.is_on, timeout=LONG)
    assert desk.configuration == kept
    assert desk.migration is None
    assert not window.demo_bar.isVisible()
    assert window.welcome.isVisible()
    assert not any(folder.exists() for folder in (*folders, window.demo.folder))


def test_two_windows_share_one_demo_and_neither_loses_what_was_configured(
    qtbot: QtBot, open_main: Open
) -> None:
    first, other = open_main(), open_main()
    with qtbot.waitSignal(other.attending.settled, timeout=LONG):
        pass  # later it would have taken part
    first.desk.change(Configuration(source="/mnt/archive", chime=False))
    first.demo.begin()
    qtbot.waitUntil(lambda: first.desk.configuration.source != "/mnt/archive", timeout=LONG)
    first.desk.save()
    with pytest.raises(UsageError, match="another window"):
        other.demo.begin()
    third = open_main()
    qtbot.waitUntil(lambda: third.demo.is_on, timeout=LONG)
    third.turn_demo()
    qtbot.waitUntil(lambda: not first.demo.is_on and not third.demo.is_on, timeout=LONG)
    for desk in (first.desk, third.desk):
        assert desk.configuration.source == "/mnt/archive"
    assert load(first.desk.home).source == "/mnt/archive"


def test_a_demo_that_was_not_ended_is_cleared_away_at_the_next_start(qtbot: QtBot, open_main: Open) -> None:
    first = open_main()
    archive = first.demo.folder / "archive"
    archive.mkdir(parents=True)
    save_before = first.desk.home / "demo" / "before"
    save_before.mkdir()
    save(save_before, Configuration(source="/mnt/archive"))
    first.desk.set_source(str(archive))
    first.quit()
    second = open_main()
    qtbot.waitUntil(lambda: second.desk.configuration.source == "/mnt/archive", timeout=LONG)
    assert not second.demo.folder.exists()
