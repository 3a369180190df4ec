"""How one run's events come into its log."""

from __future__ import annotations

from pathlib import Path

from migrator.core.errors import AuditError
from migrator.core.events import Notice
from migrator.jobs.audit_trail import Trail
from migrator.records.audit import Writer
from migrator.records.audit_log import AuditLog


def test_what_is_told_after_the_end_neither_fails_nor_is_written(tmp_path: Path) -> None:
    """A thread that waits for a repository may speak when all is over: no log has failed by that."""
    failures: list[AuditError] = []
    file = tmp_path / "audit.jsonl"
    trail = Trail(
        AuditLog(file, Writer("tester@here", "0" * 12)), lambda error, is_first: failures.append(error)
    )
    trail.begin("/source", ())
    trail.end()
    written = file.read_bytes()
    trail.take(Notice("the audit repository cannot be reached"))
    assert failures == []
    assert trail.failure is None
    assert file.read_bytes() == written
