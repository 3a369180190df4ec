"""The audit of one run: its log, and what an audit record repository is told."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from migrator.core.errors import AuditError, MigratorError, UsageError
from migrator.core.events import Emit, Event, Notice
from migrator.core.paths import encodable
from migrator.core.settings import AuditSettings
from migrator.jobs.audit_atna import Atna, Repository, delivery_words, repository_of, route_to
from migrator.jobs.audit_results import results
from migrator.jobs.audit_trail import Audited, Trail
from migrator.jobs.home import refuse_inside
from migrator.jobs.migrate_model import MigrateRequest, MigrateResult
from migrator.jobs.who import operator
from migrator.records.atna_spool import Spool
from migrator.records.audit import FAILED, AuditEvent, Writer
from migrator.records.audit_log import AuditLog

_log = logging.getLogger("migrator")

_MB = 1_000_000
_LAST_WORDS = 5.0  # seconds that the repository may take for what is left at the end of a run
_HASTE = 1.0  # seconds, where the user wants to stop


class Audit:
    """Listens to one run, where its settings ask for that. What cannot be audited is not sent.

    `emit` passes every event on, and may be called from any thread.
    """

    def __init__(self, request: MigrateRequest, root: str, emit: Emit) -> None:
        """Take the log; nothing is written or sent yet. Raises UsageError."""
        settings = _settings_of(request)
        self._home = request.home
        self._root = root
        self._tell = emit
        self._destinations: Sequence[Audited] = ()
        self._repository: Repository | None = None
        self._spool: Spool | None = None
        self._atna: Atna | None = None
        self._trail: Trail | None = None
        if settings.audit_syslog:
            self._repository = repository_of(settings, _log.warning)
        if settings.audit:
            refuse_inside(Path(settings.audit), Path(root), "the audit log")
            writer = Writer(encodable(operator()), secrets.token_hex(6))
            log = AuditLog(Path(settings.audit), writer, int(settings.audit_size * _MB))
            self._trail = Trail(log, self._stop)
        self.emit: Emit = self._emit if settings.audit or settings.audit_syslog else emit

    def _emit(self, event: Event) -> None:
        self._tell(event)
        if self._trail is not None:
            self._trail.take(event)
        if self._atna is not None:
            self._atna.take(event)

    def _stop(self, error: AuditError, is_first: bool) -> None:
        """End the run in order."""
        for one in self._destinations:
            one.stop(error)
        if is_first:
            self._tell(Notice(f"{error}; nothing more is sent", "error"))

    @contextmanager
    def run(self, destinations: Sequence[Audited]) -> Iterator[None]:
        """While it lasts, the run's events are taken.

        Raises AuditError where not even the first can be written, and UsageError.
        """
        self._destinations = destinations
        if self._repository is not None:
            self._spool = self._repository.spool(self._home, self._told)
        if self._trail is not None:
            self._trail.begin(self._root, destinations)
        if self._spool is not None:
            self._atna = Atna(self._spool.put, {str(one.node): route_to(one.node) for one in destinations})
            self._atna.started()
        try:
            yield
        except BaseException as error:  # Ctrl-C too: whatever ends a run, its log says so
            reason = str(error) if isinstance(error, MigratorError) else type(error).__name__
            self._end([AuditEvent("run_ended", FAILED, detail={"stopped": reason})], _HASTE)
            raise

    def _told(self, text: str, level: str) -> None:
        self.emit(Notice(text, level))

    def ended(self, result: MigrateResult) -> MigrateResult:
        """Write what the run came to; the result tells of a log that could not be written."""
        self._end(results(result), _HASTE if result.is_cancelled else _LAST_WORDS)
        failure = self._trail.failure if self._trail is not None else None
        if failure is None:
            return result
        parts = [one if one.stopped_by else replace(one, failure=failure) for one in result.destinations]
        return replace(result, destinations=tuple(parts))

    def _end(self, events: Sequence[AuditEvent], seconds: float) -> None:
        """The last of these events is the last of the run."""
        if self._atna is not None and self._spool is not None and self._repository is not None:
            self._atna.ended()
            words, level = delivery_words(self._spool.close(seconds), self._repository.address)
            if words:
                self._told(words, level)
        if self._trail is not None:
            for event in events:
                self._trail.note(event)
            self._trail.end()

    def close(self) -> None:
        """Give the log free, however it ended."""
        if self._trail is not None:
            self._trail.end()


def _settings_of(request: MigrateRequest) -> AuditSettings:
    """How to audit: all destinations have one audit. Raises UsageError where they name several."""
    if request.is_rehearsal:
        return AuditSettings()
    asked = [target.settings.audit for target in request.destinations]
    named = [one for one in asked if one.audit or one.audit_syslog]
    if any(one != named[0] for one in named):
        raise UsageError("the destinations' settings name different audits, and one run has one")
    for one in asked:
        if (one.audit_ca or one.audit_cert) and not one.audit_syslog:
            raise UsageError("--audit-ca and --audit-cert mean nothing without --audit-syslog")
    return named[0] if named else AuditSettings()
