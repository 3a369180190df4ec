"""Checking an audit log: the chain through all its files, against what manifests know of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from migrator.core.errors import UsageError
from migrator.records.audit import (
    CONTINUED,
    LINE_LIMIT,
    OPENED,
    BrokenLine,
    Head,
    Link,
    decode,
    looks_like_ours,
)
from migrator.records.audit_files import numbers, part, whole_log_of


@dataclass(frozen=True, slots=True)
class Witness:
    """The last head that was kept elsewhere of one run; `where` names the place, for people."""

    where: str
    head: Head
    run: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """The first line that is wrong; line 0 is a whole file."""

    file: str
    line: int
    what: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What a check came to. `first` and `last` are when the first and last good event happened.

    Up to event number `confirmed` nothing was removed, altered or cut off: `witnesses` say so. What comes
    later is whole in itself, which whoever can write the file could have arranged. The same holds for the
    `adopted` before it: no witness has them from the run that they name, but a later one went on from them.
    `is_torn` tells that a piece of a line follows the last event, as a crash leaves one, or a run that is on.
    """

    file: str
    files: int = 0
    events: int = 0
    first: str = ""
    last: str = ""
    confirmed: int = 0
    adopted: int = 0
    is_torn: bool = False
    witnesses: tuple[str, ...] = ()
    last_event: str = ""
    fault: Fault | None = None

    @property
    def is_intact(self) -> bool:
        return self.fault is None


class _Wrong(Exception):
    """A Fault, found while reading."""

    def __init__(self, file: Path, line: int, what: str) -> None:
        super().__init__(what)
        self.fault = Fault(str(file), line, what)


def check_log(file: Path, witnesses: Sequence[Witness]) -> AuditReport:
    """Follow the chain from its first line to its last, and compare it with the heads that `witnesses` keep.

    Only those that know this log count: by its name, or by its place. They must have been asked before, since
    the log may grow meanwhile. Memory does not grow with it. Raises UsageError where there is no audit log.
    """
    real = Path(os.path.realpath(file))
    try:
        is_known = any(one.head.file == str(real) for one in witnesses)
        files = _files(real, is_known)
        _must_be_a_log(files[0], is_known)
        report = _read(real, files, witnesses)
        while not report.is_intact and (now := _files(real, is_known)) != files:
            files = now  # a run that is on has just begun another file
            report = _read(real, files, witnesses)
        return report
    except OSError as error:
        raise UsageError(f"the audit log {file} cannot be read: {error.strerror}") from error


def _read(real: Path, files: Sequence[Path], witnesses: Sequence[Witness]) -> AuditReport:
    reading = _Reading(real, witnesses)
    fault: Fault | None = None
    try:
        for one in files:
            reading.read(one)
    except _Wrong as wrong:
        fault = wrong.fault
    return reading.report(fault)


def _files(file: Path, is_known: bool) -> list[Path]:
    """All files of the log, oldest first. Raises UsageError where there is none, and nothing knows of one."""
    whole = whole_log_of(file)
    if whole is not None:
        raise UsageError(f"{file} is a part of {whole}: check that")
    found = numbers(file) if file.parent.is_dir() else []
    if not file.is_file() and not found and not is_known:
        raise UsageError(f"there is no audit log {file}")
    finished = [part(file, number) for number in range(1, found[-1] + 1)] if found else []
    return [*finished, file]


def _must_be_a_log(oldest: Path, is_known: bool) -> None:
    """Raise UsageError for a file of which nothing tells that it ever was an audit log."""
    if is_known:
        return
    with suppress(FileNotFoundError), oldest.open("rb") as stream:
        if not looks_like_ours(stream.readline(LINE_LIMIT)):
            raise UsageError(f"{oldest} is no audit log")


class _Reading:
    """Where the check stands."""

    def __init__(self, file: Path, witnesses: Sequence[Witness]) -> None:
        self._file = file
        self._witnesses = witnesses
        self._log = ""
        self._files = 0
        self._first: Link | None = None
        self._last: Link | None = None
        self._at = (file, 0)  # file and number of the line that was read last
        self._wanted = {one.head.seq for one in witnesses}
        self._seen: dict[int, tuple[str, Path, int]] = {}  # hash, file and line of the events wanted
        self._is_torn = False
        self._vouched: dict[tuple[str, str], int] = {}  # by log and run: up to which event
        for one in witnesses:
            key = one.head.log, one.run
            self._vouched[key] = max(one.head.seq, self._vouched.get(key, 0))
        self._unvouched = 0

    def read(self, file: Path) -> None:
        """Follow the chain through the log's next file. Raises _Wrong, OSError."""
        try:
            stream = file.open("rb")
        except FileNotFoundError:
            if file == self._file:
                return  # a run begins it just now, or a crash came before; if it was removed, witnesses know
            raise _Wrong(file, 0, "the file is missing") from None
        self._files += 1
        with stream:
            for line, raw in enumerate(_lines(stream), 1):
                self._take(file, line, raw)

    def _take(self, file: Path, line: int, raw: bytes) -> None:
        if file == self._file and not raw.endswith(b"\n") and len(raw) < LINE_LIMIT:
            self._is_torn = True
            return  # as if it had been cut off before it: where that is wrong, the witnesses know
        try:
            link = decode(raw)
        except BrokenLine as broken:
            raise _Wrong(file, line, str(broken)) from None
        self._must_follow(file, line, link)
        self._first, self._last, self._at = self._first or link, link, (file, line)
        if link.seq in self._wanted:
            self._seen[link.seq] = (link.hash, file, line)
        if link.seq > self._vouched.get((self._log, str(link.fields.get("run", ""))), 0):
            self._unvouched += 1

    def _must_follow(self, file: Path, line: int, link: Link) -> None:
        """Raise _Wrong where this line is not the one that was written behind the one before."""
        before = self._last
        if before is None:
            if link.seq != 1 or link.fields["event"] != OPENED or link.log != link.prev:
                raise _Wrong(file, line, f"the log begins with event {link.seq}: its beginning is missing")
            self._log = link.prev
        elif link.seq != before.seq + 1:
            what = f"event {before.seq} is followed by event {link.seq}: lines were removed, added or moved"
            raise _Wrong(file, line, what)
        elif link.prev != before.hash:
            raise _Wrong(file, line, "the line does not follow on the one before: one of them was replaced")
        elif (line == 1) != (link.fields["event"] == CONTINUED):
            raise _Wrong(file, line, "the log goes on where no file of it begins")

    def report(self, fault: Fault | None) -> AuditReport:
        """What it came to, all witnesses heard; `fault` is what ended the reading."""
        known = [one for one in self._witnesses if one.head.log == self._log]
        confirming = [one for one in known if self._confirms(one.head)]
        events = self._last.seq if self._last else 0
        confirmed = max((one.head.seq for one in confirming), default=0)
        return AuditReport(
            file=str(self._file),
            files=self._files,
            events=events,
            first=_moment(self._first),
            last=_moment(self._last),
            last_event=str(self._last.fields["event"]) if self._last else "",
            confirmed=confirmed,
            adopted=max(0, self._unvouched - (events - confirmed)),
            is_torn=self._is_torn,
            witnesses=tuple(dict.fromkeys(one.where for one in confirming)),
            fault=fault or self._contradiction(known),
        )

    def _confirms(self, head: Head) -> bool:
        seen = self._seen.get(head.seq)
        return seen is not None and seen[0] == head.hash

    def _contradiction(self, known: Iterable[Witness]) -> Fault | None:
        """The first line that a witness knows otherwise, or knows of and is not there."""
        file, line = self._at
        for one in self._witnesses:
            if one.head.log != self._log and one.head.file == str(self._file):
                which = "another log" if self._log else "a log"
                what = f"{one.where} knows {which} of this name, with {one.head.seq:,} events"
                return Fault(str(self._file), 1, f"{what}: it was removed or replaced")
        for one in sorted(known, key=lambda witness: witness.head.seq):
            seq, seen = one.head.seq, self._seen.get(one.head.seq)
            if seen is None:
                ends = f"the log ends with event {self._last.seq if self._last else 0:,}"
                what = f"{ends}, but {one.where} knows event {seq:,}"
                return Fault(str(file), line + 1, f"{what}: its end was cut off")
            if seen[0] != one.head.hash:
                what = f"event {seq:,} is not the one that {one.where} knows: the log was written anew"
                return Fault(str(seen[1]), seen[2], what)
        return None


def _moment(link: Link | None) -> str:
    return str(link.fields.get("timestamp", "")) if link else ""


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a file, none longer than a log's can be: what is cut shows as torn."""
    while raw := stream.readline(LINE_LIMIT):
        yield raw
