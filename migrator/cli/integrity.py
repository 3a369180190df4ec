"""integrity snapshot|check SOURCE: SHA-256 of every file, and whether they are still the same."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from migrator.cli.migrate_words import teller
from migrator.cli.running import interruptible, logged, progress
from migrator.cli.terminal import printable, tell
from migrator.core.control import Control
from migrator.core.errors import Cancelled, UsageError
from migrator.jobs.home import data_home, refuse_inside, source_folder
from migrator.jobs.integrity import CheckResult, Finding, IntegrityJob, IntegrityRequest
from migrator.jobs.integrity_words import (
    FINDING_COLUMNS,
    as_json,
    check_words,
    finding_row,
    progress_words,
    snapshot_as_json,
    statement_words,
)
from migrator.records.table import Table
from migrator.records.writing import whole_file

_log = logging.getLogger("migrator")

_MOST_SHOWN = 20
_MOST_READERS = 16
_TELL_SECONDS = 5.0
_TERMINAL_SECONDS = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("snapshot", "check"), help="what to do")
    parser.add_argument("source", metavar="SOURCE", help="the folder to read; it is only ever read")
    parser.add_argument(
        "--list",
        metavar="FILE",
        help="snapshot: also write the list to FILE, for sha256sum -c; check: compare with the list in FILE "
        "that sha256sum wrote, or with the older snapshot FILE, instead of with the newest",
    )
    parser.add_argument("--csv", metavar="FILE", help="check: write one row per finding to FILE")
    parser.add_argument(
        "--same-source", metavar="OLD", help="SOURCE is another mount of what the snapshot knows as OLD"
    )
    parser.add_argument(
        "--readers",
        metavar="N",
        type=int,
        default=0,
        help=f"threads that read and hash, up to {_MOST_READERS}; 0 chooses by measured speed (default: 0)",
    )
    parser.add_argument(
        "--max-read",
        metavar="MB/S",
        type=float,
        default=0.0,
        help="read at most so many MB (10^6 bytes) per second; 0 is no limit (default: 0)",
    )
    parser.add_argument(
        "--restart", action="store_true", help="begin anew instead of going on with what was interrupted"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0 all is listed, or as it was (new files may have come); 1 it is not; 130 interrupted."""
    request = _request(arguments)
    control = Control()
    with logged(request.home, arguments.log_level), interruptible(control):
        job = IntegrityJob(request, control, teller(lambda text: tell(text, to_stderr=True)))
        act = _snapshot if arguments.action == "snapshot" else _check
        try:
            return act(job, arguments)
        except Cancelled:
            tell("Interrupted; the same command goes on from here.", to_stderr=True)
            raise


def _request(arguments: argparse.Namespace) -> IntegrityRequest:
    source = source_folder(arguments.source)
    if arguments.csv is not None and arguments.action != "check":
        raise UsageError("--csv belongs to integrity check")
    if not 0 <= arguments.readers <= _MOST_READERS:
        raise UsageError(f"--readers {arguments.readers}: 0 to {_MOST_READERS}")
    if not 0 <= arguments.max_read < float("inf"):
        raise UsageError(f"--max-read {arguments.max_read:g}: 0 or more MB per second")
    written = (arguments.csv, arguments.list if arguments.action == "snapshot" else None)
    for file in written:
        if file is not None:
            refuse_inside(Path(file), source, "the file")
    return IntegrityRequest(
        source=arguments.source,
        home=data_home(arguments.home, source),
        readers=arguments.readers,
        mb_per_second=arguments.max_read,
        same_source=arguments.same_source,
        restart=arguments.restart,
    )


def _snapshot(job: IntegrityJob, arguments: argparse.Namespace) -> int:
    with ExitStack() as files:
        # Opened before the first file is read, so that a place that cannot be written to shows at once.
        stream = files.enter_context(whole_file(Path(arguments.list))) if arguments.list else None

        def take(lines: Iterable[bytes]) -> None:
            if stream is not None:
                try:
                    stream.writelines(line + b"\n" for line in lines)
                except OSError as error:
                    raise UsageError(f"cannot write {arguments.list}: {error.strerror}") from error

        with _progress(job):
            file, statement = job.snapshot(take)
    lines = [*statement_words(statement), f"Kept in {file}"]
    lines += [
        f"  unreadable {printable(f'{one.path}: {one.why}')}" for one in job.numbers.unreadable[:_MOST_SHOWN]
    ]
    _show(lines, arguments.json)
    if arguments.json:
        tell(json.dumps(snapshot_as_json(statement, str(file))))
    return 1 if statement.unreadable else 0


def _check(job: IntegrityJob, arguments: argparse.Namespace) -> int:
    against = job.adopt(Path(arguments.list)) if arguments.list else None
    with ExitStack() as files:
        table = files.enter_context(Table(Path(arguments.csv), FINDING_COLUMNS)) if arguments.csv else None

        def found(finding: Finding) -> None:
            if table is not None:
                table.add(finding_row(finding))

        with _progress(job):
            result = job.check(against, found)
    _show(_lines_of(result), arguments.json)
    if arguments.json:
        tell(json.dumps(as_json(result)))
    return 0 if result.is_intact else 1


def _lines_of(result: CheckResult) -> list[str]:
    lines = ["Snapshot:", *(f"  {line}" for line in statement_words(result.before))]
    lines += ["Now:", *(f"  {line}" for line in statement_words(result.after))]
    lines += check_words(result)
    shown = [
        f"  {finding.kind.value:<10} {finding.path}" + (f": {finding.detail}" if finding.detail else "")
        for finding in sorted(result.findings, key=lambda finding: not finding.spoils)
    ]
    lines += [printable(line) for line in shown[:_MOST_SHOWN]]
    if len(shown) > _MOST_SHOWN:
        lines.append("  … and more; --csv lists all")
    return lines


def _show(lines: list[str], wants_json: bool) -> None:
    for line in lines:
        tell(line, to_stderr=wants_json)


@contextmanager
def _progress(job: IntegrityJob) -> Iterator[None]:
    """Tell every few seconds how far it is; on a terminal in one line that is written over."""
    began, done = time.monotonic(), threading.Event()

    def words() -> str:
        expected = job.expected.files if job.expected is not None else 0
        progress(job.numbers.files, expected, "Reading and hashing every file")
        return progress_words(job.numbers, job.expected, time.monotonic() - began)

    thread = threading.Thread(target=_tell_on, args=(words, done), name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _tell_on(words: Callable[[], str], done: threading.Event) -> None:
    is_terminal, told_at = sys.stderr.isatty(), time.monotonic()
    while not done.wait(_TERMINAL_SECONDS):
        told, now = words(), time.monotonic()
        if is_terminal:
            print(f"\r{told}\x1b[K", end="", file=sys.stderr, flush=True)
        elif now - told_at >= _TELL_SECONDS:
            told_at = now
            tell(told, to_stderr=True)
    if is_terminal:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
