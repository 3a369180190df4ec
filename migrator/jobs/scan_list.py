"""What a scan found, one JSON line each as in a manifest, for those who read it while it grows."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from migrator.core.errors import UsageError
from migrator.core.model import Instance, Series
from migrator.core.outcome import Outcome, Problem, State
from migrator.core.paths import encodable
from migrator.engine.manifest_lines import VERSION, encode, outcome_line, problem_line, series_line

_PENDING = Outcome(State.PENDING)
_FLUSH = 0.1  # seconds


class ScanList:
    """Written while its `with` block lasts; owner-only. Raises UsageError where it cannot be written."""

    def __init__(self, file: Path, source: str) -> None:
        self._file = file
        self._keys: dict[Series, int] = {}
        self._last: tuple[Series | None, int] = (
            None,
            0,
        )  # hashing a series costs more than the rest of a line
        self._flushed = 0.0
        where = encodable(os.path.realpath(source))
        header = {"t": "manifest", "version": VERSION, "source": where, "destination": ""}
        try:
            self._stream = open(file, "wb", opener=_private)  # noqa: SIM115 - closed by __exit__
        except OSError as error:
            raise self._refused(error) from error
        self._write(encode(header))

    def add(self, item: Instance | Problem) -> None:
        """Write an instance, as pending, or a path that is none, with its reason."""
        instance = item if isinstance(item, Instance) else item.instance
        key = None if instance is None else self._key_of(instance.series)
        if isinstance(item, Instance):
            assert key is not None
            self._write(encode(outcome_line(item, _PENDING, key, 0.0)))
        else:
            self._write(encode(problem_line(item, key, 0.0)))

    def _key_of(self, series: Series) -> int:
        last, key = self._last
        if series is last:
            return key
        known = self._keys.get(series)
        if known is None:
            known = self._keys[series] = len(self._keys) + 1
            self._write(encode(series_line(known, series)))
        self._last = series, known
        return known

    def _write(self, line: bytes) -> None:
        try:
            self._stream.write(line)
            if time.monotonic() - self._flushed > _FLUSH:
                self._stream.flush()
                self._flushed = time.monotonic()
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> UsageError:
        return UsageError(f"the list {self._file} cannot be written: {error.strerror}")

    def __enter__(self) -> ScanList:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            with suppress(OSError):
                self._stream.close()
            return
        try:
            self._stream.close()
        except OSError as cause:
            raise self._refused(cause) from cause


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
