"""Snapshots and checks of a source: in words, as JSON, as rows of a table."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from migrator.checks.integrity import CheckResult, Finding, Kind, Pass, Statement
from migrator.checks.integrity_list import UNKNOWN, Entry
from migrator.core.paths import encodable

FINDING_COLUMNS = (
    "finding",
    "path",
    "bytes_before",
    "bytes_now",
    "modified_before",
    "modified_now",
    "sha256_before",
    "sha256_now",
    "detail",
)

_MEANING = {
    Kind.CORRUPTED: "other content under the same size and time: the storage changed it, nobody wrote it",
    Kind.CHANGED: "other content: somebody wrote it",
    Kind.VANISHED: "no longer there",
    Kind.UNREADABLE: "cannot be read",
    Kind.NEW: "not there at the time of the snapshot",
}


def progress_words(numbers: Pass, expected: Statement | None, seconds: float) -> str:
    """How far a look at the source has come."""
    files, size = f"{numbers.files:,}", f"{numbers.bytes / 1e9:,.2f}"
    if expected is not None:
        files, size = f"{files} of {expected.files:,}", f"{size} of {expected.bytes / 1e9:,.2f}"
    speed = f", {numbers.read / 1e6 / seconds:,.0f} MB/s" if seconds > 0 else ""
    return f"{files} files, {size} GB hashed{speed}"


def statement_words(statement: Statement) -> list[str]:
    """What is vouched for, by whom and when."""
    at = datetime.fromtimestamp(statement.at).astimezone().isoformat(" ", "seconds")
    lines = [
        f"{statement.files:,} files, {statement.bytes / 1e9:,.3f} GB, {at}, {statement.who}",
        f"SHA-256 of their list: {statement.list_sha256}",
    ]
    if statement.unreadable:
        lines.append(f"NOT in the list, for they cannot be read: {statement.unreadable:,} files or folders")
    return lines


def check_words(result: CheckResult) -> list[str]:
    """The verdict of a check and what leads to it; without the single files."""
    comparison, counts = result.comparison, result.comparison.counts
    touched = f" ({comparison.touched:,} of them with another time)" if comparison.touched else ""
    lines = [f"Unchanged: {comparison.unchanged:,} of {result.before.files:,} files{touched}"]
    lines += [
        f"{kind.value.capitalize()}: {counts[kind]:,} - {_MEANING[kind]}" for kind in Kind if counts[kind]
    ]
    if result.is_intact:
        lines.append("INTACT: every file that was vouched for is there, with the same content")
    else:
        lines.append("NOT INTACT: not every file that was vouched for is there, with the same content")
    return lines


def snapshot_as_json(statement: Statement, file: str) -> dict[str, Any]:
    """The statement, and where the list is kept."""
    return {**statement.as_dict(), "snapshot": file}


def as_json(result: CheckResult) -> dict[str, Any]:
    """Counts, the statements of before and now, and at most 1000 findings of each kind, with their paths."""
    comparison = result.comparison
    return {
        "intact": result.is_intact,
        "unchanged": comparison.unchanged,
        "touched": comparison.touched,
        **{kind.value: comparison.counts[kind] for kind in Kind},
        "before": result.before.as_dict(),
        "after": result.after.as_dict(),
        "findings": [
            {
                "finding": finding.kind.value,
                "path": encodable(finding.path),
                "before": _entry_as_json(finding.before),
                "after": _entry_as_json(finding.after),
                "detail": finding.detail,
            }
            for finding in result.findings
        ],
    }


def _entry_as_json(entry: Entry | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    return {
        "bytes": None if entry.size == UNKNOWN else entry.size,
        "modified": _moment(entry) or None,
        "sha256": entry.digest,
    }


def finding_row(finding: Finding) -> tuple[object, ...]:
    """One finding in the order of FINDING_COLUMNS."""
    before, after = finding.before, finding.after
    return (
        *(finding.kind.value, finding.path, _size(before), _size(after), _moment(before), _moment(after)),
        *(before.digest if before else "", after.digest if after else "", finding.detail),
    )


def _size(entry: Entry | None) -> object:
    return "" if entry is None or entry.size == UNKNOWN else entry.size


def _moment(entry: Entry | None) -> str:
    if entry is None or entry.mtime_ns == UNKNOWN:
        return ""
    try:
        return datetime.fromtimestamp(entry.mtime_ns / 1e9, timezone.utc).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return f"{entry.mtime_ns} ns"  # a file system may say anything
