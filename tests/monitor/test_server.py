"""What the monitor answers: numbers, events, metrics, errors; and how it begins and ends."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from migrator.core.control import Control
from migrator.core.errors import UsageError
from migrator.core.settings_monitor import MonitorSettings
from migrator.engine.accounting import Ledger, Snapshot
from migrator.jobs.watched import MONITOR, told_since
from migrator.monitor import connections, serve
from migrator.monitor.history import MOST_POINTS, History
from migrator.monitor.place import check, parse_place
from migrator.monitor.serve import serving
from migrator.monitor.watched import Steering, Watched
from tests.monitor.made_up import A_SNAPSHOT, LIMIT, Run, events_of, moved, numbers, served, until


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with served(tmp_path) as one:
        yield one


def test_the_snapshot_holds_the_ledger_under_its_own_names(run: Run) -> None:
    shown = numbers(run)
    assert (shown["found"], shown["sent"], shown["failed"], shown["pending"]) == (100, 40, 2, 58)
    assert shown["job"] == A_SNAPSHOT.job.as_dict()
    assert shown["balances"] is True
    assert (shown["state"], shown["words"], shown["percent"]) == ("sending", "Sending", 42)
    assert shown["destinations"][0]["node"] == "PACS@127.0.0.1:104"
    assert shown["history"]["every"] == 1.0


def test_the_page_says_so_where_the_ledger_does_not_balance(tmp_path: Path) -> None:
    wrong = replace(A_SNAPSHOT, run=Ledger(sent=1, found=3))
    with served(tmp_path, [wrong]) as run:
        assert numbers(run)["balances"] is False


def test_several_destinations_are_summed_and_shown_one_by_one(tmp_path: Path) -> None:
    other = replace(A_SNAPSHOT, destination="ARCHIVE@127.0.0.1:105", circuit="open", hold="left alone")
    with served(tmp_path, [A_SNAPSHOT, other]) as run:
        shown = numbers(run)
    assert shown["found"] == 200
    assert [one["state"] for one in shown["destinations"]] == ["sending", "waiting"]
    assert shown["state"] == "sending"


@pytest.mark.parametrize(
    ("phase", "changes", "state", "words"),
    [
        ("starting", {}, "starting", "Starting"),
        ("scanning", {}, "scanning", "Scanning"),
        ("checking the source", {}, "checking", "Checking the source"),
        ("hashing the source again", {}, "hashing", "Hashing the source again"),
        ("sending", {"circuit": "open", "hold": "left alone, tried again in 9 s"}, "waiting", "Waiting"),
        ("sending", {"associations": 0, "hold": "nothing is sent before 22:00"}, "waiting", "Waiting"),
        ("sending", {"hold": "the destination bears 2 associations"}, "sending", "Sending"),
        ("sending", {"hold": "paused"}, "paused", "Paused while sending"),
    ],
)
def test_the_state_is_one_word(
    tmp_path: Path, phase: str, changes: dict[str, object], state: str, words: str
) -> None:
    with served(tmp_path, [replace(A_SNAPSHOT, phase=phase, **changes)]) as run:  # type: ignore[arg-type]
        shown = numbers(run)
    assert (shown["state"], shown["words"]) == (state, words)
    assert shown["detail"] == ("" if state == "paused" else changes.get("hold", ""))


def test_events_come_when_something_changed(run: Run) -> None:
    with run.client() as client, client.stream("GET", "/api/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        told = events_of(stream.iter_lines())
        assert next(told)["sent"] == 40
        run.numbers[:] = [moved(A_SNAPSHOT, 50)]
        assert next(one for one in told if one["sent"] == 50)["pending"] == 48


def test_who_looks_is_told_how_it_ended(tmp_path: Path) -> None:
    seen: list[dict[str, object]] = []
    is_looking = threading.Event()

    def look() -> None:
        with run.client() as client, client.stream("GET", "/api/events") as stream:
            for one in events_of(stream.iter_lines()):
                seen.append(one)
                is_looking.set()

    with served(tmp_path) as run:
        looker = threading.Thread(target=look)
        looker.start()
        assert is_looking.wait(LIMIT)
        run.watched.ending = "the run's time is over"
        run.watched.code = 5
    looker.join(LIMIT)
    last = seen[-1]
    assert (last["has_ended"], last["code"], last["state"]) == (True, 5, "stopped")
    assert last["detail"] == "the run's time is over"
    assert last["files_per_second"] == 0


@pytest.mark.parametrize(("code", "state"), [(0, "done"), (1, "failed"), (3, "failed"), (130, "stopped")])
def test_a_run_that_ended_says_how(run: Run, code: int, state: str) -> None:
    run.watched.code = code
    assert numbers(run)["state"] == state


ARRIVED, LEFT, LOST = Ledger(sent=3, found=3), Ledger(sent=1, pending=2, found=3), Ledger(failed=3, found=3)
NOT_IN_PLACE = "Ended with problems"


@pytest.mark.parametrize(
    ("job", "code", "codes", "state", "words"),
    [
        (Ledger(), 3, {}, "failed", "Ended by an error"),
        (ARRIVED, 1, {}, "failed", "Ended by an error"),
        (ARRIVED, 1, {A_SNAPSHOT.destination: 1}, "failed", NOT_IN_PLACE),
        (ARRIVED, 1, {A_SNAPSHOT.destination: 0}, "done", "Done"),
        (ARRIVED, 130, {A_SNAPSHOT.destination: 130}, "stopped", "Stopped before its end"),
        (LEFT, 5, {A_SNAPSHOT.destination: 5}, "stopped", "Stopped with 2 pending"),
        (LOST, 130, {A_SNAPSHOT.destination: 130}, "failed", NOT_IN_PLACE),
    ],
)
def test_a_destination_is_done_only_where_its_own_part_came_to_a_good_end(
    run: Run, job: Ledger, code: int, codes: dict[str, int], state: str, words: str
) -> None:
    run.numbers[:] = [replace(A_SNAPSHOT, job=job)]
    until(lambda: numbers(run)["destinations"][0]["job"] == job.as_dict())
    if codes:
        run.watched.codes = codes
    run.watched.code = code
    until(lambda: bool(numbers(run)["has_ended"]))
    (card,) = numbers(run)["destinations"]
    assert (card["state"], card["words"]) == (state, words)


def test_nobody_is_asked_for_numbers_more_than_about_once_a_second(run: Run) -> None:
    with run.client() as client:
        for _ in range(200):
            client.get("/api/snapshot").raise_for_status()
    spent = run.asked[-1] - run.asked[0]
    assert len(run.asked) <= spent + 2


def test_the_metrics_can_be_scraped(run: Run) -> None:
    with run.client() as client:
        answer = client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.text.splitlines()
    assert 'dicom_migrator_instances{destination="PACS@127.0.0.1:104",state="sent"} 40' in lines
    assert 'dicom_migrator_job_instances{destination="PACS@127.0.0.1:104",state="sent"} 140' in lines
    assert 'dicom_migrator_circuit{destination="PACS@127.0.0.1:104",circuit="closed"} 1' in lines
    assert 'dicom_migrator_eta_seconds{destination="PACS@127.0.0.1:104"} 7.25' in lines
    assert "dicom_migrator_paused 0" in lines
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names))


def test_labels_are_escaped(tmp_path: Path) -> None:
    with served(tmp_path, [replace(A_SNAPSHOT, destination='A"\\\nB')]) as run, run.client() as client:
        assert 'destination="A\\"\\\\\\nB"' in client.get("/metrics").text


def test_health_tells_no_numbers(run: Run) -> None:
    with run.client() as client:
        assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/static/../serve.py", 404),
        ("GET", "/api/snapshot/", 404),
        ("DELETE", "/healthz", 405),
    ],
)
def test_errors_are_told_in_json(run: Run, method: str, path: str, status: int) -> None:
    with run.client() as client:
        answer = client.request(method, path)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize(("pending", "percent"), [(3400, 66), (3401, 65), (1, 99), (0, 100)])
def test_the_percent_is_rounded_down_of_whole_numbers(tmp_path: Path, pending: int, percent: int) -> None:
    ledger = Ledger(sent=10_000 - pending, pending=pending, found=10_000)
    with served(tmp_path, [replace(A_SNAPSHOT, run=ledger)]) as run:
        assert numbers(run)["percent"] == percent


def test_every_answer_forbids_what_a_browser_should_not_do(run: Run) -> None:
    with run.client() as client:
        for path in ("/healthz", "/api/snapshot", "/nowhere", "/metrics"):
            headers = client.get(path).headers
            assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert headers["cache-control"] == "no-store"
            assert not {"server", "access-control-allow-origin"} & set(headers)


def test_the_source_is_shown_only_with_details(tmp_path: Path) -> None:
    with served(tmp_path) as run:
        assert "source" not in numbers(run)
        assert "DOE" not in str(numbers(run))
    with served(tmp_path, monitor_details=True) as run:
        assert numbers(run)["source"] == "/archive/DOE^JANE"


def test_a_hold_names_no_path_without_details(tmp_path: Path) -> None:
    held = replace(A_SNAPSHOT, hold="left alone: cannot write /var/log/DOE^JANE/x: disk full")
    with served(tmp_path, [held]) as run:
        assert numbers(run)["destinations"][0]["hold"] == "left alone: cannot write …: disk full"
    with served(tmp_path, [held], monitor_details=True) as run:
        assert "DOE" in numbers(run)["destinations"][0]["hold"]


def test_a_hold_that_names_what_is_no_text_can_be_shown(tmp_path: Path) -> None:
    held = replace(A_SNAPSHOT, hold="cannot write /var/a\udcff\ud83d")
    with served(tmp_path, [held], monitor_details=True) as run:
        assert numbers(run)["detail"] == "cannot write /var/a??"


def test_the_window_learns_where_it_is_while_it_is_served(tmp_path: Path) -> None:
    with served(tmp_path, monitor_control=True) as run:
        assert told_since(0)["monitor"] == {"address": run.place.address, "code": run.place.code}
    assert MONITOR == []


def test_the_same_port_can_be_served_again_at_once(tmp_path: Path) -> None:
    with served(tmp_path) as run, run.client() as client:
        client.get("/api/snapshot").raise_for_status()
        port = run.port
    with served(tmp_path, monitor=f"127.0.0.1:{port}") as run:
        assert numbers(run)["found"] == 100


def test_a_port_that_is_taken_is_told_before_anything_runs(tmp_path: Path) -> None:
    with served(tmp_path) as run:
        taken = f"127.0.0.1:{run.port}"
        with pytest.raises(UsageError, match="listens at port"), served(tmp_path, monitor=taken):
            pass


def test_ipv6_is_served_too(tmp_path: Path) -> None:
    try:
        with closing(socket.socket(socket.AF_INET6)) as one:
            one.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    with served(tmp_path, monitor="[::1]:0") as run:
        assert run.place.address.startswith("http://[::1]:")
        with closing(socket.create_connection(("::1", run.port))) as connection:
            host = run.place.address.removeprefix("http://").encode()
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
            assert connection.recv(1024).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("8090", ("127.0.0.1", 8090)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        ("[::]:8090", ("::", 8090)),
        (" pacs-host:80 ", ("pacs-host", 80)),
    ],
)
def test_a_place_is_a_port_or_an_address_and_a_port(text: str, place: tuple[str, int]) -> None:
    assert parse_place(text) == place


@pytest.mark.parametrize(
    "text", ["", "x", ":8090", "host:", "host:65536", "::1:8090", "http://x:80", "a b:1"]
)
def test_nonsense_is_no_place(text: str) -> None:
    with pytest.raises(UsageError, match="write a port"):
        parse_place(text)


def test_an_address_of_another_machine_is_no_place(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="no address of this machine"),
        served(tmp_path, monitor="198.51.100.7:0"),
    ):
        pass


@pytest.mark.parametrize(
    "settings", [{"monitor_control": True}, {"monitor_tls": True}, {"monitor_cert": "x.pem"}]
)
def test_its_other_options_mean_nothing_alone(settings: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="means nothing without --monitor"):
        check(MonitorSettings(**settings))  # type: ignore[arg-type]


def test_beyond_this_machine_people_are_told_that_it_can_be_read(tmp_path: Path) -> None:
    with served(tmp_path, monitor="0.0.0.0:0") as run:
        assert len(run.said) == 1
        assert "--monitor-tls" in run.said[0]
        assert not any("0.0.0.0" in address or "[" in address for address in run.place.addresses)
        assert run.place.link == f"{run.place.address}/#pair={run.place.code}"


def fails() -> list[Snapshot]:
    raise RuntimeError("patient DOE")


def test_numbers_that_cannot_be_had_for_a_while_are_a_warning_and_are_shown_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "TICK", 0.1)
    with served(tmp_path) as run, run.client() as client:
        run.watched.snapshots, ask = fails, run.watched.snapshots
        until(lambda: client.get("/api/snapshot").status_code == 500)
        for _ in range(2):
            answer = client.get("/api/snapshot")
            assert (answer.status_code, list(answer.json())) == (500, ["error"])
        until(lambda: bool(run.said))
        assert run.said == ["the monitor cannot look at the run (RuntimeError); it tries again"]
        run.watched.snapshots = ask
        assert numbers(run)["found"] == 100


def test_a_run_whose_last_numbers_cannot_be_had_ends_its_monitor_all_the_same(tmp_path: Path) -> None:
    with served(tmp_path) as run:
        run.watched.snapshots = fails
    until(lambda: not [one for one in threading.enumerate() if one.name == "monitor"])


def test_a_failure_of_it_is_a_warning_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(**_: object) -> None:
        raise RuntimeError("patient DOE")

    with served(tmp_path) as run:
        monkeypatch.setattr(connections, "Connection", breaks)
        assert run.say(b"") == b""
        until(lambda: bool(run.said))
        with pytest.raises(ConnectionRefusedError):
            run.raw()
        assert MONITOR == []
    assert run.said == ["the monitor does not serve any more (RuntimeError); the run goes on"]


def test_a_monitor_that_cannot_start_is_a_warning_and_is_not_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("patient DOE")

    monkeypatch.setattr(connections.Server, "startup", breaks)
    said = list[str]()
    with serving(MonitorSettings(monitor="127.0.0.1:0"), tmp_path, a_run(), said.append) as place:
        assert place is None
        assert MONITOR == []
    assert said == ["the monitor does not serve any more (RuntimeError); the run goes on"]


def test_a_monitor_that_takes_long_to_start_is_a_warning_and_is_announced_when_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_start = threading.Event()
    startup = connections.Server.startup

    async def waits(self: connections.Server, sockets: list[socket.socket] | None = None) -> None:
        may_start.wait(LIMIT)
        await startup(self, sockets)

    monkeypatch.setattr(connections.Server, "startup", waits)
    monkeypatch.setattr(serve, "_STARTS", 0.1)
    said = list[str]()
    with serving(MonitorSettings(monitor="127.0.0.1:0"), tmp_path, a_run(), said.append) as place:
        assert place is None
        assert MONITOR == []
        assert said == ["the monitor does not serve after 0.1 s; the run goes on"]
        may_start.set()
        until(lambda: len(MONITOR) == 1)
    assert MONITOR == []


def a_run() -> Watched:
    return Watched(lambda: (A_SNAPSHOT,), lambda: False, Steering.of(Control()))


def test_a_history_of_any_length_is_bounded_and_keeps_its_newest_point() -> None:
    history = History()
    for second in range(10_000):
        history.add(float(second), 1.0)
    shown = history.as_dict()
    assert len(shown["files_per_second"]) <= MOST_POINTS
    assert shown["every"] > 1
    assert shown["files_per_second"] == sorted(shown["files_per_second"])
    assert set(shown["bytes_per_second"]) == {1.0}
