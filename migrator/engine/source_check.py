"""The copy-only promise, looked after: is every scanned file still as it was?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from migrator.engine.manifest_lines import path_of
from migrator.engine.manifest_rows import read_lines
from migrator.engine.record import JobRecord

_MOST_NAMED = 100


@dataclass(frozen=True, slots=True)
class SourceCheck:
    """What the second look at the source found. At most 100 paths of each kind are named.

    `trouble` says why there was none, where the source could not be looked at any more.
    """

    checked: int
    modified: int
    deleted: int
    modified_paths: tuple[str, ...] = ()
    deleted_paths: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def is_intact(self) -> bool:
        return not self.modified and not self.deleted and not self.trouble


def check_source(entries: Iterable[tuple[str, int, int]], records: Sequence[JobRecord]) -> SourceCheck:
    """Compare (path, size, mtime in ns) of every file now with what the scan of this run saw.

    `records` are those of all destinations of one scan, of which some may have ended before the others.
    """
    left = set().union(*(record.scanned for record in records))
    expected = len(left)
    modified: list[str] = []
    for path, size, mtime_ns in entries:
        key = hash(path)
        if key not in left:
            continue
        left.discard(key)
        record = next(record for record in records if key in record.scanned)
        standing = record.manifest.index.get(path)
        if standing is None or (standing.size, standing.mtime_ns) != (size, mtime_ns):
            modified.append(path)
    return SourceCheck(
        checked=expected,
        modified=len(modified),
        deleted=len(left),
        modified_paths=tuple(modified[:_MOST_NAMED]),
        deleted_paths=tuple(_names([record.manifest.file for record in records], left)),
    )


def _names(manifests: Sequence[Path], keys: set[int]) -> list[str]:
    """The paths behind these hashes, as far as the manifests name them."""
    if not keys:
        return []
    paths = {path_of(line) for file in manifests for line in read_lines(file) if line["t"] == "o"}
    return sorted(path for path in paths if hash(path) in keys)[:_MOST_NAMED]
