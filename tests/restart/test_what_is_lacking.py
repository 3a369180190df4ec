"""What may be gone, or differ, where a run goes on: secrets, lists, folders; none of it leads it astray."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from migrator.cli.main import main
from migrator.core.control import Control
from migrator.core.errors import Cancelled, UsageError
from migrator.core.events import Event, Notice
from migrator.core.model import Node
from migrator.core.settings import Settings
from migrator.jobs import restart_run, restart_system
from migrator.jobs.home import data_home, job_folder
from migrator.jobs.migrate import MigrateRequest, Target
from migrator.jobs.restart import SETTINGS, Restart, entries, entry_folder, remove
from migrator.jobs.restart_run import MOST_TRIES, GoOn
from tests.notify.servers import WebServer
from tests.peers import KeepingScp, Manners
from tests.peers.archives import Archive
from tests.restart.system import Account, Once

pytestmark = pytest.mark.skipif(os.name == "nt", reason="an account of a POSIX system")

Make = Callable[..., Archive]
Keeping = Callable[..., KeepingScp]


def target(node: Node, **groups: Any) -> Target:
    return Target(node, Settings.model_validate({"scan": {"settle": 0}, **groups}))


def broken_off(
    here: Account, source: Path, *targets: Target, meanwhile: Callable[[], object] = lambda: None
) -> tuple[str, list[str]]:
    """The id of a run that was broken off before it sent anything, and what it told."""
    told: list[str] = []

    def emit(event: Event) -> None:
        if isinstance(event, Notice):
            told.append(event.text)

    home = data_home(str(here.data))
    request = MigrateRequest(str(source), targets, home, resume_at_start=True)
    root = os.path.realpath(source)
    jobs = [job_folder(home, root, one.node) for one in targets]
    for job in jobs:
        job.mkdir(parents=True, exist_ok=True)
    with suppress(InterruptedError), Restart(request, Control(), emit).kept(root, jobs):
        meanwhile()
        raise InterruptedError
    left = entries(here.data)
    return left[0].id if left else "", told


def test_a_run_whose_notifications_lack_their_secret_goes_on_and_tells_nobody(
    archive: Make, keeping_scp: Keeping, here: Account, tmp_path: Path
) -> None:
    source, peer = archive(studies=1, instances=3, side=4), keeping_scp()
    hook = {"webhook": "json", "webhook_file": str(tmp_path / "gone")}
    identity, _ = broken_off(here, source.folder, target(peer.node, notify=hook))
    told: list[str] = []
    assert GoOn(here.data, Control(), told.append).run(identity) == 0
    assert told[0].startswith("This run goes on, and nobody is told of it: the webhook address file")
    assert set(peer.datasets) == source.uids
    assert here.units == []


def test_a_run_goes_on_without_its_monitor_where_that_cannot_be_served(
    archive: Make, keeping_scp: Keeping, here: Account
) -> None:
    source, peer = archive(studies=1, instances=3, side=4), keeping_scp()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        identity, _ = broken_off(here, source.folder, target(peer.node, monitor={"monitor": place}))
        told: list[str] = []
        assert GoOn(here.data, Control(), told.append).run(identity) == 0
    assert told[1].startswith("The run ended with exit code 2: dicom_migrator: --monitor")
    assert told[2] == "Trying it once more without its monitor"
    assert set(peer.datasets) == source.uids


def test_what_one_start_lacked_the_next_one_has_again(
    archive: Make, keeping_scp: Keeping, here: Account, tmp_path: Path
) -> None:
    source, peer, control = archive(studies=2, instances=10, side=4), keeping_scp(), Control()
    peer.manners = Manners(delay=0.2, status=Once(control.cancel))
    hook = {"webhook": "json", "webhook_file": str(tmp_path / "gone")}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = {"monitor": f"127.0.0.1:{taken.getsockname()[1]}"}
        identity, _ = broken_off(here, source.folder, target(peer.node, notify=hook, monitor=place))
        (before,) = entries(here.data)
        told: list[str] = []
        assert GoOn(here.data, control, told.append).run(identity) == 130
    assert "Trying it once more without its monitor" in told
    assert entries(here.data) == [before]
    kept = json.loads((entry_folder(here.data, identity) / SETTINGS).read_bytes())
    assert [one["settings"]["notify"] for one in kept["destinations"]] == [hook]
    assert [one["settings"]["monitor"] for one in kept["destinations"]] == [place]
    assert len(here.units) == 1


def test_people_are_told_that_a_run_is_not_gone_on_with_any_more(
    archive: Make, here: Account, tmp_path: Path
) -> None:
    source, address = archive(studies=1, instances=1).folder, tmp_path / "address"
    hook = {"webhook": "json", "webhook_file": str(address)}
    identity, _ = broken_off(here, source, target(Node("127.0.0.1", 104), notify=hook))
    source.rename(tmp_path / "away")
    told: list[str] = []
    with WebServer() as web:
        address.write_text(f"http://127.0.0.1:{web.port}/hook")
        address.chmod(0o600)
        for _ in range(MOST_TRIES):
            assert web.bodies == []
            assert GoOn(here.data, Control(), told.append).run(identity, 0) == 4
        (body,) = web.wait_for(1)
    assert (body["event"], body["exit_code"]) == ("failure", 4)
    assert "came to nothing; the last: the source cannot be read" in body["words"][0]
    assert str(source) not in json.dumps(body)
    assert told[-1].startswith("Told by")
    assert entries(here.data) == here.units == []


def test_a_run_that_cannot_be_given_up_is_said(
    archive: Make, here: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = archive(studies=1, instances=1).folder
    identity, _ = broken_off(here, source, target(Node("127.0.0.1", 104)))
    source.rename(tmp_path / "away")

    def remove(*_: object) -> bool:
        raise UsageError("the unit cannot be removed")

    monkeypatch.setattr(restart_run, "remove", remove)
    go_on = GoOn(here.data, Control(), lambda words: None)
    for _ in range(MOST_TRIES - 1):
        assert go_on.run(identity, 0) == 4
    with pytest.raises(UsageError, match="the unit cannot be removed"):
        go_on.run(identity, 0)


def test_an_entry_that_cannot_be_read_is_left_to_the_next_start(
    archive: Make, here: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    identity, _ = broken_off(here, archive(studies=1).folder, target(Node("127.0.0.1", 104)))
    file = entry_folder(here.data, identity) / "entry.json"
    file.unlink()
    file.mkdir()
    assert main(["restart", "run", identity, "--home", str(here.data)]) == 2
    assert f"what is kept of run {identity} cannot be read (Is a directory)" in capsys.readouterr().err
    assert len(here.units) == 1


def test_a_data_directory_whose_disk_stays_away_is_left_to_the_next_start(
    archive: Make, here: Account, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identity, _ = broken_off(here, archive(studies=1).folder, target(Node("127.0.0.1", 104)))
    here.data.rename(tmp_path / "the disk")
    words = ["restart", "run", identity, "--home", str(here.data), "--wait", "0", "--mount", str(tmp_path)]
    assert main(words) == 4
    assert "the data directory is not there: not gone on with" in capsys.readouterr().err
    assert len(here.units) == 1


def test_the_start_names_the_disk_of_the_data_directory(
    here: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restart_system, "mount_of", lambda folder: f"the disk of {folder}")
    command = restart_system.start_of("0", here.data, "/archive").command
    assert command[-2:] == ("--mount", f"the disk of {here.data}")


def test_destinations_that_take_long_to_stay_silent_are_not_waited_for_beyond_the_limit(
    archive: Make, here: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []

    def answers(node: tuple[str, int]) -> bool:
        asked.append(node)
        time.sleep(0.1)
        return False

    monkeypatch.setattr(restart_run, "answers", answers)
    nodes = [target(Node("127.0.0.1", port)) for port in (104, 105, 106)]
    identity, _ = broken_off(here, archive(studies=1, instances=1).folder, *nodes)
    assert GoOn(here.data, Control(), lambda words: None).run(identity, 0.2) == 3
    assert asked == [("127.0.0.1", 104), ("127.0.0.1", 105), ("127.0.0.1", 106)]


def test_a_start_that_is_to_end_asks_no_further_destination(
    archive: Make, here: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = Control()
    asked: list[tuple[str, int]] = []

    def answers(node: tuple[str, int]) -> bool:
        asked.append(node)
        control.cancel()
        return False

    monkeypatch.setattr(restart_run, "answers", answers)
    nodes = [target(Node("127.0.0.1", port)) for port in (104, 105)]
    identity, _ = broken_off(here, archive(studies=1, instances=1).folder, *nodes)
    with pytest.raises(Cancelled):
        GoOn(here.data, control, lambda words: None).run(identity)
    assert asked == [("127.0.0.1", 104)]


def test_a_secret_that_only_the_shell_holds_is_warned_of(
    archive: Make, here: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DICOM_MIGRATOR_WEBHOOK_URL", "https://hooks.example/T0PS3CRET")
    monkeypatch.setenv("DICOM_MIGRATOR_EMAIL_PASSWORD", "hunter2")
    node = Node("127.0.0.1", 104)
    source = archive(studies=1).folder
    _, told = broken_off(here, source, target(node, notify={"webhook": "json", "email_user": "ana"}))
    warned = [text for text in told if "is not set when the system starts" in text]
    assert [text.split()[0] for text in warned] == [
        "DICOM_MIGRATOR_EMAIL_PASSWORD",
        "DICOM_MIGRATOR_WEBHOOK_URL",
    ]
    assert "--webhook-file" in warned[1]
    written = "".join(file.read_text() for file in here.data.rglob("*") if file.is_file())
    assert not [one for one in ("T0PS3CRET", "hunter2") if one in "".join(told) + written]
    _, told = broken_off(here, source, target(node))
    assert not [text for text in told if "is not set when the system starts" in text]


def test_a_run_that_was_removed_while_it_ran_does_not_say_that_it_goes_on(
    archive: Make, here: Account
) -> None:
    def removed() -> None:
        (one,) = entries(here.data)
        remove(here.data, one.id)

    source, node = archive(studies=1).folder, Node("127.0.0.1", 104)
    _, told = broken_off(here, source, target(node))
    assert "ended by an error, and goes on" in told[-1]
    _, told = broken_off(here, source, target(node), meanwhile=removed)
    assert [text for text in told if "goes on" in text] == [
        "Should the machine restart, this run goes on when the system starts"
    ]


def test_each_destination_keeps_its_own_list(archive: Make, here: Account, tmp_path: Path) -> None:
    lists = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for file in lists:
        file.write_text(f"only for {file.name}\n")
    targets = [
        target(Node("127.0.0.1", 104 + number), filter={"files_from": str(file)})
        for number, file in enumerate(lists)
    ]
    identity, _ = broken_off(here, archive(studies=1).folder, *targets)
    kept = json.loads((entry_folder(here.data, identity) / "settings.json").read_bytes())
    names = [one["settings"]["filter"]["files_from"] for one in kept["destinations"]]
    assert [Path(name).read_text() for name in names] == ["only for a.txt\n", "only for b.txt\n"]


def test_a_run_from_a_folder_that_was_removed_is_kept_all_the_same(
    archive: Make, here: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, gone = archive(studies=1).folder, tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    broken_off(here, source, target(Node("127.0.0.1", 104)))
    assert entries(here.data)[0].folder == str(here.home)


def test_what_cannot_be_written_is_said_and_leaves_nothing_in_the_system(
    archive: Make, here: Account
) -> None:
    home = data_home(str(here.data))
    (home / "restart").write_text("no folder")
    with pytest.raises(UsageError, match=r"--resume-at-start: .* cannot be written"):
        broken_off(here, archive(studies=1).folder, target(Node("127.0.0.1", 104)))
    assert here.units == []


def test_a_run_goes_on_where_the_system_gives_its_command_no_streams(
    archive: Make, keeping_scp: Keeping, here: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, peer = archive(studies=1, instances=2, side=4), keeping_scp()
    identity, _ = broken_off(here, source.folder, target(peer.node))
    with monkeypatch.context() as streams:
        for name in ("stdin", "stdout", "stderr"):
            streams.setattr(sys, name, None)
        code = main(["restart", "run", identity, "--home", str(here.data)])
    assert code == 0
    assert set(peer.datasets) == source.uids


def test_a_data_directory_whose_disk_is_not_mounted_yet_is_waited_for(
    archive: Make, here: Account, tmp_path: Path
) -> None:
    identity, _ = broken_off(here, archive(studies=1).folder, target(Node("127.0.0.1", 104)))
    there = here.data.rename(tmp_path / "the disk")
    here.data.mkdir()  # the mount point
    told: list[str] = []

    def tell(words: str) -> None:
        told.append(words)
        here.data.rmdir()
        there.rename(here.data)

    go_on = GoOn(here.data, Control(), tell)
    go_on.every = 0.01
    assert go_on.finds_home()
    assert told == ["Waiting, 600 s at most: the data directory is not there"]
    assert [one.id for one in entries(here.data)] == [identity]
