"""Turns results into a table for people and an object for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from results import Result, Row, Verdict

HEADINGS = ("", "seconds", "min-max", "per s", "MB/s", "ratio", "process s", "CPU s", "peak MB")


def table(result: Result) -> str:
    """One case: medians, the ratio to its first row, and the verdicts."""
    cells = [HEADINGS, *(_cells(row, result.rows[0]) for row in result.rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    lines = [_aligned(line, widths) for line in cells]
    notes = [f"  {row.name}: {row.notes}" for row in result.rows if row.notes]
    return "\n".join(
        [f"{result.title}  [{result.name}]", *lines, *notes, *map(_verdict, result.verdicts), ""]
    )


def summary(results: list[Result]) -> str:
    """Everything that was to be reached, case by case."""
    lines = [f"{result.name:<18}{_verdict(verdict)}" for result in results for verdict in result.verdicts]
    return "\n".join(["To reach:", *lines])


def _verdict(verdict: Verdict) -> str:
    word = {True: "met", False: "NOT MET", None: "unknown"}[verdict.is_met]
    return f"  {word:<8}{verdict.goal}   measured: {verdict.measured}"


def _cells(row: Row, reference: Row) -> tuple[str, ...]:
    if not row.runs:
        return (row.name, *("-" for _ in HEADINGS[1:]))
    times = sorted(run.seconds for run in row.runs)
    return (
        row.name,
        f"{row.seconds:.2f}",
        f"{times[0]:.2f}-{times[-1]:.2f}",
        f"{row.count / row.seconds:,.0f}",
        f"{row.bytes / row.seconds / 1e6:,.0f}" if row.bytes else "",
        f"{reference.seconds / row.seconds:.2f}x" if reference.runs else "-",
        f"{row.process_seconds:.2f}",
        f"{row.cpu_seconds:.2f}",
        f"{row.peak_bytes / 1e6:.0f}",
    )


def _aligned(line: tuple[str, ...], widths: list[int]) -> str:
    name, *figures = (
        cell.ljust(width) if column == 0 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(line, widths, strict=True))
    )
    return "  " + "  ".join([name, *figures])


def machine(results: list[Result]) -> dict[str, Any]:
    """All figures, every single run included."""
    return {"cases": [asdict(result) for result in results]}
