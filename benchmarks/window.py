"""How quick the window stays, and what it costs the engine: python benchmarks/window.py [PART…]

The window runs offscreen over a job of which a synthetic manifest tells. A watchdog's timer is due every five
milliseconds in the event loop: how late it comes is how long the loop stood. What of that its thread only
waited for a core of the machine, which the engine and the sink want as well, is told apart.

    load    open the window on a job of ROWS settled instances, until its table has them all; bytes per row
    search  type a text that few rows hold, and choose a status, until all were looked through
    scroll  page through the table from top to end
    run     migrate small files over 16 associations, with all of these rows in the table
    cost    the same migration by the command line and by the window in turn; the ratio of their files/s
    scan    follow a scan that finds a million instances in the File Browser

Ends with 1 where the loop stood for more than 100 ms and no core was to blame, a row takes 300 bytes or more,
or the window costs more than 5 %. Linux only. Every server is on loopback, and is stopped.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from corpora import HERE
from measure import ROOT
from packages import enter_environment

PARTS = ("load", "search", "scroll", "run", "cost", "scan")
LATE = 0.100  # seconds
ROW_BYTES = 300
COST = 0.95
_DUE = 5  # milliseconds
_LIMIT = 600.0  # seconds that any part may take


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure how quick the window stays, and what it costs.")
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rows", type=int, default=500_000, help="settled instances (default: 500,000)")
    parser.add_argument("--files", type=int, default=20_000, help="small files to send (default: 20,000)")
    parser.add_argument(
        "--found", type=int, default=1_000_000, help="instances of the scan (default: a million)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="of `cost` (default: 3)")
    options = parser.parse_args()
    if not Path("/proc/self/statm").exists():
        sys.exit("this needs Linux")
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    enter_environment(["PyQt5", "pyqtgraph", "qtawesome", "pydicom"], "WINDOW")
    sys.path.insert(0, str(ROOT))
    ground = Path(tempfile.mkdtemp(prefix="migrator-window-"))
    try:
        return Bench(options, ground).measure()
    finally:
        shutil.rmtree(ground, ignore_errors=True)


@dataclass
class Figures:
    """What one part came to: seconds; how late the loop was, and how much of it waited for a core."""

    name: str
    seconds: float
    late: list[tuple[float, float]] = field(repr=False)
    words: str = ""

    @property
    def worst(self) -> tuple[float, float]:
        return max(self.late, default=(0.0, 0.0))

    def line(self) -> str:
        ordered = sorted(late for late, _ in self.late) or [0.0]
        high = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        return (
            f"{self.name:<8}{self.seconds:>8.2f} s   worst {self.worst[0] * 1e3:>6.1f} ms "
            f"({self.worst[1] * 1e3:.0f} for a core)   99 % {high * 1e3:>6.1f} ms   {self.words}"
        )


class Bench:
    """All parts, over one window where that can be."""

    def __init__(self, options: argparse.Namespace, ground: Path) -> None:
        self._options = options
        self._ground = ground
        self._wanted = options.parts or list(PARTS)
        self._figures: list[Figures] = []
        self._faults: list[str] = []

    def measure(self) -> int:
        from sinks import Storescp

        source = self._make_source()
        sink = Storescp(has_no_delay=True)
        try:
            sink.ready()
            kept = self._make_manifest(source, sink.port)
            if {"load", "search", "scroll", "run"} & set(self._wanted):
                self._over_rows(source, sink.port, kept)
            if "cost" in self._wanted:
                self._cost(source, sink)
            if "scan" in self._wanted:
                self._scan()
        finally:
            sink.stop()
        for figures in self._figures:
            own = max((late - waited for late, waited in figures.late), default=0.0)
            if own > LATE:
                self._faults.append(f"{figures.name}: the loop was blocked for {own * 1e3:.0f} ms")
        print()
        print("\n".join(self._faults) if self._faults else "all within the limits")
        return 1 if self._faults else 0

    def _make_source(self) -> Path:
        """Small files: 32 x 32 pixels, some 2.5 KB."""
        folder = self._ground / "source"
        studies = max(1, self._options.files // 100)
        shape = (str(studies), "100", "32", "1", "explicit")
        subprocess.run([sys.executable, HERE / "images.py", folder, *shape], check=True)
        return folder.resolve()

    def _make_manifest(self, source: Path, port: int) -> Path:
        from migrator.core.model import Node
        from tests.report.making import TROUBLES, Plan, make_manifest

        kept = self._ground / "kept"
        studies = max(1, self._options.rows // 100)
        # Nothing that spoils the job: the run that is measured is to end with 0.
        troubles = tuple(one for one in TROUBLES if not one.outcome.state.spoils)
        plan = Plan(studies, instances=100, troubles=troubles, problems=0, source=str(source))
        plan = replace(plan, begun=time.time() - 9000)
        make_manifest(kept, plan, Node("127.0.0.1", port, "SINK"))
        return kept

    def _home(self, kept: Path | None, name: str) -> Path:
        home = self._ground / name
        if kept is not None:
            shutil.copytree(kept, home)
        home.mkdir(exist_ok=True)
        return home

    def _open(self, home: Path, source: Path, port: int) -> Any:
        """The window on this job."""
        from migrator.core.settings import ScanSettings, SendSettings, Settings
        from migrator.ui.app import open_window
        from migrator.ui.configuration import Configuration, Destination, save

        settings = Settings(send=SendSettings(workers=16), scan=ScanSettings(settle=0))
        node = Destination(host="127.0.0.1", port=port, ae_title="SINK")
        save(
            home,
            Configuration(
                source=str(source), destinations=(node,), settings=settings, verify=False, chime=False
            ),
        )
        window = open_window(home)
        window.resize(1400, 900)
        window.show()
        return window

    def _over_rows(self, source: Path, port: int, kept: Path) -> None:
        from migrator.ui.app import make_application

        application = make_application()
        home = self._home(kept, "home")
        empty = self._open(self._home(None, "empty"), self._ground, port)
        empty.go("upload")
        self._until(application, lambda: False, 1.0)
        base = resident()
        empty.desk.close()
        empty.close()
        window = self._open(home, source, port)
        window.go("upload")
        page = window.pages["upload"]
        rows = page.table.rows
        began, dog = time.perf_counter(), Watchdog()  # making the window is no turn of a loop
        self._until(application, lambda: rows.is_loaded and rows.total >= self._options.rows)
        each = (resident() - base) / self._options.rows
        self._tell("load", began, dog, f"{rows.total:,} rows, {each:.0f} bytes each")
        if each >= ROW_BYTES:
            self._faults.append(f"a row takes {each:.0f} bytes")
        if "search" in self._wanted:
            self._search(application, rows)
        if "scroll" in self._wanted:
            self._scroll(application, page.table.view)
        if "run" in self._wanted:
            self._run(application, window)
        window.desk.close()
        window.close()

    def _search(self, application: Any, rows: Any) -> None:
        for words, text, name in (
            ((), "coerced", "text"),
            ((), "mustermann", "name"),
            (("WARN",), "", "WARN"),
        ):
            began, dog = time.perf_counter(), Watchdog()
            rows.search(text, words)
            self._until(application, lambda: rows.is_searched)
            self._tell("search", began, dog, f"{name}: {rows.shown:,} of {rows.total:,} rows")
        rows.search("", ())
        self._until(application, lambda: rows.is_searched)

    def _scroll(self, application: Any, view: Any) -> None:
        began, dog = time.perf_counter(), Watchdog()
        bar = view.verticalScrollBar()
        for step in range(301):
            bar.setValue(bar.maximum() * step // 300)
            view.viewport().repaint()
            application.processEvents()
        self._tell("scroll", began, dog, "300 pages")

    def _run(self, application: Any, window: Any) -> None:
        began, dog = time.perf_counter(), Watchdog()
        migration = window.desk.migrate()
        codes: list[int] = []
        migration.ended.connect(codes.append)
        for name in ("upload", "dashboard", "log", "upload"):
            window.go(name)
            self._until(application, lambda: bool(codes), 1.0)
        self._until(application, lambda: bool(codes))
        result = migration.running.result() or {}
        words = (
            f"16 workers, {result.get('sent', 0):,} sent at {result.get('files_per_second', 0):,.0f} files/s"
        )
        self._tell("run", began, dog, words)
        if codes != [0]:
            self._faults.append(f"the run ended with {codes}")

    def _cost(self, source: Path, sink: Any) -> None:
        from migrator.ui.app import make_application

        application = make_application_once(make_application)
        rates: dict[str, list[float]] = {"command line": [], "window": []}
        for number in range(self._options.rounds):
            for name in rates if number % 2 else reversed(rates):
                home = self._home(None, f"cost-{name.replace(' ', '-')}-{number}")
                sink.ready()
                if name == "window":
                    rates[name].append(self._by_window(application, home, source, sink.port))
                else:
                    rates[name].append(self._by_command_line(home, source, sink.port))
        middle = {name: statistics.median(values) for name, values in rates.items()}
        ratio = middle["window"] / middle["command line"]
        told = ", ".join(f"{name} {value:,.0f} files/s" for name, value in middle.items())
        print(f"cost    {told}: the window's share is {ratio:.3f} (medians of {self._options.rounds})")
        print(f"        {rates}")
        if ratio < COST:
            self._faults.append(f"the window costs {(1 - ratio) * 100:.0f} % of throughput")

    def _by_command_line(self, home: Path, source: Path, port: int) -> float:
        from migrator.jobs.launch import launch

        words = ["migrate", str(source), "--to", f"SINK@127.0.0.1:{port}", "--workers", "16", "--settle", "0"]
        command = launch(home, [*words, "--json"])
        while not command.has_ended:
            time.sleep(0.05)
        rate = float(command.result()["files_per_second"])
        command.forget()
        return rate

    def _by_window(self, application: Any, home: Path, source: Path, port: int) -> float:
        window = self._open(home, source, port)
        window.go("upload")
        migration = window.desk.migrate()
        codes: list[int] = []
        migration.ended.connect(codes.append)
        self._until(application, lambda: bool(codes))
        rate = float(migration.running.result()["files_per_second"])
        window.desk.close()
        window.close()
        return rate

    def _scan(self) -> None:
        """A process of its own writes what a scan would find; the File Browser follows."""
        from migrator.ui.app import make_application

        application = make_application_once(make_application)
        home = self._home(None, "scan")
        listed = home / "scan.jsonl"
        empty = self._ground / "nothing"
        empty.mkdir()
        window = self._open(home, empty, 9)
        window.go("browser")
        scan = window.pages["browser"].scan
        self._until(application, lambda: not scan.is_on)
        base = resident()
        began, dog = time.perf_counter(), Watchdog()
        writer = subprocess.Popen(
            [sys.executable, str(HERE / "window_scan.py"), str(listed), str(self._options.found)], cwd=ROOT
        )
        scan.follow(str(empty), listed)
        try:
            self._until(application, lambda: scan.tree.root.instances >= self._options.found)
        finally:
            writer.wait(60)
        self._until(application, lambda: False, 2.0)
        found = scan.tree.root.instances
        each = (resident() - base) / found
        self._tell("scan", began, dog, f"{found:,} instances in the tree, {each:.0f} bytes each")
        if each >= ROW_BYTES:
            self._faults.append(f"an instance of a scan takes {each:.0f} bytes")
        window.desk.close()
        window.close()

    def _until(self, application: Any, is_so: Callable[[], bool], seconds: float = _LIMIT) -> None:
        """Let the event loop turn, as it does by itself, until something is so."""
        from PyQt5.QtCore import QEventLoop, QTimer

        loop = QEventLoop()
        end = time.monotonic() + seconds
        timer = QTimer()
        timer.timeout.connect(lambda: loop.quit() if is_so() or time.monotonic() > end else None)
        timer.start(20)
        loop.exec_()
        timer.stop()
        if seconds == _LIMIT and not is_so():
            raise SystemExit(f"not done after {seconds:.0f} s")

    def _tell(self, name: str, began: float, dog: Watchdog, words: str) -> None:
        dog.stop()
        figures = Figures(name, time.perf_counter() - began, dog.late, words)
        self._figures.append(figures)
        print(figures.line(), flush=True)


class Watchdog:
    """A timer in the event loop that notes, in seconds, how late it comes and how long it had no core."""

    def __init__(self) -> None:
        from PyQt5.QtCore import Qt, QTimer

        self.late: list[tuple[float, float]] = []
        self._waits = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self._last, self._waited = time.perf_counter(), self._core_waits()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(_DUE)

    def stop(self) -> None:
        self._tick()
        self._timer.stop()

    def _tick(self) -> None:
        now, waited = time.perf_counter(), self._core_waits()
        self.late.append((max(0.0, now - self._last - _DUE / 1e3), waited - self._waited))
        self._last, self._waited = now, waited

    def _core_waits(self) -> float:
        """How long this thread has waited for a core in all; 0 where the kernel does not count it."""
        return int(self._waits.read_text().split()[1]) / 1e9 if self._waits.exists() else 0.0


def make_application_once(make: Callable[[], Any]) -> Any:
    from PyQt5.QtWidgets import QApplication

    return QApplication.instance() or make()


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main())
