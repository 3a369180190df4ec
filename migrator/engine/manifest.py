"""The manifest: an append-only JSON Lines file per job, from which any run goes on where the last stopped.

A line is in the hands of the operating system when `append` returns, so a killed process loses nothing;
every half second, and before a batch begins, it is forced to the disk, so a power cut loses at most what
the begin lines name as in flight.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock, Timeout

from migrator.core.errors import JobBusy, ManifestError
from migrator.core.model import Series
from migrator.engine.manifest_index import ManifestIndex
from migrator.engine.manifest_lines import VERSION, encode, series_line, series_of
from migrator.engine.manifest_rows import compact, is_worth_compacting

SYNC_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Damage:
    """A line that could not be used; the rest was."""

    line: int
    why: str


class Manifest:
    """The open manifest of one job, held by an OS lock. `append` may be called from any thread."""

    def __init__(self, folder: Path, source: str, destination: str, *, is_anew: bool = False) -> None:
        """Open or create the manifest in `folder`, and load it; an old one is kept aside with `is_anew`.

        Raises JobBusy when another process works on the job, ManifestError when it cannot be read.
        """
        self.file = folder / "manifest.jsonl"
        self.index = ManifestIndex()
        self.damage: list[Damage] = []
        self.lines = 0
        self.outcomes = 0
        self.settings_key = 0
        self.settings: Mapping[str, Any] | None = None
        """What shapes the content, as it was noted last; `settings_before` is that of the run before."""
        self.settings_before: Mapping[str, Any] | None = None
        self.settings_digest = ""
        self._series: dict[Series, int] = {}
        self._last_series: Series | None = None  # hashing a series costs more than the rest of a line
        self._last_key = 0
        self._last_number = 0
        self._lock = threading.Lock()
        self._written = 0  # guarded by _lock
        self._durable = 0  # guarded by _synced
        self._synced = threading.Condition()
        self._failure: OSError | None = None
        self._hold = FileLock(str(folder / "manifest.lock"), mode=0o600)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._hold.acquire(timeout=0)
        except Timeout:
            raise JobBusy("another process is working on this job; wait for it or stop it") from None
        except OSError as error:
            raise ManifestError(f"cannot use the data directory {folder}: {error.strerror}") from error
        try:
            if is_anew:
                self._set_aside()
            self._open()
        except BaseException:
            self._hold.release()
            raise
        self._closing = threading.Event()
        self._wanted = threading.Event()
        self._syncer = threading.Thread(target=self._sync_regularly, name="manifest-sync", daemon=True)
        self._syncer.start()
        if not self.lines:
            self.append({"t": "manifest", "version": VERSION, "source": source, "destination": destination})

    def _set_aside(self) -> None:
        """Keep the manifest under a name that tells when it ended."""
        if self.file.exists():
            stamp = time.strftime("%Y%m%d-%H%M%S")
            number = len(list(self.file.parent.glob("manifest-*.jsonl"))) + 1
            self.file.rename(self.file.with_name(f"manifest-{stamp}-{number}.jsonl"))

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        try:
            if self.file.exists():
                end = self._load()
                os.truncate(self.file, end)
                if is_worth_compacting(self.outcomes, len(self.index)):
                    compact(self.file, self.index.in_doubt)
            self._descriptor = os.open(self.file, flags, 0o600)
        except OSError as error:
            raise ManifestError(f"cannot open the manifest {self.file}: {error.strerror}") from error
        self._written = self._durable = os.fstat(self._descriptor).st_size

    def _load(self) -> int:
        """Read every line; return where the last whole one ends."""
        end = 0
        with self.file.open("rb") as stream:
            for raw in stream:
                if not raw.endswith(b"\n"):
                    break  # torn by a crash: what it said is in doubt by its begin line
                end += len(raw)
                self.lines += 1
                self._take_up(raw)
        self.index.loaded()
        return end

    def _take_up(self, raw: bytes) -> None:
        try:
            line = orjson.loads(raw)
            kind = line["t"]
            if kind == "series":
                self._series[series_of(line)] = line["series"]
                self._last_number = max(self._last_number, line["series"])
            elif kind == "settings":
                self.settings_key, self.settings_digest = line["settings"], line["digest"]
                self.settings = line["values"]
            elif kind == "manifest":
                if line["version"] != VERSION:
                    raise ManifestError(f"{self.file} was written by another version ({line['version']})")
            else:
                self.outcomes += kind == "o"
                self.index.take_up(line)
        except (ValueError, KeyError, TypeError) as error:
            self.damage.append(Damage(self.lines, type(error).__name__))

    def append(self, line: Mapping[str, Any]) -> int:
        """Add one line and return a ticket for `wait_durable`. Raises ManifestError (disk full …)."""
        data = encode(line)
        with self._lock:
            return self._write(data)

    def _write(self, data: bytes) -> int:
        if self._failure is not None:
            raise ManifestError(f"cannot write the manifest: {self._failure.strerror}") from self._failure
        try:
            self._write_whole(data)
        except OSError as error:
            self._failure = error
            raise ManifestError(f"cannot write the manifest {self.file}: {error.strerror}") from error
        self._written += len(data)
        return self._written

    def _write_whole(self, data: bytes) -> None:
        done = os.write(self._descriptor, data)
        try:
            # A short write is a full disk, a limit, a quota: the next one says which.
            while done < len(data):
                done += os.write(self._descriptor, data[done:])
        except OSError:
            # Take the piece back so that no torn line stays.
            os.ftruncate(self._descriptor, self._written)
            raise

    def note_settings(self, values: Mapping[str, Any]) -> None:
        """Record what shapes the content that is sent, if it changed; outcomes cite it by `settings_key`."""
        digest = hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
        self.settings_before, self.settings = self.settings, values
        if digest != self.settings_digest:
            self.settings_key += 1
            self.settings_digest = digest
            self.append({"t": "settings", "settings": self.settings_key, "digest": digest, "values": values})

    def series_key(self, series: Series) -> int:
        """The number by which lines cite this series; writes its line at the first use."""
        with self._lock:
            if series is self._last_series:
                return self._last_key
            key = self._series.get(series)
            if key is None:
                key = self._last_number = self._last_number + 1
                self._write(encode(series_line(key, series)))
                self._series[series] = key
            self._last_series, self._last_key = series, key
            return key

    def series(self, key: int) -> Series | None:
        """What lines cite by this number. Made for a few calls."""
        with self._lock:
            return next((series for series, number in self._series.items() if number == key), None)

    def want_durable(self) -> None:
        """Have everything written so far forced to the disk soon, without waiting for it."""
        self._wanted.set()

    def wait_durable(self, ticket: int) -> None:
        """Block until everything up to `ticket` is on the disk."""
        with self._synced:
            while self._durable < ticket and self._failure is None:
                self._wanted.set()
                self._synced.wait(SYNC_SECONDS)
        if self._failure is not None:
            raise ManifestError(f"cannot write the manifest: {self._failure.strerror}") from self._failure

    def _sync_regularly(self) -> None:
        while not self._closing.is_set():
            self._wanted.wait(SYNC_SECONDS)
            self._wanted.clear()
            self._sync()

    def _sync(self) -> None:
        written = self._written
        if written > self._durable and self._failure is None:
            try:
                os.fsync(self._descriptor)
            except OSError as error:
                self._failure = error
        with self._synced:
            if self._failure is None:
                self._durable = written
            self._synced.notify_all()

    def close(self) -> None:
        """Force everything to the disk, and give the job free."""
        self._closing.set()
        self._wanted.set()
        self._syncer.join()
        self._sync()
        with self._lock:
            # A worker that outlives the job must not write into whatever gets this number next.
            self._failure = self._failure or OSError(errno.EBADF, "it is closed")
            os.close(self._descriptor)
        self._hold.release()
