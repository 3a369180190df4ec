"""The files of an audit log: FILE is the one that grows, FILE.1 the oldest, FILE.2 the next."""

from __future__ import annotations

import re
from pathlib import Path


def part(file: Path, number: int) -> Path:
    """The log's file of this number, when another one has followed it."""
    return file.with_name(f"{file.name}.{number}")


def numbers(file: Path) -> list[int]:
    """The numbers of the files that were finished, in order. Raises OSError."""
    pattern = re.compile(re.escape(file.name) + r"\.([1-9][0-9]{0,8})")
    found = (pattern.fullmatch(entry.name) for entry in file.parent.iterdir())
    return sorted(int(match[1]) for match in found if match)


def whole_log_of(file: Path) -> Path | None:
    """The log that this file is a finished part of, where that can be seen from its name; else None."""
    base = re.fullmatch(r"(.+)\.[1-9][0-9]{0,8}", file.name)
    whole = file.with_name(base[1]) if base else None
    return whole if whole is not None and whole.is_file() else None
