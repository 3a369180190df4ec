"""Compatibility as a job: a source's SOP classes and transfer syntaxes against what a destination accepts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from migrator.checks.compatibility import Amount, Cell, Means, Probing, Way, cells_of
from migrator.core.control import Control
from migrator.core.errors import Cancelled, DestinationError
from migrator.core.events import Emit, PhaseStarted
from migrator.core.model import ContextPair, Instance, Node
from migrator.core.outcome import Problem
from migrator.core.settings import Settings
from migrator.dicom.contexts import FALLBACKS, IMPLICIT_LITTLE, NATIVE, REFUSALS, can_propose
from migrator.dicom.names import name_of
from migrator.dicom.pixels import is_lossy
from migrator.dicom.probe import VERIFICATION
from migrator.dicom.probe_contexts import ContextProber, storage_classes, transfer_syntaxes, why_not_decoded
from migrator.engine.accounting import Snapshot
from migrator.jobs.scan import ScanJob
from migrator.records.words import counted

__all__ = [
    "COLUMNS",
    "Cell",
    "CompatJob",
    "CompatReport",
    "CompatRequest",
    "Way",
    "as_json",
    "row_of",
    "summary",
]

COLUMNS = (
    "sop_class",
    "sop_class_uid",
    "transfer_syntax",
    "transfer_syntax_uid",
    "files",
    "bytes",
    "way",
    "sent_as",
    "sent_as_uid",
    "over",
    "lossy",
    "destination_says",
    "reason",
)


@dataclass(frozen=True, slots=True)
class CompatRequest:
    """What is asked for; with `is_all` also what the source does not hold."""

    source: str
    node: Node
    settings: Settings = field(default_factory=Settings)
    is_all: bool = False


@dataclass(frozen=True, slots=True)
class CompatReport:
    """The matrix, the source's kinds first. `system` is what the destination calls itself.

    `hang_ups` are associations that the destination ended because of what they proposed of the source.
    `not_counted` are the paths of the source that are not to be sent (duplicates, filtered, no images …).
    """

    node: Node
    system: str
    cells: tuple[Cell, ...]
    associations: int
    hang_ups: int
    not_counted: int
    means: Means

    @property
    def held(self) -> tuple[Cell, ...]:
        """What the source holds."""
        return tuple(cell for cell in self.cells if cell.amount.files)

    @property
    def is_compatible(self) -> bool:
        """Whether there is a way for everything that the source holds, and for all of it together."""
        return not self.hang_ups and not any(cell.is_stuck for cell in self.cells)

    def amount(self, way: Way) -> Amount:
        """How much of the source goes this way."""
        amounts = [cell.amount for cell in self.held if cell.way is way]
        return Amount(sum(one.files for one in amounts), sum(one.bytes for one in amounts))


class CompatJob:
    """One comparison. `run` is called once; `snapshot` may be asked from any thread."""

    def __init__(self, request: CompatRequest, control: Control, emit: Emit) -> None:
        """Check the request. Raises SourceError, UsageError."""
        self._request = request
        self._control = control
        self._emit = emit
        self._scan = ScanJob(request.source, request.settings, emit, control)
        self._files: Counter[ContextPair] = Counter()
        self._bytes: Counter[ContextPair] = Counter()

    def snapshot(self) -> Snapshot:
        """The numbers of the scan."""
        return self._scan.snapshot()

    def run(self, asked: Callable[[int, int], None]) -> CompatReport:
        """Scan, ask, compare; `asked` is told of the associations made, and of how many they will be.

        Raises SourceError, DestinationError, Cancelled.
        """
        request = self._request
        prober = ContextProber(request.node, request.settings.send)
        self._control.on_cancel(prober.interrupt)
        means = _means(request.settings)
        try:
            probing = Probing(prober, means, self._control, asked)
            probing.greet()  # before an hour of scanning
            self._scan.run(self._count)
            self._control.checkpoint()
            self._emit(PhaseStarted("asking"))
            held = {pair: Amount(files, self._bytes[pair]) for pair, files in self._files.items()}
            others = set(_every_pair()) if request.is_all else set()
            answers = probing.run(held, others)
        except DestinationError as error:
            if self._control.is_cancelled:
                raise Cancelled("stopped by the user") from error
            raise
        inventory = self._scan.inventory
        not_counted = inventory.paths - sum(self._files.values())
        cells = cells_of(held, others, answers, means)
        return CompatReport(
            node=request.node,
            system=prober.system,
            cells=cells,
            associations=answers.associations,
            hang_ups=answers.hang_ups,
            not_counted=not_counted,
            means=means,
        )

    def _count(self, item: Instance | Problem) -> None:
        if isinstance(item, Instance):
            self._files[item.pair] += 1
            self._bytes[item.pair] += item.size


def _means(settings: Settings) -> Means:
    return Means(
        recovery=settings.recovery,
        greeting=ContextPair(VERIFICATION, IMPLICIT_LITTLE),
        refusals=REFUSALS,
        fallbacks=FALLBACKS,
        native=NATIVE,
        is_lossy=is_lossy,
        why_not_decoded=why_not_decoded,
        can_propose=can_propose,
    )


def _every_pair() -> Iterator[ContextPair]:
    for sop_class, syntax in product(storage_classes(), transfer_syntaxes()):
        yield ContextPair(sop_class, syntax)


def row_of(cell: Cell, report: CompatReport) -> tuple[object, ...]:
    """One cell in the order of COLUMNS."""
    pair = cell.pair
    return (
        *(name_of(pair.sop_class), pair.sop_class),
        *(name_of(pair.transfer_syntax), pair.transfer_syntax),
        *(cell.amount.files, cell.amount.bytes, cell.way.value),
        *(name_of(cell.sent_as) if cell.sent_as else "", cell.sent_as, cell.road.value),
        *("yes" if cell.is_lossy else "no", report.means.words(cell.result), cell.reason),
    )


def as_json(report: CompatReport) -> dict[str, Any]:
    """Files and bytes by way, and every cell; `result` is that of PS3.8 Table 9-18, null without one."""
    return {
        "node": str(report.node),
        "system": report.system,
        "compatible": report.is_compatible,
        "associations": report.associations,
        "hang_ups": report.hang_ups,
        "not_counted": report.not_counted,
        "ways": {
            way.name.lower(): {"files": report.amount(way).files, "bytes": report.amount(way).bytes}
            for way in Way
        },
        "cells": [
            dict(zip(COLUMNS, row_of(cell, report), strict=True))
            | {"lossy": cell.is_lossy, "result": cell.result if cell.result >= 0 else None}
            for cell in report.cells
        ],
    }


def summary(report: CompatReport) -> str:
    """The whole in a line."""
    files = counted(sum(cell.amount.files for cell in report.held), "file")
    parts = [f"{report.amount(way).files:,} {way.value}" for way in Way if report.amount(way).files]
    return f"{files} in {counted(len(report.held), 'kind')}: {', '.join(parts) or 'nothing to send'}"
