"""A migration in words: its events for the log and the terminal, its result for people, its exit code."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from migrator.cli.progress import duration
from migrator.cli.terminal import printable
from migrator.core.events import (
    AssociationEnded,
    AssociationOpened,
    Emit,
    Event,
    InstanceSettled,
    Notice,
    PhaseStarted,
    ProblemFound,
    Resumed,
)
from migrator.core.outcome import State
from migrator.engine.accounting import Ledger, Snapshot
from migrator.jobs.migrate import MigrateResult
from migrator.jobs.verify import words as verification_words

_log = logging.getLogger("migrator")

_MOST_SHOWN = 20
_STATES_SHOWN = ("sent", "warned", "skipped", "held", "failed", "quarantined", "unknown", "pending")


@dataclass(frozen=True, slots=True)
class Words:
    """An event told: `is_shown` on the terminal, logged at `level`. No patient data below debug."""

    text: str
    level: int = logging.INFO
    is_shown: bool = False


def is_routine(event: Event) -> bool:
    """Whether an event says only that an instance was sent as it should be: there are thousands a second."""
    if not isinstance(event, InstanceSettled):
        return False
    return event.outcome.state is State.SENT and not event.outcome.healed


def words_of(event: Event) -> Words | None:
    """What an event says to people, if anything."""
    if isinstance(event, Resumed):
        remaining = (
            "what remains is found on the way"
            if event.remaining is None
            else f"{event.remaining:,} remaining"
        )
        return Words(f"Resume: {event.sent:,} already sent, {remaining}", is_shown=True)
    if isinstance(event, PhaseStarted):
        return Words(event.phase)
    if isinstance(event, Notice):
        level = logging.getLevelName(event.level.upper())
        return Words(event.text, level if isinstance(level, int) else logging.WARNING, is_shown=True)
    if isinstance(event, AssociationEnded):
        return Words(f"association of worker {event.worker} ended: {event.reason}", logging.WARNING)
    if isinstance(event, AssociationOpened):
        return Words(f"association of worker {event.worker} opened", logging.DEBUG)
    if isinstance(event, ProblemFound):
        problem = event.problem
        return Words(
            f"{problem.state.value}: {printable(problem.path)}: {problem.reason.value}", logging.DEBUG
        )
    if isinstance(event, InstanceSettled):
        return _settled(event)
    return None


def teller(say: Callable[[str], None]) -> Emit:
    """What listens to a job: the log hears of everything, `say` of what people should see."""

    def emit(event: Event) -> None:
        if is_routine(event) and not _log.isEnabledFor(logging.DEBUG):
            return
        words = words_of(event)
        if words is None:
            return
        _log.log(words.level, "%s", words.text)
        if words.is_shown:
            say(words.text)

    return emit


def _settled(event: InstanceSettled) -> Words:
    outcome = event.outcome
    if outcome.state is State.SENT and not outcome.healed:
        return Words(f"sent: {printable(event.instance.path)}", logging.DEBUG)
    status = f" (status {outcome.status:04X})" if outcome.status else ""
    text = f"{outcome.state.value} {event.instance.uid}{status}: {outcome.reason}"
    level = logging.WARNING if outcome.state.spoils else logging.INFO
    return Words(text, level)


def exit_code(result: MigrateResult) -> int:
    """0 all done, 1 something is not where it should be, 130 interrupted."""
    if result.ending.is_cancelled:
        return 130
    job = result.snapshot.job
    verified = result.verification is None or result.verification.is_proven
    intact = result.source_check is None or result.source_check.is_intact
    return 0 if not job.spoiled and verified and intact and result.ending.stopped_by is None else 1


def summary(result: MigrateResult, *, names_manifest: bool = True) -> str:
    """The result as an administrator reads it in the morning."""
    snapshot = result.snapshot
    lines = ledger_lines(snapshot)
    if snapshot.send_seconds > 0:
        lines.append(_speed_line(result))
    if snapshot.healed:
        steps = ", ".join(f"{name} {count:,}" for name, count in sorted(snapshot.remedies.items()))
        lines.append(f"Healed: {snapshot.healed:,} ({steps})")
    lines += _problem_lines(result)
    if result.partial:
        lines.append(f"Studies that arrived only in part: {len(result.partial):,}; --json lists them")
    if result.verification is not None:
        lines.append(verification_words(result.verification))
    if result.damaged_lines:
        lines.append(f"The manifest had {result.damaged_lines:,} damaged lines; the rest was used")
    lines += _source_lines(result)
    lines += _ending_lines(result)
    if names_manifest:
        lines.append(f"Manifest: {printable(str(result.manifest))}")
    return "\n".join(lines)


def ledger_lines(snapshot: Snapshot) -> list[str]:
    """The ledger of the run, and the job's where it differs."""
    lines = [_ledger_line("This run", snapshot.run)]
    if snapshot.job != snapshot.run:
        lines.append(_ledger_line("The job over all its runs", snapshot.job))
    return lines


def _ledger_line(name: str, ledger: Ledger) -> str:
    shown = [
        f"{getattr(ledger, state):,} {state}"
        for state in _STATES_SHOWN
        if getattr(ledger, state) or state in ("sent", "failed")
    ]
    return f"{name}: {ledger.found:,} found = " + " + ".join(shown)


def _speed_line(result: MigrateResult) -> str:
    snapshot = result.snapshot
    seconds = snapshot.send_seconds
    took = duration(seconds) if seconds >= 10 else f"{seconds:.2f} s"
    return (
        f"Sent {snapshot.bytes_sent / 1e6:,.1f} MB in {took}: "
        f"{snapshot.run.stored / seconds:,.0f} files/s, {snapshot.bytes_sent / 1e6 / seconds:,.1f} MB/s"
    )


def _problem_lines(result: MigrateResult) -> list[str]:
    if not result.problem_count:
        return []
    lines = [f"Problems ({result.problem_count:,}):"]
    for row in result.problems[:_MOST_SHOWN]:
        reason = row.reason or f"status {row.status:04X}"
        lines.append(f"  {row.state.value:<11} {printable(f'{row.path}: {reason}')}")
    if result.problem_count > _MOST_SHOWN:
        lines.append(f"  … and {result.problem_count - _MOST_SHOWN:,} more; --json lists them")
    if result.snapshot.job.failed and not result.snapshot.run.failed:
        lines.append("  to try the failed ones again: --retry-failed")
    return lines


def _source_lines(result: MigrateResult) -> list[str]:
    check = result.source_check
    if check is None:
        return []
    if check.trouble:
        return [f"Source: could not be looked at again: {check.trouble}"]
    if check.is_intact:
        return ["Source: 0 modified, 0 deleted - all originals intact"]
    lines = [f"Source: {check.modified:,} modified, {check.deleted:,} deleted since the scan, by others:"]
    lines += [f"  modified {printable(path)}" for path in check.modified_paths[:_MOST_SHOWN]]
    lines += [f"  deleted  {printable(path)}" for path in check.deleted_paths[:_MOST_SHOWN]]
    return lines


def _ending_lines(result: MigrateResult) -> list[str]:
    if result.ending.is_cancelled:
        return ["Interrupted; the state is saved. The same command goes on from here."]
    if result.ending.stopped_by is not None:
        return [f"Stopped: {result.ending.stopped_by}. What is pending is sent by the same command, later."]
    return []
