"""The inventory of a folder: what is in it, and what is wrong with it. Sends nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from migrator.core.control import Control
from migrator.core.events import Emit, PhaseStarted, ProblemFound
from migrator.core.model import Instance, Reason
from migrator.core.outcome import Problem, State
from migrator.core.settings import Settings
from migrator.dicom.header import read_header, same_dataset
from migrator.dicom.names import name_of
from migrator.engine.accounting import Accounting, Ledger, Snapshot
from migrator.engine.duplicates import UidRegister
from migrator.engine.filters import filters_of, reason_to_leave
from migrator.engine.inventory import Inventory, ProblemCount
from migrator.engine.scanner import Known, Scanner, Settled, nothing_known
from migrator.jobs.home import source_folder

__all__ = ["Inventory", "ProblemCount", "ScanJob", "name_of", "scan"]

Visit = Callable[[Instance | Problem], None]


def _ignore(item: Instance | Problem) -> None:
    """A Visit for callers that want the counts only."""


def scan(source: str, settings: Settings, emit: Emit, control: Control, visit: Visit = _ignore) -> Inventory:
    """Scan a folder to its end; `visit` sees every instance and problem once.

    Raises SourceError, UsageError, Cancelled.
    """
    job = ScanJob(source, settings, emit, control)
    job.run(visit)
    return job.inventory


class ScanJob:
    """One scan. `inventory` may be read from any thread while it grows."""

    def __init__(
        self,
        source: str,
        settings: Settings,
        emit: Emit,
        control: Control,
        known: Known = nothing_known,
    ) -> None:
        """Check the request; what is `known` to be settled is passed over. Raises SourceError, UsageError."""
        root = str(source_folder(source))
        self.inventory = Inventory()
        self._accounting = Accounting("")
        self._accounting.phase("scanning")
        self._emit = emit
        self._filters = filters_of(settings.filter)
        self._limit = settings.filter.limit_studies
        self._studies: set[str] = set()  # within the limit
        self._register = UidRegister(root, settings.scan, read_header, same_dataset)
        self._scanner = Scanner(root, settings.scan, read_header, control, known)

    def snapshot(self) -> Snapshot:
        """The numbers of this moment; all found instances are pending."""
        ledger = Ledger.of(states := dict(self.inventory.states), sum(states.values()))
        return replace(self._accounting.snapshot(), run=ledger, job=ledger)

    def run(self, visit: Visit = _ignore) -> None:
        """Scan to the end. Raises Cancelled."""
        self._emit(PhaseStarted("scanning"))
        for block in self._scanner.blocks():
            for item in block:
                if not isinstance(item, Settled):
                    self._take(item, visit)

    def _take(self, item: Instance | Problem, visit: Visit) -> None:
        if isinstance(item, Instance):
            item = self._left_out(item) or self._register.judge(item) or self._beyond_limit(item) or item
        if isinstance(item, Instance):
            self.inventory.add_instance(item)
        else:
            self.inventory.add_problem(item)
            self._emit(ProblemFound(item))
        visit(item)

    def _left_out(self, instance: Instance) -> Problem | None:
        reason = reason_to_leave(self._filters, instance)
        return None if reason is None else _skipped(instance, reason)

    def _beyond_limit(self, instance: Instance) -> Problem | None:
        uid = instance.study.uid
        if not self._limit or uid in self._studies:
            return None
        if len(self._studies) == self._limit:
            return _skipped(instance, Reason.BEYOND_LIMIT)
        self._studies.add(uid)
        return None


def _skipped(instance: Instance, reason: Reason) -> Problem:
    return Problem(instance.path, instance.size, instance.mtime_ns, State.SKIPPED, reason)
