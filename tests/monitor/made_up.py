"""A run that is made up, and its monitor really served on loopback."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2

from migrator.core.control import Control
from migrator.core.settings_monitor import MonitorSettings
from migrator.engine.accounting import Ledger, Snapshot
from migrator.monitor.serve import Place, serving
from migrator.monitor.watched import Steering, Watched

LIMIT = 30.0

A_SNAPSHOT = Snapshot(
    destination="PACS@127.0.0.1:104",
    phase="sending",
    run=Ledger(sent=40, failed=2, pending=58, found=100),
    job=Ledger(sent=140, failed=2, pending=58, found=200),
    bytes_sent=4_000_000,
    bytes_pending=5_800_000,
    send_seconds=5.0,
    files_per_second=8.0,
    bytes_per_second=800_000.0,
    eta_seconds=7.25,
    healed=1,
    fidelity={},
    remedies={},
    associations=4,
    workers=4,
)


def until(is_so: Callable[[], bool]) -> None:
    """Wait for a condition, with a limit."""
    end = time.monotonic() + LIMIT
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


@dataclass
class Run:
    """What is shown: its numbers can be changed by the test."""

    place: Place
    watched: Watched
    control: Control
    numbers: list[Snapshot]
    said: list[str]
    asked: list[float] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.place.address.rpartition(":")[2])

    @property
    def url(self) -> str:
        """Where this machine reaches it, wherever it is served."""
        return f"{self.place.address.partition(':')[0]}://127.0.0.1:{self.port}"

    @contextmanager
    def client(self, **options: Any) -> Iterator[httpx2.Client]:
        with httpx2.Client(base_url=self.url, timeout=LIMIT, trust_env=False, **options) as client:
            yield client

    @contextmanager
    def paired(self, **options: Any) -> Iterator[httpx2.Client]:
        """A client that knew the code."""
        with self.client(**options) as client:
            client.post("/api/pair", json={"code": self.place.code}).raise_for_status()
            client.headers["x-csrf-token"] = client.get("/api/session").json()["csrf"]
            yield client

    def raw(self) -> socket.socket:
        """A connection to say whatever one likes on."""
        return socket.create_connection(("127.0.0.1", self.port), LIMIT)

    def say(self, request: bytes) -> bytes:
        """Send these bytes, and read until the other side ends."""
        with closing(self.raw()) as connection:
            connection.sendall(request)
            return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    answer = b""
    try:
        while part := connection.recv(65536):
            answer += part
    except ConnectionResetError:
        pass
    return answer


def numbers(run: Run) -> dict[str, Any]:
    with run.client() as client:
        answer = client.get("/api/snapshot")
        answer.raise_for_status()
        return dict(answer.json())


@contextmanager
def served(home: Path, snapshots: Sequence[Snapshot] = (A_SNAPSHOT,), **settings: Any) -> Iterator[Run]:
    """Serve a made-up run, on any port of loopback where `settings` name no other place."""
    control = Control()
    shown, asked, said = list(snapshots), [], []

    def ask() -> Sequence[Snapshot]:
        asked.append(time.monotonic())
        return list(shown)

    watched = Watched(ask, lambda: control.is_paused, Steering.of(control), source="/archive/DOE^JANE")
    wanted = MonitorSettings(**{"monitor": "127.0.0.1:0", **settings})
    with serving(wanted, home, watched, said.append) as place:
        assert place is not None
        yield Run(place, watched, control, shown, said, asked)


def events_of(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The snapshots of a stream of events."""
    for line in lines:
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def moved(snapshot: Snapshot, sent: int) -> Snapshot:
    """The same, with so many sent of a hundred."""
    run = replace(snapshot.run, sent=sent, pending=98 - sent)
    return replace(snapshot, run=run, job=run)
