"""SHA-256 of every file of a source, kept in the data directory; and whether they are still the same."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock, Timeout

from migrator.checks.integrity import CheckResult as CheckResult  # the faces' too
from migrator.checks.integrity import Comparison, Named, Pass, check_vouched, hash_source
from migrator.checks.integrity import Finding as Finding
from migrator.checks.integrity import Statement as Statement
from migrator.checks.integrity_hashing import Hasher, HashPlan
from migrator.checks.integrity_list import (
    GrowingList,
    KeptList,
    canonical,
    digest_of,
    read_sums,
    write_kept,
)
from migrator.core.control import Control
from migrator.core.errors import JobBusy, MigratorError, UsageError
from migrator.core.events import Emit, Notice
from migrator.core.paths import encodable
from migrator.engine.throttle import Throttle
from migrator.jobs.home import source_folder
from migrator.jobs.recorded import INTEGRITY, all_jobs
from migrator.jobs.who import operator
from migrator.records.writing import whole_file

VERSION = 1
_OF_MIGRATION = "-migration"  # in the name of a snapshot that nobody asked for by itself
_FLUSH_SECONDS = 1.0
_MB = 1_000_000
_LOOK_SECONDS = 0.5
_STALE_SECONDS = 7 * 86_400.0  # after which what an interrupted run has seen tells nothing of today
_KEPT = 3  # snapshots of migrations, beside those that prove something


class IntegrityError(MigratorError):
    """A list cannot be kept: the data directory's disk is full, or gone."""


@dataclass(frozen=True, slots=True)
class IntegrityRequest:
    """What is asked for. `readers` 0 chooses by measured speed; `mb_per_second` 0 is no limit.

    `same_source` is the path under which the snapshot knows this source. With `restart` what an interrupted
    run has hashed counts for nothing. `is_for_migration`: where another process hashes the source, wait for
    it; and of the snapshots that were made so, keep the newest and those that prove something.
    """

    source: str
    home: Path
    readers: int = 0
    mb_per_second: float = 0.0
    same_source: str | None = None
    restart: bool = False
    is_for_migration: bool = False


class IntegrityJob:
    """One snapshot or one check; `numbers` may be read from any thread."""

    def __init__(self, request: IntegrityRequest, control: Control, emit: Emit) -> None:
        """Raises SourceError, UsageError."""
        self._request = request
        self._control = control
        self._emit = emit
        self._root = str(source_folder(request.source))
        self.folder = integrity_folder(request.home, self._root, request.same_source)
        self.numbers = Pass()
        self.expected: Statement | None = None
        """What the source held at the time of the snapshot, while a check is on."""
        self._flushed = 0.0

    def snapshot(self, take: Callable[[Iterable[bytes]], None] | None = None) -> tuple[Path, Statement]:
        """Hash everything, and keep the list; its file and its statement.

        `take` is given the lines of `sha256sum`, in order. Raises SourceError, UsageError, JobBusy,
        IntegrityError, Cancelled.
        """
        with self._locked():
            growing = self._grow("snapshot.partial", "")
            try:
                statement = self._finish(growing, take)
                file = self._new_file(statement.at)
                self._write_list(file, growing, statement)
            finally:
                growing.close()
            growing.file.unlink()
            self._remove_old()
            return file, statement

    def _new_file(self, at: float) -> Path:
        # In UTC: the newest is the last by name, also when clocks go back.
        stamp = datetime.fromtimestamp(at, timezone.utc).strftime("%Y%m%d-%H%M%S-%f")
        return self.folder / f"snapshot-{stamp}{_OF_MIGRATION if self._request.is_for_migration else ''}.list"

    def _remove_old(self) -> None:
        """Remove the snapshots of migrations, but the newest and those that prove something of a job."""
        proofs = (job.kept(INTEGRITY) or {} for job in all_jobs(self._request.home))
        named = {Path(str(proof.get("snapshot"))).name for proof in proofs}
        for file in sorted(self.folder.glob(f"snapshot-*{_OF_MIGRATION}.list"))[:-_KEPT]:
            if file.name not in named:
                file.unlink()

    def check(
        self, against: Path | None = None, found: Callable[[Finding], None] = lambda finding: None
    ) -> CheckResult:
        """Hash everything anew and compare it with a snapshot, the newest unless it is named.

        `found` is told of every finding. Raises SourceError, UsageError, JobBusy, IntegrityError, Cancelled.
        """
        with self._locked(), ExitStack() as opened:
            file = against or newest_snapshot(self.folder)
            if file is None:
                raise UsageError(
                    f"there is no snapshot of {self._request.source}: integrity snapshot makes one"
                )
            before = opened.enter_context(_opened(file, self._control.check))
            self.expected = check_vouched(
                before, digest_of(canonical(entry for _, entry in before.entries()))
            )
            growing = self._grow("check.partial", self.expected.list_sha256)
            opened.callback(growing.close)
            statement = self._finish(growing, None)
            comparison, named = Comparison(self._request.same_source is not None), Named()
            for finding in comparison.findings(before, growing, self.numbers.unreadable):
                self._control.check()
                named.add(finding)
                found(finding)
            result = CheckResult(self.expected, statement, comparison, tuple(named.all))
            growing.close()
            growing.file.unlink()
            return result

    def adopt(self, file: Path) -> Path:
        """Take a list that `sha256sum` wrote for a snapshot to check against; an older snapshot is one.

        Raises UsageError, JobBusy, IntegrityError.
        """
        if statement_of(file) is not None:
            return file
        with self._locked():
            try:
                with file.open("rb") as stream:
                    roots = (self._root, os.path.abspath(self._request.source))  # noqa: PTH100 - links stay
                    entries = read_sums(stream, str(file), roots)
                changed = file.stat().st_mtime
            except OSError as error:
                raise UsageError(f"cannot read the list {file}: {error.strerror}") from error
            digest = digest_of(canonical(entries))
            name = encodable(str(file))
            statement = Statement(encodable(self._root), name, changed, changed, len(entries), 0, digest)
            adopted = self.folder / "adopted.list"
            with whole_file(adopted) as stream:
                write_kept(stream, {"version": VERSION, "statement": statement.as_dict()}, entries)
            return adopted

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Nobody else hashes this source meanwhile. Raises JobBusy, UsageError, Cancelled."""
        lock = FileLock(str(self.folder / "lock"), mode=0o600)
        try:
            for folder in (self.folder.parent, self.folder):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self._has(lock):
                self._wait_for(lock)
        except OSError as error:
            raise UsageError(f"cannot use the data directory {self.folder}: {error.strerror}") from error
        try:
            for file in self.folder.glob(".*.tmp"):
                file.unlink()  # a killed run was about to write it
            yield
        except OSError as error:
            raise IntegrityError(f"cannot keep the list in {self.folder}: {error.strerror}") from error
        finally:
            lock.release()

    def _wait_for(self, lock: FileLock) -> None:
        source = encodable(self._request.source)
        if not self._request.is_for_migration:
            raise JobBusy(f"another process hashes {source}; wait for it or stop it")
        self._emit(Notice("Waiting for another process that hashes this source", "info"))
        while not self._has(lock):
            self._control.wait(_LOOK_SECONDS)

    @staticmethod
    def _has(lock: FileLock) -> bool:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def _grow(self, name: str, against: str) -> GrowingList:
        """Hash the whole source into a list of this name, going on where an interrupted run stopped."""
        header = {
            "t": "integrity",
            "version": VERSION,
            "source": encodable(self._root),
            "began": time.time(),
            "against": against,
        }

        file = self.folder / name
        is_wanted = not self._request.restart and not self._is_stale(file)

        def is_same(old: dict[str, object]) -> bool:
            return is_wanted and all(old.get(one) == header[one] for one in ("version", "against"))

        with ExitStack() as opened:
            growing = GrowingList(file, header, is_same, self._control.check)
            opened.callback(growing.close)
            self._tell_resumed(growing)
            hash_source(self._hasher(growing), growing, self.numbers, lambda: self._flush(growing))
            opened.pop_all()
        return growing

    def _is_stale(self, partial: Path) -> bool:
        """Whether an interrupted run ended so long ago that its files are read again."""
        if not partial.exists() or time.time() - partial.stat().st_mtime < _STALE_SECONDS:
            return False
        self._emit(Notice("What an interrupted run had hashed is too old to count; beginning anew", "info"))
        return True

    def _tell_resumed(self, growing: GrowingList) -> None:
        if growing.earlier:
            began = datetime.fromtimestamp(growing.header["began"]).strftime("%Y-%m-%d %H:%M")
            words = f"Going on with what was begun {began}: {len(growing.earlier):,} files are hashed already"
            self._emit(Notice(words, "info"))

    def _hasher(self, growing: GrowingList) -> Hasher:
        request, pace = self._request, None
        if request.mb_per_second:
            throttle = Throttle(request.mb_per_second * _MB)
            self._control.on_cancel(throttle.open)
            pace = throttle.pace
        knows = growing.knows if growing.earlier else None
        return Hasher(HashPlan(self._root, request.readers, knows, pace), self._control)

    def _flush(self, growing: GrowingList) -> None:
        now = time.monotonic()
        if now - self._flushed >= _FLUSH_SECONDS:
            self._flushed = now
            growing.flush()

    def _finish(self, growing: GrowingList, take: Callable[[Iterable[bytes]], None] | None) -> Statement:
        """The statement about a complete list; `take` is given its canonical lines."""
        numbers = self.numbers
        growing.earlier.clear()
        lines = canonical(growing.entries())
        if take is not None:
            take(lines)
        return Statement(
            source=encodable(self._root),
            who=encodable(operator()),
            began=growing.header["began"],
            at=time.time(),
            files=numbers.files,
            bytes=numbers.bytes,
            list_sha256=digest_of(lines),
            unreadable=len(numbers.unreadable),
            passed_over=numbers.passed_over,
            read=numbers.read,
        )

    def _write_list(self, file: Path, growing: GrowingList, statement: Statement) -> None:
        with whole_file(file) as stream:
            header = growing.header | {"statement": statement.as_dict()}
            write_kept(stream, header, growing.entries())


def _opened(file: Path, look: Callable[[], None]) -> KeptList:
    try:
        return KeptList(file, look)
    except OSError as error:
        raise UsageError(f"cannot read the snapshot {file}: {error.strerror}") from error


def _folder_of(home: Path, source: str) -> Path:
    digest = hashlib.sha256(os.path.normcase(source).encode("utf-8", "surrogateescape")).hexdigest()
    return home / "integrity" / digest[:16]


def integrity_folder(home: Path, root: str, same_source: str | None = None) -> Path:
    """Where the lists of a source are, by its real path; that under which they know it goes before.

    Raises UsageError when nothing is known by `same_source`.
    """
    if same_source is None:
        return _folder_of(home, root)
    # As written too: what another machine or a vanished mount called it need not resolve here.
    for path in (os.path.realpath(same_source), same_source):
        folder = _folder_of(home, path)
        if newest_snapshot(folder) is not None:
            return folder
    raise UsageError(f"there is no snapshot of {same_source}")


def newest_snapshot(folder: Path) -> Path | None:
    """The newest complete snapshot of a source."""
    return max(folder.glob("snapshot-*.list"), default=None)


def statement_of(file: Path) -> Statement | None:
    """What a snapshot says of itself, unchecked; None where there is none."""
    try:
        with KeptList(file) as kept:
            return Statement.of(kept.header)
    except OSError:
        return None
