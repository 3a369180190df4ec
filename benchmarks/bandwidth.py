"""Whether the bandwidth cap is what arrives: python benchmarks/bandwidth.py

Measured at the receiver, in a process of its own, over ten seconds: with 1 GB files (sparse; each worker
sends one) and with 10,000 small files, by 1, 4 and 16 workers; at a low rate; and from one second on after
the cap was changed on the way. The rate may be 5 % off. Ends with 1 when it is not within that.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from counting_sink import BIN
from measure import ROOT
from packages import enter_environment

PACKAGES = ("orjson", "pydantic", "pydicom", "pynetdicom", "numpy")
HERE = Path(__file__).resolve().parent

SECONDS = 10.0
TOLERANCE = 0.05
WARM_UP = 0.5  # seconds from the first byte; associations are opened in them
SETTLED = 1.0  # seconds after a change from which it has to hold
SMALL_FILES, SMALL_BYTES = 10_000, 20_000
LARGE_BYTES = 1 << 30
RENEWED_AFTER = 50  # files that an association carries, as by default


@dataclass(frozen=True)
class Case:
    """What is sent, by how many workers, under which cap in MB/s, which may change to others on the way."""

    what: str
    workers: int
    caps: tuple[float, ...]


CASES = (
    *(Case("one 1 GB file each", workers, (18.0,)) for workers in (1, 4, 16)),
    *(Case("10,000 small files", workers, (18.0,)) for workers in (1, 4, 16)),
    Case("10,000 small files", 4, (0.3,)),
    Case("one 1 GB file each", 4, (4.0, 20.0, 2.0)),
    Case("10,000 small files", 4, (3.0, 10.0, 2.0)),
    Case("one 1 GB file each", 16, (0.01, 10.0)),
)


class Received:
    """The receiver's count."""

    def __init__(self, bins: list[tuple[int, int]]) -> None:
        self._bins = dict(bins)
        self.began = min(self._bins) * BIN

    def rate(self, begin: float, seconds: float) -> float:
        """MB/s from a moment of the monotonic clock on."""
        first, count = round(begin / BIN), round(seconds / BIN)
        return sum(self._bins.get(first + step, 0) for step in range(count)) / (count * BIN) / 1e6

    def largest(self, begin: float, seconds: float, span: float) -> float:
        """The highest rate over any `span` within, in MB/s."""
        steps = range(round(seconds / BIN) - round(span / BIN) + 1)
        return max(self.rate(begin + step * BIN, span) for step in steps)


@contextmanager
def sink(finished: list[Received]) -> Iterator[int]:
    """The port of a receiver; what it counted comes into `finished` at the end."""
    command = [sys.executable, str(HERE / "counting_sink.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            finished.append(Received(json.loads(process.stdout.readline())))


def make_files(folder: Path) -> tuple[list[Path], Path]:
    """The small files, and the large one, which takes no room on the disk."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MultiFrameGrayscaleWordSecondaryCaptureImageStorage

    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = (
        MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    )
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.10.1571.3.80000001"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = (
        "1.2.826.0.1.3680043.10.1571.1",
        "1.2.826.0.1.3680043.10.1571.2",
    )
    ds.PatientID, ds.PatientName, ds.Modality = "BANDWIDTH", "Band^Width", "OT"
    ds.PixelData = bytes(2)
    ds["PixelData"].VR = "OW"
    model = folder / "model"
    ds.save_as(model, enforce_file_format=True)
    head = model.read_bytes()[:-6]
    model.unlink()
    small = []
    for number in range(SMALL_FILES):
        path = folder / f"IM{number:06}"
        path.write_bytes(head.replace(b"80000001", b"%08d" % (80_000_001 + number)) + _pixels(SMALL_BYTES))
        small.append(path)
    large = folder / "LARGE"
    with large.open("wb") as file:
        file.write(head + LARGE_BYTES.to_bytes(4, "little"))
        file.truncate(len(head) + 4 + LARGE_BYTES)
    return small, large


def _pixels(length: int) -> bytes:
    return length.to_bytes(4, "little") + bytes(length)


class Run:
    """Workers that send under one destination's dials until they are told to stop."""

    def __init__(self, folder: Path, paths: Iterator[Path], port: int, case: Case) -> None:
        from migrator.core.control import Control
        from migrator.core.model import Node
        from migrator.core.settings import PaceSettings, SendSettings
        from migrator.dicom.store import StoreSender
        from migrator.engine.pacing import Pacing

        self.control = Control()
        self.pacing = Pacing(PaceSettings(bandwidth=case.caps[0]), case.workers, self.control)
        self._folder = folder
        self._paths = paths
        self._lock = threading.Lock()  # guards _paths
        self.sent = 0
        node, root = Node("127.0.0.1", port, "SINK"), str(folder)
        self._make = lambda: StoreSender(node, SendSettings(), root, self.pacing.pace)
        self._senders: list[StoreSender] = []
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(case.workers)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.control.cancel()
        for sender in list(self._senders):
            sender.abort()
        for thread in self._threads:
            thread.join(10)

    def _work(self) -> None:
        from migrator.core.errors import DestinationError

        sender = self._make()
        self._senders.append(sender)
        try:
            for number in itertools.count():
                with self._lock:
                    path = next(self._paths, None)
                if path is None or self.control.is_cancelled:
                    break
                instance = self._read(path)
                if number % RENEWED_AFTER == 0:
                    sender.open([instance.pair])
                outcome = sender.store(instance)
                if not outcome.is_stored:
                    raise RuntimeError(outcome.reason)
                with self._lock:
                    self.sent += 1
            sender.release()
        except DestinationError:
            if not self.control.is_cancelled:
                raise

    def _read(self, path: Path):  # type: ignore[no-untyped-def]
        from migrator.dicom.header import read_header

        found = path.stat()
        return read_header(str(self._folder), path.name, found.st_size, found.st_mtime_ns)


def measure(case: Case, small: list[Path], large: Path) -> tuple[list[tuple[float, float]], Received, int]:
    """When each cap was set; what the receiver counted; how many files were sent."""
    finished: list[Received] = []
    paths = itertools.repeat(large) if "GB" in case.what else iter(small)
    moments: list[tuple[float, float]] = []
    with sink(finished) as port:
        run = Run(large.parent, paths, port, case)
        run.start()
        try:
            for cap in case.caps:
                run.pacing.set("bandwidth", str(cap))
                moments.append((time.monotonic(), cap))
                _wait(SECONDS + SETTLED + 0.5, lambda: False)
        finally:
            run.stop()
    return moments, finished[0], run.sent


def _wait(seconds: float, is_over: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not is_over():
        time.sleep(0.05)


def main() -> int:
    enter_environment(PACKAGES)
    sys.path.insert(0, str(ROOT))
    is_good = True
    print(f"{'what':<20} {'workers':>7} {'cap':>6} {'over 10 s':>10} {'off by':>7} {'most in 0.5 s':>14}")
    with tempfile.TemporaryDirectory(prefix="migrator-bandwidth-") as name:
        small, large = make_files(Path(name))
        for case in CASES:
            moments, received, sent = measure(case, small, large)
            for number, (moment, cap) in enumerate(moments):
                begin = moment + SETTLED if number else received.began + WARM_UP
                rate = received.rate(begin, SECONDS)
                off = rate / cap - 1
                # With the slowest, so little passes that the requests for associations count.
                is_judged = cap >= 0.1
                is_good = is_good and (abs(off) <= TOLERANCE or not is_judged)
                burst = received.largest(begin, SECONDS, 0.5)
                told = f"{case.what:<20} {case.workers:>7} {cap:>6g} {rate:>10.3f} {off:>+7.1%} {burst:>9.3f}"
                print(told + " MB/s" + ("" if is_judged else "  (only to be slow)"), flush=True)
            print(f"{'':<20} {sent:,} files", flush=True)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
