"""Starting a peer's program, waiting until it listens, and ending it by its process id."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from migrator.core.model import Node

START_SECONDS = 30.0
END_SECONDS = 1.0  # Orthanc waits for ever for associations that others keep open
_MOST_KEPT = 64  # free ports
_keepers: deque[socket.socket] = deque()
PLACES = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


Peer = TypeVar("Peer", bound="ProcessPeer")


class MissingPeer(Exception):
    """The peer's program is not installed here."""


class StartFailed(Exception):
    """The peer's program ended, or did not listen in time."""


def program(name: str, package: str) -> str:
    """Where a program is; Debian puts daemons in /usr/sbin, which is not on every user's path."""
    found = shutil.which(name, path=PLACES)
    if found is None:
        raise MissingPeer(f"{name} is not installed (Debian: apt-get install {package})")
    return found


def free_port() -> int:
    """A loopback port on which nobody listens, and which nobody else is given as long as it is kept here.

    A server that sets SO_REUSEADDR, as all of them do, may take it all the same. Elsewhere than on Linux it
    may not, so there the port is only one that was free a moment ago.
    """
    keeper = socket.socket()
    if os.name == "posix":
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    port = int(keeper.getsockname()[1])
    if sys.platform != "linux":
        keeper.close()
        return port
    _keepers.append(keeper)
    if len(_keepers) > _MOST_KEPT:
        _keepers.popleft().close()
    return port


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Wait for a condition; AssertionError that names it when the limit passes."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"{what}: not so after {seconds:g} s"
        time.sleep(0.01)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class ProcessPeer:
    """A peer that is a program with a folder of its own. `stop` and `start` keep its port and its storage."""

    def __init__(self, ae_title: str, *, has_no_delay: bool = False, folder: Path | None = None) -> None:
        """With `has_no_delay` the program's sockets have Nagle's algorithm off (DCMTK's TCP_NODELAY)."""
        self._own_folder = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix="peer-")) if folder is None else folder
        self._ae_title = ae_title
        self._has_no_delay = has_no_delay
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def command(self) -> list[str]:
        """The program with its arguments for `port`; writes what configuration it needs."""
        raise NotImplementedError

    @property
    def node(self) -> Node:
        return Node("127.0.0.1", self.port, self._ae_title)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the program ended by itself."""
        return self._process is not None and self._process.poll() is not None

    @property
    def environment(self) -> Mapping[str, str]:
        shipped = {name: value for name, value in os.environ.items() if name != "TCP_NODELAY"}
        return {**shipped, "TCP_NODELAY": "1"} if self._has_no_delay else shipped

    def start(self) -> None:
        """Start the program and wait until it listens. The first time, another program may win the port."""
        for _ in range(1 if self.port else 3):
            self.port = self.port or free_port()
            if self._try_start():
                return
            self.port = 0
        raise StartFailed(self.log()[-2000:])

    def _try_start(self) -> bool:
        with (self.folder / "peer.log").open("ab") as log:
            # A session of its own, since a child that was forked for an association keeps the port.
            process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
            )
        self._process = process
        wait_until(lambda: process.poll() is not None or self.is_ready(), f"{process.args!r} listens")
        return process.poll() is None

    def is_ready(self) -> bool:
        return listens(self.port)

    def log(self) -> str:
        return (self.folder / "peer.log").read_text(errors="replace")

    def stop(self) -> None:
        """Ask the program to end; whatever is left of it after a while is killed."""
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the program and the children that it forked, as a crash would."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            wait_until(lambda: not listens(self.port), "the port is given up")

    def __enter__(self: Peer) -> Peer:
        try:
            self.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        code = None if self._process is None else self._process.poll()
        last_words = "" if code is None else self.log()[-2000:]
        self._end()
        assert code is None, f"{type(self).__name__} ended by itself with {code}: {last_words}"

    def _end(self) -> None:
        self.kill()  # its storage goes too, and Orthanc takes three seconds to end in order
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
