"""One run's events in its audit log, and the log's head in the job's manifests."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from migrator import __version__
from migrator.core.edits import Edit
from migrator.core.errors import AuditError, ManifestError
from migrator.core.events import Event
from migrator.core.model import Node
from migrator.engine.manifest import Manifest
from migrator.jobs.audit_belated import belated
from migrator.jobs.audit_check import head_line
from migrator.jobs.audit_events import TOLD, audited, is_plain, settled
from migrator.jobs.migrate_model import Target
from migrator.records.audit import WARNING, AuditEvent
from migrator.records.audit_log import AuditLog

_log = logging.getLogger("migrator")

_GROUP = 32  # events of files that were sent
_FLUSH_SECONDS = 0.1  # for which the first of them waits at most
_SYNC_ROUNDS = 5  # after so many of these waits


class Audited(Protocol):
    """One destination's part of a run, as its audit needs it."""

    @property
    def node(self) -> Node: ...

    @property
    def target(self) -> Target: ...

    @property
    def manifest(self) -> Manifest: ...

    @property
    def edits(self) -> Sequence[Edit]:
        """What rules ask for."""
        ...

    def stop(self, error: AuditError) -> None:
        """Send nothing more."""
        ...


class Trail:
    """Writes events from any thread.

    Each that cannot be written is told to `failed`, with whether it is the first: whoever has told an event
    shall find the run stopped, even where another thread is about to stop it.
    """

    def __init__(self, log: AuditLog, failed: Callable[[AuditError, bool], None]) -> None:
        self._log = log
        self._failed = failed
        self._edits: dict[str, Sequence[Edit]] = {}
        self._manifests: Sequence[Manifest] = ()
        self._told: deque[tuple[int, Event]] = deque()
        self._flushing = threading.Lock()
        self._lock = threading.Lock()
        self._failure: AuditError | None = None  # guarded by _lock
        self._closing = threading.Event()
        self._syncer: threading.Thread | None = None

    @property
    def failure(self) -> AuditError | None:
        """Why nothing is written any more."""
        return self._failure

    def begin(self, source: str, destinations: Sequence[Audited]) -> None:
        """Write with what the run begins. Raises AuditError where that cannot be."""
        self._edits = {str(one.node): one.edits for one in destinations}
        self._manifests = [one.manifest for one in destinations]
        self.note(AuditEvent("run_started", detail=_started(source, destinations)))
        for one in destinations:
            if changed := _changed_settings(one.manifest):
                detail = {"by": "a new run", **changed}
                self.note(AuditEvent("settings_changed", WARNING, destination=str(one.node), detail=detail))
        for one in destinations:
            self._catch_up(one)
        # Only now, or the next run would take what this one could not write for written.
        if self._failure is None:
            self._sync()
        if self._failure is not None:
            raise self._failure
        self._syncer = threading.Thread(target=self._sync_regularly, name="audit-sync", daemon=True)
        self._syncer.start()

    def _catch_up(self, destination: Audited) -> None:
        """Write what the last run did not come to."""
        try:
            for event in belated(destination.manifest, self._log, str(destination.node)):
                self.note(event)
        except (OSError, ValueError, KeyError, TypeError) as error:
            # A manifest with such damage tells of it itself; this run is audited all the same.
            _log.warning("events that the last run did not write cannot be found: %s", type(error).__name__)

    def take(self, event: Event) -> None:
        """Write what the run tells, until its end, where it concerns the audit. Never raises.

        Files that were sent as they should be come together for a moment: one by one, at some thousands a
        second, they would cost the sending several percent.
        """
        if isinstance(event, TOLD) and not self._closing.is_set():
            self._told.append((time.time_ns(), event))
            if len(self._told) >= _GROUP or not is_plain(event):
                self._flush()
            elif self._failure is not None:
                self._fail(self._failure)

    def _flush(self) -> None:
        """Write what was told."""
        try:
            with self._flushing:
                events: list[AuditEvent] = []
                while self._told:
                    at, event = self._told.popleft()
                    if is_plain(event):
                        events.append(settled(event, at))
                    else:
                        events += [one._replace(at=at) for one in audited(event, self._edits_of)]
                if events:
                    self._log.append(*events)
        except AuditError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - whoever tells an event must not suffer for it
            self._fail(AuditError(f"an event cannot be written to the audit log ({type(error).__name__})"))

    def note(self, event: AuditEvent) -> None:
        """Write one event, after all that was told. Never raises."""
        self._flush()
        try:
            self._log.append(event)
        except AuditError as error:
            self._fail(error)

    def _edits_of(self, destination: str) -> Sequence[Edit]:
        return self._edits.get(destination, ())

    def _fail(self, error: AuditError) -> None:
        with self._lock:
            is_first, self._failure = self._failure is None, self._failure or error
        self._failed(error, is_first)

    def _sync_regularly(self) -> None:
        """Every moment what was told is written; what was written is forced to the disk less often."""
        rounds = 0
        while not self._closing.wait(_FLUSH_SECONDS):
            self._flush()
            rounds += 1
            if rounds % _SYNC_ROUNDS == 0:
                self._sync()

    def _sync(self) -> None:
        """Force the log to the disk, and then, not before, have the manifests know its head."""
        try:
            head = self._log.sync()
        except AuditError as error:
            self._fail(error)
            return
        if head is not None:
            for manifest in self._manifests:
                with suppress(ManifestError):  # of that the run learns by itself
                    manifest.append(head_line(head, self._log.run))

    def end(self) -> None:
        """Have the manifests know where the log ends, and give it free. May be called again."""
        self._closing.set()
        if self._syncer is not None:
            self._syncer.join()
            self._syncer = None
            self._flush()
            self._sync()
        self._log.close()


def _started(source: str, destinations: Sequence[Audited]) -> dict[str, Any]:
    return {
        "version": __version__,
        "source": source,
        "destinations": [
            {
                "node": str(one.node),
                "calling": one.node.calling_ae_title,
                "tls": one.node.tls is not None,
                "settings": one.target.settings.model_dump(mode="json", exclude_defaults=True),
                "settings_digest": one.manifest.settings_digest,
                "manifest": str(one.manifest.file),
            }
            for one in destinations
        ],
    }


def _changed_settings(manifest: Manifest) -> dict[str, Any]:
    """The settings that shape content and are not those of the job's last run: before and after."""
    before, after = manifest.settings_before, manifest.settings
    if before is None or after is None:
        return {}
    return {
        name: {"before": before.get(name), "after": after.get(name)}
        for name in {**before, **after}
        if before.get(name) != _plain(after.get(name))
    }


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    return list(value) if isinstance(value, tuple) else value
