"""The transactions of storage commitment on the disk, so that a result finds its request after a restart.

JSON Lines, one file per job, readable by its owner only; nothing but UIDs stands in it. Each line is on the
disk when the method that writes it returns.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson
from filelock import FileLock, Timeout

from migrator.checks.commit_ledger import Earlier
from migrator.core.commitment import Failure
from migrator.core.errors import JobBusy, ManifestError, UsageError
from migrator.records.writing import whole_file

JOURNAL = "commitments.jsonl"
_KEPT_SECONDS = 90 * 86400  # an archive that reports later than this reports in vain
_MOST_KEPT = 2_000_000  # instances in transactions without an answer; the oldest go first


class CommitmentJournal:
    """Fits `checks.commit_ledger.Journal`, for one call at a time; held by an OS lock.

    At its opening the file is rewritten: of earlier calls only what is without an answer stays whole.
    """

    def __init__(self, folder: Path, now: Callable[[], float] = time.time) -> None:
        """Raises JobBusy when another process asks for commitment of the same job, ManifestError."""
        self.file = folder / JOURNAL
        self._now = now
        self._places: dict[str, int] = {}  # where an earlier request's line stands
        self._hold = FileLock(str(folder / "commitments.lock"), mode=0o600)
        try:
            self._hold.acquire(timeout=0)
        except Timeout:
            raise JobBusy("another process is asking for storage commitment of this job") from None
        except OSError as error:
            raise ManifestError(f"cannot use {folder}: {error.strerror}") from error
        with ExitStack() as opened:
            opened.callback(self._hold.release)
            self._open()
            opened.pop_all()

    def _open(self) -> None:
        left = _standings(self.file, self._now() - _KEPT_SECONDS)
        self.waiting = sum(not standing.is_settled for standing in left.values())
        """How many transactions of earlier calls still lack an answer."""
        position = 0
        try:
            with whole_file(self.file) as stream:
                for line in _carried(self.file, left):
                    self._places[line["transaction"]] = position
                    position += stream.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        except UsageError as error:
            raise ManifestError(str(error)) from error  # it is no option's fault
        flags = os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0)
        try:
            self._descriptor = os.open(self.file, flags, 0o600)
        except OSError as error:
            raise ManifestError(f"cannot open {self.file}: {error.strerror}") from error

    def requested(self, transaction: str, uids: Sequence[str]) -> None:
        self._append({"t": "request", "transaction": transaction, "uids": list(uids)})

    def answered(self, transaction: str, status: int) -> None:
        self._append({"t": "answer", "transaction": transaction, "status": status})

    def reported(self, transaction: str, committed: Sequence[str], failed: Sequence[Failure]) -> None:
        line = {"t": "report", "transaction": transaction, "committed": list(committed)}
        self._append(line | {"failed": [list(failure) for failure in failed]})

    def earlier(self, transaction: str) -> Earlier | None:
        place = self._places.get(transaction)
        if place is None:
            return None
        try:
            with self.file.open("rb") as stream:
                stream.seek(place)
                line = orjson.loads(stream.readline())
        except OSError as error:
            raise ManifestError(f"cannot read {self.file}: {error.strerror}") from error
        return Earlier(line["at"], tuple(line["uids"]))

    def _append(self, line: dict[str, Any]) -> None:
        data = orjson.dumps(line | {"at": round(self._now(), 3)}, option=orjson.OPT_APPEND_NEWLINE)
        try:
            # A piece that a full disk leaves behind must not spoil the line after it.
            end = os.fstat(self._descriptor).st_size
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
                os.fsync(self._descriptor)
            except OSError:
                os.ftruncate(self._descriptor, end)
                raise
        except OSError as error:
            raise ManifestError(f"cannot write {self.file}: {error.strerror}") from error

    def close(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1  # whoever still comes with a report must not write into another file
        self._hold.release()

    def __enter__(self) -> CommitmentJournal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(slots=True)
class _Standing:
    """Where a transaction stands: how many instances it asked about, and which have their answer."""

    size: int
    at: float
    answered: set[str] = field(default_factory=set)
    is_refused: bool = False

    @property
    def is_settled(self) -> bool:
        return self.is_refused or len(self.answered) >= self.size


def _standings(file: Path, since: float) -> dict[str, _Standing]:
    """The transactions that are still of use, oldest first."""
    found: dict[str, _Standing] = {}
    for line in _lines(file):
        kind, transaction = line.get("t"), str(line.get("transaction"))
        known = found.get(transaction)
        if kind == "request":
            found[transaction] = _Standing(len(line["uids"]), line["at"])
        elif known is not None and kind == "answer":
            known.is_refused = bool(line["status"])
        elif known is not None and kind == "report" and not known.is_settled:
            known.answered.update(line["committed"], (uid for uid, _ in line["failed"]))
            if known.is_settled:
                known.size, known.answered = 0, set()  # what is no longer asked for needs no memory
    total = 0
    for transaction, standing in reversed(found.copy().items()):
        total += 0 if standing.is_settled else standing.size - len(standing.answered)
        if standing.at < since or total > _MOST_KEPT:
            del found[transaction]
    return found


def _carried(file: Path, left: Mapping[str, _Standing]) -> Iterator[dict[str, Any]]:
    """The requests that are still of use, with what they lack an answer to."""
    for line in _lines(file):
        standing = left.get(str(line.get("transaction")))
        if line.get("t") == "request" and standing is not None:
            lacking = [uid for uid in line["uids"] if uid.strip(" \0") not in standing.answered]
            lacking = [] if standing.is_settled else lacking
            yield line | {"uids": lacking}


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    """Every whole line; none where there is no file yet. What a crash tore is left out."""
    try:
        with file.open("rb") as stream:
            for raw in stream:
                try:
                    line = orjson.loads(raw)
                except ValueError:
                    continue
                if isinstance(line, dict):
                    yield line
    except FileNotFoundError:
        return
    except OSError as error:
        raise ManifestError(f"cannot read {file}: {error.strerror}") from error
