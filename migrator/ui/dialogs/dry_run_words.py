"""What a dry run has found, in sentences for the one who decides. No Qt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migrator.records.words import count, counted, moment, size, span


def findings(result: Mapping[str, Any]) -> list[str]:
    """The sentences, the weightiest first, from the command's JSON."""
    return list(_findings(result))


def _findings(result: Mapping[str, Any]) -> Iterator[str]:
    stored = int(result.get("sent", 0)) + int(result.get("warned", 0))
    if result.get("interrupted"):
        yield "It was cancelled: what is pending was not looked at, and the destination was not asked."
    yield f"{counted(stored, 'instance')} would be sent, {size(result.get('bytes_sent', 0))}."
    if result.get("healed"):
        steps = ", ".join(f"{name} {count(number)}" for name, number in sorted(result["remedies"].items()))
        yield f"{count(result['healed'])} of them only after a recovery step ({steps})."
    yield from _there(result)
    others = result.get("other_patients", ())
    if others:
        instances = sum(int(one.get("instances", 0)) for one in others)
        yield (
            f"The destination knows {counted(len(others), 'study')} ({counted(instances, 'instance')}) under "
            "another patient; the table says what would be done where it refuses them for that."
        )
    for one in result.get("destinations", ()):
        if one.get("stopped") and not result.get("interrupted"):
            yield f"It was stopped: {one['stopped']}. What is pending was not looked at."
    yield from _time(result, stored)


def _there(result: Mapping[str, Any]) -> Iterator[str]:
    there, unknown = int(result.get("already_there", 0)), int(result.get("unknown_whether_there", 0))
    if there:
        yield (
            f"{count(there)} of them are at the destination already and would be sent again; the option "
            "“skip existing” leaves them out."
        )
    elif not unknown and result.get("studies_asked"):
        asked = counted(result["studies_asked"], "study")
        yield f"None of them is at the destination already ({asked} asked for)."
    if unknown:
        yield f"Of {count(unknown)} the destination could not tell whether they are there."


def _time(result: Mapping[str, Any], stored: int) -> Iterator[str]:
    guess = result.get("estimate")
    if not stored or result.get("interrupted"):
        return
    if not guess:
        yield "How long it would take is not known: no speed test was made yet."
        return
    low, high = span(guess["low_seconds"]), span(guess["high_seconds"])
    when = f" of {moment(guess['measured_at'])}" if guess.get("measured_at") else ""
    took = low if low == high else f"{low} to {high}"
    yield f"It would take {took}, by the speed test{when}."
