"""Steering a run from another process, and what clients that misbehave can do to it: nothing."""

from __future__ import annotations

import json
import logging
import os
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from migrator.core.errors import NotRunning, UsageError
from migrator.core.model import Node
from migrator.jobs import channel, steering
from migrator.jobs.home import job_folder
from migrator.jobs.steering import FILE, Steering
from tests.control.steered import FakeRun

NODE = Node("127.0.0.1", 11112, "PACS")
SOURCE = "/archive"
LIMIT = 30.0
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="speaks to the socket itself")


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def folder(data_directory: Path) -> Path:
    place = job_folder(data_directory, SOURCE, NODE)
    place.mkdir(parents=True)
    return place


@pytest.fixture
def run(folder: Path) -> Iterator[FakeRun]:
    fake = FakeRun()
    with steering.steering(folder, fake):
        yield fake


def call(home: Path) -> Steering:
    return Steering(home, SOURCE, NODE)


def test_a_run_does_what_it_is_asked(run: FakeRun, data_directory: Path) -> None:
    with call(data_directory) as line:
        assert line.ask({"do": "pause"}) == {}
        assert line.ask({"do": "set", "name": "bandwidth", "value": "5"}) == {}
        assert line.ask({"do": "prioritise", "study": "1.2.3", "patient": None}) == {"instances": 7}
        assert line.ask({"do": "status"})["phase"] == "sending"
        assert line.ask({"do": "resume"}) == {}
        assert line.ask({"do": "cancel"}) == {}
    assert run.told == [
        ("pause",),
        ("set", "bandwidth", "5"),
        ("prioritise", "1.2.3", ""),
        ("resume",),
        ("cancel",),
    ]


def test_what_the_run_refuses_comes_back_in_its_words(run: FakeRun, data_directory: Path) -> None:
    with call(data_directory) as line:
        with pytest.raises(UsageError, match="'speed' cannot be set"):
            line.ask({"do": "set", "name": "speed", "value": "9"})
        for nonsense in ({"do": "explode"}, {}, {"do": "set", "name": 3, "value": []}, {"do": ["pause"]}):
            with pytest.raises(UsageError, match="another version"):
                line.ask(nonsense)
        assert line.ask({"do": "pause"}) == {}


def test_a_fault_in_the_run_is_no_end_of_it_and_leaks_no_patient(
    run: FakeRun, data_directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        call(data_directory) as line,
        pytest.raises(UsageError, match="RuntimeError") as refused,
    ):
        line.ask({"do": "prioritise", "study": None, "patient": "DOE^SECRET"})
    assert "DOE" not in str(refused.value)
    assert "DOE" not in caplog.text
    assert "RuntimeError" in caplog.text
    with call(data_directory) as line:
        assert line.ask({"do": "pause"}) == {}


def test_several_clients_are_served_at_the_same_time(run: FakeRun, data_directory: Path) -> None:
    lines = [call(data_directory) for _ in range(10)]
    for line in lines:
        assert line.ask({"do": "pause"}) == {}
    for line in lines:
        line.close()
    assert run.told == [("pause",)] * 10


def test_where_no_run_is_on_it_says_so(data_directory: Path, folder: Path) -> None:
    with pytest.raises(NotRunning, match=r"no run is on from /archive to PACS@127\.0\.0\.1:11112"):
        call(data_directory)
    with steering.steering(folder, FakeRun()):
        call(data_directory).close()
    with pytest.raises(NotRunning):
        call(data_directory)


def test_a_run_that_has_ended_leaves_nothing_behind(folder: Path) -> None:
    with steering.steering(folder, FakeRun()):
        address = json.loads((folder / FILE).read_text())["address"]
    assert list(folder.iterdir()) == []
    assert not Path(address).parent.exists()


def test_clients_that_are_still_connected_do_not_keep_a_run_from_ending(
    folder: Path, data_directory: Path
) -> None:
    with steering.steering(folder, FakeRun()):
        line = call(data_directory)
        began = time.monotonic()
    assert time.monotonic() - began < LIMIT
    with pytest.raises(NotRunning, match="has just ended"):
        line.ask({"do": "pause"})
    until(lambda: not [one for one in threading.enumerate() if one.name.startswith("steering")])


def test_a_run_that_was_killed_is_told_from_one_that_is_on_and_cleared_away_by_the_next(
    data_directory: Path, folder: Path
) -> None:
    killed = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, sys; from pathlib import Path; from migrator.jobs.steering import steering\n"
            "with steering(Path(sys.argv[1]), None): os._exit(9)",
            str(folder),
        ],
        check=False,
    )
    assert killed.returncode == 9
    address = json.loads((folder / FILE).read_text())["address"]
    with pytest.raises(NotRunning, match="the last one was killed"):
        call(data_directory)
    fake = FakeRun()
    with steering.steering(folder, fake), call(data_directory) as line:
        assert not Path(address).parent.exists()
        line.ask({"do": "pause"})
    assert fake.told == [("pause",)]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"address": 1}', '{"address": "x", "key": "zz"}'])
def test_a_file_that_makes_no_sense_means_no_run_and_hinders_none(
    content: str, data_directory: Path, folder: Path
) -> None:
    (folder / FILE).write_text(content)
    with pytest.raises(NotRunning):
        call(data_directory)
    with steering.steering(folder, FakeRun()), call(data_directory) as line:
        assert line.ask({"do": "pause"}) == {}


@posix_only
def test_only_the_owner_can_read_the_key_or_reach_the_socket(run: FakeRun, folder: Path) -> None:
    address = json.loads((folder / FILE).read_text())["address"]
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(address).parent.stat().st_mode) == 0o700


def test_whoever_does_not_know_the_key_is_not_let_in(
    run: FakeRun, folder: Path, data_directory: Path
) -> None:
    known = json.loads((folder / FILE).read_text())
    (folder / FILE).write_text(json.dumps({**known, "key": "00" * 32}))
    with pytest.raises(NotRunning):
        call(data_directory).ask({"do": "cancel"})
    line = channel.connect(known["address"], LIMIT)
    line.send({"do": "cancel"})  # without an introduction
    assert len(line._read(1000)) == 32  # the question that introductions answer
    with pytest.raises(ConnectionError, match="gone"):
        line.receive()
    line.close()
    assert run.told == []


def test_a_client_does_not_trust_a_run_that_does_not_know_the_key(folder: Path, data_directory: Path) -> None:
    place = channel.new_place()
    listener = channel.listen(place)
    content = {"address": place.address, "key": "11" * 32}
    (folder / FILE).write_text(json.dumps(content))

    def pretend() -> None:
        line = channel.Channel(listener.accept(), LIMIT)
        line._write(b"n" * 32)
        line._read(1000)
        line._write(b"p" * 32)
        line.close()

    thread = threading.Thread(target=pretend)
    thread.start()
    with pytest.raises(NotRunning):
        call(data_directory)
    thread.join(LIMIT)
    listener.close()
    place.remove()


@posix_only
@pytest.mark.parametrize(
    "noise",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff" * 5000,
        struct.pack("!i", 64) + bytes(64),
        struct.pack("!i", 10) + b"half",
        struct.pack("!i", -1) + struct.pack("!Q", 2**63),
        struct.pack("!i", 0),
        b"",
    ],
)
def test_garbage_and_silence_cost_the_run_nothing(
    noise: bytes, run: FakeRun, folder: Path, data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = iter([0.3] * 8)  # with the strangers only
    monkeypatch.setattr(
        steering, "Channel", lambda line, seconds: channel.Channel(line, next(patience, seconds))
    )
    address = json.loads((folder / FILE).read_text())["address"]
    strangers = []
    for _ in range(8):
        stranger = socket.socket(socket.AF_UNIX)
        stranger.connect(address)
        with suppress(OSError):  # whoever is slow to say anything has been dropped by now
            stranger.sendall(noise)
        strangers.append(stranger)
    with call(data_directory) as line:
        assert line.ask({"do": "pause"}) == {}
    until(lambda: not [one for one in threading.enumerate() if one.name == "steering-client"])
    for stranger in strangers:
        stranger.close()
    assert run.told == [("pause",)]


@posix_only
def test_too_many_clients_are_turned_away_until_silent_ones_have_been_dropped(
    run: FakeRun, folder: Path, data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = json.loads((folder / FILE).read_text())["address"]

    def strangers(patience: float) -> ExitStack:
        monkeypatch.setattr(steering, "_PATIENCE", patience)
        stack = ExitStack()
        for _ in range(steering._MOST_CLIENTS):
            stack.enter_context(socket.socket(socket.AF_UNIX)).connect(address)
        return stack

    with strangers(2 * LIMIT), pytest.raises(NotRunning, match="too many"):
        call(data_directory)

    def is_served() -> bool:
        try:
            with call(data_directory) as line:
                line.ask({"do": "pause"})
        except NotRunning:
            return False
        return True

    until(is_served)
    with strangers(0.3):
        until(is_served)


def test_a_message_that_is_too_long_ends_that_line_alone(run: FakeRun, data_directory: Path) -> None:
    line = call(data_directory)
    with pytest.raises(NotRunning):
        line.ask({"do": "set", "name": "workers", "value": "9" * channel.MOST_BYTES})
    with call(data_directory) as other:
        assert other.ask({"do": "resume"}) == {}


def test_where_no_socket_can_be_had_the_run_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(place: channel.Place) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(steering, "listen", refuse)
    ran = False
    with steering.steering(folder, FakeRun()):
        ran = True
    assert ran
    assert "cannot be reached" in caplog.text
    assert not (folder / FILE).exists()


@posix_only
def test_a_folder_for_temporary_files_with_a_long_path_is_gone_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    place = channel.new_place()
    channel.listen(place).close()
    place.remove()
    assert len(os.fsencode(place.address)) <= 104
    assert list(deep.iterdir()) == []
