"""A dry run for people."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.cli.migrate_words import ledger_line
from migrator.cli.progress import duration
from migrator.cli.terminal import printable
from migrator.jobs.dry_run import DryRunResult
from migrator.records.words import counted, moment, size

_MOST_SHOWN = 20


def summary(result: DryRunResult) -> str:
    """What would happen, as an administrator decides by it."""
    return "\n".join(_lines(result))


def _lines(result: DryRunResult) -> Iterator[str]:
    (one,) = result.migration.destinations
    snapshot = one.snapshot
    yield "Dry run: nothing was sent. What follows is what a migration would come to."
    yield ledger_line("This run", snapshot.run)
    if snapshot.job != snapshot.run:
        yield ledger_line("The job over all its runs", snapshot.job)
    if snapshot.run.stored:
        fidelity = ", ".join(f"{count:,} {name}" for name, count in sorted(snapshot.fidelity.items()))
        yield f"To be sent: {snapshot.run.stored:,} files, {size(snapshot.bytes_sent)}: {fidelity}"
    if snapshot.healed:
        steps = ", ".join(f"{name} {count:,}" for name, count in sorted(snapshot.remedies.items()))
        yield f"  {snapshot.healed:,} of them only after a remedy ({steps})"
    yield from _actions(result)
    yield from _there(result)
    yield from _identities(result)
    yield from _problems(result)
    if one.stopped_by is not None and not one.ending.is_cancelled:
        yield f"Stopped: {one.stopped_by}. What is pending was not looked at."
    if not result.is_interrupted:
        yield from _time(result)
    if result.is_interrupted:
        yield "Interrupted: what is pending was not looked at, and the destination not asked about the rest."


def _actions(result: DryRunResult) -> Iterator[str]:
    if result.actions:
        yield "What would happen:"
    for (action, why), count in result.actions.most_common():
        yield f"  {count:>9,}  {action}{f': {why}' if why and why != action else ''}"


def _there(result: DryRunResult) -> Iterator[str]:
    if not result.found:
        return
    studies = f"{counted(len(result.found), 'study')} asked for"
    if result.there:
        yield (
            f"At the destination already: {result.there:,} of those to be sent, which would be sent again "
            f"(--skip-existing leaves them out; {studies})"
        )
    elif not result.unasked:
        yield f"At the destination already: none of those to be sent ({studies})"
    if result.unasked:
        reasons = {one.reason for one in result.found.values() if one.there is None}
        words = printable("; ".join(sorted(reasons)[:3]))
        yield f"Whether {result.unasked:,} of them are there already cannot be told: {words}"


def _identities(result: DryRunResult) -> Iterator[str]:
    studies = result.identities
    if not studies:
        return
    instances = sum(len(result.planned[uid].uids) for uid in studies)
    known = counted(len(studies), "study")
    yield f"Known there under another patient: {known}, {instances:,} of those to be sent."
    yield "  Where the destination refuses them for that, they would be:"
    for uid, one in list(studies.items())[:_MOST_SHOWN]:
        yield f"  {printable(uid)} ({', '.join(one.differs)}): {one.then}"
    if len(studies) > _MOST_SHOWN:
        yield f"  … and {len(studies) - _MOST_SHOWN:,} more; --json and --csv list them"


def _problems(result: DryRunResult) -> Iterator[str]:
    (one,) = result.migration.destinations
    if not one.problem_count:
        return
    yield f"Problems ({one.problem_count:,}):"
    for row in one.problems[:_MOST_SHOWN]:
        yield f"  {row.state.value:<11} {printable(f'{row.path}: {row.reason}')}"
    if one.problem_count > _MOST_SHOWN:
        yield f"  … and {one.problem_count - _MOST_SHOWN:,} more; --csv lists all"


def _time(result: DryRunResult) -> Iterator[str]:
    if not result.migration.snapshot.run.stored:
        return
    guess = result.estimate
    if guess is None:
        yield "How long it would take is not known: no speed test was made (speed-test SOURCE --to NODE)"
        return
    low, high = duration(guess.low), duration(guess.high)
    span = low if low == high else f"{low} to {high}"
    yield f"It would take {span}, by the speed test{_when(guess.measured_at)}"


def _when(at: float | None) -> str:
    return "" if at is None else f" of {moment(at)}"
