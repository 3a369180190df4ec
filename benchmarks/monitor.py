"""What the monitor costs a migration: python benchmarks/monitor.py [--files N] [--rounds N] [--quick]

The same migration of small files to a storescp that keeps nothing, in turn

    without   with no monitor
    served    with one at which nobody looks
    phone     with one page that follows its events
    crowd     with 500 connections held open beside the phone: half of them ask for events and never read,
              half ask for nothing; each that is cut is opened again within two seconds

and the ratio of the files/s to those without. Ends with 1 where one of them costs more than 5 %, or the phone
was not told how the run ended. Linux only. Every server is on loopback, and is stopped.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from corpora import HERE
from measure import ROOT
from packages import enter_environment

WAYS = ("without", "served", "phone", "crowd")
COST = 0.95
CROWD = 500
_TURN = 2.0  # seconds between two rounds of the crowd


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure what the monitor costs a migration.")
    parser.add_argument("--files", type=int, default=20_000, help="small files to send (default: 20,000)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each way (default: 3)")
    parser.add_argument("--quick", action="store_true", help="4,000 files, one round: whether it works")
    parser.add_argument("--hold", type=int, metavar="PORT", help=argparse.SUPPRESS)  # the crowd's own process
    options = parser.parse_args()
    if options.hold:
        return hold(options.hold)
    if not Path("/proc/self/statm").exists():
        sys.exit("this needs Linux")
    enter_environment(["pydicom", "uvicorn", "starlette", "httpx2"])
    sys.path.insert(0, str(ROOT))
    if options.quick:
        options.files, options.rounds = 4_000, 1
    ground = Path(tempfile.mkdtemp(prefix="migrator-monitor-"))
    try:
        return measure(options, ground)
    finally:
        shutil.rmtree(ground, ignore_errors=True)


def measure(options: argparse.Namespace, ground: Path) -> int:
    from sinks import Storescp

    folder = ground / "source"
    shape = (str(max(1, options.files // 100)), "100", "32", "1", "explicit")
    subprocess.run([sys.executable, HERE / "images.py", folder, *shape], check=True)
    sink = Storescp(has_no_delay=True)
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    faults: list[str] = []
    try:
        sink.ready()
        for number in range(options.rounds):
            for way in WAYS if number % 2 == 0 else reversed(WAYS):
                home = ground / f"{way}-{number}"
                rates[way].append(one_run(way, (folder.resolve(), home, sink.port), faults))
    finally:
        sink.stop()
    middle = {way: statistics.median(values) for way, values in rates.items()}
    for way, rate in middle.items():
        ratio = rate / middle["without"]
        spread = ", ".join(f"{value:,.0f}" for value in rates[way])
        print(f"{way:<8} {rate:>8,.0f} files/s   {ratio:.3f} of without   ({spread})")
        if ratio < COST:
            faults.append(f"{way}: the monitor costs {(1 - ratio) * 100:.0f} % of throughput")
    print("\n".join(faults) if faults else "all within the limits")
    return 1 if faults else 0


def one_run(way: str, where: tuple[Path, Path, int], faults: list[str]) -> float:
    """One migration; its files/s."""
    from migrator.jobs.launch import launch

    source, home, port = where
    words = [
        "migrate",
        str(source),
        "--to",
        f"SINK@127.0.0.1:{port}",
        "--workers",
        "8",
        "--settle",
        "0",
        "--json",
    ]
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        place = free.getsockname()[1]
    if way != "without":
        words += ["--monitor", str(place)]
    home.mkdir()
    command = launch(home, words)
    crowd = None
    phone = Phone(place)
    try:
        if way in ("phone", "crowd"):
            phone.start()
        if way == "crowd":
            crowd = subprocess.Popen([sys.executable, __file__, "--hold", str(place)])
        while not command.has_ended:
            time.sleep(0.05)
        result = command.result()
    finally:
        command.forget()
        if crowd is not None:
            crowd.kill()
            crowd.wait()
    if way in ("phone", "crowd"):
        phone.join(10)
        if not phone.last.get("has_ended"):
            faults.append(f"{way}: the phone was not told how the run ended ({phone.heard} events)")
        else:
            print(f"         {way}: {phone.heard} events", file=sys.stderr)
    return float(result["files_per_second"])


class Phone(threading.Thread):
    """Follows the events, and begins again when it was cut off, as a browser does."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self.heard = 0
        self.last: dict[str, Any] = {}

    def run(self) -> None:
        import httpx2

        end = time.monotonic() + 600
        with httpx2.Client(timeout=20, trust_env=False) as client:
            while not self.last.get("has_ended") and time.monotonic() < end:
                with (
                    suppress(httpx2.HTTPError),
                    client.stream("GET", f"http://127.0.0.1:{self._port}/api/events") as stream,
                ):
                    for line in stream.iter_lines():
                        if line.startswith("data: "):
                            self.heard += 1
                            self.last = json.loads(line.removeprefix("data: "))
                time.sleep(0.2)


def hold(port: int) -> int:
    """Hold connections open until somebody ends this process."""
    asks = f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    held: list[socket.socket] = []
    while True:
        held = [one for one in held if not is_cut(one)]
        for number in range(CROWD - len(held)):
            with suppress(OSError):
                one = socket.create_connection(("127.0.0.1", port), 5)
                one.setblocking(False)
                held.append(one)
                if number % 2:
                    one.send(asks)
        time.sleep(_TURN)


def is_cut(connection: socket.socket) -> bool:
    """Whether the other side has ended it; reads nothing that was sent."""
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


if __name__ == "__main__":
    sys.exit(main())
