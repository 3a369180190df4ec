"""A migration's result as one JSON object."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from migrator.core.paths import encodable
from migrator.jobs.migrate import MigrateResult
from migrator.jobs.verify import as_json as verification_as_json


def as_json(result: MigrateResult) -> dict[str, Any]:
    """The ledgers (this run at the top level, `job`, `destinations`), rates, problems and proofs.

    Seconds are those of the send phase: first association request to last response.
    """
    snapshot = result.snapshot
    run, job, seconds = snapshot.run.as_dict(), snapshot.job.as_dict(), snapshot.send_seconds
    check = result.source_check
    return {
        **run,
        "job": job,
        "destinations": [{"node": snapshot.destination, "run": run, "job": job}],
        "bytes_sent": snapshot.bytes_sent,
        "seconds": round(seconds, 6),
        "files_per_second": round(snapshot.run.stored / seconds, 3) if seconds else 0.0,
        "mb_per_second": round(snapshot.bytes_sent / 1e6 / seconds, 3) if seconds else 0.0,
        "healed": snapshot.healed,
        "remedies": dict(snapshot.remedies),
        "fidelity": dict(snapshot.fidelity),
        "manifest": str(result.manifest),
        "damaged_manifest_lines": result.damaged_lines,
        "problem_count": result.problem_count,
        "problems": [
            {
                "path": encodable(row.path),
                "state": row.state.value,
                "status": row.status,
                "reason": row.reason,
            }
            for row in result.problems
        ],
        "source": None if check is None else _printable_values(asdict(check)),
        "verify": None if result.verification is None else verification_as_json(result.verification),
        "partial_studies": [asdict(study) for study in result.partial],
        "interrupted": result.ending.is_cancelled,
        "stopped": str(result.ending.stopped_by) if result.ending.stopped_by else None,
    }


def _printable_values(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [encodable(text) for text in value] if isinstance(value, tuple) else value
        for name, value in values.items()
    }
