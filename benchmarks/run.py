"""Measures the migrator against its peers: python benchmarks/run.py [CASE ...]

Makes seeded corpora in memory (/dev/shm) where there is room, starts the sinks on the loopback interface,
and lets the contenders take turns for several rounds. Only ratios inside one table mean anything. Data
directories and manifests are on disk, in the system's temporary folder, so that fsync costs what it costs.
A run that did not send everything, or that the sink did not receive, yields no time. Ends with 1 when
something was not met or could not be measured. Linux and macOS.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import signal
import sys
from pathlib import Path
from typing import NoReturn

from cases import Case, brief, cases
from corpora import Ground, corpora
from measure import RunFailed, run
from packages import enter_environment
from report import machine, summary, table
from results import Result
from senders import OUR_PROGRAM
from sinks import orthanc_program

PACKAGES = ("pydicom", "pynetdicom", "numpy", "orjson", "pydantic")
PROGRAMS = ("storescp", "dcmsend", "storescu", "gdcmscanner", orthanc_program())


def main() -> int:
    options = _options()
    known = corpora(options.quick)
    chosen = _chosen(cases(known), options.cases)
    if options.brief:
        chosen = [brief(case) for case in chosen]
    if options.list:
        print("\n".join(f"{case.name:<18} {case.title}" for case in chosen))
        return 0
    enter_environment(PACKAGES)
    _must_have_programs()
    signal.signal(signal.SIGTERM, _interrupt)
    ground = Ground(known, options.keep)
    _introduce(ground)
    try:
        # Compiles our modules too: the first run shall cost what the others cost.
        run([[*OUR_PROGRAM, "migrate", "--help"]]).ended[0].must_succeed()
        results = [_measure(case, ground, options.rounds) for case in chosen]
    except RunFailed as failed:
        sys.exit(str(failed))
    except KeyboardInterrupt:
        return 130
    finally:
        ground.clear()
    print(summary(results))
    if options.json:
        options.json.write_text(json.dumps(machine(results), indent=1) + "\n")
    return 0 if all(verdict.is_met for result in results for verdict in result.verdicts) else 1


def _introduce(ground: Ground) -> None:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    machine_words = f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine_words}; corpora in {ground.folder}")
    print(f"(a peak of {own:.0f} MB or less per process cannot be told from that of the measuring process)\n")
    sys.stdout.flush()


def _measure(case: Case, ground: Ground, rounds: int) -> Result:
    result = case.run(ground, rounds)
    print(table(result), flush=True)
    return result


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the migrator against its peers.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="only these cases (default: all)")
    parser.add_argument("--list", action="store_true", help="name the cases and end")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds per case (default: 3)")
    parser.add_argument("--brief", action="store_true", help="leave out the peers that no goal compares")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything: tries the harness only")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure to this file")
    parser.add_argument("--keep", action="store_true", help="leave the corpora where they were made")
    return parser.parse_args()


def _chosen(known: list[Case], names: list[str]) -> list[Case]:
    unknown = set(names) - {case.name for case in known}
    if unknown:
        sys.exit(f"no such case: {', '.join(sorted(unknown))}; --list names them")
    return [case for case in known if not names or case.name in names]


def _must_have_programs() -> None:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        sys.exit(f"missing: {', '.join(missing)} (on Debian: apt install orthanc dcmtk libgdcm-tools strace)")


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
