"""Lists of files with their SHA-256: how they are kept, and how `sha256sum` writes and reads them.

A kept list begins with a line of JSON, its header; then a line for each file: digest, size, time in ns, path.
Paths are bytes as the file system has them, with `/` between folders, escaped as GNU coreutils do. What a
list comes to, its canonical form, are the lines of `sha256sum` in the order of their bytes; anyone has the
same digest of it from `find . -type f -printf '%P\\0' | xargs -0r sha256sum -- | LC_ALL=C sort | sha256sum`.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple

import orjson

from migrator.core.errors import UsageError

_DIGEST = re.compile(rb"[0-9a-f]{64}")
_TAGGED = re.compile(rb"SHA256 \((.+)\) = (.{64})")
_LOOK_EVERY = 4096  # lines between two looks at whether to stop
UNKNOWN = -1
"""The size or time of a file where the list does not tell it."""


class Entry(NamedTuple):
    """One file: its path relative to the source, its size, its time in ns, the SHA-256 of its content.

    `digest` is in lower-case hexadecimal; size and time are UNKNOWN where only `sha256sum` listed it.
    """

    path: str
    size: int
    mtime_ns: int
    digest: str


def escaped(path: str) -> tuple[bytes, bool]:
    """A path as `sha256sum` writes it, and whether anything of it had to be escaped."""
    name = os.fsencode(path if os.sep == "/" else path.replace(os.sep, "/"))
    if b"\\" not in name and b"\n" not in name and b"\r" not in name:
        return name, False
    return name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r"), True


def unescaped(name: bytes) -> str:
    """The path that `escaped` wrote. Raises ValueError for an escape that is none."""
    if b"\\" not in name:
        return _path(name)
    parts = name.split(b"\\\\")
    plain = b"\\".join(part.replace(b"\\n", b"\n").replace(b"\\r", b"\r") for part in parts)
    if any(b"\\" in part.replace(b"\\n", b"").replace(b"\\r", b"") for part in parts):
        raise ValueError("an unknown escape")
    return _path(plain)


def _path(name: bytes) -> str:
    path = os.fsdecode(name)
    return path if os.sep == "/" else path.replace("/", os.sep)


def sum_line(entry: Entry) -> bytes:
    """The line that `sha256sum` prints for this file, without its end."""
    name, is_escaped = escaped(entry.path)
    return (b"\\" if is_escaped else b"") + entry.digest.encode() + b"  " + name


def entry_of_sum_line(line: bytes) -> Entry:
    """What a line of `sha256sum` says. Raises ValueError when it is none."""
    is_escaped = line.startswith(b"\\")
    text = line[is_escaped:]
    digest, mark, name = text[:64], text[64:66], text[66:]
    if tagged := _TAGGED.fullmatch(text):
        name, digest = tagged.groups()
    elif not name or mark not in (b"  ", b" *"):
        raise ValueError("not a line of sha256sum")
    path = unescaped(name) if is_escaped else _path(name)
    return Entry(path, UNKNOWN, UNKNOWN, _digest(digest.lower()))


def read_sums(lines: Iterable[bytes], name: str, roots: Iterable[str]) -> list[Entry]:
    """The entries of a file that `sha256sum` could check, each path once and relative to its source.

    `roots` are absolute paths of the source. Raises UsageError that names the line.
    """
    found: dict[str, Entry] = {}
    for number, raw in enumerate(lines, 1):
        line = raw.rstrip(b"\r\n")
        if not line:
            continue
        try:
            entry = entry_of_sum_line(line)
        except ValueError:
            raise UsageError(f"{name}, line {number}: not a line as sha256sum writes it") from None
        path = _inside(entry.path, roots)
        if path is None:
            raise UsageError(f"{name}, line {number}: its file is outside of the source")
        if found.setdefault(path, entry._replace(path=path)).digest != entry.digest:
            raise UsageError(f"{name}, line {number}: its file is listed twice, with different sums")
    return list(found.values())


def _inside(path: str, roots: Iterable[str]) -> str | None:
    """A path that somebody wrote, relative to the first of the roots that it is in."""
    for root in roots:
        folder = os.path.join(root, "")  # noqa: PTH118 - pathlib is slow, and there may be a million
        full = os.path.normpath(folder + path if not os.path.isabs(path) else path)  # noqa: PTH117
        if full.startswith(folder):
            return full[len(folder) :]
    return None


def kept_line(entry: Entry) -> bytes:
    """The line that a list keeps of a file."""
    return b"%s %d %d %s\n" % (entry.digest.encode(), entry.size, entry.mtime_ns, escaped(entry.path)[0])


def entry_of_kept_line(line: bytes) -> Entry:
    """What a list kept. Raises ValueError when the line is damaged."""
    digest, size, mtime_ns, name = line[:-1].split(b" ", 3)
    return Entry(unescaped(name), int(size), int(mtime_ns), _digest(digest))


def _digest(text: bytes) -> str:
    if not _DIGEST.fullmatch(text):
        raise ValueError("not a SHA-256")
    return text.decode()


class KeptList:
    """A list on disk, read; one thread at a time. `header` is empty where the file has none.

    `look` is called every few thousand lines, and may end the reading by what it raises.
    """

    def __init__(self, file: Path, look: Callable[[], None] = lambda: None) -> None:
        """Raises OSError."""
        self.file = file
        self._look = look
        self._stream = file.open("rb")
        first = self._stream.readline()
        try:
            # A header that was cut off, too, may be whole JSON: but lines would be appended to it.
            header = orjson.loads(first if first.endswith(b"\n") else b"")
        except ValueError:
            header = {}
        self.header: dict[str, Any] = header if isinstance(header, dict) else {}
        self._start = len(first)
        self.end = self._start
        """Where the last whole line ends, once `entries` has come to its end."""

    def entries(self) -> Iterator[tuple[int, Entry]]:
        """Every entry with the place of its line; a torn or damaged line is passed over."""
        place = self._start
        with self.file.open("rb") as stream:
            stream.seek(place)
            for number, line in enumerate(stream):
                if not line.endswith(b"\n"):
                    break
                if number % _LOOK_EVERY == 0:
                    self._look()
                self.end = place + len(line)
                with suppress(ValueError):
                    yield place, entry_of_kept_line(line)
                place += len(line)

    def at(self, place: int) -> Entry:
        """The entry of the line at this place."""
        self._stream.seek(place)
        return entry_of_kept_line(self._stream.readline())

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> KeptList:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class GrowingList:
    """A list to which entries are added while files are hashed, so that a killed run can go on.

    `earlier` tells where the entries of interrupted runs are, by the hash of their path; `current` those of
    this run. An entry that is right again moves over by `keep`.
    """

    def __init__(
        self,
        file: Path,
        header: dict[str, Any],
        is_same: Callable[[dict[str, Any]], bool],
        look: Callable[[], None] = lambda: None,
    ) -> None:
        """Go on with `file` where its header `is_same`; else begin it anew. `look` is as with KeptList.

        Raises OSError.
        """
        self.earlier: dict[int, int] = {}
        self.current: dict[int, int] = {}
        self.header = header
        if file.exists():
            with KeptList(file, look) as old:
                if old.header and is_same(old.header):
                    self.header = old.header
                    self.earlier = {hash(entry.path): place for place, entry in old.entries()}
                    os.truncate(file, old.end)
        is_new = self.header is header
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        descriptor = os.open(file, flags | (os.O_TRUNC if is_new else 0), 0o600)
        self._stream = os.fdopen(descriptor, "ab")
        if is_new:
            self._stream.write(orjson.dumps(header) + b"\n")
            self._stream.flush()
        self._place = os.fstat(descriptor).st_size
        self._reader = KeptList(file, look)
        self._lock = threading.Lock()  # whose turn it is with _reader
        self.file = file

    def knows(self, path: str, size: int, mtime_ns: int) -> bool:
        """Whether an interrupted run hashed this file, unchanged since; any thread may ask."""
        place = self.earlier.get(hash(path))
        if place is None:
            return False
        with self._lock:
            entry = self._reader.at(place)
        return (entry.path, entry.size, entry.mtime_ns) == (path, size, mtime_ns)

    def keep(self, path: str) -> Entry:
        """Count an entry of an interrupted run, which `knows` has found to be right, as one of this run."""
        place = self.current[hash(path)] = self.earlier.pop(hash(path))
        with self._lock:
            return self._reader.at(place)

    def taken(self, path: str) -> Entry | None:
        """This run's entry of a path, once; None when it has none, or has been taken."""
        place = self.current.pop(hash(path), None)
        if place is None:
            return None
        with self._lock:
            return self._reader.at(place)

    def add(self, entry: Entry) -> None:
        """Raises OSError (disk full …)."""
        line = kept_line(entry)
        self._stream.write(line)
        self.current[hash(entry.path)] = self._place
        self._place += len(line)

    def flush(self) -> None:
        """Hand everything to the system, so that a killed process loses nothing. Raises OSError."""
        self._stream.flush()

    def entries(self) -> Iterator[Entry]:
        """Those of this run, in the order of the file. Raises OSError."""
        self.flush()
        for place, entry in self._reader.entries():
            if self.current.get(hash(entry.path)) == place:
                yield entry

    def close(self) -> None:
        """Raises OSError when what is left cannot be written."""
        self._reader.close()
        self._stream.close()


def canonical(entries: Iterable[Entry]) -> list[bytes]:
    """The lines of `sha256sum` for these files, as `LC_ALL=C sort` orders them."""
    return sorted(map(sum_line, entries))


def digest_of(lines: Iterable[bytes]) -> str:
    """The SHA-256 of these lines as a file: what a statement vouches for its list with."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line + b"\n")
    return digest.hexdigest()


def write_kept(stream: BinaryIO, header: dict[str, Any], entries: Iterable[Entry]) -> None:
    """Write a complete list. Raises OSError."""
    stream.write(orjson.dumps(header) + b"\n")
    stream.writelines(map(kept_line, entries))
