"""Telling an audit record repository of a run (PS3.15 A.5): its begin, its end, and every study in between.

A study's transfer begins when a worker takes instances of it that are not under way, and ends when none is
any more. What is not sent at once, in a later wave for instance, is a transfer of its own.
"""

from __future__ import annotations

import os
import platform
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from migrator.core.errors import UsageError
from migrator.core.events import BatchTaken, Event, InstanceSettled
from migrator.core.model import Instance, Node, Study, Tls
from migrator.core.outcome import Outcome as Settled
from migrator.core.outcome import State
from migrator.core.paths import encodable
from migrator.core.settings import AuditSettings
from migrator.dicom.tls import context_of, needs_passphrase
from migrator.jobs.secrets import passphrase_of
from migrator.jobs.who import operator
from migrator.records.atna import (
    MOST_INSTANCES,
    Ended,
    Outcome,
    Reporter,
    Route,
    Transfer,
    application_activity,
    begin_transferring,
    instances_transferred,
)
from migrator.records.atna_spool import Delivery, Spool
from migrator.records.atna_syslog import Address, address_of, syslog_message

_Key = tuple[str, Study]  # destination and study: whose patient, accession … are as the files name them
_LEFT = "they were not sent: the run ended before, or was stopped"


@dataclass(slots=True)
class _Open:
    """A transfer that is under way: the paths that are, and what became of the others, by SOP class."""

    under_way: dict[str, str] = field(default_factory=dict)
    stored: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    failed_uids: dict[str, list[str]] = field(default_factory=dict)
    why: str = ""
    is_for_good: bool = False

    def note(self, instance: Instance, outcome: Settled) -> None:
        """One of them has been settled."""
        self.under_way.pop(instance.path, None)
        # What is skipped by now the destination holds already: it said so, or it was asked.
        if outcome.is_stored or outcome.state is State.SKIPPED:
            self.stored[instance.sop_class] += 1
        else:
            self.failed[instance.sop_class] += 1
            self.why = self.why or outcome.reason
            self.is_for_good = self.is_for_good or not outcome.may_retry
            if self.failed.total() <= MOST_INSTANCES:
                self.failed_uids.setdefault(instance.sop_class, []).append(instance.uid)


class Atna:
    """Makes messages of one run's events. `take` is for any thread; nothing here waits for the network."""

    def __init__(self, put: Callable[[bytes], None], routes: dict[str, Route]) -> None:
        """`put` takes each message on its way; `routes` has each destination's by its name."""
        self._put = put
        self._routes = routes
        self._reporter = Reporter(str(os.getpid()), platform.node() or "unknown", encodable(operator()))
        self._lock = threading.Lock()
        self._open: dict[_Key, _Open] = {}  # guarded by _lock

    def started(self) -> None:
        at = time.time_ns()
        self._send(application_activity(self._reporter, at, is_start=True), at)

    def ended(self) -> None:
        """The run is over: what is still under way was not sent."""
        with self._lock:
            left, self._open = self._open, {}
        for key, transfer in left.items():
            for sop_class in transfer.under_way.values():
                transfer.failed[sop_class] += 1
                transfer.why = transfer.why or _LEFT
            self._tell_end(key, transfer)
        at = time.time_ns()
        self._send(application_activity(self._reporter, at, is_start=False), at)

    def take(self, event: Event) -> None:
        """One of the run's events; most are of no concern here."""
        if isinstance(event, BatchTaken):
            for study, instances in _by_study(event.batch.instances):
                self._begin((event.destination, study), instances)
        elif isinstance(event, InstanceSettled):
            self._settled((event.destination, event.instance.study), event.instance, event.outcome)

    def _begin(self, key: _Key, instances: Iterable[Instance]) -> None:
        with self._lock:
            transfer = self._open.setdefault(key, _Open())
            new = [one for one in instances if one.path not in transfer.under_way]
            transfer.under_way.update((one.path, one.sop_class) for one in new)
        if new:
            at = time.time_ns()
            kinds = Counter(one.sop_class for one in new)
            route = self._routes[key[0]]
            self._send(begin_transferring(self._reporter, at, route, _transfer(key[1], kinds)), at)

    def _settled(self, key: _Key, instance: Instance, outcome: Settled) -> None:
        with self._lock:
            transfer = self._open.get(key)
            if transfer is None:
                return
            transfer.note(instance, outcome)
            if transfer.under_way:
                return
            del self._open[key]
        self._tell_end(key, transfer)

    def _tell_end(self, key: _Key, transfer: _Open) -> None:
        """One message for what was stored, one for what was not."""
        destination, study = key
        at, route = time.time_ns(), self._routes[destination]
        if transfer.stored:
            stored = _transfer(study, transfer.stored)
            self._send(instances_transferred(self._reporter, Ended(at), route, stored), at)
        if transfer.failed:
            outcome = Outcome.SERIOUS if transfer.is_for_good else Outcome.MINOR
            failed = _transfer(study, transfer.failed, transfer.failed_uids)
            ended = Ended(at, outcome, transfer.why)
            message = instances_transferred(self._reporter, ended, route, failed)
            self._send(message, at, is_failure=True)

    def _send(self, xml: bytes, at: int, *, is_failure: bool = False) -> None:
        reporter = self._reporter
        self._put(syslog_message(xml, at, reporter.host, reporter.process, is_failure=is_failure))


def _by_study(instances: Sequence[Instance]) -> Iterable[tuple[Study, list[Instance]]]:
    found: dict[Study, list[Instance]] = {}
    study: Study | None = None
    for instance in instances:
        if instance.study is not study:  # hashing a study costs more than all the rest
            study = instance.study
            group = found.setdefault(study, [])
        group.append(instance)
    return found.items()


def _transfer(study: Study, kinds: Counter[str], instances: dict[str, list[str]] | None = None) -> Transfer:
    return Transfer(
        study_uid=study.uid,
        patient_id=study.patient.id,
        patient_name=study.patient.name,
        sop_classes=kinds,
        description=study.description,
        accession=study.accession,
        instances=instances or {},
    )


def route_to(node: Node) -> Route:
    """Between which application entities a run towards this node transfers."""
    return Route(node.calling_ae_title, node.ae_title, node.host)


@dataclass(frozen=True, slots=True)
class Repository:
    """Where messages go, and how to speak TLS with it."""

    address: Address
    context: ssl.SSLContext

    def spool(self, home: Path, told: Callable[[str, str], None]) -> Spool:
        """The messages to it, with those that earlier runs have left. Raises UsageError."""
        name = f"{self.address.host}-{self.address.port}".replace(":", "_").replace("%", "_")
        try:
            return Spool(home / "atna" / name, self.address, self.context, told)
        except OSError as error:
            raise UsageError(
                f"messages to the audit repository cannot be kept in {home}: {error.strerror}"
            ) from error


def repository_of(settings: AuditSettings, warn: Callable[[str], None]) -> Repository:
    """The repository that these settings name. Raises UsageError that names the option."""
    address = address_of(settings.audit_syslog)
    tls = Tls(settings.audit_ca, settings.audit_cert)
    try:
        if needs_passphrase(tls):
            tls = Tls(tls.ca, tls.cert, key_passphrase=passphrase_of(tls.cert).read("", warn))
        return Repository(address, context_of(tls))
    except UsageError as error:
        raise UsageError(f"--audit-ca, --audit-cert: {error}") from error


def delivery_words(delivery: Delivery, address: Address) -> tuple[str, str]:
    """What became of the messages, and how bad that is; empty where all of them have arrived."""
    if delivery.lost:
        return f"{delivery.lost:,} messages to the audit repository {address} are LOST", "error"
    if delivery.waiting:
        words = f"{delivery.waiting:,} messages to the audit repository {address} wait for the next run"
        return words, "warning"
    return "", "info"
