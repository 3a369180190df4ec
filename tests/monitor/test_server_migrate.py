"""`migrate --monitor`, the whole way: the command in a process of its own, a browser's requests, an SCP."""

from __future__ import annotations

import io
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from migrator.cli import running
from migrator.cli.monitor_words import place_lines, qr_code
from migrator.core.model import Node
from migrator.jobs.watched import MONITOR, Stage
from tests.migrate.running import Command, migrate
from tests.monitor.made_up import LIMIT, events_of, served, until
from tests.peers import KeepingScp, free_port
from tests.peers.archives import Archive

__all__ = ["migrate"]

Make = Callable[..., Archive]
Keep = Callable[..., KeepingScp]

SLOW = ("--workers", "1", "--bandwidth", "0.05")  # some ten small files a second
SLOWER = ("--workers", "1", "--bandwidth", "0.01")


class Watching:
    """A `migrate` with a monitor, and what it told."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stderr is not None
        found = None
        while found is None:
            line = process.stderr.readline()
            assert line, "it ended before it told where its monitor is"
            found = re.search(r"Monitor: (http://127\.0\.0\.1:(\d+))(?: \(code (\d{6})\))?", line)
        self.url, self.port, self.code = found[1], int(found[2]), found[3]

    @contextmanager
    def client(self) -> Iterator[httpx2.Client]:
        with httpx2.Client(base_url=self.url, timeout=LIMIT, trust_env=False) as client:
            yield client

    def result(self) -> dict[str, Any]:
        return dict(json.loads(self.process.communicate(timeout=LIMIT)[0]))


@contextmanager
def watching(source: Archive, scp: KeepingScp, *options: str) -> Iterator[Watching]:
    command = [sys.executable, "-m", "migrator", "migrate", str(source.folder), "--to", str(scp.node)]
    command += ["--settle", "0", "--json", "--monitor", "127.0.0.1:0", *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield Watching(process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)


def test_a_run_is_watched_to_its_end_among_hundreds_of_open_connections(
    archive: Make, keeping_scp: Keep
) -> None:
    is_paused = threading.Event()
    scp = keeping_scp(status=lambda _: 0x0000 if is_paused.wait(LIMIT) else 0xA700)
    source = archive(studies=2, instances=8)
    with (
        watching(source, scp, *SLOW, "--monitor-control") as run,
        ExitStack() as opened,
        run.client() as client,
    ):
        steer = paired(client, run.code)
        steer("pause")  # so that it lasts until all are there
        is_paused.set()
        for number in range(300):
            one = opened.enter_context(closing(socket.create_connection(("127.0.0.1", run.port), LIMIT)))
            if number % 2:
                one.sendall(f"GET /api/session HTTP/1.1\r\nHost: 127.0.0.1:{run.port}\r\n\r\n".encode())
        with client.stream("GET", "/api/events") as stream:
            steer("resume")
            seen = list(events_of(stream.iter_lines()))
        result = run.result()
    assert seen[0]["state"] == "paused"
    last = seen[-1]
    assert (last["has_ended"], last["code"], last["state"]) == (True, 0, "done")
    assert [last[state] for state in ("found", "sent", "failed", "pending")] == [16, 16, 0, 0]
    assert all(one["balances"] for one in seen)
    assert (result["sent"], run.process.returncode) == (16, 0)


def paired(client: httpx2.Client, code: str) -> Callable[[str], None]:
    """Pair, and return what steers the run."""
    client.post("/api/pair", json={"code": code}).raise_for_status()
    token = {"x-csrf-token": client.get("/api/session").json()["csrf"]}

    def steer(wish: str) -> None:
        client.post("/api/control", json={"do": wish}, headers=token).raise_for_status()

    return steer


def test_a_phone_pauses_and_resumes_it_and_the_audit_says_so(
    archive: Make, keeping_scp: Keep, tmp_path: Path
) -> None:
    # Half a minute of files, so that it does not end by itself between two orders.
    source, scp = archive(studies=6, instances=50), keeping_scp()
    audit = tmp_path / "audit.jsonl"
    with watching(source, scp, *SLOWER, "--monitor-control", "--audit", str(audit)) as run:
        with run.client() as client:
            assert client.get("/api/snapshot").status_code == 401
            steer = paired(client, run.code)
            until(lambda: len(scp.kept) > 2)
            steer("pause")
            assert client.get("/api/snapshot").json()["state"] == "paused"
            until(lambda: scp.is_idle)
            assert "dicom_migrator_paused 1" in client.get("/metrics").text
            steer("resume")
            assert client.get("/api/snapshot").json()["state"] != "paused"
            steer("cancel")
        result = run.result()
    assert run.process.returncode == 130
    assert result["sent"] == len(scp.kept) < 300
    lines = [json.loads(line) for line in audit.read_text("utf-8").splitlines()]
    steered = [
        (line["event"], line["destination"], line["detail"])
        for line in lines
        if line["event"] in ("paused", "resumed", "cancelled")
    ]
    by = {"by": "monitor"}
    assert steered == [(name, str(scp.node), by) for name in ("paused", "resumed", "cancelled")]


def test_a_run_that_fails_says_so_and_ends_as_without_a_monitor(archive: Make, migrate: Command) -> None:
    nowhere = Node("127.0.0.1", free_port(), "NOWHERE")
    ran = migrate(archive(studies=1).folder, nowhere, "--monitor", "127.0.0.1:0")
    assert ran.code == 3
    assert MONITOR == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--monitor", "somewhere"), "write a port"),
        (("--monitor", "198.51.100.7:0"), "no address of this machine"),
        (("--monitor-control",), "--monitor-control means nothing without --monitor"),
        (("--monitor-details",), "--monitor-details means nothing without --monitor"),
        (("--monitor", "0", "--monitor-cert", "nowhere.pem"), "nowhere.pem cannot be read"),
    ],
)
def test_a_bad_option_ends_it_before_anything_runs(
    archive: Make, keeping_scp: Keep, migrate: Command, options: tuple[str, ...], words: str
) -> None:
    source, scp = archive(studies=1), keeping_scp()
    ran = migrate(source.folder, scp.node, *options)
    assert (ran.code, len(scp.kept)) == (2, 0)
    assert words in ran.told


def test_a_port_that_is_taken_ends_it_before_anything_runs(
    archive: Make, keeping_scp: Keep, migrate: Command
) -> None:
    source, scp = archive(studies=1), keeping_scp()
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        ran = migrate(source.folder, scp.node, "--monitor", str(port))
    assert (ran.code, len(scp.kept)) == (2, 0)
    assert f"another program listens at port {port}" in ran.told


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Let stderr be a terminal of this encoding."""
    with ExitStack() as opened:

        def use(encoding: str) -> None:
            stream = opened.enter_context(_Terminal(io.BytesIO(), encoding=encoding))
            monkeypatch.setattr(sys, "stderr", stream)

        yield use
        monkeypatch.undo()


def test_a_terminal_shows_a_code_to_scan_where_it_can(terminal: Callable[[str], None]) -> None:
    link = "http://192.168.100.100:8090/#pair=123456"
    assert qr_code(link) == ""
    terminal("utf-8")
    lines = qr_code(link).splitlines()
    assert len(lines) < 24
    assert any("▀" in line or "▄" in line for line in lines)
    terminal("ascii")
    assert qr_code(link) == ""


def test_the_terminal_is_told_all_that_a_phone_needs(
    tmp_path: Path, terminal: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path, monitor="0.0.0.0:0") as run:
        terminal("utf-8")
        first, others, drawn = place_lines(run.place)
        assert first == f"Monitor: {run.place.address} (code {run.place.code})"
        assert not {"localhost", "127.0.0.1"} & set(re.split(r"[/:, ]+", others))
        assert drawn == qr_code(run.place.link)
        # What a window started keeps its lines; the window shows the code by itself.
        monkeypatch.setattr(running, "STAGE", Stage())
        assert run.place.code not in "".join(place_lines(run.place))
