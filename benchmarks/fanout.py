"""How often the source is read from the disk for two destinations: python benchmarks/fanout.py

Makes a seeded archive on a real disk, drops its pages from the cache before every run, and migrates it to one
destination, to two at once, and to two one after the other. Shown is what the operating system counts as read
from the disk by the migrator (all its threads; programs and data directory stay cached), and the time. The
destinations are DCMTK's storescp, which keeps nothing. Ends with 1 when two at once read more than 5 % more
than one. Linux only; needs the environment that run.py makes, and room for the archive where --folder says.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corpora import HERE, Archive, Corpus
from measure import ROOT, RunFailed
from sinks import Storescp

_BLOCK = 512  # bytes that ru_inblock counts in
_MOST_RATIO = 1.05
IMAGE_BYTES = 512 * 512 * 2


@dataclass(frozen=True)
class Took:
    """One run, or several one after the other: bytes from the disk, wall seconds, seconds of sending."""

    disk: int
    seconds: float
    sending: float

    def __add__(self, other: Took) -> Took:
        return Took(self.disk + other.disk, self.seconds + other.seconds, self.sending + other.sending)


def main() -> int:
    options = _options()
    if not hasattr(os, "posix_fadvise") or not Path("/proc/self/io").exists():
        sys.exit("this needs Linux")
    ground = Path(tempfile.mkdtemp(prefix="migrator-fanout-", dir=options.folder))
    sinks = [Storescp(has_no_delay=True) for _ in range(2)]
    try:
        archive = _archive(ground, options.mb)
        print(f"{archive.files:,} files, {archive.bytes / 1e6:,.0f} MB in {ground}")
        cases = {
            "one, cached": lambda: _migrate(archive, ground, sinks[:1]),
            "one": lambda: _cold(archive, ground, sinks[:1]),
            "two at once": lambda: _cold(archive, ground, sinks),
            "one after the other": lambda: (
                _cold(archive, ground, sinks[:1]) + _cold(archive, ground, sinks[1:])
            ),
        }
        _warm(archive)
        took = {name: [] for name in cases}
        for _ in range(options.rounds):
            for name, case in cases.items():
                took[name].append(case())
                _warm(archive)
        return _report(took, archive)
    except RunFailed as failed:
        sys.exit(str(failed))
    finally:
        for sink in sinks:
            sink.stop()
        shutil.rmtree(ground, ignore_errors=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what two destinations cost the source.")
    parser.add_argument("--mb", type=int, default=1000, help="how large the archive is (default: 1000)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds (default: 3)")
    parser.add_argument("--folder", metavar="DIR", help="where, on a disk (default: the temporary folder)")
    return parser.parse_args()


def _archive(ground: Path, megabytes: int) -> Archive:
    images = max(1, megabytes * 10**6 // (IMAGE_BYTES * 20))
    corpus = Corpus("fanout", studies=20, images=images, rows=512)
    folder = ground / corpus.name
    shape = (corpus.studies, corpus.images, corpus.rows, corpus.frames, *corpus.syntaxes)
    subprocess.run([sys.executable, HERE / "images.py", folder, *map(str, shape)], check=True)
    sizes = [path.stat().st_size for path in folder.rglob("*.dcm")]
    return Archive(corpus, folder, sum(sizes))


def _warm(archive: Archive) -> None:
    """Have everything in the cache, and on the disk, so that it can be dropped."""
    for path in archive.folder.rglob("*.dcm"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            while file.read(1 << 20):
                pass


def _cold(archive: Archive, ground: Path, sinks: Sequence[Storescp]) -> Took:
    """A run for which no page of the archive is cached."""
    for path in archive.folder.rglob("*.dcm"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return _migrate(archive, ground, sinks)


def _migrate(archive: Archive, ground: Path, sinks: Sequence[Storescp]) -> Took:
    for sink in sinks:
        sink.ready()
    home = ground / "home"
    to = [word for sink in sinks for word in ("--to", f"SINK@127.0.0.1:{sink.port}")]
    command = [sys.executable, "-m", "migrator", "migrate", str(archive.folder), *to]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as messages:
        began = time.perf_counter()
        child = subprocess.Popen(
            [*command, "--home", str(home), "--settle", "0", "--json"],
            cwd=ROOT,
            stdout=output,
            stderr=messages,
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        messages.seek(0)
        if child.returncode != 0:
            raise RunFailed(messages.read().decode(errors="replace"))
        output.seek(0)
        result = json.load(output)
    shutil.rmtree(home)
    for part, sink in zip(result["destinations"], sinks, strict=True):
        if part["run"]["sent"] != archive.files:
            raise RunFailed(f"{part['run']['sent']} of {archive.files} files were sent to {part['node']}")
        sink.check(archive)
    return Took(usage.ru_inblock * _BLOCK, seconds, result["seconds"])


def _report(took: dict[str, list[Took]], archive: Archive) -> int:
    print(f"\n{'destinations':<22}{'from disk':>12}{'of archive':>12}{'run':>10}{'sending':>10}")
    disk = {}
    for name, runs in took.items():
        disk[name] = statistics.median(run.disk for run in runs)
        seconds = statistics.median(run.seconds for run in runs)
        sending = statistics.median(run.sending for run in runs)
        share = disk[name] / archive.bytes
        print(f"{name:<22}{disk[name] / 1e6:>9,.0f} MB{share:>12.2f}{seconds:>8.2f} s{sending:>8.2f} s")
    ratio = disk["two at once"] / disk["one"]
    print(f"\nTwo at once read {ratio:.2f} times what one reads; at most {_MOST_RATIO} is wanted")
    return 0 if ratio <= _MOST_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
