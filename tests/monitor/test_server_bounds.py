"""What clients cannot do: send too much, take too long, come in hundreds, make the run wait."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from migrator.core.control import Control
from migrator.engine.accounting import Snapshot
from migrator.monitor import connections, guard, serve, stream
from migrator.monitor.numbers import Numbers
from migrator.monitor.pace import Pace
from migrator.monitor.watched import Steering, Watched
from tests.monitor.made_up import A_SNAPSHOT, LIMIT, Run, events_of, moved, numbers, read_all, served, until


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with served(tmp_path) as one:
        yield one


def head(run: Run, line: str, *headers: str) -> bytes:
    return "\r\n".join([line, f"Host: 127.0.0.1:{run.port}", *headers, "", ""]).encode()


def is_cut(connection: socket.socket) -> bool:
    """Whether the other side has ended it, waiting for that."""
    read_all(connection)
    return True


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 5000",),
        ("Content-Length: 99999999999999999999",),
        ("Transfer-Encoding: chunked",),
    ],
)
def test_a_body_that_is_too_large_is_refused(run: Run, headers: tuple[str, ...]) -> None:
    request = head(
        run, "POST /api/pair HTTP/1.1", "Content-Type: application/json", "Connection: close", *headers
    )
    body = b"1388\r\n" + b"x" * 5000 + b"\r\n0\r\n\r\n" if "chunked" in headers[0] else b"x" * 5000
    answer = run.say(request + body)
    assert answer.startswith((b"HTTP/1.1 413", b"HTTP/1.1 400"))
    assert b'"error"' in answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000 + b"\r\n\r\n",
    ],
)
def test_nonsense_is_refused_in_json_and_the_connection_ends(run: Run, request_bytes: bytes) -> None:
    answer = run.say(request_bytes)
    assert answer.startswith(b"HTTP/1.1 400") or not answer  # reset, where more came than was read
    if answer:
        assert list(json.loads(answer.partition(b"\r\n\r\n")[2])) == ["error"]
    assert numbers(run)["found"] == 100


@pytest.mark.parametrize(
    "begun", ["", "GET / HTTP/1.1\r\nHo", "POST /api/pair HTTP/1.1\r\nContent-Length: 9\r\n"]
)
def test_who_sends_a_request_drop_by_drop_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: str
) -> None:
    monkeypatch.setattr(connections, "_ARRIVE", 0.3)
    monkeypatch.setattr(connections, "TICK", 0.1)
    with served(tmp_path) as run, closing(run.raw()) as slow:
        if begun:
            slow.sendall(begun.encode())
        drops, is_over = iter("X: " + "y" * 10_000), threading.Event()

        def drip() -> None:
            while begun and not is_over.wait(0.05):
                try:
                    slow.sendall(next(drops).encode())
                except OSError:
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        assert is_cut(slow)
        is_over.set()
        dripping.join()


def test_who_sends_a_body_drop_by_drop_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_ARRIVE", 0.3)
    monkeypatch.setattr(connections, "TICK", 0.1)
    with served(tmp_path) as run, closing(run.raw()) as slow:
        headers = ("Content-Type: application/json", "Content-Length: 20")
        slow.sendall(head(run, "POST /api/pair HTTP/1.1", *headers) + b'{"co')
        assert is_cut(slow)


def test_who_does_not_read_is_cut_off_and_costs_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_LEAVE", 0.3)
    monkeypatch.setattr(connections, "TICK", 0.1)
    monkeypatch.setattr(connections, "_BUFFER", 4096)
    monkeypatch.setattr(stream, "_SLOW", 0.3)
    with served(tmp_path) as run, closing(socket.socket()) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        slow.connect(("127.0.0.1", run.port))
        request = head(run, "GET /api/snapshot HTTP/1.1")
        slow.settimeout(LIMIT)
        # Pipelined, and never read: the answers fill what the system keeps for both sides.
        with pytest.raises(OSError):
            while True:
                slow.sendall(request * 50)
        assert numbers(run)["found"] == 100


def test_hundreds_of_open_connections_leave_room_for_a_real_client(run: Run) -> None:
    before = threading.active_count()
    with ExitStack() as opened:
        many = [opened.enter_context(closing(run.raw())) for _ in range(300)]
        for one in many[::3]:
            one.sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(3):
            assert numbers(run)["found"] == 100
        with run.client() as client, client.stream("GET", "/api/events") as answer:
            told = events_of(answer.iter_lines())
            next(told)
            run.numbers[:] = [moved(A_SNAPSHOT, 77)]
            assert next(one for one in told if one["sent"] == 77)
        # Most were cut to make room, without a thread or a file more for each.
        assert threading.active_count() - before < 30


def test_the_oldest_stream_of_a_client_makes_room_for_its_newest(run: Run) -> None:
    with ExitStack() as opened:
        streams = []
        for _ in range(stream._MOST_OF_ONE + 1):
            one = opened.enter_context(closing(run.raw()))
            one.sendall(head(run, "GET /api/events HTTP/1.1"))
            assert one.recv(16)
            streams.append(one)
        answer = read_until(streams[0], b"\r\n0\r\n\r\n")
        assert answer.endswith(b"0\r\n\r\n")
        newest = streams[-1]
        run.numbers[:] = [moved(A_SNAPSHOT, 77)]
        assert b'"sent":77' in read_until(newest, b'"sent":77')


def read_until(connection: socket.socket, end: bytes) -> bytes:
    answer = b""
    while end not in answer:
        part = connection.recv(65536)
        assert part
        answer += part
    return answer


def test_a_flood_of_requests_waits_its_turn_and_the_rest_of_it_is_turned_away() -> None:
    pace = Pace(rate=100, burst=300, most=2)
    at_once = [pace.wait(0.0) for _ in range(1000)]
    assert at_once[:300] == [0.0] * 300
    waiting = [one for one in at_once[300:] if one is not None]
    assert waiting == sorted(waiting)
    assert len(waiting) == 200
    assert at_once[500:] == [None] * 500
    assert pace.wait(1.0) is not None
    assert pace.wait(60.0) == 0.0


def test_who_is_turned_away_is_told_when_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "_BURST", 2)
    monkeypatch.setattr(guard, "_RATE", 0.001)
    with served(tmp_path) as run, run.client() as client:
        answers = [client.get("/healthz") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 503]
    assert answers[-1].headers["retry-after"] == "1"


def test_no_client_makes_the_run_take_more_snapshots(run: Run) -> None:
    with ExitStack() as opened:
        for _ in range(6):
            one = opened.enter_context(closing(run.raw()))
            one.sendall(head(run, "GET /api/events HTTP/1.1"))
            assert one.recv(16)
        before = len(run.asked)
        until(lambda: len(run.asked) >= before + 4)
        asked = run.asked[before:]
    assert len(asked) <= asked[-1] - asked[0] + 2


def test_whoever_looks_the_run_is_asked_once_a_tick_and_when_it_was_steered() -> None:
    asked, now = list[float](), 0.0

    def ask() -> list[Snapshot]:
        asked.append(now)
        return [A_SNAPSHOT]

    watched = Watched(ask, lambda: False, Steering.of(Control()))
    pulse = stream.Pulse(Numbers(watched, control=True, details=False), lambda: now)
    pulse.streams.append(stream.EventStream(pulse, "somebody"))
    for tick in range(10):
        now = float(tick)
        pulse.tick()
        for after in (0.2, 0.6, 0.99):
            now = tick + after
            assert pulse.shown["found"] == 100
            assert b'"found":100' in pulse.json
    assert asked == [float(tick) for tick in range(10)]
    pulse.refresh()
    now = 10.0
    pulse.tick()
    assert asked[10:] == [9.99]


def test_who_listened_just_now_is_awaited_at_the_end_and_not_for_long() -> None:
    now = 0.0
    watched = Watched(lambda: [A_SNAPSHOT], lambda: False, Steering.of(Control()))
    pulse = stream.Pulse(Numbers(watched, control=True, details=False), lambda: now)

    def listened(client: str) -> None:
        one = stream.EventStream(pulse, client)
        pulse.admit(one)
        one.close()
        pulse.left(client)

    listened("a browser")
    listened("a browser")
    pulse.admit(stream.EventStream(pulse, "a browser"))
    pulse.streams.clear()  # it hears on
    assert not pulse.is_awaited
    listened("a browser")
    listened("another")
    pulse.end()
    listened("a browser")  # and hears the last
    assert pulse.is_awaited
    listened("another")
    assert not pulse.is_awaited


def test_who_left_some_time_ago_is_not_awaited() -> None:
    now = 0.0
    watched = Watched(lambda: [A_SNAPSHOT], lambda: False, Steering.of(Control()))
    pulse = stream.Pulse(Numbers(watched, control=True, details=False), lambda: now)
    pulse.left("a browser that was closed")
    assert pulse.is_awaited
    now = 2.0
    assert not pulse.is_awaited


def test_a_connection_on_which_nothing_more_is_asked_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "_IDLE", 0.2)
    monkeypatch.setattr(connections, "_ARRIVE", 10 * LIMIT)
    with served(tmp_path) as run, closing(run.raw()) as idle:
        idle.sendall(head(run, "GET /healthz HTTP/1.1"))
        assert read_all(idle).endswith(b'{"status":"ok"}')


def test_no_client_can_fill_the_log(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> list[Snapshot]:
        raise RuntimeError

    caplog.set_level(logging.INFO, "migrator.monitor")
    run.watched.snapshots = fails
    with run.client() as client:
        for path in ("/app.js%0a", "/static/app.js%0a", "/healthz%0a", "/%00"):
            assert client.get(path).status_code < 500
        until(lambda: client.get("/api/snapshot").status_code == 500)
        for _ in range(20):
            assert client.get("/api/snapshot").status_code == 500
    ours = [one.getMessage() for one in caplog.records if one.name == "migrator.monitor"]
    assert ours.count("a request to the monitor failed: RuntimeError") == 1
    assert len(ours) <= 2  # the other is the monitor's own look


def test_nothing_that_clients_ask_for_is_logged(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("uvicorn.error", "uvicorn.access"):
        assert not logging.getLogger(name).propagate
    with run.client() as client:
        client.get("/DOE%5EJANE?patient=DOE")
        client.post(
            "/api/pair", content=b'{"code": "DOE^JANE"}', headers={"content-type": "application/json"}
        )
    run.say(b"DOE^JANE\r\n\r\n")
    ours = [one for one in caplog.records if not one.name.startswith(("httpx", "httpcore"))]
    assert "DOE" not in " ".join(one.getMessage() for one in ours)
