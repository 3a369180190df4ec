"""One command checks everything: format, lint, types and tests, after all set-up that they need.

    python tests/run.py                       everything
    python tests/run.py --only tests -- -k scan   one gate; what follows -- goes to pytest
    python tests/run.py --require-peers       a missing peer (Orthanc, DCMTK, strace) is a failure, as in CI

Standard library only: the tools come from a private environment of the layer `dev` (requirements/dev.lock).
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dicom_migrator import complaint  # noqa: E402
from migrator.bootstrap import SETUP_FAILED, SetupError  # noqa: E402
from migrator.bootstrap.launch import prepare  # noqa: E402
from migrator.bootstrap.layers import DEV  # noqa: E402
from scripts import peers  # noqa: E402

PYTEST_LIMIT = 900  # seconds for all tests; on two cores that nobody else needs they take about half of it


class Result(NamedTuple):
    """How a gate ended, and what it says about itself. A gate that looked at nothing has failed.

    `ending` is said last of all.
    """

    passed: bool
    words: str
    ending: str = ""


def main() -> int:
    arguments = read_arguments()
    wanted = peers.wanted(arguments.benchmarks)
    peers.install(wanted)
    lacking = peers.missing(wanted)
    try:
        python = str(prepare(DEV, ROOT, arguments.wheelhouse))
    except SetupError as error:
        print(f"tests/run.py: {error}", file=sys.stderr)
        return SETUP_FAILED
    gates: dict[str, Callable[[], Result]] = {
        "format": lambda: run_ruff(python, "format", "--check"),
        "lint": lambda: run_ruff(python, "check"),
        "types": lambda: run_mypy(python),
        "tests": lambda: run_pytest(python, arguments),
    }
    results = {name: run_gate(name, gate) for name, gate in gates.items() if name in arguments.only}
    return report(results, lacking, arguments.require_peers)


def read_arguments() -> argparse.Namespace:
    """The arguments; `only` holds the names of all gates that are to run."""
    choices = {"lint": ("format", "lint"), "types": ("types",), "tests": ("tests",)}
    parser = argparse.ArgumentParser(description="check everything: format, lint, types, tests")
    parser.add_argument("--only", action="append", choices=choices, help="may be given several times")
    parser.add_argument("--require-peers", action="store_true", help="a missing peer is a failure")
    parser.add_argument("--benchmarks", action="store_true", help="also install the benchmarks' peers")
    parser.add_argument("--wheelhouse", type=Path, metavar="DIR", help="set up from a folder of wheels")
    parser.add_argument(
        "--processes",
        type=int,
        default=usual_processes(),
        metavar="N",
        help="for the tests (here: %(default)s)",
    )
    parser.add_argument(
        "--stall", type=float, default=0.0, metavar="SECONDS", help="stop processes of the tests at random"
    )
    parser.add_argument("pytest", nargs="*", metavar="-- ARGUMENT", help="what follows -- goes to pytest")
    arguments = parser.parse_args()
    arguments.only = {gate for choice in arguments.only or choices for gate in choices[choice]}
    return arguments


def usual_processes() -> int:
    """Two for each core: half of their time tests wait, for a peer or for a time to pass."""
    return 2 * (len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1)


def run_gate(name: str, gate: Callable[[], Result]) -> Result:
    print(f"\n{name}", flush=True)
    started = time.monotonic()
    result = gate()
    return result._replace(words=f"{result.words} ({time.monotonic() - started:.0f} s)")


def report(results: dict[str, Result], lacking: list[str], require_peers: bool) -> int:
    """Say how each gate ended, what is missing, and last what the tests counted; returns the exit code."""
    print()
    for name, result in results.items():
        print(f"{name}: {'passed' if result.passed else 'FAILED'}, {result.words}")
    if lacking:
        consequence = "which is a failure here" if require_peers else "tests that need them were skipped"
        print(f"not installed: {', '.join(lacking)}; {consequence}")
    for result in results.values():
        if result.ending:
            print(result.ending)
    is_good = all(result.passed for result in results.values()) and not (lacking and require_peers)
    return 0 if is_good else 1


def run_ruff(python: str, *words: str) -> Result:
    """Run ruff over every Python file that is not ignored."""
    shown = run(python, "-m", "ruff", "check", "--show-files", ".")
    files = len([line for line in shown.stdout.splitlines() if line.endswith((".py", ".toml"))])
    done = run(python, "-m", "ruff", *words, ".")
    print(done.stdout + done.stderr, end="")
    return Result(done.returncode == 0 and files > 0, f"{files} files")


def run_mypy(python: str) -> Result:
    """Run mypy over what pyproject.toml names."""
    done = run(python, "-m", "mypy")
    print(done.stdout + done.stderr, end="")
    looked = re.search(r"in (\d+) source files", done.stdout) or re.search(
        r"checked (\d+) source", done.stdout
    )
    return Result(done.returncode == 0 and looked is not None, f"{looked[1] if looked else 'no'} files")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


def run_pytest(python: str, arguments: argparse.Namespace) -> Result:
    """Run the tests in several processes, and count what became of them."""
    environment = os.environ | ({"DICOM_MIGRATOR_REQUIRE_PEERS": "1"} if arguments.require_peers else {})
    # The tests start the program some hundred times; it would compile all its modules at each start.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        records = Path(folder) / "junit.xml"
        # A process that has run out of tests takes some of another's, so that all end together.
        spread = ["--numprocesses", str(arguments.processes), "--dist", "worksteal"]
        command = [python, "-m", "pytest", f"--junitxml={records}", *spread, *arguments.pytest]
        code = within_limit(command, environment, arguments.stall)
        cases = ElementTree.parse(records).getroot().iter("testcase") if records.exists() else ()
        counted = Counter(map(fate, cases))
    skipped = {reason: number for (kind, reason), number in counted.items() if kind == "skipped"}
    failed = sum(number for (kind, _), number in counted.items() if kind == "failed")
    passed = counted["passed", ""]
    ending = "".join(f"skipped {number}: {reason}\n" for reason, number in sorted(skipped.items()))
    ending += f"{passed} passed, {failed} failed, {sum(skipped.values())} skipped"
    return Result(code == 0 and passed > 0, f"exit code {code}", ending)


def fate(case: ElementTree.Element) -> tuple[str, str]:
    """What became of one test: passed, failed, or skipped and why."""
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed", ""
    skipped = case.find("skipped")
    return ("passed", "") if skipped is None else ("skipped", skipped.get("message", ""))


@contextmanager
def stalls(python: str, process: int, seconds: float) -> Iterator[None]:
    """Meanwhile, what runs below a process is stopped at random, for so long at most. 0 is never."""
    if not seconds:
        yield
        return
    with subprocess.Popen([python, "-m", "tests.stalls", str(process), str(seconds)], cwd=ROOT) as stalling:
        try:
            yield
        finally:
            if stalling.poll():
                print("nothing was stopped any more, for what stops the tests had failed", file=sys.stderr)
            stalling.terminate()


def within_limit(command: list[str], environment: dict[str, str], stall: float) -> int:
    """Run pytest; at the limit it is interrupted, so that it still says where it stood."""
    with (
        subprocess.Popen(command, cwd=ROOT, env=environment) as process,
        stalls(command[0], process.pid, stall),
    ):
        try:
            return process.wait(PYTEST_LIMIT)
        except subprocess.TimeoutExpired:
            print(f"the tests took longer than {PYTEST_LIMIT} s and are stopped", file=sys.stderr)
            process.send_signal(signal.SIGINT if sys.platform != "win32" else signal.SIGTERM)
        except KeyboardInterrupt:
            process.wait(30)
            raise
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        return 1


if __name__ == "__main__":
    if sentence := complaint(tuple(sys.version_info), False):
        print(sentence, file=sys.stderr)
        sys.exit(2)
    sys.exit(main())
