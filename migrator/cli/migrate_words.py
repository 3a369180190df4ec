"""A migration in words: its events for the log and the terminal, its result for people."""

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
    Learnt,
    Notice,
    PhaseStarted,
    ProblemFound,
    Resumed,
)
from migrator.core.outcome import State
from migrator.engine.accounting import Ledger, Snapshot
from migrator.jobs.exit_codes import exit_code as exit_code  # the other commands' too
from migrator.jobs.integrity_around import words as integrity_words
from migrator.jobs.migrate import DestinationResult, MigrateResult
from migrator.jobs.naming import pair_words
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
    if isinstance(event, Learnt):
        how = ", ".join(event.remedies)
        return Words(f"learnt of {event.destination}: {pair_words(event.pair)} goes {how} from now on")
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


def teller(say: Callable[[str], None], *, names_destination: bool = False) -> Emit:
    """What listens to a job: the log hears of everything, `say` of what people should see."""

    def emit(event: Event) -> None:
        if is_routine(event) and not _log.isEnabledFor(logging.DEBUG):
            return
        words = words_of(event)
        if words is None:
            return
        destination = getattr(event, "destination", "") if names_destination else ""
        names_itself = not destination or words.text.startswith(destination)
        text = words.text if names_itself else f"{destination}: {words.text}"
        _log.log(words.level, "%s", text)
        if words.is_shown:
            say(text)

    return emit


def _settled(event: InstanceSettled) -> Words:
    outcome = event.outcome
    if outcome.state is State.SENT and not outcome.healed:
        return Words(f"sent: {printable(event.instance.path)}", logging.DEBUG)
    status = f" (status {outcome.status:04X})" if outcome.status else ""
    text = f"{outcome.state.value} {event.instance.uid}{status}"
    if outcome.remedies:
        steps = ", ".join(outcome.remedies)
        text += f", healed: {steps} ({outcome.fidelity.value})" if outcome.healed else f", tried: {steps}"
    if outcome.reason:
        text += f": {outcome.reason}"
    level = logging.WARNING if outcome.state.spoils else logging.INFO
    return Words(text, level)


def summary(result: MigrateResult, *, names_manifest: bool = True) -> str:
    """The result as an administrator reads it in the morning."""
    lines: list[str] = []
    for one in result.destinations:
        if len(result.destinations) > 1:
            lines.append(f"{one.node}:")
        lines += _lines_of(one, names_manifest)
    lines += _source_lines(result)
    if result.integrity is not None:
        lines += integrity_words(result.integrity)
        found = result.integrity.check.findings if result.integrity.check is not None else ()
        lines += [printable(f"  {one.kind.value:<10} {one.path}") for one in found[:_MOST_SHOWN]]
    if result.is_cancelled:
        lines.append("Interrupted; the state is saved. The same command goes on from here.")
    return "\n".join(lines)


def _lines_of(one: DestinationResult, names_manifest: bool) -> list[str]:
    """One destination's part of the summary."""
    snapshot = one.snapshot
    lines = ledger_lines(snapshot)
    if snapshot.send_seconds > 0:
        lines.append(_speed_line(snapshot))
    if snapshot.healed:
        steps = ", ".join(f"{name} {count:,}" for name, count in sorted(snapshot.remedies.items()))
        lines.append(f"Healed: {snapshot.healed:,} ({steps})")
    lines += _problem_lines(one)
    if one.partial:
        lines.append(f"Studies that arrived only in part: {len(one.partial):,}; --json lists them")
    if one.verification is not None:
        lines.append(verification_words(one.verification))
    if one.damaged_lines:
        lines.append(f"The manifest had {one.damaged_lines:,} damaged lines; the rest was used")
    if one.stopped_by is not None and not one.ending.is_cancelled:
        lines.append(f"Stopped: {one.stopped_by}. What is pending is sent by the same command, later.")
    if names_manifest:
        lines.append(f"Manifest: {printable(str(one.manifest))}")
    return lines


def ledger_lines(snapshot: Snapshot) -> list[str]:
    """The ledger of the run, and the job's where it differs."""
    lines = [ledger_line("This run", snapshot.run)]
    if snapshot.job != snapshot.run:
        lines.append(ledger_line("The job over all its runs", snapshot.job))
    return lines


def ledger_line(name: str, ledger: Ledger) -> str:
    """One ledger in a line: what was found is the sum of the rest."""
    shown = [
        f"{getattr(ledger, state):,} {state}"
        for state in _STATES_SHOWN
        if getattr(ledger, state) or state in ("sent", "failed")
    ]
    return f"{name}: {ledger.found:,} found = " + " + ".join(shown)


def _speed_line(snapshot: Snapshot) -> str:
    seconds = snapshot.send_seconds
    took = duration(seconds) if seconds >= 10 else f"{seconds:.2f} s"
    return (
        f"Sent {snapshot.bytes_sent / 1e6:,.1f} MB in {took}: "
        f"{snapshot.run.stored / seconds:,.0f} files/s, {snapshot.bytes_sent / 1e6 / seconds:,.1f} MB/s"
    )


def _problem_lines(result: DestinationResult) -> list[str]:
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
