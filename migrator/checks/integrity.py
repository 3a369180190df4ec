"""Is every file of the source still what it was? Statements about lists of digests, and their comparison."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any
from unicodedata import normalize

from migrator.checks.integrity_hashing import Hashed, Hasher, Known, Unreadable
from migrator.checks.integrity_list import UNKNOWN, Entry, GrowingList, KeptList
from migrator.core.errors import UsageError

MOST_NAMED = 1000
_SECOND = 1_000_000_000
_COARSEST = 2 * _SECOND  # FAT, and some shares, keep times no finer


class Kind(str, Enum):
    """What is found about a file; the value is the wording shown to people."""

    CORRUPTED = "corrupted"
    CHANGED = "changed"
    VANISHED = "vanished"
    UNREADABLE = "unreadable"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Finding:
    """One file that is not as it was. Without the entry of before it is new, without that of after gone.

    CORRUPTED is other content under the same size and time: nobody wrote it, the storage lost it.
    """

    kind: Kind
    path: str
    before: Entry | None = None
    after: Entry | None = None
    detail: str = ""

    @property
    def spoils(self) -> bool:
        """Whether something is no longer as it was vouched for; that the source grew does not spoil it.

        Nor does what cannot be read now and could not then: `lost+found` alone would spoil every check.
        """
        return self.before is not None


@dataclass(frozen=True, slots=True)
class Statement:
    """What is vouched for: that at this time the source held these files, as the list with this SHA-256 says.

    Times are seconds since the epoch, `began` and `at` those of the first and the last file; `bytes` counts
    those of all files, `read` those that the last run read. What was `unreadable` (files and folders) or is
    no file at all (`passed_over`) is not in the list.
    """

    source: str
    who: str
    began: float
    at: float
    files: int
    bytes: int
    list_sha256: str
    unreadable: int = 0
    passed_over: int = 0
    read: int = 0

    @classmethod
    def of(cls, header: dict[str, Any]) -> Statement | None:
        """The statement in a kept list's header; None where there is none."""
        try:
            return cls(**header["statement"])
        except (KeyError, TypeError):
            return None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class Pass:
    """One look at the whole source: numbers that may be read from any thread while they grow."""

    files: int = 0
    bytes: int = 0
    read: int = 0
    known: int = 0
    passed_over: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)


def hash_source(hasher: Hasher, growing: GrowingList, numbers: Pass, flush: Callable[[], None]) -> None:
    """Hash what the list does not know, add it there, and count; `flush` is called after each file.

    Raises SourceError, Cancelled, OSError when the list cannot be written.
    """
    for item in hasher.found():
        if isinstance(item, Hashed):
            growing.add(item.entry)
            numbers.files += 1
            numbers.bytes += item.entry.size
            numbers.read += item.entry.size
        elif isinstance(item, Known):
            numbers.files += 1
            numbers.known += 1
            numbers.bytes += growing.keep(item.path).size
        elif isinstance(item, Unreadable):
            numbers.unreadable.append(item)
        else:
            numbers.passed_over += 1
        flush()


@dataclass(slots=True)
class Comparison:
    """Compares a list with a later one of the same source; counts while `findings` is gone through.

    `touched` are files with another time and the same content: unchanged. Where it `is_other_mount`, names
    may stand in another normal form of Unicode (macOS shows decomposed ones).
    """

    is_other_mount: bool = False
    unchanged: int = 0
    touched: int = 0
    spoilt: int = 0
    counts: Counter[Kind] = field(default_factory=Counter)

    @property
    def is_intact(self) -> bool:
        """Whether all that was vouched for is still there, unchanged."""
        return not self.spoilt

    def findings(self, before: KeptList, after: GrowingList, troubles: list[Unreadable]) -> Iterator[Finding]:
        """Everything that is not as it was, in the order of the earlier list. Empties `after.current`."""
        for finding in self._all(before, after, troubles):
            self.counts[finding.kind] += 1
            self.spoilt += finding.spoils
            yield finding

    def _all(self, before: KeptList, after: GrowingList, troubles: list[Unreadable]) -> Iterator[Finding]:
        reason, told = reasons_of(troubles), set()
        for _, entry in before.entries():
            now = self._taken(after, entry.path)
            if now is not None:
                finding = self._compared(entry, now)
            else:
                detail = reason(entry.path)
                kind = Kind.VANISHED if detail is None else Kind.UNREADABLE
                finding = Finding(kind, entry.path, entry, detail=detail or "")
                if detail is not None:
                    told.add(hash(entry.path))
            if finding is not None:
                yield finding
        for one in troubles:
            if hash(one.path) not in told:
                yield Finding(Kind.UNREADABLE, one.path, detail=one.why)
        for entry in after.entries():
            yield Finding(Kind.NEW, entry.path, after=entry)

    def _taken(self, after: GrowingList, path: str) -> Entry | None:
        now = after.taken(path)
        if now is None and self.is_other_mount:
            now = after.taken(normalize("NFC", path)) or after.taken(normalize("NFD", path))
        return now

    def _compared(self, before: Entry, after: Entry) -> Finding | None:
        if before.digest == after.digest:
            self.unchanged += 1
            self.touched += not _is_same_time(before.mtime_ns, after.mtime_ns)
            return None
        # A list of sha256sum knows neither size nor time, so nobody can tell who changed the content.
        is_silent = before.size == after.size and _is_same_time(before.mtime_ns, after.mtime_ns)
        return Finding(Kind.CORRUPTED if is_silent else Kind.CHANGED, before.path, before, after)


class Named:
    """The first findings of each kind, `MOST_NAMED` at most."""

    def __init__(self) -> None:
        self.all: list[Finding] = []
        self._counts: Counter[Kind] = Counter()

    def add(self, finding: Finding) -> None:
        self._counts[finding.kind] += 1
        if self._counts[finding.kind] <= MOST_NAMED:
            self.all.append(finding)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found: the statements of before and now, and at most 1000 findings of each kind."""

    before: Statement
    after: Statement
    comparison: Comparison
    findings: tuple[Finding, ...]

    @property
    def is_intact(self) -> bool:
        return self.comparison.is_intact


def reasons_of(troubles: Iterable[Unreadable]) -> Callable[[str], str | None]:
    """Tells why a file cannot be read: itself, or a folder that it is in; None where nothing says so."""
    files = {one.path: one.why for one in troubles if not one.is_folder}
    folders = {one.path: one.why for one in troubles if one.is_folder}

    def reason(path: str) -> str | None:
        if path in files or not folders:
            return files.get(path)
        folder = path
        while folder != ".":
            folder = folder.rpartition(os.sep)[0] or "."
            if folder in folders:
                return f"its folder cannot be read: {folders[folder]}"
        return None

    return reason


def _is_same_time(before: int, after: int) -> bool:
    """Whether two times in ns are the same, as far as both file systems can tell."""
    if UNKNOWN in (before, after) or before == after:
        return True
    is_coarse = before % _SECOND == 0 or after % _SECOND == 0
    return is_coarse and abs(before - after) < _COARSEST


def check_vouched(kept: KeptList, list_sha256: str) -> Statement:
    """The statement of a kept list whose lines have this digest. Raises UsageError when it is another one."""
    statement = Statement.of(kept.header)
    if statement is None:
        raise UsageError(f"{kept.file} is not a snapshot of this program")
    if statement.list_sha256 != list_sha256:
        raise UsageError(
            f"the snapshot {kept.file} was altered or damaged: its list has the SHA-256 {list_sha256}, not "
            f"{statement.list_sha256}; nothing can be compared with it"
        )
    return statement
