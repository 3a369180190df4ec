"""A speed test: in words, and as it is kept and printed as JSON."""

from __future__ import annotations

from typing import Any

from migrator.checks.speed_test import percentile
from migrator.checks.speed_test_steps import Step
from migrator.core.paths import encodable
from migrator.jobs.naming import pair_words
from migrator.jobs.speed_test import Plan, SpeedTestResult
from migrator.jobs.speed_test_estimate import estimate
from migrator.jobs.who import operator


def plan_words(plan: Plan, node: str) -> str:
    """What is about to happen, for whoever has to agree to it."""
    return (
        f"{len(plan.samples)} of {plan.files:,} files ({plan.sample_bytes / 1e6:,.1f} MB) are stored in "
        f"{node}, for good and as a migration does, and then the same ones again many times"
    )


def as_json(result: SpeedTestResult) -> dict[str, Any]:
    """What is kept too. Times are seconds, `at` since the epoch; `workers` is null where none is advised."""
    forecast = result.forecast
    kept: dict[str, Any] = {
        "at": result.at,
        "who": encodable(operator()),
        "node": str(result.node),
        "samples": [
            {
                "path": encodable(instance.path),
                "modality": instance.series.modality,
                "sop_class": instance.sop_class,
                "transfer_syntax": instance.transfer_syntax,
                "bytes": instance.size,
                "stored": outcome.is_stored,
                "state": outcome.state.value,
                "status": outcome.status,
                "seconds": round(outcome.seconds, 6),
                "reason": outcome.reason,
            }
            for instance, outcome in result.outcomes
        ],
        "first": _step(result.first),
        "steps": [_step(step) for steps in result.rounds.values() for step in steps],
        "remaining": {"files": result.files, "bytes": result.bytes},
        "estimate": None,
    }
    if forecast is None:
        return kept | {"workers": None}
    kept |= {
        "workers": forecast.workers,
        "per_file_seconds": forecast.cost.per_file,
        "bytes_per_second_limit": 1 / forecast.cost.per_byte if forecast.cost.per_byte else None,
        "files_per_second": round(forecast.files_per_second, 3),
        "bytes_per_second": round(forecast.bytes_per_second, 1),
        "first_factor": round(forecast.first_factor, 3),
        "range": [round(forecast.low, 4), round(forecast.high, 4)],
    }
    reckoned = estimate(kept, result.files, result.bytes)
    if reckoned is not None:
        kept["estimate"] = {"low": round(reckoned[0], 1), "high": round(reckoned[1], 1)}
    return kept


def _step(step: Step) -> dict[str, Any]:
    latencies = [one.latency for one in step.sent]
    return {
        "workers": step.workers,
        "files": step.files,
        "bytes": step.bytes,
        "seconds": round(step.seconds, 6),
        "files_per_second": round(step.files_per_second, 3),
        "mb_per_second": round(step.bytes / 1e6 / step.seconds, 3) if step.seconds else 0.0,
        "latency_median": round(percentile(latencies, 0.5), 6),
        "latency_p95": round(percentile(latencies, 0.95), 6),
        "counts": step.counts,
        "refused": step.refused,
        "unopened": step.unopened,
        "lost": step.lost,
        "reason": step.reason,
    }


def lines_of(result: SpeedTestResult) -> list[str]:
    """The result as an administrator reads it, without the estimate."""
    lines = [
        f"  refused: {pair_words(instance.pair)}, {instance.size:,} bytes: {outcome.reason}"
        for instance, outcome in result.refused
    ]
    if lines:
        lines.insert(0, f"Not stored: {len(lines)} of {len(result.outcomes)} samples")
    lines.append("workers   files/s     MB/s   answer after ms (median, 95 %)")
    lines.append(_line(" once 1", [result.first]))
    for workers, steps in result.rounds.items():
        good = [step for step in steps if step.counts]
        if good:
            lines.append(_line(f"{workers:7}", good))
        if len(good) < len(steps):
            lines.append(f"{workers:7}   cannot be measured: {_trouble(steps)}")
    return lines + _advice(result)


def _why(workers: int, result: SpeedTestResult) -> str:
    """What speaks against more of them."""
    beyond = [steps for number, steps in result.rounds.items() if number > workers]
    if not beyond:
        return "more were not measured"
    if all(step.counts for steps in beyond for step in steps):
        return "more are no faster"
    return "more did not go well"


def _line(name: str, steps: list[Step]) -> str:
    seconds = sum(step.seconds for step in steps)
    files, size = sum(step.files for step in steps), sum(step.bytes for step in steps)
    latencies = [one.latency * 1000 for step in steps for one in step.sent]
    rates = (files / seconds, size / 1e6 / seconds) if seconds else (0.0, 0.0)
    answers = f"{percentile(latencies, 0.5):.1f}, {percentile(latencies, 0.95):.1f}"
    return f"{name} {rates[0]:9,.1f} {rates[1]:8,.1f}   {answers}"


def _trouble(steps: list[Step]) -> str:
    step = next(step for step in steps if not step.counts)
    if step.unopened:
        return (
            f"the destination did not accept {step.unopened} of {step.workers} associations ({step.reason})"
        )
    if step.lost:
        return f"{step.lost} associations ended ({step.reason})"
    return f"{step.refused:,} objects were refused ({step.reason})"


def _advice(result: SpeedTestResult) -> list[str]:
    forecast = result.forecast
    if forecast is None:
        return []
    if forecast.workers is None:
        why = "could not be stored again" if result.rounds else "take too long to be stored again and again"
        return [f"The samples {why}, so only one worker was measured, and only once: the range is wide."]
    lines = [f"Recommended: --workers {forecast.workers}; {_why(forecast.workers, result)}"]
    if forecast.first_factor > 1.2:
        lines.append(
            f"Storing an object for the first time took {forecast.first_factor:.1f} times as long as storing "
            "it again; the upper end of the range allows for that."
        )
    elif forecast.first_factor < 0.8:
        lines.append(
            f"Storing an object for the first time took {forecast.first_factor:.0%} of what storing it again "
            "takes; the lower end of the range allows for that."
        )
    return lines
