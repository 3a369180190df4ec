"""The peers that receive: DCMTK's storescp and Orthanc, on free ports of the loopback interface.

Each in two regimes: as shipped, and with TCP_NODELAY=1 in the environment ("nd"), which DCMTK's network code
reads, and Orthanc's with it.
"""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from os import environ
from pathlib import Path
from typing import Protocol

from corpora import Archive
from measure import RunFailed

WAIT_SECONDS = 30
STAYS_BYTES = 400  # of each file, at most: preamble and group 0002 do not travel


def regime(has_no_delay: bool) -> dict[str, str]:
    """The environment, for both sides, of one regime."""
    shipped = {name: value for name, value in environ.items() if name != "TCP_NODELAY"}
    return {**shipped, "TCP_NODELAY": "1"} if has_no_delay else shipped


class Sink(Protocol):
    """A Storage SCP that is measured against. `port` is valid after `ready`."""

    port: int

    def ready(self) -> None:
        """Make it listen, holding nothing."""
        ...

    def check(self, archive: Archive) -> None:
        """Raise RunFailed unless all of the archive arrived since `ready`."""
        ...

    def stop(self) -> None: ...


class Storescp:
    """DCMTK's storescp, which receives and keeps nothing; one process for each association."""

    def __init__(self, has_no_delay: bool, accepts_all: bool = False) -> None:
        self.port = 0
        self._environment = regime(has_no_delay)
        self._options = ["+xa"] if accepts_all else []
        self._process: subprocess.Popen[bytes] | None = None
        self._read_before = 0

    def ready(self) -> None:
        self.stop()
        self.port = _free_port()
        command = ["storescp", "--ignore", "--fork", *self._options, str(self.port)]
        self._process = _start(command, self._environment)
        _wait("storescp", lambda: _answers(self.port))
        self._read_before = self._bytes_read()

    def check(self, archive: Archive) -> None:
        """Count the bytes that it and the children it waited for have read; only Linux tells."""
        if Path("/proc").is_dir():
            expected = self._read_before + archive.bytes - archive.files * STAYS_BYTES
            _wait("storescp's receipt of all bytes", lambda: self._bytes_read() >= expected)

    def stop(self) -> None:
        _stop(self._process)
        self._process = None

    def _bytes_read(self) -> int:
        assert self._process is not None
        _answers(self.port)  # storescp waits for its children only when it has accepted the next caller
        counters = Path(f"/proc/{self._process.pid}/io")
        return int(counters.read_text().split()[1]) if counters.exists() else 0


class Orthanc:
    """Orthanc with its own defaults; only the ports and the folder are ours.

    It starts anew, with an empty folder, for every measured run: an instance it already has would be
    answered without being stored.
    """

    def __init__(self, has_no_delay: bool, folder: Path) -> None:
        self.port = 0
        self._environment = regime(has_no_delay)
        self._folder = folder
        self._http_port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def ready(self) -> None:
        self.stop()
        self.port, self._http_port = _free_port(), _free_port()
        self._folder.mkdir(parents=True)
        settings = {
            "Name": "benchmark",
            "StorageDirectory": str(self._folder / "storage"),
            "IndexDirectory": str(self._folder / "storage"),
            "DicomPort": self.port,
            "HttpPort": self._http_port,
        }
        configuration = self._folder / "orthanc.json"
        configuration.write_text(json.dumps(settings))
        self._process = _start([orthanc_program(), str(configuration)], self._environment)
        _wait("Orthanc", lambda: self._count() == 0 and _answers(self.port))

    def check(self, archive: Archive) -> None:
        count = self._count()
        if count != archive.files:
            raise RunFailed(f"Orthanc holds {count} instances, not {archive.files}")

    def stop(self) -> None:
        _stop(self._process)
        self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _count(self) -> int | None:
        connection = http.client.HTTPConnection("127.0.0.1", self._http_port, timeout=WAIT_SECONDS)
        try:
            connection.request("GET", "/statistics")
            return int(json.load(connection.getresponse())["CountInstances"])
        except ConnectionError:
            return None
        finally:
            connection.close()


def orthanc_program() -> str:
    """Where Orthanc is; Debian puts it beside the daemons, which are not on every user's path."""
    return shutil.which("Orthanc", path=f"{environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") or "Orthanc"


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    silent = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent, env=environment)


def _stop(process: subprocess.Popen[bytes] | None) -> None:
    if process is None:
        return
    process.terminate()
    try:
        process.wait(WAIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _wait(what: str, is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not is_so():
        if time.monotonic() > end:
            raise RunFailed(f"{what} is not ready after {WAIT_SECONDS} s")
        time.sleep(0.02)
