"""Commands in processes of their own: what they are at, how they end, and that they outlive their starter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from migrator.core.errors import UsageError
from migrator.jobs import steering
from migrator.jobs.launch import Launched, Look, Watch, launch, launched
from migrator.jobs.left_running import left_running
from migrator.jobs.watched import Lines, Stage
from tests.peers import KeepingScp, wait_until
from tests.peers.archives import Archive

ROOT = Path(__file__).resolve().parent.parent.parent
Make = Callable[..., Archive]
Keeping = Callable[..., KeepingScp]


def until_ended(command: Launched) -> Look:
    looks = [command.look()]
    wait_until(lambda: looks.append(command.look()) or looks[-1].code is not None, "it has ended", 60)
    return looks[-1]


def test_a_command_prints_its_result_and_tells_how_it_ended(archive: Make, data_directory: Path) -> None:
    command = launch(data_directory, ["scan", str(archive(studies=2, instances=3).folder), "--json"])
    assert until_ended(command).code == 0
    assert command.result()["found"] == 6
    assert [one.folder for one in launched(data_directory)] == [command.folder]
    command.forget()
    assert list(launched(data_directory)) == []


def test_what_is_wrong_is_told(data_directory: Path, tmp_path: Path) -> None:
    command = launch(data_directory, ["scan", str(tmp_path / "nowhere"), "--json"])
    assert until_ended(command).code == 4
    assert "does not exist" in command.messages()
    assert command.result() is None
    command.forget()


def test_only_the_owner_can_read_what_is_kept(archive: Make, data_directory: Path) -> None:
    command = launch(
        data_directory, ["scan", str(archive(studies=1).folder)], {"settings": {}}, {"files_from": ["a", "b"]}
    )
    until_ended(command)
    modes = {path.name: path.stat().st_mode & 0o777 for path in command.folder.iterdir()}
    assert modes.keys() >= {"command.json", "settings.json", "files_from.txt", "result.json", "messages.txt"}
    assert set(modes.values()) == {0o600} or os.name == "nt"
    assert command.folder.stat().st_mode & 0o777 == 0o700 or os.name == "nt"
    command.forget()


def test_what_is_chosen_narrows_a_list_that_is_configured(
    archive: Make, data_directory: Path, tmp_path: Path
) -> None:
    source = archive(studies=1, instances=3).folder
    kept = tmp_path / "kept.txt"
    kept.write_text(f"{source}/a/1.dcm\n./a/2.dcm\n")
    settings = {"settings": {"filter": {"files_from": str(kept)}}}
    command = launch(data_directory, ["scan", str(source)], settings, {"files_from": ["a/1.dcm", "a/3.dcm"]})
    assert (command.folder / "files_from.txt").read_text() == "a/1.dcm\n"
    until_ended(command)
    command.forget()


def test_a_migration_is_watched_and_steered(
    archive: Make, keeping_scp: Keeping, data_directory: Path
) -> None:
    source, peer = archive(studies=10, instances=10), keeping_scp(delay=0.3)
    options = ["migrate", str(source.folder), "--to", str(peer.node), "--workers", "1", "--json"]
    command = launch(data_directory, options)
    wait_until(lambda: bool(peer.datasets), "something was sent", 60)
    command.ask("pause")
    assert command.look().is_paused
    command.ask("resume")
    look = command.look()
    assert not look.is_paused
    assert look.snapshots[0]["run"]["found"] == 100
    command.ask("cancel")
    assert until_ended(command).code == 130
    command.forget()


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_it_goes_on_when_the_one_who_started_it_is_killed(
    archive: Make, keeping_scp: Keeping, data_directory: Path
) -> None:
    was_found = threading.Event()
    peer = keeping_scp(status=lambda _: 0x0000 if was_found.wait(60) else 0xA700)
    source = archive(studies=5, instances=10)
    starter = (
        "import sys, time; from pathlib import Path; from migrator.jobs.launch import launch; "
        f"command = ['migrate', {str(source.folder)!r}, '--to', {str(peer.node)!r}]; "
        f"launch(Path({str(data_directory)!r}), command); "
        "time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", starter], cwd=ROOT) as process:
        wait_until(lambda: bool(peer.datasets), "something was sent", 60)
        process.send_signal(signal.SIGKILL)
    (command,) = launched(data_directory)
    assert not command.has_ended
    was_found.set()
    assert until_ended(command).code == 0
    assert len(peer.datasets) == 50


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_one_that_was_killed_has_ended_without_a_word(
    archive: Make, keeping_scp: Keeping, data_directory: Path
) -> None:
    source, peer = archive(studies=5, instances=10), keeping_scp(delay=2.0)
    command = launch(data_directory, ["migrate", str(source.folder), "--to", str(peer.node)])
    wait_until(lambda: bool(peer.datasets), "something was sent", 60)
    assert command.process_id is not None
    os.kill(command.process_id, signal.SIGKILL)
    assert until_ended(command).code == -1
    (again,) = launched(data_directory)
    assert again.look().code == -1
    command.forget()


@pytest.mark.skipif(sys.platform == "win32", reason="there a process that has ended leaves no zombie")
def test_one_that_ends_while_it_is_looked_at_was_not_killed(
    archive: Make, data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = launch(data_directory, ["scan", str(archive(studies=1).folder), "--settle", "0"])
    may_come = command._may_come

    def ending() -> bool:
        """Answer when it has ended."""
        wait_until(lambda: process.status() == psutil.STATUS_ZOMBIE, "it has ended", 60)
        return may_come()

    process = psutil.Process(command.process_id)
    monkeypatch.setattr(command, "_may_come", ending)
    monkeypatch.setattr(command.watch, "look", lambda: None)  # it gives no answer, however late it is asked
    assert command.look().code == 0
    command.forget()


@pytest.mark.skipif(sys.platform == "win32", reason="stops by signal")
def test_one_that_is_stopped_for_a_while_has_not_ended(
    archive: Make, keeping_scp: Keeping, data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, peer = archive(studies=10, instances=10), keeping_scp(delay=0.3)
    options = ["migrate", str(source.folder), "--to", str(peer.node), "--workers", "1"]
    command = launch(data_directory, options)
    wait_until(lambda: bool(peer.datasets), "something was sent", 60)
    (adopted,) = launched(data_directory)  # as the next window sees it
    assert command.process_id is not None
    process = psutil.Process(command.process_id)
    with monkeypatch.context() as patched:
        patched.setattr(steering, "_ANSWER", 2.0)
        wait_until(lambda: bool(adopted.look().snapshots), "it answers")
        process.suspend()
        try:
            # On a busy machine it may go on for a moment, and answer.
            wait_until(lambda: process.status() == psutil.STATUS_STOPPED, "it is stopped")
            assert adopted.look() == Look()
            assert not left_running(data_directory)[0].is_lost
        finally:
            process.resume()
    wait_until(lambda: bool(adopted.look().snapshots), "it answers again")
    adopted.ask("cancel")
    assert until_ended(adopted).code == 130
    adopted.forget()
    command.forget()


def test_an_answer_of_another_version_is_no_end_and_no_failure(tmp_path: Path) -> None:
    class Odd(Stage):
        def watch(self, since: object) -> dict[str, object]:
            return {"numbers": since}

    with steering.steering(tmp_path, Odd()):
        watch = Watch(tmp_path, "a command")
        assert watch.look() == Look()
        watch.close()
    assert watch.look() is None


def test_a_command_line_that_is_wrong_ends_as_the_parser_says(data_directory: Path) -> None:
    command = launch(data_directory, ["migrate", "--no-such-option"])
    wait_until(lambda: command.has_ended, "the command has ended", 60)
    (again,) = launched(data_directory)
    assert again.look().code == 2
    command.forget()


def test_how_a_migration_ended_holds_its_last_numbers(
    archive: Make, keeping_scp: Keeping, data_directory: Path
) -> None:
    source, peer = archive(studies=1, instances=3), keeping_scp()
    command = launch(data_directory, ["migrate", str(source.folder), "--to", str(peer.node), "--json"])
    wait_until(lambda: command.has_ended, "the command has ended", 60)
    look = command.look()  # the first one
    assert look.code == 0
    assert [one["run"]["sent"] for one in look.snapshots] == [3]
    command.forget()


def test_what_cannot_be_started_leaves_nothing(data_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: Path, content: bytes) -> None:
        raise UsageError(f"cannot write {file}: No space left on device")

    monkeypatch.setattr("migrator.jobs.launch.write_whole", full)
    with pytest.raises(UsageError, match=r"migrate cannot be started: .*No space left"):
        launch(data_directory, ["migrate", "/mnt"], {"settings": {}})
    assert list((data_directory / "running").iterdir()) == []


def test_lines_are_told_once_each_in_answers_of_bounded_size() -> None:
    lines = Lines()
    for number in range(500):
        lines.add("info", f"{number} " + "x" * 300)
    told, following = lines.since(0)
    assert 0 < len(told) < 500
    seen = list(told)
    while told:
        told, following = lines.since(following)
        seen += told
    assert [line.text.split()[0] for line in seen] == [str(number) for number in range(500)]
    assert lines.since(following) == ([], following)


def test_what_is_logged_and_told_is_one_line_and_old_ones_go() -> None:
    lines = Lines()
    lines.add("warning", "the same")
    lines.add("info", "the same")
    assert len(lines.since(0)[0]) == 1
    for number in range(5000):
        lines.add("info", str(number))
    told, following = lines.since(0)
    assert following <= 5001
    assert int(told[0].text) == 3000


def test_the_last_lines_of_a_command_are_seen_after_its_end_and_only_once(data_directory: Path) -> None:
    command = launch(data_directory, ["scan", str(data_directory / "nowhere"), "--json"])
    wait_until(lambda: command.has_ended, "the command has ended")
    look = command.look()
    assert look.code == 4
    assert any("does not exist" in line.text for line in look.lines)
    assert command.look().lines == ()
    command.forget()
