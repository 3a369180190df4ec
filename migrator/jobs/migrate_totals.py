"""Several destinations' numbers as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields

from migrator.engine.accounting import Ledger, Snapshot

# What is least far decides what the whole is at.
_PHASES = ("starting", "scanning", "sending", "verifying", "checking the source", "done")


def total_of(snapshots: Sequence[Snapshot]) -> Snapshot:
    """The sum of what several destinations of one job have come to; of one destination, its own.

    Paths, bytes and rates are added up, so a file counts once for each destination; seconds are the longest.
    """
    if len(snapshots) == 1:
        return snapshots[0]
    return Snapshot(
        destination=", ".join(one.destination for one in snapshots),
        phase=min((one.phase for one in snapshots), key=_progress),
        run=added(one.run for one in snapshots),
        job=added(one.job for one in snapshots),
        bytes_sent=sum(one.bytes_sent for one in snapshots),
        bytes_pending=sum(one.bytes_pending for one in snapshots),
        send_seconds=max(one.send_seconds for one in snapshots),
        files_per_second=sum(one.files_per_second for one in snapshots),
        bytes_per_second=sum(one.bytes_per_second for one in snapshots),
        eta_seconds=_latest([one.eta_seconds for one in snapshots]),
        healed=sum(one.healed for one in snapshots),
        fidelity=_counted(one.fidelity for one in snapshots),
        remedies=_counted(one.remedies for one in snapshots),
        associations=sum(one.associations for one in snapshots),
        hold="; ".join(f"{one.destination}: {one.hold}" for one in snapshots if one.hold),
        workers=sum(one.workers for one in snapshots),
        wave=max(one.wave for one in snapshots),
        circuit=next((one.circuit for one in snapshots if one.circuit != "closed"), "closed"),
    )


def _progress(phase: str) -> int:
    return _PHASES.index(phase) if phase in _PHASES else 0


def added(ledgers: Iterable[Ledger]) -> Ledger:
    """The sum of some ledgers."""
    parts = list(ledgers)
    return Ledger(**{one.name: sum(getattr(part, one.name) for part in parts) for one in fields(Ledger)})


def _counted(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)


def _latest(seconds: Sequence[float | None]) -> float | None:
    known = [one for one in seconds if one is not None]
    return max(known) if len(known) == len(seconds) else None
