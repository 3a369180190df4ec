"""A migration's result as one JSON object."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from migrator.core.paths import encodable
from migrator.engine.accounting import Snapshot
from migrator.jobs.integrity_around import as_json as integrity_as_json
from migrator.jobs.migrate_model import DestinationResult, MigrateResult
from migrator.jobs.verify_json import as_json as verification_as_json


def as_json(result: MigrateResult) -> dict[str, Any]:
    """The ledgers (this run at the top level, `job`, `destinations`), rates, problems and proofs.

    Seconds are those of the send phase: first association request to last response. With one destination
    the top level has all its figures; with several, those that can be added up, and `source`.
    """
    check = result.source_check
    source = None if check is None else _printable_values(asdict(check))
    parts = [_of(one) for one in result.destinations]
    top = _summed(result) if len(parts) > 1 else parts[0]
    top = {name: value for name, value in top.items() if name not in ("node", "run")}
    ledger = result.snapshot.run.as_dict()
    proof = None if result.integrity is None else integrity_as_json(result.integrity)
    return {
        **ledger,
        **top,
        "destinations": parts,
        "source": source,
        "integrity": proof,
        "interrupted": result.is_cancelled,
    }


def _summed(result: MigrateResult) -> dict[str, Any]:
    return {
        **_numbers(result.snapshot),
        "problem_count": sum(one.problem_count for one in result.destinations),
    }


def _of(one: DestinationResult) -> dict[str, Any]:
    """One destination's figures; `stopped` says in words what ended it before its time."""
    verification = one.verification
    return {
        "node": str(one.node),
        "run": one.snapshot.run.as_dict(),
        **_numbers(one.snapshot),
        "manifest": str(one.manifest),
        "damaged_manifest_lines": one.damaged_lines,
        "problem_count": one.problem_count,
        "problems": [
            {
                "path": encodable(row.path),
                "state": row.state.value,
                "status": row.status,
                "reason": row.reason,
            }
            for row in one.problems
        ],
        "verify": None if verification is None else verification_as_json(verification),
        "partial_studies": [asdict(study) for study in one.partial],
        "interrupted": one.ending.is_cancelled,
        "stopped": str(one.stopped_by) if one.stopped_by else None,
    }


def _numbers(snapshot: Snapshot) -> dict[str, Any]:
    """What can be added up over destinations."""
    seconds = snapshot.send_seconds
    return {
        "job": snapshot.job.as_dict(),
        "bytes_sent": snapshot.bytes_sent,
        "seconds": round(seconds, 6),
        "files_per_second": round(snapshot.run.stored / seconds, 3) if seconds else 0.0,
        "mb_per_second": round(snapshot.bytes_sent / 1e6 / seconds, 3) if seconds else 0.0,
        "healed": snapshot.healed,
        "remedies": dict(snapshot.remedies),
        "fidelity": dict(snapshot.fidelity),
    }


def _printable_values(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [encodable(text) for text in value] if isinstance(value, tuple) else value
        for name, value in values.items()
    }
