"""Sends for as long as you like and looks for what grows: python benchmarks/soak.py --minutes N --workers W

One run of `migrate` over one archive, made as large as the time needs, to a sink on the loopback interface
that takes its time for every answer. Half of the files are decoded on the way, since the sink accepts
uncompressed syntaxes only, and every fifth connection is reset at some moment. Every second the resident
memory of the process and of its decoders, its threads and its open files are read. Ends with 1 when, after a
tenth of the time for warming up, the median of the last third exceeds that of the first by more than allowed.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from statistics import median

from measure import ROOT
from packages import enter_environment

HERE = Path(__file__).resolve().parent
PACKAGES = ("filelock", "orjson", "pydantic", "pydicom", "pynetdicom", "numpy", "psutil")
DELAY = 0.2  # seconds that the sink takes for an answer: W workers send W / DELAY files a second at most
PER_STUDY = 100
ENDING_SECONDS = 30
ROWS_SHOWN = 30


@dataclass(frozen=True)
class Sample:
    """How the process looked. `megabytes` are resident; `files` are open files and sockets."""

    seconds: float
    megabytes: float
    decoders_megabytes: float
    threads: int
    files: int
    received: int


@dataclass(frozen=True)
class Bound:
    """By how much a figure may grow: a share of it, and an amount."""

    figure: str
    share: float
    amount: float

    def judge(self, first: Sequence[Sample], last: Sequence[Sample]) -> tuple[str, bool]:
        before, after = (median(getattr(sample, self.figure) for sample in part) for part in (first, last))
        most = before * (1 + self.share) + self.amount
        return f"{self.figure}: {before:.1f} → {after:.1f} (at most {most:.1f})", after <= most


# Memory: what the allocator and the index of UIDs may still take; the others only hover.
BOUNDS = (
    Bound("megabytes", 0.05, 4.0),
    Bound("decoders_megabytes", 0.10, 4.0),
    Bound("threads", 0.0, 2.0),
    Bound("files", 0.0, 4.0),
)


def main() -> int:
    options = _options()
    enter_environment(PACKAGES)
    sys.path.insert(0, str(ROOT))
    scratch = Path(tempfile.mkdtemp(prefix="migrator-soak-"))
    try:
        samples, code = _soak(options, scratch)
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if options.csv:
        _write(options.csv, samples)
    _show(samples)
    return 0 if _verdict(samples, code) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Send for long and look for what grows.")
    parser.add_argument("--minutes", type=float, default=30, metavar="N", help="how long (default: 30)")
    parser.add_argument("--workers", type=int, default=16, metavar="W", help="of the migrator (default: 16)")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="also write every sample to this file")
    return parser.parse_args()


def _soak(options: argparse.Namespace, scratch: Path) -> tuple[list[Sample], int]:
    from proxy import Chances, Fault, Proxy
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    from tests.peers import Arrived, Script, ScriptedPacs

    class Sink(ScriptedPacs):
        """Counts, and keeps nothing."""

        total = 0

        def take(self, arrived: Arrived, is_kept: bool) -> None:
            self.total += 1

    _make_archive(scratch / "archive", options)
    script = Script(delay=DELAY, syntaxes=(ExplicitVRLittleEndian, ImplicitVRLittleEndian))
    with Sink(script) as sink:
        proxy = Proxy(sink.port, seed=1)
        proxy.chances = Chances(((Fault.NONE, 80), (Fault.RESET, 20)), bytes_until=100_000)
        errors = (scratch / "errors.txt").open("wb")
        child = subprocess.Popen(
            [
                *(sys.executable, str(HERE / "chaos_victim.py"), str(ROOT), str(scratch / "forced")),
                *("migrate", str(scratch / "archive"), "--to", f"SINK@127.0.0.1:{proxy.port}"),
                *("--home", str(scratch / "home"), "--settle", "0", "--workers", str(options.workers)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        try:
            samples = _watch(child, sink, options.minutes * 60)
        finally:
            child.send_signal(signal.SIGTERM)
            code = child.wait(ENDING_SECONDS)
            errors.close()
            proxy.close()
        print(f"{sink.total} files received, {proxy.cuts} connections cut, ended with {code}")
        if code not in (0, 130):
            print((scratch / "errors.txt").read_text(errors="replace")[-2000:])
    return samples, code


def _make_archive(folder: Path, options: argparse.Namespace) -> None:
    """More files than can be sent in the time: half explicit, half RLE."""
    needed = options.workers / DELAY * options.minutes * 60
    studies = max(2, int(needed / (2 * PER_STUDY)) + 1)
    shape = [studies, PER_STUDY, 16, 1]
    print(f"making {studies * PER_STUDY * 2} files …", flush=True)
    command = [sys.executable, HERE / "images.py", folder, *shape, "explicit", "rle"]
    subprocess.run([str(word) for word in command], check=True)
    # In their order of names the syntaxes take turns.
    for study in list(folder.iterdir()):
        syntax, _, number = study.name.partition("-")
        study.rename(folder / f"{number}-{syntax}")


def _watch(child: subprocess.Popen[bytes], sink: object, seconds: float) -> list[Sample]:
    """A sample every second, from the first file received on."""
    import psutil

    process = psutil.Process(child.pid)
    samples: list[Sample] = []
    began = 0.0
    while child.poll() is None:
        received = sink.total  # type: ignore[attr-defined]
        if received and not began:
            began = time.monotonic()
        if began and time.monotonic() - began >= seconds:
            break
        if began:
            with process.oneshot():
                decoders = sum(_resident(one) for one in process.children(recursive=True))
                samples.append(
                    Sample(
                        round(time.monotonic() - began, 1),
                        _resident(process),
                        decoders,
                        process.num_threads(),
                        process.num_fds(),
                        received,
                    )
                )
        time.sleep(1.0)
    return samples


def _resident(process: object) -> float:
    import psutil

    try:
        return float(process.memory_info().rss) / 1e6  # type: ignore[attr-defined]
    except psutil.NoSuchProcess:
        return 0.0


def _write(file: Path, samples: Sequence[Sample]) -> None:
    with file.open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow([field.name for field in fields(Sample)])
        table.writerows(astuple(sample) for sample in samples)


def _show(samples: Sequence[Sample]) -> None:
    """The curve, in at most thirty rows; the bar is the memory beside its peak."""
    peak = max((sample.megabytes for sample in samples), default=1.0)
    print(f"{'s':>6} {'MB':>8} {'dec. MB':>8} {'threads':>8} {'files':>6} {'received':>9}")
    for sample in samples[:: max(1, len(samples) // ROWS_SHOWN)]:
        bar = "█" * round(40 * sample.megabytes / peak)
        print(
            f"{sample.seconds:>6.0f} {sample.megabytes:>8.1f} {sample.decoders_megabytes:>8.1f} "
            f"{sample.threads:>8} {sample.files:>6} {sample.received:>9} {bar}"
        )


def _verdict(samples: Sequence[Sample], code: int) -> bool:
    warm = samples[len(samples) // 10 :]
    third = len(warm) // 3
    if third < 5:
        print("too short to be judged")
        return False
    results = [bound.judge(warm[:third], warm[-third:]) for bound in BOUNDS]
    for words, is_kept in results:
        print(f"{'ok  ' if is_kept else 'GROWS'} {words}")
    return all(is_kept for _, is_kept in results) and code in (0, 130)


if __name__ == "__main__":
    sys.exit(main())
