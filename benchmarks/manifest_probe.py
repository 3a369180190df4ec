"""Times the manifest: python -m benchmarks.manifest_probe append|load FOLDER COUNT. Prints JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from migrator.core.model import Instance, Patient, Series, Study
from migrator.core.outcome import Outcome, State
from migrator.engine.manifest import Manifest
from migrator.engine.manifest_lines import outcome_line

SERIES_LENGTH = 500
ROOT = "1.2.826.0.1.3680043.10.1571"


def append(folder: Path, count: int) -> tuple[int, float]:
    """Seconds of all appends, each with the making of its line, and of the last fsync."""
    manifest = Manifest(folder, "/archive", "ANY-SCP@127.0.0.1:104")
    seconds = 0.0
    for instances in _series(count):
        outcome = Outcome(State.SENT, status=0, seconds=0.01, bytes=524288)
        started = time.perf_counter()
        for instance in instances:
            key = manifest.series_key(instance.series)
            manifest.append(outcome_line(instance, outcome, key, time.time()))
        seconds += time.perf_counter() - started
    started = time.perf_counter()
    manifest.close()
    return count, seconds + time.perf_counter() - started


def _series(count: int) -> Iterator[list[Instance]]:
    for first in range(0, count, SERIES_LENGTH):
        number = first // SERIES_LENGTH
        patient = Patient(f"PAT{number // 4}", "", f"Sample^{number // 4}", "19610804", "O")
        study = Study(f"{ROOT}.1.{number // 2}", "20240312", "CT thorax", f"A{number // 2}", patient)
        series = Series(f"{ROOT}.2.{number}", "CT", "Thorax 1.0 B70f", "5", study)
        yield [_instance(series, number, index) for index in range(first, min(first + SERIES_LENGTH, count))]


def _instance(series: Series, number: int, index: int) -> Instance:
    return Instance(
        f"2024/study-{number // 2:06}/series-{number:06}/IM{index:07}.dcm",
        527104,
        1710238690_000000000 + index,
        360,
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.5.1.4.1.1.2",
        f"{ROOT}.3.{index}",
        series,
    )


def load(folder: Path, count: int) -> tuple[int, float]:
    """Seconds until the manifest is open and its index complete."""
    started = time.perf_counter()
    manifest = Manifest(folder, "/archive", "ANY-SCP@127.0.0.1:104")
    seconds = time.perf_counter() - started
    known = len(manifest.index)
    manifest.close()
    return known, seconds


def main() -> None:
    verb, folder, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    done, seconds = (append if verb == "append" else load)(folder, count)
    print(json.dumps({"count": done, "seconds": seconds}))


if __name__ == "__main__":
    main()
