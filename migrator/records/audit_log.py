"""Writing an audit log: appended only, one process at a time, continued in further files.

When `append` returns, what it wrote is in the hands of the operating system; `sync` forces it to the disk.
What cannot be written whole is not written at all, and nothing after it.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from filelock import FileLock, Timeout

from migrator.core.errors import AuditError, UsageError
from migrator.records.audit import (
    CONTINUED,
    LINE_LIMIT,
    OPENED,
    REPAIRED,
    WARNING,
    AuditEvent,
    Head,
    Link,
    Writer,
    encode,
)
from migrator.records.audit_end import End, damaged, links_after, read_end, torn_words
from migrator.records.audit_files import numbers, part, whole_log_of

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class AuditLog:
    """An audit log that this process alone writes. `append`, `head` and `sync` are for any thread."""

    def __init__(self, file: Path, writer: Writer, most_bytes: int = 0) -> None:
        """Take the log, which need not exist yet; files grow to `most_bytes`, 0 is without end.

        Nothing is written before the first event. Raises UsageError: another run writes it, it is something
        else, its end was altered.
        """
        self.file = Path(os.path.realpath(file))
        if not self.file.parent.is_dir():
            raise UsageError(f"the audit log {file} cannot be written: there is no folder {self.file.parent}")
        whole = whole_log_of(self.file)
        if whole is not None:
            raise UsageError(f"{file} is a part of the audit log {whole}; name that, or another file")
        self._writer = writer
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._descriptor = -1  # guarded by _lock, as all below
        self._size = 0
        self._limit = most_bytes
        self._failure: AuditError | None = None
        # Taken after _lock: no file is closed while it is forced to the disk.
        self._syncing = threading.Lock()
        self._hold = FileLock(f"{self.file}.lock", mode=0o600)
        try:
            self._hold.acquire(timeout=0)
        except Timeout:
            raise UsageError(
                f"the audit log {file} is being written by another run; wait for it, or name another file"
            ) from None
        except OSError as error:
            raise UsageError(f"the audit log {file} cannot be written there: {error.strerror}") from error
        with ExitStack() as opened:
            opened.callback(self._hold.release)
            try:
                self._numbers = numbers(self.file)
                self._found = self._find()
            except OSError as error:
                raise UsageError(f"the audit log {file} cannot be read: {error.strerror}") from error
            opened.pop_all()
        found = self._found
        self._name = found.log if found else secrets.token_hex(32)
        self._seq, self._hash = (found.last.seq, found.last.hash) if found else (0, self._name)
        self._synced = self._seq  # events

    @property
    def run(self) -> str:
        """The name of the run that writes."""
        return self._writer.run

    @property
    def name(self) -> str:
        """By what the log is known, wherever it lies: its random beginning."""
        return self._name

    @property
    def head(self) -> Head:
        """Where the log ends now; event 0 is that of a log without any."""
        with self._lock:
            return Head(str(self.file), self._name, self._seq, self._hash)

    def _find(self) -> End | None:
        """What the log has come to so far. Raises UsageError, OSError."""
        if self.file.exists() and not stat.S_ISREG(self.file.stat().st_mode):
            raise UsageError(f"the audit log {self.file} is not a regular file")
        newest = read_end(self.file, self.file) if self.file.exists() else None
        if newest is not None or not self._numbers:
            return newest
        finished = read_end(part(self.file, self._numbers[-1]), self.file)
        if finished is None or finished.torn:
            raise damaged(self.file, "the file before it is torn")
        return replace(finished, is_newest=False)

    def since(self, seq: int) -> list[Link]:
        """The events after number `seq`. Made for a look at the newest ones; raises OSError."""
        found: list[Link] = []
        for file in (self.file, *(part(self.file, number) for number in reversed(self._numbers))):
            links = links_after(file, seq)
            found = [link for link in links if link.seq > seq] + found
            if links and links[0].seq <= seq + 1:
                break
        return found

    def append(self, *events: AuditEvent) -> None:
        """Write these, in one piece. Raises AuditError, from the first time that they cannot be written."""
        with self._lock:
            if self._failure is not None:
                raise self._failure
            try:
                if self._descriptor < 0:
                    self._begin()
                self._write(*events)
            except OSError as error:
                words = f"cannot write the audit log {self.file}: {error.strerror or error}"
                self._failure = AuditError(words)
                raise self._failure from error

    def _begin(self) -> None:
        """Open the newest file, and say there where the log begins, goes on, or was torn."""
        self._descriptor = os.open(self.file, _FLAGS, 0o600)
        self._size = os.fstat(self._descriptor).st_size
        found = self._found
        if found is None:
            self._restrict()
            self._write(AuditEvent(OPENED, detail={"log": self._name, **self._torn_start()}))
        elif not found.is_newest:
            self._restrict()
            self._write(self._continued(self._torn_start()))
        elif found.torn:
            os.ftruncate(self._descriptor, found.end)
            self._size = found.end
            self._write(AuditEvent(REPAIRED, WARNING, detail=torn_words(found.torn)))

    def _restrict(self) -> None:
        """A file that somebody made beforehand, empty, is for its owner only too."""
        if hasattr(os, "fchmod"):
            os.fchmod(self._descriptor, 0o600)

    def _torn_start(self) -> Mapping[str, Any]:
        """Take away what a crash left of the very first line."""
        if not self._size:
            return {}
        torn = os.read(self._descriptor, LINE_LIMIT)
        os.ftruncate(self._descriptor, 0)
        self._size = 0
        return torn_words(torn)

    def _continued(self, torn: Mapping[str, Any] = MappingProxyType({})) -> AuditEvent:
        before = part(self.file, self._numbers[-1]).name
        return AuditEvent(CONTINUED, detail={"log": self._name, "previous": before, **torn})

    def _write(self, *events: AuditEvent) -> None:
        lines: list[bytes] = []
        size, seq, last = self._size, self._seq, self._hash
        for event in events:
            line, digest = encode(event, self._writer, seq + 1, last)
            is_begun = size and event.event not in (OPENED, CONTINUED)
            if is_begun and self._limit and size + len(line) > self._limit:
                self._write_whole(b"".join(lines), seq, last)
                self._rotate()
                size, seq, last = self._size, self._seq, self._hash
                line, digest = encode(event, self._writer, seq + 1, last)
                lines.clear()
            lines.append(line)
            size, seq, last = size + len(line), seq + 1, digest
        self._write_whole(b"".join(lines), seq, last)

    def _write_whole(self, data: bytes, seq: int, last: str) -> None:
        """Write all of this or nothing; then the log ends with event `seq`, whose hash is `last`."""
        done = os.write(self._descriptor, data) if data else 0
        try:
            # A short write is a full disk, a limit, a quota: the next one says which.
            while done < len(data):
                done += os.write(self._descriptor, data[done:])
        except OSError:
            # Take the piece back so that no torn line stays.
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size += done
        self._seq, self._hash = seq, last

    def _rotate(self) -> None:
        """Finish this file under its number, and go on in a new one; or later, where it is in use."""
        number = (self._numbers[-1] if self._numbers else 0) + 1
        finished = part(self.file, number)
        if finished.exists():
            raise OSError(errno.EEXIST, f"{finished} is there already")
        with self._syncing:
            os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
            try:
                self.file.rename(finished)
            except PermissionError:
                # Windows renames no file that somebody reads, a check for instance.
                self._descriptor = os.open(self.file, _FLAGS, 0o600)
                self._limit = self._size + self._most_bytes // 10
                return
            self._descriptor = os.open(self.file, _FLAGS | os.O_EXCL, 0o600)
        self._limit = self._most_bytes
        self._numbers.append(number)
        self._size = 0
        self._write(self._continued())

    def sync(self) -> Head | None:
        """Force what was written to the disk; the head that is safe now, None where nothing is new.

        Raises AuditError.
        """
        with self._lock:
            head = Head(str(self.file), self._name, self._seq, self._hash)
            descriptor, size = self._descriptor, self._size
            if descriptor < 0 or head.seq == self._synced:
                return None
            self._syncing.acquire()
        try:
            self._must_be_there(descriptor, size)
            os.fsync(descriptor)
        except OSError as error:
            failure = AuditError(f"cannot write the audit log {self.file}: {error.strerror}")
            self._failure = self._failure or failure
            raise failure from error
        finally:
            self._syncing.release()
        self._synced = head.seq
        return head

    def _must_be_there(self, descriptor: int, size: int) -> None:
        """Raise OSError where what is written is no longer the file of the log's name, or is shorter."""
        written = os.fstat(descriptor)
        if not os.path.samestat(written, self.file.stat()) or written.st_size < size:
            raise OSError(errno.EIO, "somebody moved, replaced or cut it off while it was written")

    def close(self) -> None:
        """Give the log free; what is not synced is the operating system's to write. May be called again."""
        with self._lock, self._syncing:
            self._failure = self._failure or AuditError("the audit log is closed")
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
        self._hold.release()
