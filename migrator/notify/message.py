"""What people are told, before it takes a shape: plain data, and the words that all shapes share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from migrator import __version__
from migrator.core.words import moment, size, span

Tone = Literal["good", "warn", "bad"]

STATES = ("sent", "warned", "skipped", "held", "failed", "quarantined", "unknown", "pending")
_ALWAYS = ("sent", "failed")


@dataclass(frozen=True, slots=True)
class Failure:
    """So many paths that are not at the destination, for the same reason; `advice` says what to do."""

    reason: str
    count: int
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One destination. `run` and `job` are its ledgers, by state and `found`; `lines` say in words what else
    is to be said of it, `failures` why what is not there is not, the most frequent reason first."""

    node: str
    run: Mapping[str, int]
    job: Mapping[str, int]
    bytes_sent: int = 0
    seconds: float = 0.0
    verification: str = ""
    lines: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()

    @property
    def files_per_second(self) -> float:
        stored = self.run.get("sent", 0) + self.run.get("warned", 0)
        return stored / self.seconds if self.seconds else 0.0

    @property
    def mb_per_second(self) -> float:
        return self.bytes_sent / 1e6 / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell. `event` is completion, failure, breaker, recovered, disk or test.

    `subject` is one line, `headline` a sentence, `lines` what else is to be known or done, `look` where to
    look next. `at` is seconds since the epoch, `seconds` how long the run took. `source` and `problems` are
    filled only where paths may be named.
    """

    event: str
    at: float
    subject: str
    headline: str
    tone: Tone = "good"
    lines: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    seconds: float | None = None
    exit_code: int | None = None
    look: tuple[str, ...] = ()
    source: str = ""
    problems: tuple[str, ...] = ()


def one_line(text: str) -> str:
    """A text as a header takes it: without line ends and other control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def ledger_words(ledger: Mapping[str, int]) -> str:
    """A ledger in a line: what was found is the sum of the rest."""
    shown = [f"{ledger.get(state, 0):,} {state}" for state in STATES if ledger.get(state) or state in _ALWAYS]
    return f"{ledger.get('found', 0):,} found = " + " + ".join(shown)


def total(ledgers: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """The sum of several ledgers."""
    return {name: sum(one.get(name, 0) for one in ledgers) for name in ("found", *STATES)}


def facts(message: Message) -> tuple[tuple[str, str], ...]:
    """What stands above everything else, as names and values."""
    found = [("At", moment(message.at))]
    if message.seconds is not None:
        found.append(("Duration", span(message.seconds)))
    if message.exit_code is not None:
        found.append(("Exit code", str(message.exit_code)))
    if message.source:
        found.append(("Source", message.source))
    return tuple(found)


def rate_words(part: Part) -> str:
    """How fast it was; empty where nothing was sent."""
    if not part.seconds:
        return ""
    return (
        f"{size(part.bytes_sent)} in {span(part.seconds)}: "
        f"{part.files_per_second:,.0f} files/s, {part.mb_per_second:,.1f} MB/s"
    )


def plain(message: Message) -> str:
    """The message as plain text."""
    lines = [message.headline, *message.lines, ""]
    lines += [f"{name}: {value}" for name, value in facts(message)]
    for part in message.parts:
        lines += ["", part.node, *(f"  {line}" for line in part_lines(part))]
    if message.problems:
        lines += ["", "Problems:", *(f"  {problem}" for problem in message.problems)]
    if message.look:
        lines += ["", "Where to look next:", *(f"  {place}" for place in message.look)]
    lines += ["", f"DICOM PACS Migrator {__version__}"]
    return "\n".join(lines) + "\n"


def part_lines(part: Part) -> list[str]:
    """One destination in lines."""
    lines = [f"This run: {ledger_words(part.run)}"]
    if part.job != part.run:
        lines.append(f"The job over all its runs: {ledger_words(part.job)}")
    lines += filter(None, (rate_words(part), *part.verification.splitlines(), *part.lines))
    for failure in part.failures:
        lines.append(f"{failure.count:,} time{'' if failure.count == 1 else 's'}: {failure.reason}")
        if failure.advice:
            lines.append(f"  {failure.advice}")
    return lines


def as_json(message: Message) -> dict[str, Any]:
    """The message as generic JSON; the ledger of this run stands at the top level, the job's under `job`."""
    value: dict[str, Any] = {
        "event": message.event,
        "at": message.at,
        "version": __version__,
        "subject": message.subject,
        "words": [message.headline, *message.lines],
        "exit_code": message.exit_code,
        "seconds": None if message.seconds is None else round(message.seconds, 3),
    }
    if message.parts:
        value |= total([part.run for part in message.parts])
        value["job"] = total([part.job for part in message.parts])
    value["destinations"] = [_part_as_json(part) for part in message.parts]
    value["look"] = list(message.look)
    if message.source:
        value["source"] = message.source
    if message.problems:
        value["problems"] = list(message.problems)
    return value


def _part_as_json(part: Part) -> dict[str, Any]:
    return {
        "node": part.node,
        "run": dict(part.run),
        "job": dict(part.job),
        "bytes_sent": part.bytes_sent,
        "seconds": round(part.seconds, 3),
        "files_per_second": round(part.files_per_second, 3),
        "mb_per_second": round(part.mb_per_second, 3),
        "verification": part.verification or None,
        "words": list(part.lines),
        "failures": [
            {"reason": one.reason, "count": one.count, "advice": one.advice} for one in part.failures
        ],
    }
